"""Sync now for one record: a button on its page, and what came of it said there."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, url_for
from werkzeug.wrappers import Response

from referins_woo import process
from referins_woo.commerce.models import Collection, Contact, Order, Product
from referins_woo.lists import fetching
from referins_woo.web import scope, toasts

pages = Blueprint("fetches", __name__)


@pages.post("/orders/<int:order_id>/sync")
def order(order_id: int) -> Response:
    """Fetch an order again from its store."""
    return _fetch("orders", Order, order_id, url_for("orders.page", order_id=order_id))


@pages.post("/contacts/<int:contact_id>/sync")
def contact(contact_id: int) -> Response:
    """Fetch a customer again from every store that knows him."""
    return _fetch("contacts", Contact, contact_id, url_for("contacts.page", contact_id=contact_id))


@pages.post("/products/<int:product_id>/sync")
def product(product_id: int) -> Response:
    """Fetch a product again from its store, with its variations."""
    return _fetch("products", Product, product_id, url_for("products.page", product_id=product_id))


@pages.post("/collections/<int:collection_id>/sync")
def collection(collection_id: int) -> Response:
    """Fetch a category again from its store."""
    return _fetch("collections", Collection, collection_id, url_for("collections.page", collection_id=collection_id))


def _fetch(key: str, table: Any, row_id: int, back: str) -> Response:
    """Ask, take in what comes, and say on the record's page what became of it."""
    with scope.reading() as session:
        scope.own(session, table, row_id)
    found = fetching.fetch_row(process.current(), key, row_id)
    if found.is_well:
        toasts.say(found.one)
    else:
        flash(found.one, "error")
    return redirect(back, 303)
