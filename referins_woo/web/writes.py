"""What is changed here and goes to stores: delivery of orders, and the list of changes with their state (O8)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.commerce.models import Order
from referins_woo.errors import Final as FinalError
from referins_woo.errors import InvalidInput
from referins_woo.stores.models import Store
from referins_woo.web import orders, scope
from referins_woo.web.rendering import QUANTITY_SCALE
from referins_woo.web.sign_in import local
from referins_woo.writeback import outbox
from referins_woo.writeback.fulfil import NotConfirmed, Wanted, fulfil
from referins_woo.writeback.models import StoreWrite

pages = Blueprint("writes", __name__)

_SHOWN: Final = 50
_STATES: Final = {"open": outbox.OPEN, "done": ("done",), "refused": ("refused",), "failed": ("failed",)}


@pages.post("/orders/<int:order_id>/fulfilment")
def fulfil_order(order_id: int) -> Response | tuple[str, int]:
    """Keep what was delivered; all of it completes the order in WooCommerce."""
    with scope.unit() as session:
        order = scope.own(session, Order, order_id)
        try:
            done = fulfil(session, order, _wanted(), clock.now(), audit.acting())
        except NotConfirmed as error:
            return orders.show(session, order, error=str(error), ask=True), 409
        except InvalidInput as error:
            return orders.show(session, order, error=error.message), 422
    flash(done.words, "success")
    return redirect(url_for("orders.page", order_id=order_id, _anchor="fulfilment"), 303)


@pages.get("/settings/integrations/woocommerce/<int:store_id>/writes")
def of_store(store_id: int) -> str:
    """The changes for one store, newest first."""
    state = request.args.get("state", "")
    state = state if state in _STATES else ""
    before = request.args.get("before", type=int)
    with scope.reading() as session:
        store = scope.own(session, Store, store_id)
        mine = StoreWrite.store_id == store.id
        by_state = dict(
            session.execute(select(StoreWrite.state, func.count()).where(mine).group_by(StoreWrite.state)).all()
        )
        counts = {key: sum(by_state.get(one, 0) for one in states) for key, states in _STATES.items()}
        query = select(StoreWrite).where(mine).order_by(StoreWrite.id.desc()).limit(_SHOWN + 1)
        if state:
            query = query.where(StoreWrite.state.in_(_STATES[state]))
        if before is not None:
            query = query.where(StoreWrite.id < before)
        found = session.scalars(query).all()
        return render_template(
            "pages/store_writes.html",
            store=store,
            writes=found[:_SHOWN],
            next_before=found[_SHOWN - 1].id if len(found) > _SHOWN else None,
            state=state,
            counts={"": sum(by_state.values()), **counts},
        )


@pages.post("/writes/<int:write_id>/send-again")
def send_again(write_id: int) -> Response:
    """Send a change after all, to the record as it is known now."""
    with scope.unit() as session:
        write = scope.own(session, StoreWrite, write_id)
        store_id = write.store_id
        try:
            outbox.send_again(session, write, clock.now())
        except FinalError as error:
            flash(str(error), "error")
        else:
            audit.record(session, write.account_id, "change_sent_again", outbox.subject_words(write))
            flash("It is sent again, if WooCommerce shows what is known here.", "success")
    back = url_for("writes.of_store", store_id=store_id)
    return redirect(local(request.form.get("back") or back), 303)


def _wanted() -> Wanted:
    form = request.form
    ship_from, confirmed = form.get("ship_from", type=int), form.get("confirmed") == "1"
    act = form.get("act", "")
    typed = {int(key[5:]): value for key, value in form.items() if key.startswith("line-") and key[5:].isdigit()}
    if act in ("delivered", "not_delivered"):
        return Wanted(state=act, ship_from=ship_from, confirmed=confirmed)
    if not typed:
        return Wanted(state="not_delivered", ship_from=ship_from)
    lines = {line: _quantity(text) for line, text in typed.items()}
    return Wanted(lines=lines, ship_from=ship_from, confirmed=confirmed)


def _quantity(text: str) -> int:
    try:
        scaled = Decimal(text.strip() or "0") * QUANTITY_SCALE
        if scaled.is_finite() and scaled == scaled.to_integral_value() and abs(scaled) < 10**15:
            return int(scaled)
    except InvalidOperation:
        pass
    raise InvalidInput("lines", f"{text.strip()[:20]!r} is no quantity: give a number, like 2 or 0.5.")
