"""Orders with their lines, and the tombstones of those deleted here.

Money is an integer in 1/10,000 of the currency's unit, a price per unit in 1/1,000,000, a tax rate in 1/10,000 of a
percent, a quantity in 1/10,000 (plugins sell by weight).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from referins_woo import clock
from referins_woo.db import Base, Json, Key

_SALES = text("sales_at IS NOT NULL")
_HELD = text("reduced_stock > stock_taken")


class Order(Base):
    """One order of one store (O1–O5)."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("store_id", "woo_id"),
        # Holds all that the list filters, searches and sorts by: of 100,000 wide rows only the 25 shown are read.
        Index(
            "ix_orders_account_placed",
            *("account_id", "placed_at", "id", "status", "payment_state", "woo_status", "subtype", "store_id"),
            *("number", "total", "currency", "refunded_total", "email_key", "contact_id", "gone_at", "in_trash"),
        ),
        Index("ix_orders_store_email", "store_id", "email_key"),
        Index("ix_orders_contact", "contact_id"),
        # The same for the list of sales orders, whose totals are counted in the base currency beside.
        Index(
            "ix_orders_sales",
            *("account_id", "sales_at", "id", "delivery_status", "status", "payment_state", "store_id", "placed_at"),
            *("delivery_date", "number", "total", "currency", "email_key", "contact_id", "base_total"),
            postgresql_where=_SALES,
            sqlite_where=_SALES,
        ),
        Index("ix_orders_base", "account_id", "base_currency", "currency", "placed_at"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    location_id: Mapped[int | None]
    woo_id: Mapped[int]
    number: Mapped[str] = mapped_column(Text)
    order_key: Mapped[str] = mapped_column(Text, default="")
    subtype: Mapped[str] = mapped_column(String(20), default="WooCommerce")
    status: Mapped[str] = mapped_column(String(12))
    """`Completed`, `Cancelled` or `Pending` (O1)."""
    woo_status: Mapped[str] = mapped_column(String(60))
    """The raw status; the last real one while the order is in the trash."""
    payment_state: Mapped[str] = mapped_column(String(20), default="unpaid")
    """`unpaid`, `paid`, `partially_refunded` or `refunded`."""
    in_trash: Mapped[bool] = mapped_column(default=False)
    gone_at: Mapped[datetime | None]
    currency: Mapped[str] = mapped_column(String(8))
    total: Mapped[int]
    total_tax: Mapped[int] = mapped_column(default=0)
    discount_total: Mapped[int] = mapped_column(default=0)
    shipping_total: Mapped[int] = mapped_column(default=0)
    refunded_total: Mapped[int] = mapped_column(default=0)
    refunds: Mapped[list[Any]] = mapped_column(Json, default=list)
    """[[Woo refund id, amount in 1/10,000], …] as the order itself lists them."""
    prices_include_tax: Mapped[bool] = mapped_column(default=False)
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id", ondelete="SET NULL"))
    woo_customer_id: Mapped[int] = mapped_column(default=0)
    email: Mapped[str] = mapped_column(Text, default="")
    email_key: Mapped[str] = mapped_column(Text, default="")
    billing: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    shipping: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    payment_method: Mapped[str] = mapped_column(Text, default="")
    payment_method_title: Mapped[str] = mapped_column(Text, default="")
    payment_reference: Mapped[str] = mapped_column(Text, default="")
    """The gateway's transaction id; mostly empty."""
    created_via: Mapped[str] = mapped_column(Text, default="")
    coupons: Mapped[list[Any]] = mapped_column(Json, default=list)
    customer_note: Mapped[str] = mapped_column(Text, default="")
    payment_url: Mapped[str] = mapped_column(Text, default="")
    placed_at: Mapped[datetime]
    modified_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    delivery_date: Mapped[date]
    """Store-local calendar date of creation plus 14 days, editable (O4)."""
    delivery_status: Mapped[str] = mapped_column(String(24), default="not_delivered")
    """`not_delivered`, `partially_delivered` or `delivered`."""
    sales_at: Mapped[datetime | None]
    """When it became a sales order: a status that its store chose for that was seen. It then stays one (O3)."""
    base_currency: Mapped[str] = mapped_column(String(3), default="")
    """The account's base currency when the order was given its rate; empty: no rate was known (O6)."""
    base_rate: Mapped[str] = mapped_column(String(30), default="")
    base_total: Mapped[int | None]
    content_hash: Mapped[str] = mapped_column(String(32))
    """Hash of all that we keep of the order: tells a real change from an echo."""
    observed: Mapped[bool] = mapped_column(default=False)
    """False while only an import has seen the order: live work observes such a row even when nothing newer came."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


class OrderLine(Base):
    """A row of an order: goods, shipping or a fee. Rows plus tax make Woo's total."""

    __tablename__ = "order_lines"
    __table_args__ = (
        UniqueConstraint("order_id", "kind", "woo_line_id"),
        Index("ix_order_lines_held", "account_id", "stock_key", postgresql_where=_HELD, sqlite_where=_HELD),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"))
    account_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(10))
    """`product`, `shipping` or `fee`."""
    woo_line_id: Mapped[int]
    position: Mapped[int]
    product_id: Mapped[int | None] = mapped_column(index=True)
    variant_id: Mapped[int | None]
    woo_product_id: Mapped[int] = mapped_column(default=0)
    woo_variation_id: Mapped[int] = mapped_column(default=0)
    sku: Mapped[str] = mapped_column(Text, default="")
    name: Mapped[str] = mapped_column(Text, default="")
    quantity: Mapped[int]
    price_per_unit: Mapped[int]
    total: Mapped[int]
    """Net of tax and discount."""
    total_tax: Mapped[int] = mapped_column(default=0)
    tax_rate: Mapped[int] = mapped_column(default=0)
    stock_key: Mapped[str] = mapped_column(Text, default="")
    """The goods as stock counts them: `commerce.stock.key_of`."""
    reduced_stock: Mapped[int] = mapped_column(default=0)
    """What the store took from its stock for the row, and did not put back."""
    stock_taken: Mapped[int] = mapped_column(default=0)
    """How much of that has left our books; the rest is committed (`commerce.stock`)."""
    quantity_delivered: Mapped[int] = mapped_column(default=0)


class Tombstone(Base):
    """An order deleted here: it never comes back (O2)."""

    __tablename__ = "tombstones"
    __table_args__ = (UniqueConstraint("store_id", "woo_id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    woo_id: Mapped[int]
    gone_at: Mapped[datetime | None]
    """When the store was seen not to have the order any more either."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
