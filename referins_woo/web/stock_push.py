"""The quantities that a store is told: on and off, its terms, and what somebody decides about them (K0, K2–K4)."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.errors import InvalidInput
from referins_woo.reports import store_stock as reports
from referins_woo.stores.models import Store
from referins_woo.web import scope, store_stock
from referins_woo.writeback import stock_desk, stock_due

pages = Blueprint("stock_push", __name__, url_prefix="/settings/integrations/woocommerce/<int:store_id>/stock")

_MOST_TICKED: Final = reports.MOST_ROWS


@pages.post("/compare")
def compare(store_id: int) -> Answer | tuple[str, int]:
    """Have all quantities compared: the dry run shows what that finds."""
    with scope.unit() as session:
        store = scope.own(session, Store, store_id)
        try:
            stock_desk.compare(session, store, clock.now())
        except InvalidInput as error:
            return store_stock.show(session, store, of_push=error), 422
    return _back(store_id, "push")


@pages.get("/progress")
def progress(store_id: int) -> str | Response | Answer:
    """How far the comparing is, for the part of the page that polls."""
    with scope.reading() as session:
        store = scope.own(session, Store, store_id)
        if "HX-Request" not in request.headers:
            return _back(store_id, "push")
        if not stock_due.is_comparing(store):
            ended = make_response("", 204)
            ended.headers["HX-Redirect"] = url_for("store_stock.page", store_id=store_id)
            return ended
        goods = sum(stock_desk.counts(session, store.id).values())
        return render_template(
            "components/stock/comparing.html", store=store, goods=goods, compared=reports.compared(session, store)
        )


@pages.post("/on")
def turn_on(store_id: int) -> Answer | tuple[str, int]:
    """Keep the quantities from here; the dry run was seen."""
    with scope.unit() as session:
        store = scope.own(session, Store, store_id)
        try:
            stock_desk.turn_on(session, store, clock.now())
        except InvalidInput as error:
            return store_stock.show(session, store, of_push=error), 422
    flash("Quantities are kept from here. What differs is told to WooCommerce now.", "success")
    return _back(store_id, "push")


@pages.get("/off")
def turn_off_form(store_id: int) -> str:
    """The question before."""
    with scope.reading() as session:
        return render_template("pages/stock_off.html", store=scope.own(session, Store, store_id))


@pages.post("/off")
def turn_off(store_id: int) -> Answer:
    """Leave the quantities to WooCommerce again."""
    with scope.unit() as session:
        stock_desk.turn_off(session, scope.own(session, Store, store_id), clock.now())
    flash("Quantities are left to WooCommerce. What it shows stays as it is.", "success")
    return _back(store_id, "push")


@pages.post("/terms")
def change_terms(store_id: int) -> Answer | tuple[str, int]:
    """Choose by what the store is told."""
    form = request.form
    with scope.unit() as session:
        store = scope.own(session, Store, store_id)
        try:
            changed = stock_desk.set_terms(
                session,
                store,
                clock.now(),
                buffer=_pieces(form.get("stock_buffer", "")),
                all_commitments=form.get("all_commitments") == "1",
            )
        except InvalidInput as error:
            return store_stock.show(session, store, of_terms=error), 422
    flash("Kept. What differs by it is told." if changed else "Nothing was changed.", "success")
    return _back(store_id, "terms")


def _pieces(text: str) -> int:
    text = text.strip().replace(",", "")
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise InvalidInput("stock_buffer", f"Give a whole number from 0 to {stock_desk.MOST_BUFFER:,}.")
    return int(text)


@pages.post("/decide")
def decide(store_id: int) -> Answer:
    """Take over, overwrite or try again: the row of the pressed button, the ticked ones, or all."""
    act, _, of = request.form.get("act", "").partition(":")
    picked = [of] if of not in ("", "all") else request.form.getlist("pick")[:_MOST_TICKED]
    ids = None if of == "all" else [int(text) for text in picked if text.isdigit() and len(text) < 18]
    with scope.unit() as session:
        store = scope.own(session, Store, store_id)
        if ids == []:
            flash("Tick the rows first that it is to be done with.", "error")
        else:
            flash(_decided(session, store, act, ids), "success")
    return _back(store_id, "failed" if act == "try_again" else "changed")


def _decided(session: Session, store: Store, act: str, ids: list[int] | None) -> str:
    if act == "take_over":
        done, made = stock_desk.take_over(session, store, ids, clock.now(), audit.acting())
        if made is not None:
            return f"Taken over by adjustment {made.number}."
        return "Our books agree: nothing to adjust." if done else "There is nothing left to do here."
    done = stock_desk.overwrite(session, store, ids, clock.now()) if act == "overwrite" else 0
    done = stock_desk.try_again(session, store, ids) if act == "try_again" else done
    goods = "quantity is" if done == 1 else "quantities are"
    return f"{done:,} {goods} told to WooCommerce." if done else "There is nothing left to do here."


def _back(store_id: int, anchor: str) -> Answer:
    return redirect(url_for("store_stock.page", store_id=store_id, _anchor=anchor), 303)
