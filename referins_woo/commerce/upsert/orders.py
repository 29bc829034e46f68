"""Orders and their lines enter the mirror, newest version wins (O1-O7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from referins_woo.commerce import base_totals, order_stock, stock
from referins_woo.commerce.base_totals import Books
from referins_woo.commerce.fulfilment import DELIVERED, NOT_DELIVERED
from referins_woo.commerce.matching import email_key
from referins_woo.commerce.models import Order, OrderLine, Tombstone
from referins_woo.commerce.order_rules import SalesRule, delivery_date, mapped_status, payment_state
from referins_woo.commerce.order_stock import FreshRow
from referins_woo.commerce.records import OrderRecord
from referins_woo.commerce.upsert.bulk import among, insert_rows, new_ids, table_of, update_rows
from referins_woo.commerce.upsert.line_products import LineProducts
from referins_woo.conditions import one_of

WOOCOMMERCE = "WooCommerce"
"""Who moves stock by what happens to orders there."""
_ORDER = (
    *(
        "id",
        "account_id",
        "store_id",
        "location_id",
        "woo_id",
        "number",
        "order_key",
        "subtype",
        "status",
        "woo_status",
    ),
    *("payment_state", "in_trash", "gone_at", "currency", "total", "total_tax", "discount_total", "shipping_total"),
    *("refunded_total", "refunds", "prices_include_tax", "contact_id", "woo_customer_id", "email", "email_key"),
    *("billing", "shipping", "payment_method", "payment_method_title", "payment_reference", "created_via", "coupons"),
    *("customer_note", "payment_url", "placed_at", "modified_at", "paid_at", "completed_at", "delivery_date"),
    *("delivery_status", "sales_at", "base_currency", "base_rate", "base_total"),
    *("content_hash", "observed", "created_at", "updated_at"),
)
_CHANGE = (
    *("id", "status", "woo_status", "payment_state", "in_trash", "gone_at", "refunded_total", "refunds", "email"),
    *("email_key", "billing", "shipping", "contact_id", "payment_method", "payment_method_title"),
    *("payment_reference", "payment_url", "modified_at", "paid_at", "completed_at", "content_hash", "observed"),
    *("sales_at", "delivery_status", "updated_at"),
)
_LINE = (
    *("id", "order_id", "account_id", "kind", "woo_line_id", "position", "product_id", "variant_id"),
    *("woo_product_id", "woo_variation_id", "sku", "name", "quantity", "price_per_unit", "total", "total_tax"),
    *("tax_rate", "stock_key", "reduced_stock", "stock_taken", "quantity_delivered"),
)


@dataclass(frozen=True, slots=True)
class StoredOrder:
    """What the mirror held of an order before."""

    id: int
    woo_id: int
    woo_status: str
    payment_state: str
    in_trash: bool
    gone_at: datetime | None
    refunds: list[Any]
    contact_id: int | None
    email: str
    billing: dict[str, str]
    shipping: dict[str, str]
    placed_at: datetime
    modified_at: datetime | None
    content_hash: str
    observed: bool
    sales_at: datetime | None
    delivery_status: str


_ORDERS, _DEAD = table_of(Order).c, table_of(Tombstone).c
_STORED: Final = select(*(_ORDERS[name] for name in StoredOrder.__slots__)).where(
    _ORDERS.store_id == bindparam("store_id"), one_of(_ORDERS.woo_id, "woo_ids")
)
_TOMBSTONES: Final = select(_DEAD.woo_id).where(
    _DEAD.store_id == bindparam("store_id"), one_of(_DEAD.woo_id, "woo_ids")
)


@dataclass(frozen=True, slots=True)
class OrderChange:
    """An order as it is in the mirror now, beside what was there before."""

    order_id: int
    contact_id: int | None
    record: OrderRecord
    before: StoredOrder | None


def stored_orders(session: Session, store_id: int, woo_ids: Iterable[int]) -> dict[int, StoredOrder]:
    """Return what the mirror holds of these orders, by Woo id."""
    rows = session.execute(_STORED, {"store_id": store_id, "woo_ids": woo_ids})
    return {row.woo_id: StoredOrder(*row) for row in rows}


def tombstones(session: Session, store_id: int, woo_ids: Iterable[int]) -> set[int]:
    """Return which of these orders were deleted here and must not come back (O2)."""
    return set(session.execute(_TOMBSTONES, {"store_id": store_id, "woo_ids": woo_ids}).scalars())


def is_newer(record: OrderRecord, stored: StoredOrder, *, fetched: bool) -> bool:
    """Whether `record` is to be applied over `stored` (architecture: newest wins).

    Times have seconds only and may be missing: with equal ones, different content is believed if it was asked for.
    """
    if record.modified_at is not None and stored.modified_at is not None and record.modified_at != stored.modified_at:
        return record.modified_at > stored.modified_at
    return fetched and record.content_hash != stored.content_hash


def is_unclear(record: OrderRecord, stored: StoredOrder) -> bool:
    """Whether a delivered body differs within an equal second (or without one): the store must be asked."""
    return record.content_hash != stored.content_hash and (
        record.modified_at is None or stored.modified_at is None or record.modified_at == stored.modified_at
    )


def insert_orders(
    session: Session,
    account_id: int,
    store_id: int,
    location_id: int | None,
    records: Sequence[OrderRecord],
    contacts: Mapping[int, int | None],
    products: LineProducts,
    now: datetime,
    *,
    observed: bool,
    books: Books,
    sales: SalesRule,
) -> list[OrderChange]:
    """Insert orders that the mirror does not have; `contacts` maps Woo order id to contact id."""
    changes = []
    rows = []
    lines: list[list[Any]] = []
    held: list[FreshRow] = []
    based = base_totals.of_orders(session, account_id, books, records)
    for order_id, record in zip(new_ids(session, Order, len(records)), records, strict=True):
        contact_id = contacts.get(record.woo_id)
        changes.append(OrderChange(order_id, contact_id, record, None))
        rows.append(
            (
                *(order_id, account_id, store_id, location_id, record.woo_id, record.number, record.order_key),
                *("WooCommerce", mapped_status(record.status), record.status, payment_state(record), False, None),
                *(record.currency, record.total, record.total_tax, record.discount_total, record.shipping_total),
                *(record.refunded_total, record.refunds, record.prices_include_tax, contact_id),
                *(record.woo_customer_id, record.email, email_key(record.email), record.billing, record.shipping),
                *(record.payment_method, record.payment_method_title, record.payment_reference, record.created_via),
                *(record.coupons, record.customer_note, record.payment_url, record.placed_at, record.modified_at),
                *(record.paid_at, record.completed_at, delivery_date(record)),
                *(DELIVERED if record.status == "completed" else NOT_DELIVERED,),
                *(now if sales.takes(record) else None, *based.get(record.woo_id, ("", "", None))),
                *(record.content_hash, observed, now, now),
            )
        )
        for line in record.lines:
            found = products.find(line)
            product_id, variant_id = found or (None, None)
            key = products.stock_key(store_id, line, found)
            delivered = line.quantity if record.status == "completed" and line.kind == "product" else 0
            taken = stock.taken_at_first_sight(
                line.reduced_stock,
                line.quantity,
                delivered,
                closed=order_stock.is_closed(record.status, in_trash=False),
            )
            if line.reduced_stock > 0:
                held.append(FreshRow(order_id, record.number, record.placed_at, key, line.reduced_stock, taken))
            lines.append(
                [
                    *(0, order_id, account_id, line.kind, line.woo_line_id, line.position, product_id, variant_id),
                    *(line.woo_product_id, line.woo_variation_id, line.sku, line.name, line.quantity),
                    *(line.price_per_unit, line.total, line.total_tax, line.tax_rate, key, line.reduced_stock, taken),
                    delivered,
                ]
            )
    for line_id, row in zip(new_ids(session, OrderLine, len(lines)), lines, strict=True):
        row[0] = line_id
    insert_rows(session, Order, _ORDER, rows)
    insert_rows(session, OrderLine, _LINE, lines)
    order_stock.see_first(session, account_id, store_id, location_id, held, now, WOOCOMMERCE)
    return changes


def change_orders(
    session: Session,
    pairs: Sequence[tuple[StoredOrder, OrderRecord]],
    contacts: Mapping[int, int | None],
    now: datetime,
    *,
    observed: bool,
    sales: SalesRule,
) -> list[OrderChange]:
    """Apply newer versions: status, payment and refunds travel; number, dates, customer and lines do not (O7).

    An order in the trash keeps its last status and is marked (O1). `contacts` names contacts for orders that had none.
    An import's change (`observed` false) is left for live work to look at: it may be due an event.
    """
    changes = []
    rows = []
    reduced: dict[tuple[int, int], int] = {}
    delivered: list[int] = []
    for stored, record in pairs:
        contact_id = stored.contact_id if stored.contact_id is not None else contacts.get(record.woo_id)
        changes.append(OrderChange(stored.id, contact_id, record, stored))
        trashed = record.status == "trash"
        status = stored.woo_status if trashed else record.status
        state = stored.payment_state if trashed else payment_state(record)
        email = stored.email or record.email
        # Leaving completed again leaves it delivered here (O8).
        completed = record.status == "completed" and stored.woo_status != "completed"
        if completed and stored.delivery_status != DELIVERED:
            delivered.append(stored.id)
        rows.append(
            [
                *(
                    stored.id,
                    mapped_status(status),
                    status,
                    state,
                    trashed,
                    None,
                    record.refunded_total,
                    record.refunds,
                ),
                *(email, email_key(email), stored.billing or record.billing, stored.shipping or record.shipping),
                *(contact_id, record.payment_method, record.payment_method_title, record.payment_reference),
                *(record.payment_url, record.modified_at, record.paid_at, record.completed_at, record.content_hash),
                *(observed, stored.sales_at or (now if sales.takes(record) else None)),
                *(DELIVERED if completed else stored.delivery_status, now),
            ]
        )
        reduced |= {
            (stored.id, line.woo_line_id): line.reduced_stock for line in record.lines if line.kind == "product"
        }
    update_rows(session, Order, _CHANGE, rows)
    if delivered:
        session.execute(
            update(OrderLine)
            .where(among(session, OrderLine.order_id, delivered), OrderLine.kind == "product")
            .values(quantity_delivered=OrderLine.quantity)
            .execution_options(synchronize_session=False)
        )
    # Stock follows `_reduced_stock` even where lines do not travel (O7, K2).
    order_stock.settle(session, [stored.id for stored, _ in pairs], reduced, now, WOOCOMMERCE)
    return changes


def mark_observed(session: Session, order_ids: Sequence[int]) -> None:
    """Note that live work has looked at rows that an import wrote."""
    update_rows(session, Order, ("id", "observed"), [[order_id, True] for order_id in order_ids])
