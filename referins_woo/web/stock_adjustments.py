"""Adjustments of stock: the list, entering one by hand or from a file, and mending one (K1, K2)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from referins_woo import process
from referins_woo.accounts import audit
from referins_woo.commerce import adjusting, ledger, locations, text_files
from referins_woo.commerce.models import Location, StockAdjustment
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.errors import InvalidInput
from referins_woo.reports import stock as reports
from referins_woo.reports import stock_files
from referins_woo.web import csv_files, listing, scope, stock_entry
from referins_woo.web.rendering import quantity
from referins_woo.web.stock import location_filter

pages = Blueprint("stock_adjustments", __name__, url_prefix="/stock/adjustments")


def _filters(session: Session) -> tuple[listing.Filter, ...]:
    return (
        *location_filter(session),
        listing.Filter("kind", "Kind", tuple(reports.KIND_WORDS.items())),
        *listing.date_filters("Entered"),
    )


LIST = listing.ListPage(
    key="stock_adjustments",
    noun="adjustment",
    nouns="adjustments",
    default_sort="-number",
    search="SKU, reason or who",
    filters=_filters,
    ready=(listing.ReadyView("by_hand", "By hand", {"kind": "by_hand"}),),
)


@pages.get("")
def index() -> str | Response:
    """The list."""
    return listing.show(LIST, kinds=reports.KIND_WORDS)


@pages.get("/lines.csv")
def all_lines_file() -> Response:
    """All lines of the adjustments that the list shows, as a file."""
    with scope.unit() as session:
        wanted = listing.read(LIST, session, request.args).wanted
        audit.record(session, scope.account_id(), "list_exported", "lines of stock adjustments")
    account_id, database = scope.account_id(), process.current().database

    def rows() -> Iterator[tuple[object, ...]]:
        place, more = 0, True
        while more:
            with database.reading() as session:
                found, place = stock_files.lines(session, account_id, wanted, place)
            yield from found
            more = place > 0

    return csv_files.answer("stock-adjustment-lines.csv", stock_files.HEADING, rows())


@pages.get("/new")
def new() -> str:
    """The form of a new adjustment."""
    with scope.reading() as session:
        return _form(session)


@pages.post("/new")
def enter() -> Response | tuple[str, int]:
    """Enter an adjustment: its lines typed or uploaded, all of them or none."""
    with scope.unit() as session:
        lock_account(session, scope.account_id())
        try:
            location_id = request.form.get("location", 0, type=int)
            location = locations.own(session, scope.account_id(), location_id)
            if location is None:
                raise InvalidInput("location", "Choose a location.")
            typed = adjusting.lines(text_files.rows(_text()))
            goods = adjusting.goods(session, scope.account_id(), (sku for sku, _ in typed))
            lines = [(goods[sku], line) for sku, line in typed]
            made = stock_entry.enter(session, location, lines, request.form.get("reason", "").strip() or "By hand")
        except InvalidInput as error:
            return _form(session, error), 422
        made_id, number = made.id, made.number
    flash(f"Adjustment {number} is entered.", "success")
    return redirect(url_for("stock_adjustments.page", adjustment_id=made_id), 303)


@pages.get("/<int:adjustment_id>")
def page(adjustment_id: int) -> str:
    """One adjustment with its lines."""
    with scope.reading() as session:
        return _page(session, scope.own(session, StockAdjustment, adjustment_id))


@pages.get("/<int:adjustment_id>/lines.csv")
def lines_file(adjustment_id: int) -> Response:
    """The lines as a file."""
    with scope.reading() as session:
        adjustment = scope.own(session, StockAdjustment, adjustment_id)
        rows = [
            (
                *(line.item.sku, Decimal(quantity(line.entry.quantity))),
                *((line.batch.number, line.batch.received_on, line.batch.expires_on) if line.batch else ("", "", "")),
                line.item.name,
            )
            for line in reports.lines_of(session, adjustment)
        ]
        heading = ("sku", "quantity", "batch", "received", "expires", "name")
        return csv_files.answer(f"adjustment-{adjustment.number}.csv", heading, rows)


@pages.post("/<int:adjustment_id>")
def edit(adjustment_id: int) -> Response | tuple[str, int]:
    """Correct the quantities of an adjustment that people made, by another one."""
    with scope.unit() as session:
        lock_account(session, scope.account_id())
        adjustment = scope.own(session, StockAdjustment, adjustment_id)
        try:
            wanted = {
                int(key[5:]): adjusting.quantity(text, key)
                for key, text in request.form.items()
                if key.startswith("line-") and key[5:].isdigit()
            }
            made = stock_entry.correct(session, adjustment, wanted)
        except InvalidInput as error:
            return _page(session, adjustment, error), 422
        words = f"Corrected by adjustment {made.number}." if made is not None else "Nothing was changed."
    flash(words, "success")
    return redirect(url_for("stock_adjustments.page", adjustment_id=adjustment_id), 303)


def _text() -> str:
    """What was typed, or the file instead."""
    file = request.files.get("file")
    content = file.read(text_files.LARGEST + 1) if file is not None else b""
    return text_files.decoded(content) if content else request.form.get("lines", "")


def _form(session: Session, error: InvalidInput | None = None) -> str:
    return render_template(
        "pages/stock_adjustment_new.html",
        locations=locations.of_account(session, scope.account_id()),
        typed=request.form,
        error=error,
    )


def _page(session: Session, adjustment: StockAdjustment, error: InvalidInput | None = None) -> str:
    corrects, corrections = reports.corrections_of(session, adjustment)
    return render_template(
        "pages/stock_adjustment.html",
        corrects=corrects,
        corrections=corrections,
        adjustment=adjustment,
        location=session.get_one(Location, adjustment.location_id),
        lines=reports.lines_of(session, adjustment),
        kinds=reports.KIND_WORDS,
        editable=adjustment.kind in ledger.CORRECTABLE,
        typed=request.form if error is not None else {},
        error=error,
    )
