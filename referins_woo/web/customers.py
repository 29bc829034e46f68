"""A store's customer mapping: who of the contacts is which customer there, and what goes to it (W1-W8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from flask import Blueprint, Response, abort, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from referins_woo import clock, process
from referins_woo.accounts import audit
from referins_woo.commerce import mapping, text_files
from referins_woo.commerce.models import Contact
from referins_woo.customer_mapping import applying, desk, files, settings, suggesting
from referins_woo.errors import InvalidInput, ReferinsError
from referins_woo.reports import customer_mapping as reports
from referins_woo.reports.listing import Wanted
from referins_woo.stores.models import Store
from referins_woo.web import csv_files, scope
from referins_woo.web.customer_acts import act_on, push_rows
from referins_woo.web.sign_in import local

pages = Blueprint("customers", __name__, url_prefix="/settings/integrations/woocommerce/<int:store_id>/customers")

_SIZE: Final = 25
_LAST_PAGE: Final = 100_000
_MOST_LOOKS: Final = 25
"""Webstore IDs that one form may ask the store about."""
_STATE_WORDS: Final = {
    "mapped": "Mapped",
    "suggested": "Suggested",
    "conflict": "Conflict",
    "unmapped": "Unmapped",
}


@dataclass
class _Faults:
    """What could not be kept of a form: the rows stay as they were typed."""

    of_rows: dict[int, InvalidInput] = field(default_factory=dict)
    of_settings: InvalidInput | None = None
    of_file: InvalidInput | None = None

    def __bool__(self) -> bool:
        return bool(self.of_rows) or self.of_settings is not None or self.of_file is not None


def _store(session: Session, store_id: int) -> Store:
    store = scope.own(session, Store, store_id)
    if store.state == "connecting":
        abort(404)
    return store


@pages.get("")
def page(store_id: int) -> str:
    """The list."""
    return _page(store_id, _Faults())


def _page(store_id: int, faults: _Faults) -> str:
    state = request.args.get("state", "")
    state = state if state in mapping.STATES else ""
    wanted = Wanted(
        q=request.args.get("q", "").replace("\x00", "").strip()[:200],
        sort="created",
        descending=True,
        page=min(max(request.args.get("page", 1, type=int), 1), _LAST_PAGE),
        size=_SIZE,
        filters={"state": state} if state else {},
    )
    with scope.reading() as session:
        store = _store(session, store_id)
        counts = reports.counts(session, store)
        rows, total = reports.find(session, store, wanted, counts)
        return render_template(
            "pages/store_customers.html",
            store=store,
            rows=rows,
            total=total,
            counts=counts,
            it=reports.standing(session, store),
            wanted=wanted,
            state=state,
            state_words=_STATE_WORDS,
            here=_address(store_id, state, wanted.q, wanted.page),
            faults=faults,
            typed=request.form if faults else None,
            longest=mapping.LONGEST_USERNAME,
            minutes=(settings.SHORTEST_MINUTES, settings.LONGEST_MINUTES),
        )


def _address(store_id: int, state: str, q: str, number: int) -> str:
    return url_for(
        "customers.page", store_id=store_id, state=state or None, q=q or None, page=number if number > 1 else None
    )


@pages.get("/progress")
def progress(store_id: int) -> str | Answer:
    """How far the reading of the store's customers is, for the part of the page that polls."""
    with scope.reading() as session:
        store = _store(session, store_id)
        if "HX-Request" not in request.headers:
            return redirect(url_for("customers.page", store_id=store_id), 303)
        it = reports.standing(session, store)
        if it.settled is None or it.settled.suggesting != "reading":
            ended = make_response("", 204)
            ended.headers["HX-Redirect"] = url_for("customers.page", store_id=store_id)
            return ended
        return render_template("components/suggesting.html", store=store, it=it)


@pages.post("")
def decide(store_id: int) -> Answer | tuple[str, int]:
    """Keep what was ticked and typed in the rows; then do what the pressed button says."""
    act, _, number = request.form.get("act", "save").partition(":")
    contact_id = int(number) if number.isdigit() and len(number) < 18 else None
    with scope.unit() as session:
        store = _store(session, store_id)
        rows = _rows_of(session, store)
        faults, changed = _save(session, store, rows)
    faults.of_rows |= _map_typed(store_id, rows)
    if faults:
        return _page(store_id, faults), 422
    if act == "push":
        push_rows(store_id, [one for one in rows if f"pick-{one}" in request.form])
    elif act == "push_all":
        push_rows(store_id, None)
    elif contact_id is not None:
        act_on(store_id, act, contact_id)
    elif changed:
        flash("Kept. Nothing goes to WooCommerce before a push.", "success")
    else:
        flash("Nothing was changed.", "success")
    return _back(store_id)


def _rows_of(session: Session, store: Store) -> list[int]:
    """The contacts whose rows the form holds; of another account there are none."""
    ids = [int(text) for text in request.form.getlist("row")[:200] if text.isdigit() and len(text) < 18]
    own = session.query(Contact.id).filter(Contact.id.in_(ids), Contact.account_id == store.account_id)
    known = {row_id for (row_id,) in own}
    return [one for one in ids if one in known]


