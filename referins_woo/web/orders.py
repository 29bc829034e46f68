"""Orders: list and page."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from referins_woo.accounts.books import books_of
from referins_woo.commerce import base_totals
from referins_woo.commerce.models import Order
from referins_woo.reports import orders as reports
from referins_woo.reports import timeline
from referins_woo.reports import why as reasons
from referins_woo.web import listing, scope, stock_entry

pages = Blueprint("orders", __name__, url_prefix="/orders")

STATUSES = ("Pending", "Completed", "Cancelled")
PAYMENT_WORDS = {
    "unpaid": "Unpaid",
    "paid": "Paid",
    "partially_refunded": "Partially refunded",
    "refunded": "Refunded",
}

DELIVERY_WORDS = {
    "not_delivered": "Not delivered",
    "partially_delivered": "Partially delivered",
    "delivered": "Delivered",
}


def _filters(session: Session) -> tuple[listing.Filter, ...]:
    return (
        listing.Filter("status", "Status", tuple((one, one) for one in STATUSES)),
        listing.Filter("payment", "Payment", (*PAYMENT_WORDS.items(), ("any_paid", "Paid, also in part"))),
        listing.Filter(
            "woo_status",
            "In WooCommerce",
            tuple((one, one) for one in reports.woo_statuses(session, scope.account_id())),
            rare=True,
        ),
        listing.Filter("subtype", "Subtype", (("WooCommerce", "WooCommerce"),), rare=True),
        listing.Filter("unpaid_for", "Unpaid for", (("24h", "over 24 hours"),), rare=True),
        listing.Filter("wc", "Gone", (("gone", "No longer in WooCommerce"), ("trash", "In the trash")), rare=True),
        listing.Filter("currency", "Currency", typed=True),
        *listing.store_filter(session),
        *listing.date_filters("Placed"),
        *listing.contact_filter(session),
    )


LIST = listing.ListPage(
    key="orders",
    noun="order",
    nouns="orders",
    default_sort="-placed",
    search="Order number, name or e-mail",
    filters=_filters,
    ready=(
        listing.ReadyView("unpaid", "Unpaid", {"status": "Pending", "payment": "unpaid"}),
        listing.ReadyView("completed", "Completed", {"status": "Completed"}),
        listing.ReadyView("cancelled", "Cancelled", {"status": "Cancelled"}),
    ),
)


@pages.get("")
def index() -> str | Response:
    """The list."""
    return listing.show(LIST, payment_words=PAYMENT_WORDS)


@pages.get("/<int:order_id>")
def page(order_id: int) -> str:
    """One order: lines, money, addresses, transactions, the automations it started."""
    with scope.reading() as session:
        return show(session, scope.own(session, Order, order_id))


def show(session: Session, order: Order, *, error: str = "", ask: bool = False) -> str:
    """The page of an order; `ask`: somebody must confirm that Delivered marks it paid in the store."""
    refunded = base_totals.converted(order.refunded_total, order.base_rate) if order.base_rate else 0
    return render_template(
        "pages/order.html",
        it=reports.order_page(session, order, stock_entry.today(session, order.account_id)),
        order=order,
        books=books_of(session, order.account_id),
        base_refunded=refunded,
        payment_words=PAYMENT_WORDS,
        event_names=timeline.EVENTS,
        held_back=timeline.HELD_BACK,
        why=reasons.why(session, order),
        delivery_words=DELIVERY_WORDS,
        error=error,
        ask=ask,
        typed=request.form if error else {},
    )
