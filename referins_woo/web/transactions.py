"""Transactions: list."""

from __future__ import annotations

from flask import Blueprint
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from referins_woo.web import listing

pages = Blueprint("transactions", __name__, url_prefix="/transactions")


def _filters(session: Session) -> tuple[listing.Filter, ...]:
    return (
        listing.Filter("kind", "Kind", (("payment", "Payment"), ("refund", "Refund"))),
        listing.Filter("reversed", "Reversed", (("yes", "Yes"), ("no", "No")), rare=True),
        *listing.store_filter(session),
        *listing.date_filters("Date"),
    )


LIST = listing.ListPage(
    key="transactions",
    noun="transaction",
    nouns="transactions",
    default_sort="-occurred",
    search="Reference or order number",
    filters=_filters,
    ready=(
        listing.ReadyView("payments", "Payments", {"kind": "payment"}),
        listing.ReadyView("refunds", "Refunds", {"kind": "refund"}),
    ),
)


@pages.get("")
def index() -> str | Response:
    """The list."""
    return listing.show(LIST)
