"""The columns of every list: which there are, which show by themselves, and what each writes into a CSV file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

from referins_woo.commerce import money
from referins_woo.reports import audit, catalogue, contacts, orders, runs, stock, transactions
from referins_woo.reports.listing import Kind

Cell = Callable[[Any], Any]
_QUANTITY = 10_000


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a list; in a file it may be several."""

    key: str
    label: str
    cells: tuple[tuple[str, Cell], ...]
    """(heading, value of a row) in a file."""
    shown: bool = True
    """Without being asked for."""
    always: bool = False
    """The first column: it names the row and leads to its page."""


def _one(key: str, label: str, cell: Cell, *more: tuple[str, Cell], shown: bool = True, always: bool = False) -> Column:
    return Column(key, label, ((label, cell), *more), shown, always)


def _amount(value: int | None) -> Decimal | None:
    return None if value is None else money.to_decimal(value)


def _quantity(value: int) -> Decimal:
    return Decimal(value) / _QUANTITY


_CONTACTS = (
    _one(
        "name",
        "Contact",
        lambda row: row.contact.name,
        ("E-mail", lambda row: row.contact.email),
        always=True,
    ),
    _one("kind", "Kind", lambda row: contacts.KINDS[row.kind], shown=False),
    _one("consent", "Consent", lambda row: row.contact.consent),
    _one("consent_source", "Consent from", lambda row: row.contact.consent_source, shown=False),
    _one("consent_at", "Consent since", lambda row: row.contact.consent_at, shown=False),
    _one("tags", "Tags", lambda row: ", ".join(row.contact.tags)),
    _one("phone", "Phone", lambda row: row.contact.phone, shown=False),
    _one("city", "City", lambda row: row.contact.billing.get("city", ""), shown=False),
    _one("country", "Country", lambda row: row.contact.billing.get("country", ""), shown=False),
    _one("orders", "Orders", lambda row: row.orders),
    _one("last_order", "Last order", lambda row: row.last_order_at),
    _one("created", "Added", lambda row: row.contact.created_at),
)
_ORDERS = (
    _one("number", "Order", lambda row: row.order.number, always=True),
    _one("customer", "Customer", lambda row: row.contact_name, ("E-mail", lambda row: row.order.email)),
    _one("placed", "Placed", lambda row: row.order.placed_at),
    _one("status", "Status", lambda row: row.order.status, ("Status in WooCommerce", lambda row: row.order.woo_status)),
    _one("payment", "Payment", lambda row: row.order.payment_state),
    _one("subtype", "Subtype", lambda row: row.order.subtype),
    _one("store", "Store", lambda row: row.store_name, shown=False),
    _one("method", "Payment method", lambda row: row.order.payment_method_title, shown=False),
    _one("paid", "Paid on", lambda row: row.order.paid_at, shown=False),
    _one("delivery", "Delivery date", lambda row: row.order.delivery_date, shown=False),
    _one("delivery_status", "Delivery status", lambda row: row.order.delivery_status, shown=False),
    _one("country", "Country", lambda row: row.order.billing.get("country", ""), shown=False),
    _one("coupons", "Coupons", lambda row: ", ".join(row.order.coupons), shown=False),
    _one("items", "Items", lambda row: _quantity(row.items)),
    _one("tax", "Tax", lambda row: _amount(row.order.total_tax), shown=False),
    _one("refunded", "Refunded", lambda row: _amount(row.order.refunded_total), shown=False),
    _one("total", "Total", lambda row: _amount(row.order.total), ("Currency", lambda row: row.order.currency)),
)
_SALES_ORDERS = (
    _one("number", "Order", lambda row: row.order.number, always=True),
    _one("customer", "Customer", lambda row: row.contact_name, ("E-mail", lambda row: row.order.email)),
    _one("entered", "Sales order since", lambda row: row.order.sales_at, shown=False),
    _one("placed", "Created", lambda row: row.order.placed_at),
    _one("delivery", "Delivery date", lambda row: row.order.delivery_date),
    _one("delivery_status", "Delivery", lambda row: row.order.delivery_status),
    _one("status", "Status", lambda row: row.order.status, ("Status in WooCommerce", lambda row: row.order.woo_status)),
    _one("payment", "Payment", lambda row: row.order.payment_state, shown=False),
    _one("store", "Store", lambda row: row.store_name, shown=False),
    _one("items", "Items", lambda row: _quantity(row.items)),
    _one("total", "Total", lambda row: _amount(row.order.total), ("Currency", lambda row: row.order.currency)),
    _one(
        "base",
        "In base currency",
        lambda row: _amount(row.order.base_total),
        ("Base currency", lambda row: row.order.base_currency),
        ("Rate", lambda row: row.order.base_rate),
    ),
)
_TRANSACTIONS = (
    _one("order", "Order", lambda row: row.order_number, always=True),
    _one("occurred", "Date", lambda row: row.transaction.occurred_at),
    _one("kind", "Kind", lambda row: row.transaction.kind),
    _one("customer", "Customer", lambda row: row.contact_name),
    _one("method", "Method", lambda row: row.transaction.method),
    _one("reference", "Reference", lambda row: row.transaction.reference),
    _one("reversed", "Reversed on", lambda row: row.transaction.reversed_at, shown=False),
    _one(
        "amount",
        "Amount",
        lambda row: _amount(row.transaction.amount),
        ("Currency", lambda row: row.transaction.currency),
    ),
)
_PRODUCTS = (
    _one("name", "Product", lambda row: row.product.name, always=True),
    _one("sku", "SKU", lambda row: row.product.sku),
    _one("type", "Type", lambda row: row.product.type),
    _one("variants", "Variants", lambda row: row.variants, shown=False),
    _one(
        "stock", "Stock", lambda row: row.product.stock_quantity, ("Availability", lambda row: row.product.stock_status)
    ),
    _one("online", "Online store", lambda row: "yes" if row.product.include_in_online_store else "no"),
    _one("wc", "Status in WooCommerce", lambda row: row.product.woo_status, shown=False),
    _one("store", "Store", lambda row: row.store_name, shown=False),
    _one("changed", "Last change", lambda row: row.product.modified_at, shown=False),
    _one("price", "Price", lambda row: _amount(row.product.price), ("Currency", lambda row: row.product.currency)),
)
_COLLECTIONS = (
    _one("name", "Collection", lambda row: row.collection.name, always=True),
    _one("slug", "Slug", lambda row: row.collection.slug),
    _one("store", "Store", lambda row: row.store.name or row.store.url),
    _one("products", "Products", lambda row: row.products),
)
_STOCK = (
    _one("sku", "SKU", lambda row: row.item.sku, always=True),
    _one("name", "Goods", lambda row: row.item.name),
    _one("location", "Location", lambda row: row.location.name),
    _one("on_hand", "On hand", lambda row: _quantity(row.figures.on_hand)),
    _one("committed", "Committed", lambda row: _quantity(row.figures.committed)),
    _one("available", "Available", lambda row: _quantity(row.figures.available)),
    _one(
        "batches",
        "Batches",
        lambda row: "tracked" if row.item.is_batched else "",
        ("Not assigned to a batch", lambda row: _quantity(row.unassigned) if row.item.is_batched else ""),
    ),
)
_ADJUSTMENTS = (
    _one("number", "Number", lambda row: row.adjustment.number, always=True),
    _one("at", "Entered", lambda row: row.adjustment.created_at),
    _one("kind", "Kind", lambda row: stock.KIND_WORDS.get(row.adjustment.kind, row.adjustment.kind)),
    _one("reason", "Reason", lambda row: row.adjustment.reason),
    _one("location", "Location", lambda row: row.location.name),
    _one("by", "By", lambda row: row.adjustment.by),
    _one("lines", "Lines", lambda row: row.lines),
    _one("quantity", "Change", lambda row: _quantity(row.quantity)),
)
_RUNS = (
    _one("automation", "Automation", lambda row: row.automation, always=True),
    _one("order", "Order", lambda row: row.order_number),
    _one("contact", "Contact", lambda row: row.contact_name, ("E-mail", lambda row: row.contact_email)),
    _one("state", "State", lambda row: row.run.state, ("Ended because", lambda row: row.run.ended_reason)),
    _one("due", "Next", lambda row: row.run.due_at),
    _one("started", "Started", lambda row: row.run.started_at),
    _one("ended", "Ended", lambda row: row.run.ended_at, shown=False),
)
_MESSAGES = (
    _one("subject", "Subject", lambda row: row.subject, always=True),
    _one("to", "To", lambda row: row.message.to_email),
    _one("automation", "Automation", lambda row: row.automation),
    _one("purpose", "Purpose", lambda row: row.message.purpose, shown=False),
    _one("state", "State", lambda row: row.message.state),
    _one("reason", "Reason", lambda row: row.message.reason, shown=False),
    _one("created", "Written", lambda row: row.message.created_at),
    _one("sent", "Sent", lambda row: row.message.sent_at),
)
_AUDIT = (
    _one("at", "When", lambda row: row.at, always=True),
    _one("who", "Who", lambda row: row.who),
    _one("what", "What", audit.words, ("To what", lambda row: row.subject), ("Details", audit.details)),
    _one("from", "From", lambda row: audit.VIA.get(row.via, row.via), ("Address", lambda row: row.ip)),
)

COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "contacts": _CONTACTS,
    "orders": _ORDERS,
    "sales_orders": _SALES_ORDERS,
    "transactions": _TRANSACTIONS,
    "products": _PRODUCTS,
    "collections": _COLLECTIONS,
    "stock": _STOCK,
    "stock_adjustments": _ADJUSTMENTS,
    "runs": _RUNS,
    "messages": _MESSAGES,
    "audit": _AUDIT,
}
KINDS: Final[Mapping[str, Kind[Any]]] = {
    "contacts": contacts.CONTACTS,
    "orders": orders.ORDERS,
    "sales_orders": orders.SALES_ORDERS,
    "transactions": transactions.TRANSACTIONS,
    "products": catalogue.PRODUCTS,
    "collections": catalogue.COLLECTIONS,
    "stock": stock.STOCK,
    "stock_adjustments": stock.ADJUSTMENTS,
    "runs": runs.RUNS,
    "messages": runs.MESSAGES,
    "audit": audit.AUDIT,
}


def written(value: Any, zone: tzinfo) -> Any:
    """Return a value as a file says it: times with their offset in `zone`."""
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else value
