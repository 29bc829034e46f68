"""Two contacts that may be one: what speaks for it, what they make together, and what undoing gives back. Pure.

A contact is a mapping of its columns with JSON values (`columns_of`): so a merge is kept, shown and undone alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from referins_woo.commerce.matching import email_key, name_key

Columns = Mapping[str, Any]

SAME: Final = "same"
DIFFERENT: Final = "different"
ONE_SIDED: Final = "one_sided"

_GROUPS: Final = (
    ("name", "name_key", "first_name", "last_name"),
    ("email", "email_key"),
    ("phone",),
    ("billing",),
    ("shipping",),
    ("comments",),
    ("is_guest",),
    ("consent", "consent_at", "consent_source"),
    ("erased_in_store_at",),
    ("created_at",),
)
"""Columns that only make sense together; tags are a group by themselves."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that both contacts say, or only one: `same`, `different` or `one_sided`."""

    field: str
    verdict: str
    older: str
    newer: str


def evidence(older: Columns, newer: Columns) -> list[Evidence]:
    """Return what speaks for and against the two being one; what neither has is left out."""
    said = (
        ("E-mail", older["email"], newer["email"], email_key),
        ("Name", older["name"], newer["name"], name_key),
        ("Phone", older["phone"], newer["phone"], _digits),
        ("Billing address", _address(older["billing"]), _address(newer["billing"]), name_key),
        ("Shipping address", _address(older["shipping"]), _address(newer["shipping"]), name_key),
    )
    found = []
    for field, left, right, key in said:
        if left or right:
            same = SAME if key(left) and key(left) == key(right) else DIFFERENT
            found.append(Evidence(field, same if left and right else ONE_SIDED, left, right))
    return found


def merged(kept: Columns, gone: Columns) -> dict[str, Any]:
    """Return what `kept` becomes: its own values, and those of `gone` where it has none.

    Consent follows the newer word where both have the same e-mail. Of another address only a newer "no" comes along:
    what was said for one address is no "yes" for another.
    """
    result = dict(kept)
    for group in _GROUPS[:5]:
        if not kept[group[0]]:
            result.update({column: gone[column] for column in group})
    result["comments"] = "\n".join(part for part in (kept["comments"], gone["comments"]) if part)
    result["is_guest"] = kept["is_guest"] and gone["is_guest"]
    known = {tag.casefold() for tag in kept["tags"]}
    result["tags"] = [*kept["tags"], *(tag for tag in gone["tags"] if tag.casefold() not in known)]
    result["erased_in_store_at"] = kept["erased_in_store_at"] or gone["erased_in_store_at"]
    result["created_at"] = min(kept["created_at"], gone["created_at"], key=datetime.fromisoformat)
    if _consent_comes_along(kept, gone, result["email_key"]):
        result.update({column: gone[column] for column in ("consent", "consent_at", "consent_source")})
    return result


def taken_back(before: Columns, after: Columns, now: Columns) -> dict[str, Any]:
    """Return what a contact becomes when a merge is undone: as before, but for what was changed since.

    `before` and `after` the merge, and as it is `now`.
    """
    result = dict(now)
    for group in _GROUPS:
        if all(now[column] == after[column] for column in group):
            result.update({column: before[column] for column in group})
    had = {tag.casefold() for tag in before["tags"]}
    got = {tag.casefold() for tag in after["tags"]} - had
    stays = [tag for tag in now["tags"] if tag.casefold() not in got]
    result["tags"] = before["tags"] if now["tags"] == after["tags"] else stays
    return result


def changed_since(after: Columns, now: Columns) -> bool:
    """Whether a store, a person or an automation changed who the contact is since the merge."""
    return any(now[column] != after[column] for group in _GROUPS[:5] for column in group)


def _consent_comes_along(kept: Columns, gone: Columns, email: str) -> bool:
    if gone["consent"] == "unknown":
        return False
    if gone["email_key"] != email and gone["consent"] not in ("unsubscribed", "complained"):
        return False
    if kept["consent"] == "unknown":
        return True
    mine, theirs = (datetime.fromisoformat(one["consent_at"]) if one["consent_at"] else None for one in (kept, gone))
    return theirs is not None and (mine is None or theirs > mine)


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


def _address(address: Mapping[str, str]) -> str:
    parts = ("company", "address_1", "address_2", "postcode", "city", "state", "country")
    return ", ".join(address[part] for part in parts if address.get(part))
