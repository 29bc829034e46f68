"""Which contact is which customer of a store, and what of a contact goes there: the rules W1-W5 as pure functions.

A customer's fields are flat here: `first_name`, `last_name`, `email`, and each line of the addresses as `billing.city`.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from zlib import crc32

from referins_woo.commerce.records import CustomerRecord

State = Literal["mapped", "suggested", "conflict", "unmapped"]
MAPPED: Final = "mapped"
SUGGESTED: Final = "suggested"
CONFLICT: Final = "conflict"
UNMAPPED: Final = "unmapped"
STATES: Final = (MAPPED, SUGGESTED, CONFLICT, UNMAPPED)
ROLES: Final = frozenset({"customer", "subscriber"})
"""Whom a contact may be mapped to (W4)."""

LONGEST_USERNAME: Final = 60
_USERNAME: Final = re.compile(r"[A-Za-z0-9 _.@-]+")
_LINES: Final = ("first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode", "country")
FIELDS: Final = (
    *("first_name", "last_name", "email"),
    *(f"billing.{line}" for line in (*_LINES, "phone")),
    *(f"shipping.{line}" for line in (*_LINES, "phone")),
)
"""All that is compared; what is sent of an address's e-mail is nothing: WordPress mails by the account's."""
_MARK: Final = 6


def shown_state(kept: str, is_linked: bool) -> State:
    """Return the state of a contact in a store. `kept`: what its row says; a link stands above a suggestion."""
    if kept == CONFLICT:
        return CONFLICT
    if is_linked:
        return MAPPED
    return SUGGESTED if kept == SUGGESTED else UNMAPPED


def exact_name(text: str) -> str:
    """Return a name as suggestions compare it: entity-decoded, NFC, single spaces; case counts (W5)."""
    return " ".join(unicodedata.normalize("NFC", html.unescape(text)).split())


def name_hash(text: str) -> str:
    """Return what is kept of a name while a store's customers are read; empty for a name that matches nothing."""
    exact = exact_name(text)
    return hashlib.sha256(exact.encode()).hexdigest()[:32] if exact else ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A contact that may be a customer of the store (`woo_id`), or shares its name (`woo_id` None: a conflict)."""

    contact_id: int
    woo_id: int | None
    contacts: int
    customers: int
    """How many here, and how many there, have the name."""


def suggest(
    here: Mapping[str, Sequence[int]],
    there: Mapping[str, Sequence[int]],
    linked_contacts: Collection[int],
    linked_customers: Collection[int],
) -> list[Suggestion]:
    """Return what identical names suggest: a name that one contact and one customer have, and nobody else (W5).

    Both sides hold everybody by the key of the name, mapped ones too: a name that they share is no evidence. Who is
    mapped is suggested to nobody, and a name without an unmapped customer is nobody's question.
    """
    found = []
    for key, contacts in here.items():
        customers = there.get(key, ()) if key else ()
        if all(woo_id in linked_customers for woo_id in customers):
            continue
        only = customers[0] if len(contacts) == len(customers) == 1 else None
        found += [
            Suggestion(contact_id, only, len(contacts), len(customers))
            for contact_id in contacts
            if contact_id not in linked_contacts
        ]
    return found


def username_fault(text: str) -> str:
    """Return what is wrong with a user name in words; empty where nothing is, and for none."""
    if len(text) > LONGEST_USERNAME:
        return f"A user name has at most {LONGEST_USERNAME} characters."
    if text and not _USERNAME.fullmatch(text):
        return "A user name has letters without accents, digits, spaces and . _ - @ alone."
    return ""


def flat(
    first_name: str, last_name: str, email: str, phone: str, billing: Mapping[str, Any], shipping: Mapping[str, Any]
) -> dict[str, str]:
    """Return a person's filled fields. The phone number is the billing address's (M7)."""
    given = {"first_name": first_name, "last_name": last_name, "email": email}
    given |= {f"billing.{line}": str(billing.get(line) or "") for line in _LINES}
    given |= {f"shipping.{line}": str(shipping.get(line) or "") for line in (*_LINES, "phone")}
    given["billing.phone"] = phone or str(billing.get("phone") or "")
    return {field: trimmed for field, value in given.items() if (trimmed := value.strip())}


def flat_record(customer: CustomerRecord) -> dict[str, str]:
    """Return the same of a customer as the store shows it."""
    return flat(
        *(customer.first_name, customer.last_name, customer.email, customer.phone),
        *(customer.billing, customer.shipping),
    )


def marks(fields: Mapping[str, str]) -> str:
    """Return a mark for each field, in the order of FIELDS: by it a later look tells which have changed, no more."""
    return "".join(_mark(fields.get(field, "")) for field in FIELDS)


def _mark(value: str) -> str:
    return f"{crc32(value.encode()) & 0xFFFFFF:06x}" if value else "0" * _MARK


def _marks_of(pulled: str) -> dict[str, str]:
    return {field: pulled[place * _MARK : (place + 1) * _MARK] for place, field in enumerate(FIELDS)}


def first_marks(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """Return the marks of a link that was made here before any pull: what differs was not changed since.

    What is empty in the store counts as changed here, so that it is filled; Woo's other values stand (M4).
    """
    return marks({field: ours.get(field, value) for field, value in theirs.items()})


def marks_after(pulled: str, answered: Mapping[str, str], fields: Iterable[str]) -> str:
    """Return `pulled` with the marks of `fields` as the store now answers them."""
    was = _marks_of(pulled) | {field: _mark(answered.get(field, "")) for field in fields}
    return "".join(was[field] for field in FIELDS)


def may_differ(ours: Mapping[str, str], pulled: str, *, with_email: bool) -> bool:
    """Whether anything may have been changed here since the last pull: then, and only then, the store is asked."""
    if not pulled:
        return True
    was = _marks_of(pulled)
    return any(_mark(value) != was[field] for field, value in ours.items() if _goes(field, with_email))


@dataclass(frozen=True, slots=True)
class Difference:
    """What is to be sent of a contact, and what was changed on both sides."""

    send: dict[str, str]
    both: tuple[str, ...]


def difference(
    ours: Mapping[str, str], theirs: Mapping[str, str], pulled: str, *, with_email: bool, overwrite: bool = False
) -> Difference:
    """Return which fields were changed here since the last pull (W3). `pulled`: the marks of that pull.

    An empty field here erases nothing. `overwrite`: what was changed on both sides is sent all the same.
    """
    was, send, both = _marks_of(pulled), {}, []
    for field, value in ours.items():
        there = theirs.get(field, "")
        if not _goes(field, with_email) or value == there or _mark(value) == was[field]:
            continue
        if overwrite or _mark(there) == was[field]:
            send[field] = value
        else:
            both.append(field)
    return Difference(send, tuple(both))


@dataclass(frozen=True, slots=True)
class Pull:
    """What a look at a customer means for a contact with changes of its own: fields that stay as they are here, the
    marks from then on, and whether the look is older than what the store was told."""

    stay: frozenset[str]
    pulled: str
    is_stale: bool


def pull(
    ours: Mapping[str, str], theirs: Mapping[str, str], pulled: str, *, waits: bool, with_email: bool, told_over: str
) -> Pull:
    """Return what a pull leaves alone (W3). `waits`: changes here go out with the next push; the e-mail if it is asked.

    A field that was changed here since the last pull stays; changed there as well, its mark stays too, so that the push
    asks somebody. `told_over`: the marks from before the store took our last change, as long as a look may be older.
    """
    was, told = _marks_of(pulled), _marks_of(told_over) if told_over else {}
    stay, stale = set(), False
    for field, value in ours.items():
        there = theirs.get(field, "")
        if field not in was or value == there:
            continue
        if told and _mark(value) == was[field] != told[field] == _mark(there):
            stay.add(field)
            stale = True
        elif waits and _goes(field, with_email) and _mark(value) != was[field]:
            stay.add(field)
    now = _marks_of(marks(theirs)) | {field: was[field] for field in stay}
    return Pull(frozenset(stay), "".join(now[field] for field in FIELDS), stale)


def given_back(before: Mapping[str, str], now: Mapping[str, str], pulled: str) -> dict[str, str]:
    """Return the fields that the store gave a contact since `before`, as they were; what somebody typed is no such.

    `pulled`: the marks of the last pull; empty: nothing was pulled.
    """
    if not pulled:
        return {}
    was = _marks_of(pulled)
    return {
        field: before.get(field, "")
        for field in FIELDS
        if now.get(field, "") != before.get(field, "") and _mark(now.get(field, "")) == was[field]
    }


def _goes(field: str, with_email: bool) -> bool:
    return field in FIELDS and (with_email or field != "email")


def body_of(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return fields as WooCommerce's API takes them."""
    body: dict[str, Any] = {}
    for field, value in fields.items():
        group, _, line = field.rpartition(".")
        if group:
            body.setdefault(group, {})[line] = value
        else:
            body[field] = value
    return body


def words_for(fields: Iterable[str]) -> str:
    """Return fields in words: "last name, billing city"."""
    return ", ".join("e-mail" if field == "email" else field.replace(".", " ").replace("_", " ") for field in fields)
