"""Notices that appear in the corner after something was done, and stay on no page."""

from __future__ import annotations

from flask import flash


def say(words: str, *, undo: str = "", back: str = "", link: str = "", action: str = "") -> None:
    """Say that something was done. `undo`: where a form takes it back; `back`: the page to show then.

    `link` with `action`: where more about it stands.
    """
    flash({"words": words, "undo": undo, "back": back, "link": link, "action": action}, "success")  # type: ignore[arg-type]
