"""Sales orders: the orders to work on, by the statuses that each store chose (O3), and what is changed of one (O7)."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.accounts.books import books_of
from referins_woo.commerce import base_totals, sales
from referins_woo.commerce.models import Order
from referins_woo.errors import InvalidInput
from referins_woo.web import listing, scope
from referins_woo.web.orders import DELIVERY_WORDS, PAYMENT_WORDS, STATUSES

pages = Blueprint("sales_orders", __name__, url_prefix="/sales-orders")


def _filters(session: Session) -> tuple[listing.Filter, ...]:
    return (
        listing.Filter("delivery", "Delivery", tuple(DELIVERY_WORDS.items())),
        listing.Filter("status", "Status", tuple((one, one) for one in STATUSES)),
        listing.Filter("payment", "Payment", (*PAYMENT_WORDS.items(), ("any_paid", "Paid, also in part")), rare=True),
        listing.Filter("base", "Base total", (("missing", "No rate known"),), rare=True),
        listing.Filter("currency", "Currency", typed=True),
        *listing.store_filter(session),
        *listing.date_filters("Created"),
    )


LIST = listing.ListPage(
    key="sales_orders",
    noun="sales order",
    nouns="sales orders",
    default_sort="-entered",
    search="Order number, name or e-mail",
    filters=_filters,
    ready=(
        listing.ReadyView("open", "To deliver", {"status": "Pending", "delivery": "not_delivered"}),
        listing.ReadyView("delivered", "Delivered", {"delivery": "delivered"}),
    ),
)


@pages.get("")
def index() -> str | Response:
    """The list."""
    with scope.reading() as session:
        books = books_of(session, scope.account_id())
        missing = base_totals.missing(session, scope.account_id(), books)
    return listing.show(LIST, payment_words=PAYMENT_WORDS, delivery_words=DELIVERY_WORDS, missing=missing, books=books)


@pages.post("/<int:order_id>/delivery-date")
def change_delivery_date(order_id: int) -> Response:
    """Set the day on which an order is to be delivered; WooCommerce is not told."""
    with scope.unit() as session:
        order = scope.own(session, Order, order_id)
        try:
            changed = sales.set_delivery_date(session, order, _day(request.form.get("day", "")), clock.now())
            if changed:
                audit.record(session, order.account_id, "order_changed", f"{order.number}: delivery date")
        except InvalidInput as error:
            flash(error.message, "error")
        else:
            flash("The delivery date is kept." if changed else "The delivery date was that already.", "success")
    return redirect(url_for("orders.page", order_id=order_id), 303)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput("day", "Give the delivery date as a day, like 2026-12-04.") from None
