"""Records set aside, by a rule or by a fault, each with its reason (I4)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from referins_woo.commerce.records import CategoryRecord, CustomerRecord, OrderRecord, Unreadable
from referins_woo.commerce.upsert.bulk import among, insert_rows
from referins_woo.ingest.models import SkippedRecord

_COLUMNS = (
    *("account_id", "store_id", "import_id", "element", "woo_id", "parent_woo_id", "name", "kind", "reason_code"),
    *("reason", "detail", "created_at"),
)


@dataclass(frozen=True, slots=True)
class SetAside:
    """One record that was not taken. `kind` is `skipped` (a rule) or `failed` (a fault)."""

    woo_id: int
    name: str
    kind: str
    reason_code: str
    reason: str
    detail: str = ""
    parent_woo_id: int = 0
    """Where people find it in WooCommerce: the product of a variation, the order of a refund."""
    element: str = ""
    """Set for a part of another record: a variation, a category that a product names."""


def unreadable(record: Unreadable) -> SetAside:
    """Return the entry for a record that could not be read."""
    return SetAside(
        *(record.woo_id, record.name, "failed", record.reason_code, record.reason, record.detail),
        *(record.parent_woo_id, record.element),
    )


def draft(order: OrderRecord) -> SetAside:
    """Return the entry of an order that nobody has submitted yet; on post storage lists hold these too (28)."""
    return SetAside(order.woo_id, order.number, "skipped", "draft", "A draft: not submitted by the customer yet")


def other_role(customer: CustomerRecord) -> SetAside:
    """Return the entry of a user whom the lists of the two roles do not hold (M1)."""
    shown = f"; this one is shown as {customer.role}" if customer.role else "; this one has no role"
    name = customer.name or customer.username or customer.email
    reason = f"Only users listed as customers or subscribers are imported{shown}"
    return SetAside(customer.woo_id, name, "skipped", "role", reason)


def no_imported_product(category: CategoryRecord) -> SetAside:
    """Return the entry of a category that is no collection here (P4)."""
    return SetAside(category.woo_id, category.name, "skipped", "no_imported_product", "No imported product names it")


def note(
    session: Session,
    account_id: int,
    store_id: int,
    import_id: int | None,
    element: str,
    entries: Sequence[SetAside],
    now: datetime,
) -> None:
    """List `entries`; a record that is listed already gets its newest reason. Parts name their own element."""
    unique = {(entry.element or element, entry.woo_id): entry for entry in entries}
    rows = [
        [
            *(account_id, store_id, import_id, its_element, woo_id, entry.parent_woo_id, entry.name[:500]),
            *(entry.kind, entry.reason_code, entry.reason, entry.detail[:2000], now),
        ]
        for (its_element, woo_id), entry in unique.items()
    ]
    insert_rows(
        session,
        SkippedRecord,
        _COLUMNS,
        rows,
        conflict=("store_id", "element", "woo_id"),
        update=("import_id", "parent_woo_id", "name", "kind", "reason_code", "reason", "detail", "created_at"),
    )


def is_listed(session: Session, store_id: int, element: str, import_id: int | None) -> bool:
    """Whether anything (but this import, where one is named) has set records of the element aside."""
    query = select(SkippedRecord.id).where(SkippedRecord.store_id == store_id, SkippedRecord.element == element)
    if import_id is not None:
        query = query.where(or_(SkippedRecord.import_id.is_(None), SkippedRecord.import_id != import_id))
    return session.execute(query.limit(1)).first() is not None


def noted(
    session: Session,
    store_id: int,
    element: str,
    woo_ids: Collection[int],
    *,
    import_id: int | None = None,
    kind: str | None = None,
) -> set[int]:
    """Return which of these records are set aside, by this import where one is named; `kind`: skipped or failed."""
    found = select(SkippedRecord.woo_id).where(
        SkippedRecord.store_id == store_id,
        SkippedRecord.element == element,
        among(session, SkippedRecord.woo_id, woo_ids),
    )
    if import_id is not None:
        found = found.where(SkippedRecord.import_id == import_id)
    if kind is not None:
        found = found.where(SkippedRecord.kind == kind)
    return set(session.execute(found).scalars())


def failed_after(session: Session, store_id: int, element: str, after: int, limit: int) -> list[int]:
    """Return the ids of records of an element that failed, above `after`, ascending."""
    found = select(SkippedRecord.woo_id).where(
        SkippedRecord.store_id == store_id,
        SkippedRecord.element == element,
        SkippedRecord.kind == "failed",
        SkippedRecord.woo_id > after,
    )
    return list(session.execute(found.order_by(SkippedRecord.woo_id).limit(limit)).scalars())


def failed_elements(session: Session, store_id: int) -> dict[str, int]:
    """Return how many records of each element failed."""
    counted = select(SkippedRecord.element, func.count()).where(
        SkippedRecord.store_id == store_id, SkippedRecord.kind == "failed"
    )
    return dict(session.execute(counted.group_by(SkippedRecord.element)).all())


def clear(session: Session, store_id: int, element: str, woo_ids: Collection[int]) -> None:
    """Take records off the list that have come in after all."""
    if not woo_ids:
        return
    session.execute(
        delete(SkippedRecord).where(
            SkippedRecord.store_id == store_id,
            SkippedRecord.element == element,
            SkippedRecord.woo_id.in_(list(woo_ids)),
        )
    )


def clear_failed(session: Session, store_id: int, element: str, woo_ids: Collection[int]) -> None:
    """Take records off the list that could not be read before and now could; what a rule skips stays listed."""
    if not woo_ids:
        return
    session.execute(
        delete(SkippedRecord).where(
            SkippedRecord.store_id == store_id,
            SkippedRecord.element == element,
            SkippedRecord.kind == "failed",
            SkippedRecord.woo_id.in_(list(woo_ids)),
        )
    )
