"""A store's mapping as a CSV file that goes out, is worked on, and comes in again: all of it, or nothing (W1, W2, W4).

Nothing goes to the store by it: what is ticked waits for a push. Customers that lines name are looked at in the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.accounts import audit
from referins_woo.commerce import mapping, text_files
from referins_woo.commerce.matching import email_key
from referins_woo.commerce.models import Contact, ContactLink
from referins_woo.commerce.records import CustomerRecord, Unreadable
from referins_woo.commerce.upsert.bulk import among
from referins_woo.customer_mapping import desk
from referins_woo.errors import InvalidInput
from referins_woo.process import Process
from referins_woo.stores.door import open_store
from referins_woo.stores.models import Store

HEADING: Final[tuple[str, ...]] = (
    *("contact_id", "name", "email", "username", "webstore_customer", "webstore_id", "state", "evidence"),
    "email_too",
)
MOST_LINES: Final = 5_000
_YES: Final = frozenset({"yes", "true", "1", "x"})
_NO: Final = frozenset({"no", "false", "0"})


@dataclass(frozen=True, slots=True)
class Line:
    """What a line says of one contact; None leaves a thing as it is."""

    number: int
    contact_id: int
    ticked: bool | None
    username: str | None
    with_email: bool | None
    woo_id: int | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a file."""

    lines: int
    changed: int
    mapped: int

    @property
    def words(self) -> str:
        """Say it in a sentence."""
        return f"Read: {self.lines:,}. Changed: {self.changed:,}. Mapped: {self.mapped:,}."


def take(process: Process, store_id: int, text: str, now: datetime) -> Taken:
    """Take a file in. Raises InvalidInput that names the line, and what the door raises; then nothing was changed."""
    with process.database.reading() as session:
        store = session.get_one(Store, store_id)
        lines = read(session, store, text)
        known = _linked(session, store_id, [line.contact_id for line in lines])
    wanted = [line for line in lines if line.woo_id is not None and known.get(line.contact_id) != line.woo_id]
    found: dict[int, CustomerRecord | Unreadable] = {}
    if wanted:
        found = open_store(process, store_id).customers_by_ids(sorted({line.woo_id or 0 for line in wanted}))
    with process.database.unit() as session:
        store = session.get_one(Store, store_id)
        for line in wanted:
            with _at(line):
                desk.must_be_mappable(line.woo_id or 0, found.get(line.woo_id or 0))
        changed = _write(session, store, lines, wanted, found, now)
        audit.record(session, store.account_id, "customer_mapping_imported", store.url, lines=len(lines))
    return Taken(len(lines), changed, len(wanted))


def _write(
    session: Session,
    store: Store,
    lines: Sequence[Line],
    wanted: Sequence[Line],
    found: dict[int, CustomerRecord | Unreadable],
    now: datetime,
) -> int:
    ids = [line.contact_id for line in lines]
    contacts = {one.id: one for one in session.scalars(select(Contact).where(among(session, Contact.id, ids)))}
    changed = 0
    for line in lines:
        with _at(line):
            if line.contact_id not in contacts:
                raise InvalidInput("contact_id", "this contact is no longer here.")
            changed += desk.change(
                session,
                store,
                contacts[line.contact_id],
                now,
                ticked=line.ticked,
                username=line.username,
                with_email=line.with_email,
            )
    for line in wanted:
        with _at(line):
            customer = found[line.woo_id or 0]
            if isinstance(customer, CustomerRecord):
                desk.map_customer(session, store, contacts[line.contact_id], customer, now)
    return changed


