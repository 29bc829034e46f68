"""What one look found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its name, how it went, what was seen, and the remedy where it is not well."""

    check: str
    state: State
    detail: str
    remedy: str = ""


def ok(check: str, detail: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", detail)


def warning(check: str, detail: str, remedy: str) -> Finding:
    """It works, and somebody should look at it."""
    return Finding(check, "warning", detail, remedy)


def wrong(check: str, detail: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(check, "wrong", detail, remedy)
