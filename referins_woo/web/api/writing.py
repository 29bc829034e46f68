"""Changes through the API: one transaction, and with it the answer that an `Idempotency-Key` keeps.

with writing() as work:
    contact = work.own(tables.Contact, contact_id)
    …
    return work.answer(Contact.model_validate(contact), 201)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from flask import Response, g, request
from sqlalchemy.orm import Session

from referins_woo import clock, process
from referins_woo.accounts import idempotency
from referins_woo.errors import LeaseLost
from referins_woo.web import scope
from referins_woo.web.api import answers
from referins_woo.web.api.documents import Document
from referins_woo.web.api.problems import Rejected, field_error

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
_USABLE: Final = re.compile(rf"[\x21-\x7e]{{1,{idempotency.LONGEST}}}")
_Row = TypeVar("_Row")


class Work:
    """One change: the session that it is made in, for the account of the token."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.account_id: int = g.bearer.account_id

    def own(self, table: type[_Row], row_id: int) -> _Row:
        """Return the account's row with that id, or answer 404."""
        return scope.own_of(self.session, table, row_id, self.account_id)

    def answer(self, document: Document, status: int = 200, *, location: str = "") -> Response:
        """Return the answer; where the call carries a key, it is kept together with the change."""
        response = answers.answer(document, status)
        if location:
            response.headers["Location"] = location
        taken: idempotency.Taken | None = g.get("taken")
        if taken is not None:
            self.session.flush()
            locked = process.current().vault.lock(response.get_data(as_text=True))  # it may hold a fresh secret
            idempotency.keep(self.session, taken, status, location, locked)
            g.taken = None
        return response


@contextmanager
def writing() -> Iterator[Work]:
    """One transaction; Rejected with 409 where a repeated call took its key over meanwhile."""
    try:
        with process.current().database.unit() as session:
            yield Work(session)
    except LeaseLost:
        raise _at_work() from None


def take_key() -> Response | None:
    """Take the call's key before its view runs; return the kept answer where it was done before. Raises Rejected."""
    key = request.headers.get(HEADER)
    if request.method != "POST" or key is None:
        return None
    if not _USABLE.fullmatch(key):
        raise Rejected(
            422,
            f"{HEADER} must be 1 to {idempotency.LONGEST} letters, digits or signs, without spaces: a UUID is good.",
            [field_error(HEADER, f"{HEADER} holds what no key may hold, or is too long.", "Send a UUID.")],
        )
    call = idempotency.fingerprint(request.method, request.full_path, request.get_data())
    try:
        with process.current().database.unit() as session:
            found = idempotency.take(session, g.bearer.account_id, g.bearer.token_id, key, call, clock.now())
    except idempotency.AtWork:
        raise _at_work() from None
    except idempotency.AnotherCall:
        raise Rejected(
            422,
            f"This {HEADER} was sent before with another address or body: take a new key for a new call.",
            [field_error(HEADER, "This key was used for another call.", "Take a new key.")],
        ) from None
    if isinstance(found, idempotency.Taken):
        g.taken = found
        return None
    body = process.current().vault.unlock(found.body_locked) if found.body_locked else "{}"
    response = Response(body, found.status, mimetype="application/json")
    response.headers[REPLAYED] = "true"
    if found.location:
        response.headers["Location"] = found.location
    return response


def give_key_back() -> None:
    """Forget the key of a call that did nothing."""
    taken: Any = g.pop("taken", None)
    if taken is not None:
        with process.current().database.unit() as session:
            idempotency.give_back(session, taken)


def _at_work() -> Rejected:
    return Rejected(
        409,
        f"The same call with this {HEADER} is being done at this moment: send it again in a second.",
        headers={"Retry-After": "1"},
    )
