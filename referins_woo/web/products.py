"""Products: list, page, and the one thing that merchants change here ("Include in Online Store", P2)."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from referins_woo import clock
from referins_woo.commerce import online_store
from referins_woo.commerce.models import Product
from referins_woo.errors import InvalidInput
from referins_woo.reports import catalogue as reports
from referins_woo.web import listing, scope

pages = Blueprint("products", __name__, url_prefix="/products")

_STATUSES = (
    ("publish", "Published"),
    ("draft", "Draft"),
    ("pending", "Pending review"),
    ("private", "Private"),
    ("future", "Scheduled"),
    ("gone", "No longer there"),
)


def _filters(session: Session) -> tuple[listing.Filter, ...]:
    return (
        listing.Filter("type", "Type", (("simple", "Simple"), ("variable", "Variable"))),
        listing.Filter("online", "In online store", (("yes", "Yes"), ("no", "No"))),
        listing.Filter(
            "stock",
            "Stock",
            (("instock", "In stock"), ("outofstock", "Out of stock"), ("onbackorder", "On backorder")),
            rare=True,
        ),
        listing.Filter("wc", "In WooCommerce", _STATUSES, rare=True),
        *listing.store_filter(session),
    )


LIST = listing.ListPage(
    key="products",
    noun="product",
    nouns="products",
    default_sort="name",
    search="Name or SKU",
    filters=_filters,
    ready=(
        listing.ReadyView("online", "In online store", {"online": "yes"}),
        listing.ReadyView("left_out", "Left out", {"online": "no"}),
        listing.ReadyView("sold_out", "Out of stock", {"stock": "outofstock"}),
    ),
)


@pages.get("")
def index() -> str | Response:
    """The list."""
    return listing.show(LIST)


@pages.get("/<int:product_id>")
def page(product_id: int) -> str:
    """One product with its variants and collections."""
    with scope.reading() as session:
        product = scope.own(session, Product, product_id)
        return render_template(
            "pages/product.html",
            it=reports.product_page(session, product),
            product=product,
            why_not=online_store.why_not(product),
        )


@pages.post("/<int:product_id>/online-store")
def include(product_id: int) -> Response:
    """Switch "Include in Online Store"; only published products can be switched on."""
    wanted = request.form.get("include") == "1"
    with scope.unit() as session:
        product = scope.own(session, Product, product_id)
        try:
            online_store.include(product, wanted, clock.now())
        except InvalidInput as error:
            flash(error.message, "error")
        else:
            flash(f"{product.name} is {'in' if wanted else 'out of'} the online store now.", "success")
    return redirect(url_for("products.page", product_id=product_id), 303)
