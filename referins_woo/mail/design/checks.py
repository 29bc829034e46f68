"""What is worth a look in an e-mail before it goes out, and what keeps mailboxes from showing it whole. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from automations.blocks import is_code, walk
from referins_woo.mail.compose import Composed, compose_line
from referins_woo.mail.shown import link

CLIPPED: Final = 102_000
"""Bytes of HTML above which Gmail shows the rest behind a link."""
_GOOD_SUBJECT: Final = 60
_EMPTY_LINK: Final = re.compile(r'href=""')


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    good: bool
    text: str
    mended_at: str = ""
    """The page that mends it: `general`; empty: the editor itself."""


def checks(
    document: dict[str, Any],
    composed: Composed | None,
    facts: dict[str, Any],
    *,
    marketing: bool,
    has_address: bool,
) -> list[Check]:
    """Return what was looked at; `composed` is the e-mail with the preview's `facts`, None where it has a fault."""
    subject = composed.subject if composed is not None else str(document.get("subject") or "")
    found = [
        Check(bool(document.get("preheader")), "A preview text stands beside the subject in the inbox"),
        Check(len(subject) <= _GOOD_SUBJECT, f"The subject has at most {_GOOD_SUBJECT} characters"),
    ]
    images = [block for block, _ in walk(document.get("body")) if block.get("kind") == "image"]
    if images:
        found.append(Check(all(one.get("alt") for one in images), "Every image says what it shows"))
    if composed is not None:
        size = len(composed.html.encode())
        found.append(Check(size <= CLIPPED, f"{size / 1000:.0f} KB: Gmail hides what is beyond {CLIPPED // 1000} KB"))
        if is_code(document.get("body")):
            found.append(Check(not _EMPTY_LINK.search(composed.html), "Every link leads somewhere"))
        elif addresses := _addresses(document.get("body")):
            whole = all(link(compose_line(one, facts)) for one in addresses)
            found.append(Check(whole, "Every button, image and link has an address here, so that none is left out"))
        found.append(Check(len(composed.text) > 40, "There is a plain-text part"))
    if marketing:
        words = "Your postal address stands below it; without one it is not published"
        found.append(Check(has_address, words, "" if has_address else "general"))
        found.append(Check(True, "A link to unsubscribe stands below it"))
    return found


def _addresses(body: Any) -> list[str]:
    """Return what buttons and images lead to, as written."""
    blocks = [block for block, _ in walk(body) if block.get("kind") in ("button", "image")]
    return [str(block[key]) for block in blocks for key in ("url", "link") if block.get(key)]
