"""Changes are put here in the transaction that decides them, and taken back while they still wait."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, case, func, select, update
from sqlalchemy.orm import Session

from referins_woo import queues
from referins_woo.commerce.fulfilment import DELIVERED
from referins_woo.commerce.models import CustomerMapping, Order, StoreStock
from referins_woo.commerce.records import OrderRecord
from referins_woo.commerce.upsert.bulk import lock_account, table_of
from referins_woo.conditions import one_of
from referins_woo.errors import Final as FinalError
from referins_woo.stores.models import Store
from referins_woo.writeback import stock_desk
from referins_woo.writeback.models import StoreWrite
from referins_woo.writeback.verdict import shown

ORDER_COMPLETED: Final = "order_completed"
CUSTOMER_CREATED: Final = "customer_created"
CUSTOMER_UPDATED: Final = "customer_updated"
CUSTOMERS: Final = (CUSTOMER_CREATED, CUSTOMER_UPDATED)
STOCK_SET: Final = "stock_set"
"""A quantity: told in batches by `tell_stock`, never one by one."""
OPEN: Final = ("waiting", "sending", "unknown")
_COMPLETED: Final = {"status": "completed"}
_T: Final = table_of(StoreWrite).c
_ECHOED: Final = (
    update(table_of(StoreWrite))
    .where(
        _T.store_id == bindparam("b_store"),
        _T.kind == ORDER_COMPLETED,
        one_of(_T.subject, "b_subjects"),
        _T.state.in_(("sending", "unknown", "done")),
        _T.echoed_at.is_(None),
    )
    .values(echoed_at=bindparam("b_now"))
)


def complete_order(session: Session, order: Order, now: datetime, who: str) -> StoreWrite:
    """Have the store set an order to completed; where that is on its way already, that one is returned."""
    mine = _of(order)
    open_one = session.scalar(select(StoreWrite).where(*mine, StoreWrite.state.in_(OPEN)))
    if open_one is not None:
        return open_one
    revision = (session.scalar(select(func.max(StoreWrite.revision)).where(*mine)) or 0) + 1
    write = StoreWrite(
        account_id=order.account_id,
        store_id=order.store_id,
        kind=ORDER_COMPLETED,
        subject=order.woo_id,
        revision=revision,
        order_id=order.id,
        label=order.number,
        body=_COMPLETED,
        expected=_expected(order),
        due_at=now,
        created_at=now,
        asked_at=now,
        by=who[:320],
    )
    session.add(write)
    session.flush()
    queues.ring_after_commit(session, "push_writes", order.store_id)
    return write


def take_back(session: Session, order: Order, now: datetime) -> bool:
    """Keep a change that still waits from being sent; returns whether there was one."""
    taken: Any = session.execute(
        update(StoreWrite)
        .where(*_of(order), StoreWrite.state == "waiting")
        .values(state="refused", error="Taken back here before it was sent.", done_at=now)
        .execution_options(synchronize_session=False)
    )
    return bool(taken.rowcount)


def put_customers(
    session: Session, account_id: int, store_id: int, wanted: Sequence[tuple[str, int]], now: datetime, who: str
) -> int:
    """Have contacts made or changed as customers of a store: (kind, contact) each; returns how many were put.

    Whoever is on the way already is not put twice. The rows hold no personal data: what is sent is read from the
    contact when it is sent.
    """
    contacts = [contact_id for _, contact_id in wanted]
    mine = (StoreWrite.store_id == store_id, StoreWrite.kind.in_(CUSTOMERS), StoreWrite.subject.in_(contacts))
    busy = set(session.scalars(select(StoreWrite.subject).where(*mine, StoreWrite.state.in_(OPEN))))
    counted = session.execute(
        select(StoreWrite.kind, StoreWrite.subject, func.max(StoreWrite.revision))
        .where(*mine)
        .group_by(StoreWrite.kind, StoreWrite.subject)
    )
    revisions = {(kind, subject): newest for kind, subject, newest in counted}
    put = [one for one in wanted if one[1] not in busy]
    session.add_all(
        StoreWrite(
            account_id=account_id,
            store_id=store_id,
            kind=kind,
            subject=contact_id,
            revision=revisions.get((kind, contact_id), 0) + 1,
            label=str(contact_id),
            body={},
            expected={},
            due_at=now,
            created_at=now,
            asked_at=now,
            by=who[:320],
        )
        for kind, contact_id in put
    )
    if put:
        session.flush()
        queues.ring_after_commit(session, "push_writes", store_id)
    return len(put)


def send_again(session: Session, write: StoreWrite, now: datetime) -> None:
    """Let a change that was refused or failed be sent after all, to the record as it is known now.

    Raises Final where there is nothing to send again.
    """
    session.flush()
    if write.kind == STOCK_SET:
        _tell_again(session, write)
        return
    session.refresh(write, with_for_update=True)
    if write.state not in ("refused", "failed"):
        raise FinalError(f"This change is {write.state}: there is nothing to send again.")
    if write.kind in CUSTOMERS:
        _again(session, write, now)
        return
    order = session.get(Order, write.order_id) if write.order_id is not None else None
    if order is None:
        raise FinalError("The order is no longer here.")
    if order.delivery_status != DELIVERED:
        raise FinalError("The order is not delivered here any more: there is nothing to tell WooCommerce.")
    newer = select(StoreWrite.id).where(*_of(order), StoreWrite.revision > write.revision)
    if session.scalar(newer.limit(1)) is not None:
        raise FinalError("A newer change of this order was made: see that one.")
    write.expected = _expected(order)
    _let(session, write, now)


def _again(session: Session, write: StoreWrite, now: datetime) -> None:
    row = session.scalar(
        select(CustomerMapping).where(
            CustomerMapping.store_id == write.store_id, CustomerMapping.contact_id == write.subject
        )
    )
    if row is None or not row.is_ticked:
        raise FinalError("The contact is not ticked any more: there is nothing to tell WooCommerce.")
    if row.state == "conflict":
        raise FinalError("The contact is in conflict: decide that under Customers first.")
    mine = (StoreWrite.store_id == write.store_id, StoreWrite.subject == write.subject)
    newer = select(StoreWrite.id).where(*mine, StoreWrite.kind.in_(CUSTOMERS), StoreWrite.id > write.id)
    if session.scalar(newer.limit(1)) is not None:
        raise FinalError("A newer change of this contact was made: see that one.")
    _let(session, write, now)


def subject_words(write: StoreWrite) -> str:
    """Return what a change is about, as the audit log names it."""
    about = {STOCK_SET: "stock of", ORDER_COMPLETED: "order"}.get(write.kind, "contact")
    return f"{about} {write.label}"


def _tell_again(session: Session, write: StoreWrite) -> None:
    """Have goods told whatever they are to show by now: a quantity of before would be another one's."""
    lock_account(session, write.account_id)  # before any row: whoever tells a store takes them in this order
    row = session.scalar(
        select(StoreStock).where(
            StoreStock.store_id == write.store_id,
            case((StoreStock.woo_variation_id > 0, StoreStock.woo_variation_id), else_=StoreStock.woo_product_id)
            == write.subject,
        )
    )
    if row is None:
        raise FinalError("The store is not told of these goods any more: there is nothing to send again.")
    if row.state == "changed":
        raise FinalError("The quantity was changed in WooCommerce: take it over or overwrite it under Stock.")
    if not stock_desk.try_again(session, session.get_one(Store, write.store_id), [row.id]):
        raise FinalError(row.error or "WooCommerce shows it by now, or is told next: there is nothing to send again.")


def _let(session: Session, write: StoreWrite, now: datetime) -> None:
    write.state, write.error, write.done_at = "waiting", "", None
    write.due_at, write.asked_at = now, now
    queues.ring_after_commit(session, "push_writes", write.store_id)


def note_echoes(session: Session, store_id: int, records: Iterable[OrderRecord], now: datetime) -> None:
    """Note that changes of ours have come back with the store's records: nothing more is to be done about them."""
    by_status: dict[str, list[int]] = {}
    for record in records:
        by_status.setdefault(record.status, []).append(record.woo_id)
    if "completed" in by_status:
        session.execute(_ECHOED, {"b_store": store_id, "b_subjects": by_status["completed"], "b_now": now})


def _of(order: Order) -> tuple[Any, Any, Any]:
    return StoreWrite.store_id == order.store_id, StoreWrite.kind == ORDER_COMPLETED, StoreWrite.subject == order.woo_id


def _expected(order: Order) -> dict[str, Any]:
    return shown(order.woo_status, order.refunded_total, order.paid_at is not None)
