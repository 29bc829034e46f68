"""One row of a file as a person, with what it says about consent and what is wrong with it. Pure.

Consent is raised by evidence alone: a "yes" counts with its time, from the row or from what the merchant says of the
whole file. A "no" counts always.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from referins_woo.commerce.matching import email_key, usable_email
from referins_woo.ingest.contact_files.columns import ADDRESS
from referins_woo.mail.consent import BOUNCED, COMPLAINED, SUBSCRIBED, UNSUBSCRIBED, Word

_WORDS: Final[dict[str, str]] = {
    **dict.fromkeys(("subscribed", "yes", "true", "1", "optin", "opted-in", "active"), SUBSCRIBED),
    **dict.fromkeys(("unsubscribed", "no", "false", "0", "optout", "opted-out"), UNSUBSCRIBED),
    **dict.fromkeys(("bounced", "cleaned", "hard bounced"), BOUNCED),
    **dict.fromkeys(("complained", "spam", "abuse", "marked as spam"), COMPLAINED),
    **dict.fromkeys(("", "never subscribed", "never_subscribed", "unknown", "pending", "non-subscribed"), ""),
}
_LONGEST: Final = {"email": 254, "first_name": 200, "last_name": 200, "name": 400, "phone": 60}
_MOST_TAGS: Final = 50
_LONGEST_TAG: Final = 60


@dataclass(frozen=True, slots=True)
class Choices:
    """What the merchant says of the whole file."""

    overwrite: bool = False
    """Replace values that are filled, too; never those of a store's customer, which the store keeps."""
    tag: str = ""
    """Given to everybody in the file."""
    consent: str = ""
    """What holds for rows that say nothing: empty (nothing) or one of the ledger's states."""
    consent_at: str = ""
    """When, for rows without a time: a day."""
    consent_source: str = ""
    wording: str = ""
    confirm: bool = False
    """Who is called subscribed is asked by e-mail, and is subscribed once they say yes."""

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Choices:
        """Return the choices that are kept as JSON."""
        return cls(**{name: kept[name] for name in cls.__slots__ if name in kept})


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row; the row may come in all the same, without what it is about."""

    code: str
    text: str


@dataclass(slots=True)
class Person:
    """A row in our words."""

    email: str
    email_key: str
    first_name: str = ""
    last_name: str = ""
    name: str = ""
    phone: str = ""
    address: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    word: Word | None = None
    asked: bool = False
    """Called subscribed, and to be asked."""
    problems: list[Problem] = field(default_factory=list)


def read(
    cells: Sequence[str], mapping: Mapping[str, int], choices: Choices, now: datetime, file: str
) -> Person | Problem:
    """Return the person of a row, or why there is none."""

    def cell(key: str) -> str:
        column = mapping.get(key, -1)
        return cells[column] if 0 <= column < len(cells) else ""

    email = cell("email")
    if not email:
        return Problem("no_email", "The row has no e-mail address.")
    if not usable_email(email):
        return Problem("bad_email", f"{email[:100]} is no e-mail address that can be used.")
    first, last, name = cell("first_name"), cell("last_name"), cell("name")
    if not (first or last) and name:
        first, _, last = name.partition(" ")
    person = Person(email, email_key(email), first, last, " ".join(f"{first} {last}".split()), cell("phone"))
    for key, longest in _LONGEST.items():
        if len(getattr(person, key)) > longest:
            return Problem("too_long", f"The {key.replace('_', ' ')} is longer than {longest} characters.")
    person.address = {key: value for key in ADDRESS if (value := cell(key)[:200])}
    country = person.address.get("country", "")
    if country and not (len(country) == 2 and country.isalpha()):
        del person.address["country"]
        person.problems.append(
            Problem("bad_country", f"The country {country[:60]} was left out: give its two letters, like DE.")
        )
    elif country:
        person.address["country"] = country.upper()
    unlike: dict[str, str] = {}  # in capitals or not it is the same tag; the first stands
    for tag in (*_tags(cell("tags")), *([choices.tag] if choices.tag else [])):
        unlike.setdefault(tag.casefold(), tag)
    person.tags = tuple(unlike.values())
    person.word = _word(person, cell, choices, now, file)
    return person


def _tags(text: str) -> list[str]:
    """Tags are parted by commas or semicolons, each perhaps in quotes, as Mailchimp writes them."""
    if not text:
        return []
    separator = ";" if ";" in text and "," not in text else ","
    found = next(csv.reader([text], delimiter=separator, skipinitialspace=True), [])
    return [tag for one in found if (tag := " ".join(one.split())[:_LONGEST_TAG])][:_MOST_TAGS]


def _word(person: Person, cell: Any, choices: Choices, now: datetime, file: str) -> Word | None:
    said = cell("consent")
    state = _WORDS.get(said.casefold().strip(), None)
    if state is None:
        person.problems.append(
            Problem("bad_consent", f"“{said[:60]}” is no word for consent that is known: it was left as it is.")
        )
        return None
    state = state or choices.consent
    if not state:
        return None
    if state == SUBSCRIBED and choices.confirm:
        person.asked = True
        return None
    # A time of change tells when somebody left; when somebody agreed it does not.
    keys = ("consent_at",) if state == SUBSCRIBED else ("changed_at", "consent_at")
    at = None
    for text in (*(cell(key) for key in keys), choices.consent_at):
        if not text:
            continue
        at = moment(text)
        if at is None:
            person.problems.append(
                Problem("bad_time", f"The time {text[:60]} cannot be read: write it like 2026-11-25 14:30.")
            )
            if state == SUBSCRIBED:
                return None
        break
    if at is not None and at > now:
        person.problems.append(Problem("future_time", "The time of the consent lies in the future."))
        if state == SUBSCRIBED:
            return None
        at = None
    if at is None and state == SUBSCRIBED:
        person.problems.append(
            Problem("no_evidence", "Subscribed, but without the time when they agreed: came in as not subscribed.")
        )
        return None
    source = cell("consent_source") or choices.consent_source or f"file {file}"
    return Word(state, at or now, " ".join(source.split())[:100], choices.wording)


def moment(text: str) -> datetime | None:
    """Return a time as ISO 8601 writes it, a blank for the T allowed; without a zone it is UTC. None: it is none.

    Days with slashes are refused: 03/04 is March in one country and April in the next.
    """
    try:
        found = datetime.fromisoformat(text.strip().removesuffix(" UTC"))
    except ValueError:
        return None
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        return None
