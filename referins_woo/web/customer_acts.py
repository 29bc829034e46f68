"""What is done to rows of a store's customer mapping: pushed, accepted, left alone, taken back (W2-W6)."""

from __future__ import annotations

from typing import Final

from flask import abort, flash

from referins_woo import clock, process
from referins_woo.accounts import audit
from referins_woo.commerce.models import Contact
from referins_woo.customer_mapping import applying, desk, push
from referins_woo.errors import InvalidInput, ReferinsError
from referins_woo.lists import fetching
from referins_woo.reports import customer_mapping as reports
from referins_woo.stores.models import Store
from referins_woo.web import scope


def push_rows(store_id: int, picked: list[int] | None) -> None:
    """Push picked rows, or all that are ticked (None), and say what came of it."""
    with scope.unit() as session:
        store = scope.own(session, Store, store_id)
        try:
            if picked is None:
                count = push.ask_all(session, store, clock.now(), audit.acting())
                flash(f"Pushing what was changed of {count:,} webstore customers.", "success")
            elif not picked:
                flash("Pick at least one row to push.", "error")
            else:
                flash(push.ask(session, store, clock.now(), audit.acting(), picked).words, "success")
        except push.NotNow as error:
            flash(str(error), "error")


WORDS: Final = {
    "accept": "Mapped. Undo takes it back.",
    "take": "Mapped to that customer.",
    "ignore": "Left alone: names do not suggest this contact again.",
    "unmap": "Taken back: the customer stays in WooCommerce as it is.",
    "overwrite": "With the next push, WooCommerce gets what is known here.",
    "pull": "",
}
"""What may be done to a row, and what is said then; a pull says itself what came of it."""


def act_on(store_id: int, act: str, contact_id: int) -> None:
    """Do one thing to one row, and say what came of it; a row of another account is not found."""
    if act not in WORDS:
        abort(400)
    with scope.reading() as session:
        store, contact = scope.own(session, Store, store_id), scope.own(session, Contact, contact_id)
        account_id = contact.account_id if store.account_id == contact.account_id else 0
    try:
        flash(done(store_id, act, contact_id, account_id), "success")
    except ReferinsError as error:
        flash(str(error), "error")


def done(store_id: int, act: str, contact_id: int, account_id: int) -> str:
    """Do one thing to one row of an account, which is whoever asks; returns what to say of it.

    Raises InvalidInput, and what the door raises.
    """
    if act == "pull":
        return _pull(store_id, contact_id, account_id)
    if act == "take":
        _take(store_id, contact_id, account_id)
        return WORDS[act]
    with scope.unit() as session:
        store = scope.own_of(session, Store, store_id, account_id)
        contact = scope.own_of(session, Contact, contact_id, account_id)
        if act == "accept":
            if not applying.apply(session, store, clock.now(), [contact_id]):
                raise InvalidInput("state", "This is not suggested any more: the customer or the contact is mapped.")
        else:
            {"ignore": desk.ignore, "unmap": desk.unmap, "overwrite": desk.overwrite}[act](
                session, store, contact, clock.now()
            )
    return WORDS[act]


def _take(store_id: int, contact_id: int, account_id: int) -> None:
    with scope.reading() as session:
        store = scope.own_of(session, Store, store_id, account_id)
        (row,) = reports.page_of(session, store, [contact_id])
    if row.offered is None:
        raise InvalidInput("webstore_id", "No customer is offered for this contact any more.")
    desk.map_to(process.current(), store_id, contact_id, row.offered, clock.now())


def _pull(store_id: int, contact_id: int, account_id: int) -> str:
    """Take WooCommerce's values: the record is fetched, and the conflict is none any more."""
    with scope.unit() as session:
        store = scope.own_of(session, Store, store_id, account_id)
        desk.believe(session, store, scope.own_of(session, Contact, contact_id, account_id))
    found = fetching.fetch_row(process.current(), "contacts", contact_id)
    if not found.is_well:
        raise InvalidInput("state", found.one)
    with scope.unit() as session:
        store = scope.own_of(session, Store, store_id, account_id)
        desk.settle(desk.row_of(session, store, contact_id, clock.now()))
    return found.one
