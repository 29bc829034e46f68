"""Collections: list and page."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from referins_woo.commerce.models import Collection
from referins_woo.stores.models import Store
from referins_woo.web import listing, scope

pages = Blueprint("collections", __name__, url_prefix="/collections")


def _filters(session: Session) -> tuple[listing.Filter, ...]:
    return listing.store_filter(session)


LIST = listing.ListPage(
    key="collections",
    noun="collection",
    nouns="collections",
    default_sort="name",
    search="Name or slug",
    filters=_filters,
)
_INSIDE = listing.ListPage(
    key="products",
    noun="product",
    nouns="products",
    default_sort="name",
    search="Name or SKU",
    filters=lambda session: (),
)


@pages.get("")
def index() -> str | Response:
    """The list."""
    return listing.show(LIST)


@pages.get("/<int:collection_id>")
def page(collection_id: int) -> str:
    """One collection with its products."""
    with scope.reading() as session:
        collection = scope.own(session, Collection, collection_id)
        asked = listing.read(_INSIDE, session)
        asked.path, asked.fixed = url_for("collections.page", collection_id=collection_id), True
        inside = replace(asked.wanted, filters={"collection": str(collection.id)})
        asked.fill(_INSIDE.kind.find(session, scope.account_id(), inside))
        store = session.get_one(Store, collection.store_id)
        return render_template("pages/collection.html", list=asked, collection=collection, store=store)
