"""Who is who: the rules M2-M6 as pure functions, and the keys by which e-mails and names compare."""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

ERASED_EMAIL = "deleted@site.invalid"
"""What WordPress leaves of a person whose data was erased (M10)."""

# Keys are remembered for a page or two: matching, writing and comparing ask for those of one person again and again.
_LONGEST_EMAIL = 320
_LONGEST_NAME = 200
_PLAIN_EMAIL = re.compile(
    r"[a-z0-9_+'-]+(\.[a-z0-9_+'-]+)*@[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\.[a-z]{2,}"
)


@lru_cache(maxsize=1_000)
def email_key(text: str) -> str:
    """Return `text` as e-mails compare: trimmed, NFC, lower-cased, not folded (straße@ and strasse@ differ; M3)."""
    if text.isascii():
        return _bounded(text.strip().lower(), _LONGEST_EMAIL)
    return _bounded(unicodedata.normalize("NFC", text).strip().lower(), _LONGEST_EMAIL)


def erased_key(account_id: int, email: str) -> str:
    """Return what is kept of the address of an erased person: a hash that tells it when it comes again (row 95)."""
    return "erased:" + hashlib.sha256(f"{account_id}:{email_key(email)}".encode()).hexdigest()


@lru_cache(maxsize=1_000)
def name_key(text: str) -> str:
    """Return `text` as names compare: entity-decoded, NFC, single spaces, case ignored (M6)."""
    if "&" in text:
        text = html.unescape(text)
    return _bounded(" ".join(unicodedata.normalize("NFC", text).split()).casefold(), _LONGEST_NAME)


def _bounded(key: str, most: int) -> str:
    """Return a key that fits an index of PostgreSQL (2,700 bytes a row); what is longer ends in a hash of all of it."""
    if len(key) <= most:
        return key
    return key[: most - 33] + "~" + hashlib.sha256(key.encode()).hexdigest()[:32]


@lru_cache(maxsize=20_000)
def usable_email(text: str) -> bool:
    """Whether mail can be sent to `text`: well formed, with a domain, and not WordPress's mark of an erased person."""
    key = email_key(text)
    if not key or key == ERASED_EMAIL or len(key) > 254:
        return False
    if key.isascii() and _PLAIN_EMAIL.fullmatch(key) and len(key.partition("@")[0]) <= 64:
        return not key.endswith(".invalid")
    try:
        validate_email(text.strip(), check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Candidate:
    """A contact that might be the person."""

    contact_id: int
    email_key: str


@dataclass(frozen=True, slots=True)
class Match:
    """What the rules say: an existing contact, or a new one (`contact_id` None)."""

    contact_id: int | None
    rule: str
    """`email`, `name`, `name_fills_email` or `earlier_guest_order`; for new ones `new`, or for the match desk
    `ambiguous_email` (several have the e-mail) or `same_name` (one has the name, with another e-mail)."""
    candidates: tuple[int, ...] = ()


def match_customer(email: str, name: str, by_email: Sequence[Candidate], by_name: Sequence[Candidate]) -> Match:
    """Match a registered customer whose Woo id is not linked yet (M3, M5, M6).

    `email` and `name` are keys; `by_email` are the account's contacts with that e-mail, `by_name` with that name.
    """
    if email and len(by_email) == 1:
        return Match(by_email[0].contact_id, "email")
    if email and by_email:
        return Match(None, "ambiguous_email", tuple(candidate.contact_id for candidate in by_email))
    if name and len(by_name) == 1:
        only = by_name[0]
        if not email:
            return Match(only.contact_id, "name")
        if not only.email_key:
            return Match(only.contact_id, "name_fills_email")
        if only.email_key != email:
            return Match(None, "same_name", (only.contact_id,))
    return Match(None, "new")


def match_guest(by_email: Sequence[Candidate], earlier_contact_id: int | None) -> Match:
    """Match a guest order by its billing e-mail alone (M2, M5).

    `earlier_contact_id`: the contact that this store's earlier guest orders with that e-mail used.
    """
    if len(by_email) == 1:
        return Match(by_email[0].contact_id, "email")
    if by_email:
        candidates = tuple(candidate.contact_id for candidate in by_email)
        if earlier_contact_id in candidates:
            return Match(earlier_contact_id, "earlier_guest_order", candidates)
        return Match(None, "ambiguous_email", candidates)
    return Match(None, "new")
