"""Stock: what there is of which goods at which location, and the page of each (K1, K2)."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from referins_woo.commerce import adjusting, locations
from referins_woo.commerce.batch_book import Line, label
from referins_woo.commerce.ledger import Goods
from referins_woo.commerce.models import Location, StockItem
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.errors import InvalidInput
from referins_woo.reports import stock as reports
from referins_woo.web import listing, scope, stock_entry
from referins_woo.web.rendering import quantity

pages = Blueprint("stock", __name__, url_prefix="/stock")


def location_filter(session: Session) -> tuple[listing.Filter, ...]:
    """Return the filter by location, for accounts that have several."""
    found = locations.of_account(session, scope.account_id())
    if len(found) < 2:
        return ()
    return (listing.Filter("location", "Location", tuple((str(one.id), one.name) for one in found)),)


def _filters(session: Session) -> tuple[listing.Filter, ...]:
    return (
        *location_filter(session),
        listing.Filter("stock", "On hand", (("some", "Above zero"), ("none", "Zero or below"))),
        listing.Filter("batches", "Batches", tuple(reports.BATCH_WORDS.items())),
    )


LIST = listing.ListPage(
    key="stock",
    noun="line of stock",
    nouns="lines of stock",
    default_sort="sku",
    search="SKU or name",
    filters=_filters,
    ready=(
        listing.ReadyView("none", "None on hand", {"stock": "none"}),
        listing.ReadyView("unassigned", "Not assigned to a batch", {"batches": "unassigned"}),
    ),
)


@pages.get("")
def index() -> str | Response:
    """The list."""
    return listing.show(LIST)


@pages.get("/<int:item_id>")
def page(item_id: int) -> str:
    """Goods at a location: what there is, who holds it, and every adjustment."""
    with scope.reading() as session:
        return _page(session, scope.own(session, StockItem, item_id))


@pages.post("/<int:item_id>")
def adjust(item_id: int) -> Response | tuple[str, int]:
    """Enter an adjustment of these goods alone."""
    with scope.unit() as session:
        lock_account(session, scope.account_id())
        item = scope.own(session, StockItem, item_id)
        try:
            change = adjusting.quantity(request.form.get("quantity", ""), "quantity")
            batch = adjusting.named_batch(request.form) if item.is_batched else None
            if not change and batch is None:
                raise InvalidInput("quantity", "Give by how much the stock changes: a number above or below zero.")
            goods = Goods(item.stock_key, item.sku, item.name)
            reason = request.form.get("reason", "").strip() or "By hand"
            location = session.get_one(Location, item.location_id)
            here = batch is not None and "already_here" in request.form
            line = Line(change, batch, "quantity" if here else "batch", already_here=here)
            made = stock_entry.enter(session, location, [(goods, line)], reason)
        except InvalidInput as error:
            return _page(session, item, error), 422
        number = made.number
    flash(f"Adjustment {number} is entered.", "success")
    return redirect(url_for("stock.page", item_id=item_id), 303)


@pages.post("/<int:item_id>/track")
def track(item_id: int) -> Response:
    """Track the batches of these goods at all locations, or no longer."""
    wanted = request.form.get("track") == "1"
    with scope.unit() as session:
        lock_account(session, scope.account_id())
        item = scope.own(session, StockItem, item_id)
        changed = stock_entry.track(session, item, wanted=wanted)
        words = f"Batches of {label(item)} are {'tracked' if wanted else 'no longer tracked'}, at all locations."
    if changed:
        flash(words, "success")
    return redirect(url_for("stock.page", item_id=item_id), 303)


@pages.post("/<int:item_id>/assign")
def assign(item_id: int) -> Response:
    """Give what orders took without a batch to batches that came in since."""
    with scope.unit() as session:
        lock_account(session, scope.account_id())
        given = stock_entry.assign(session, scope.own(session, StockItem, item_id))
    flash(f"{quantity(given)} assigned to batches." if given else "There was nothing to assign.", "success")
    return redirect(url_for("stock.page", item_id=item_id), 303)


def _page(session: Session, item: StockItem, error: InvalidInput | None = None) -> str:
    return render_template(
        "pages/stock_item.html",
        it=reports.stock_page(session, item, stock_entry.today(session, item.account_id)),
        kinds=reports.KIND_WORDS,
        typed=request.form if error is not None else {},
        error=error,
    )