class _at:
    """Let what is refused name its line."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, InvalidInput):
            raise InvalidInput("file", f"Line {self._line.number}: {error.message}") from None


def read(session: Session, store: Store, text: str) -> list[Line]:
    """Return what a file says of contacts in a store. Raises InvalidInput that names the line."""
    rows = text_files.rows(text)
    heading = [cell.strip().casefold() for cell in rows[0]] if rows else []
    places: dict[str, int] = {name: heading.index(name) for name in HEADING if name in heading}
    if "contact_id" not in places and "email" not in places:
        raise InvalidInput("file", "The first line must name the columns: contact_id or email, and what is to change.")
    given = [
        (number, {name: row[place].strip() if place < len(row) else "" for name, place in places.items()})
        for number, row in enumerate(rows[1:], start=2)
        if any(cell.strip() for cell in row)
    ]
    if len(given) > MOST_LINES:
        raise InvalidInput("file", f"A file has at most {MOST_LINES:,} lines: send it in parts.")
    people = _People(session, store, (cells for _, cells in given))
    lines: dict[int, Line] = {}
    for number, cells in given:
        where = f"Line {number}: "
        contact_id = people.of(cells, where)
        if contact_id in lines:
            raise InvalidInput("file", f"{where}this contact is there twice, first in line {lines[contact_id].number}.")
        username = text_files.as_typed(cells.get("username", ""))
        if fault := mapping.username_fault(username):
            raise InvalidInput("file", f"{where}{fault}")
        lines[contact_id] = Line(
            number,
            contact_id,
            _switch(cells.get("webstore_customer", ""), "webstore_customer", where),
            # Of a mapped contact the file shows the store's own, which never changes.
            username if username and people.usernames.get(contact_id) != username else None,
            _switch(cells.get("email_too", ""), "email_too", where),
            _number(cells.get("webstore_id", ""), "webstore_id", where),
        )
    return list(lines.values())


class _People:
    """The contacts whom lines name by number or by an e-mail that only one of them has."""

    def __init__(self, session: Session, store: Store, given: Iterable[dict[str, str]]) -> None:
        ids: set[int] = set()
        emails: set[str] = set()
        for cells in given:
            if (text := cells.get("contact_id", "")).isdigit() and len(text) < 18:
                ids.add(int(text))
            elif key := email_key(text_files.as_typed(cells.get("email", ""))):
                emails.add(key)
        mine = Contact.account_id == store.account_id
        self._ids = set(session.scalars(select(Contact.id).where(mine, among(session, Contact.id, sorted(ids)))))
        self._by_email: dict[str, list[int]] = {}
        for contact_id, key in session.execute(
            select(Contact.id, Contact.email_key).where(mine, among(session, Contact.email_key, sorted(emails)))
        ):
            self._by_email.setdefault(key, []).append(contact_id)
        everybody = self._ids | {one for found in self._by_email.values() for one in found}
        linked = (ContactLink.store_id == store.id, among(session, ContactLink.contact_id, sorted(everybody)))
        named = session.execute(select(ContactLink.contact_id, ContactLink.username).where(*linked))
        self.usernames: dict[int, str] = dict(named.all())
        """Contact → the user name that it has in the store."""

    def of(self, cells: dict[str, str], where: str) -> int:
        """Return the contact of a line. Raises InvalidInput."""
        if text := cells.get("contact_id", ""):
            if text.isdigit() and len(text) < 18 and int(text) in self._ids:
                return int(text)
            raise InvalidInput("file", f"{where}there is no contact {text[:20]} in this account.")
        email = text_files.as_typed(cells.get("email", ""))
        found = self._by_email.get(email_key(email), []) if email else []
        if len(found) == 1:
            return found[0]
        if not email:
            raise InvalidInput("file", f"{where}give the contact's number, or its e-mail.")
        many = f"{len(found)} contacts have" if found else "no contact has"
        raise InvalidInput("file", f"{where}{many} the e-mail {email[:60]}.")


def _linked(session: Session, store_id: int, contact_ids: Sequence[int]) -> dict[int, int]:
    rows = session.execute(
        select(ContactLink.contact_id, ContactLink.woo_id)
        .where(
            ContactLink.store_id == store_id,
            ContactLink.gone_at.is_(None),
            among(session, ContactLink.contact_id, sorted(contact_ids)),
        )
        .order_by(ContactLink.id.desc())
    )
    return dict(rows.all())


def _switch(text: str, column: str, where: str) -> bool | None:
    word = text.casefold()
    if word in _YES or word in _NO:
        return word in _YES
    if word:
        raise InvalidInput("file", f"{where}{column} is yes or no, not {text[:20]!r}.")
    return None


def _number(text: str, column: str, where: str) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdigit() and 0 < int(text[:17]) < desk.LARGEST_ID and len(text) < 17:
        return int(text)
    raise InvalidInput("file", f"{where}{column} is a whole number above 0, not {text[:20]!r}.")
