"""All elements of an import, in the order in which they are imported (I1)."""

from __future__ import annotations

from typing import Final

from referins_woo.ingest.elements import contacts, orders, products, transactions
from referins_woo.ingest.elements.batch import Element

ELEMENTS: Final[dict[str, Element]] = {
    "contacts": contacts.ELEMENT,
    "products": products.ELEMENT,
    "collections": products.COLLECTIONS,
    "orders": orders.ELEMENT,
    "transactions": transactions.ELEMENT,
}
