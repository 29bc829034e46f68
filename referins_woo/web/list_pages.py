"""All list pages by their names in addresses."""

from __future__ import annotations

from typing import Final

from flask import abort

from referins_woo.web import (
    collections,
    contacts,
    messages,
    orders,
    products,
    runs,
    sales_orders,
    scope,
    settings_audit,
    stock,
    stock_adjustments,
    transactions,
)
from referins_woo.web.listing import ListPage

PAGES: Final = {
    page.key: page
    for page in (
        contacts.LIST,
        orders.LIST,
        sales_orders.LIST,
        transactions.LIST,
        products.LIST,
        collections.LIST,
        stock.LIST,
        stock_adjustments.LIST,
        runs.LIST,
        messages.LIST,
        settings_audit.LIST,
    )
}


def page_of(key: str) -> ListPage:
    """Return the list page with that name, or answer 404; 403 for a list that the person may not see."""
    if key not in PAGES:
        abort(404)
    page = PAGES[key]
    if not scope.may(page.right):
        abort(403, scope.not_allowed(page.right))
    return page