def _save(session: Session, store: Store, rows: list[int]) -> tuple[_Faults, bool]:
    faults, changed = _Faults(), False
    for contact_id in rows:
        contact = session.get_one(Contact, contact_id)
        try:
            changed |= desk.change(
                session,
                store,
                contact,
                clock.now(),
                ticked=f"tick-{contact_id}" in request.form,
                username=request.form.get(f"username-{contact_id}"),
                with_email=f"email-{contact_id}" in request.form if f"asks-{contact_id}" in request.form else None,
            )
        except InvalidInput as error:
            faults.of_rows[contact_id] = error
    return faults, changed


def _map_typed(store_id: int, rows: list[int]) -> dict[int, InvalidInput]:
    """Map rows in which a Webstore ID was typed; each is looked at in the store first (W4)."""
    typed = {one: text for one in rows if (text := request.form.get(f"woo-{one}", "").strip().removeprefix("#"))}
    faults: dict[int, InvalidInput] = {}
    done = 0
    for contact_id, text in list(typed.items())[:_MOST_LOOKS]:
        try:
            if not (text.isascii() and text.isdigit() and len(text) < 17):
                raise InvalidInput("webstore_id", "A Webstore ID is a whole number above 0.")
            desk.map_to(process.current(), store_id, contact_id, int(text), clock.now())
            done += 1
        except InvalidInput as error:
            faults[contact_id] = error
        except ReferinsError as error:
            faults[contact_id] = InvalidInput("webstore_id", f"The store could not be asked: {error}")
    if done:
        flash(f"Mapped: {done}. WooCommerce’s values come with the next pull.", "success")
    return faults


@pages.post("/suggest")
def suggest(store_id: int) -> Answer:
    """Read the store's customers and compare names; apply, discard or undo what that suggested."""
    act = request.form.get("act", "read")
    with scope.unit() as session:
        store, now = _store(session, store_id), clock.now()
        if act == "apply":
            count = applying.apply(session, store, now)
            flash(f"Mapped: {count:,}. Undo takes them back.", "success")
        elif act == "undo":
            count = applying.undo(session, store, now)
            flash(
                f"Taken back: {count:,}. They are suggested again." if count else "There is nothing to undo.", "success"
            )
        elif act == "discard":
            flash(f"Discarded: {applying.discard(session, store):,} suggestions.", "success")
        elif store.state == "disconnected":
            flash("This store is not connected: connect it first.", "error")
        else:
            suggesting.ask(session, store, now)
    return _back(store_id)


@pages.post("/settings")
def choose(store_id: int) -> Answer | tuple[str, int]:
    """Choose when to push, whom a pull brings, and whose guest orders are."""
    form = request.form
    guest = form.get("guest", "").strip()
    try:
        if guest and not (guest.isascii() and guest.isdigit() and len(guest) < 18):
            raise InvalidInput("guest_contact_id", "Give the number of a contact, as its page’s address shows it.")
        with scope.unit() as session:
            settings.choose(
                session,
                _store(session, store_id),
                settings.Choices(
                    push=form.get("push", "off"),
                    minutes=form.get("minutes", type=int),
                    pull_mapped_only=form.get("pull") == "mapped",
                    guest_contact_id=int(guest) if guest else None,
                ),
                clock.now(),
            )
    except InvalidInput as error:
        return _page(store_id, _Faults(of_settings=error)), 422
    flash("Kept. It holds for what comes after.", "success")
    return redirect(url_for("customers.page", store_id=store_id, _anchor="settings"), 303)


@pages.post("/file")
def take_file(store_id: int) -> Answer | tuple[str, int]:
    """Take in a file of the mapping: all of it, or nothing."""
    with scope.reading() as session:
        _store(session, store_id)
    uploaded = request.files.get("file")
    content = uploaded.read(text_files.LARGEST + 1) if uploaded is not None else b""
    try:
        if not content:
            raise InvalidInput("file", "Choose a CSV file first.")
        taken = files.take(process.current(), store_id, text_files.decoded(content), clock.now())
    except InvalidInput as error:
        return _page(store_id, _Faults(of_file=error)), 422
    except ReferinsError as error:
        return _page(store_id, _Faults(of_file=InvalidInput("file", f"The store could not be asked: {error}"))), 422
    flash(f"{taken.words} Nothing goes to WooCommerce before a push.", "success")
    return redirect(url_for("customers.page", store_id=store_id), 303)


@pages.get("/mappings.csv")
def csv(store_id: int) -> Response:
    """All contacts with their mapping in this store, or those of one state."""
    state = request.args.get("state", "")
    with scope.unit() as session:
        store = _store(session, store_id)
        audit.record(session, store.account_id, "list_exported", f"customer mapping of {store.url}")
    return csv_files.answer(
        f"customer-mapping-{store_id}.csv",
        files.HEADING,
        _lines(store_id, state if state in mapping.STATES else ""),
    )


def _lines(store_id: int, state: str) -> Any:
    with process.current().database.reading() as session:
        store = session.get_one(Store, store_id)
        for rows, _ in reports.every(session, store, state):
            yield from map(reports.cells, rows)


def _back(store_id: int) -> Answer:
    return redirect(local(request.form.get("back") or url_for("customers.page", store_id=store_id)), 303)
