"""Which events an order is due, decided by comparing what it is now with what was known. Pure.

The exact semantics are those of the trigger specification: history is silent, an event's own time decides and never
the path that found it. Nothing is inferred from a webhook's topic. All but a change of status are due when their own
time is not before T0 and no row exists for them; a change of status needs the status from which it came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from automations.triggers import TRIGGERS
from referins_woo.commerce import money
from referins_woo.commerce.matching import usable_email
from referins_woo.commerce.order_rules import paid_time
from referins_woo.commerce.records import DRAFT_STATUSES, OrderRecord, RefundRecord

ORDER_SUBMITTED: Final = "order_submitted"
PAYMENT_RECEIVED: Final = "payment_received"
STATUS_CHANGED: Final = "order_status_changed"
COMPLETED: Final = "order_completed"
REFUNDED: Final = "order_refunded"

_ENDED: Final = frozenset({"cancelled", "failed", "refunded"})
_LONGEST: Final = 80
"""Characters of an occurrence."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was known of an order before this look; None where it was never looked at."""

    woo_status: str
    had_email: bool
    by_import_only: bool = False
    """Only an import has seen it: an import decides nothing, so an order it found ended counts as first seen now."""
    stored: bool = True
    """It is in the mirror, and not only noted as seen."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What the store's settings and clock say. Times are on the store's clock."""

    t0: datetime
    store_now: datetime
    submitted_on: bool
    payment_on: bool
    submitted_on_since: datetime | None = None
    payment_on_since: datetime | None = None
    history_order_ids: Collection[int] = ()
    restored_at: datetime | None = None
    """When a backup was restored: what happened before and was not in it may have started runs before."""
    orders_on: bool = True
    """With the Orders switch off only what has a switch of its own is looked for, and what happens to orders that
    are in the story of an automation already."""


@dataclass(frozen=True, slots=True)
class Due:
    """An event to record."""

    kind: str
    occurred_at: datetime
    state: str
    reason: str = ""
    occurrence: str = ""
    """What makes it one among several of its kind and order; empty for what happens once per order."""
    data: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """`woo_status` at that time; `from` and `to` of a change of status; the `refund`."""


def due_events(
    order: OrderRecord,
    known: Known | None,
    recorded: Collection[str],
    situation: Situation,
    *,
    newer: bool = True,
    refunds: Collection[RefundRecord] = (),
) -> list[Due]:
    """Return the events of `order` to record now, Submitted before Payment.

    `recorded`: kinds that have a row already, fired or suppressed; of refunds `order_refunded:<refund id>`. `newer`:
    this version is newer than the one known. `refunds`: those of the order that were read, with their times.
    """
    if order.is_draft or _is_history(order, situation):
        return []
    due = []
    if ORDER_SUBMITTED not in recorded and (submitted := _submitted(order, known, situation)):
        due.append(submitted)
    if PAYMENT_RECEIVED not in recorded and (payment := _payment(order, known, situation)):
        due.append(payment)
    if situation.orders_on or recorded or any(one.state == "fired" for one in due):
        if newer and known is not None and (changed := _status_changed(order, known, situation)):
            due.append(changed)
        if COMPLETED not in recorded and (completed := _completed(order, situation)):
            due.append(completed)
        due.extend(_refunded(order, recorded, refunds, situation))
    return due


def refund_key(refund_id: int) -> str:
    """Return what stands in `recorded` for the event of a refund."""
    return f"{REFUNDED}:{refund_id}"


def _is_history(order: OrderRecord, situation: Situation) -> bool:
    """Whether nothing about the order is after T0: the common case, left at once."""
    if order.placed_at >= situation.t0:
        return False
    if order.modified_at is not None and order.modified_at < situation.t0:
        return True
    paid = paid_time(order)
    touched = (paid, order.completed_at, order.modified_at)
    return not order.refunds and all(one is None or one < situation.t0 for one in touched)


def _submitted(order: OrderRecord, known: Known | None, situation: Situation) -> Due | None:
    if order.placed_at < situation.t0:
        return None
    if order.status in _ENDED or not usable_email(order.email):
        return None  # it waits: it fires if the order later reaches a real status, or gets an e-mail
    occurred = order.placed_at
    if known is not None and not (_is_real(known.woo_status) and known.had_email):
        occurred = order.modified_at or order.placed_at  # a condition came true later
    return _judge(
        ORDER_SUBMITTED, order, occurred, situation, on=situation.submitted_on, since=situation.submitted_on_since
    )


def _payment(order: OrderRecord, known: Known | None, situation: Situation) -> Due | None:
    occurred = paid_time(order)
    if occurred is None or occurred < situation.t0:
        return None
    first_seen = known is None or (known.by_import_only and known.woo_status in _ENDED)
    if order.status in _ENDED and first_seen:
        return Due(PAYMENT_RECEIVED, occurred, "suppressed", "already_cancelled")
    return _judge(
        PAYMENT_RECEIVED, order, occurred, situation, on=situation.payment_on, since=situation.payment_on_since
    )


def _status_changed(order: OrderRecord, known: Known, situation: Situation) -> Due | None:
    before, after = known.woo_status, order.status
    occurred = order.modified_at or order.placed_at
    if not known.stored or before == after or before in DRAFT_STATUSES or occurred < situation.t0:
        return None
    occurrence = f"{before}>{after}@{occurred.isoformat().replace('+00:00', 'Z')}"
    if len(occurrence) > _LONGEST:
        occurrence = hashlib.sha256(occurrence.encode()).hexdigest()
    return _judge(STATUS_CHANGED, order, occurred, situation, occurrence=occurrence, data={"from": before, "to": after})


def _completed(order: OrderRecord, situation: Situation) -> Due | None:
    if order.status != "completed" or order.completed_at is None or order.completed_at < situation.t0:
        return None
    return _judge(COMPLETED, order, order.completed_at, situation)


def _refunded(
    order: OrderRecord, recorded: Collection[str], refunds: Collection[RefundRecord], situation: Situation
) -> Iterator[Due]:
    """Yield one event per refund above zero; in full is the one with which nothing of the order is left."""
    so_far = 0
    told = {one.woo_id: one for one in refunds}
    for refund_id, amount in sorted(order.refunds):
        so_far += amount
        refund = told.get(refund_id)
        if refund is None or amount <= 0 or refund.occurred_at < situation.t0 or refund_key(refund_id) in recorded:
            continue
        facts = {
            "id": refund_id,
            "amount": money.to_text(amount),
            "kind": "full" if so_far >= order.total else "partial",
            "reason": refund.reason,
            "occurred_at": refund.occurred_at.isoformat().replace("+00:00", "Z"),
        }
        data = {"refund": facts}
        yield _judge(REFUNDED, order, refund.occurred_at, situation, occurrence=str(refund_id), data=data)


def _judge(
    kind: str,
    order: OrderRecord,
    occurred: datetime,
    situation: Situation,
    *,
    on: bool = True,
    since: datetime | None = None,
    occurrence: str = "",
    data: Mapping[str, Any] | None = None,
) -> Due:
    state, reason = _verdict(kind, order, occurred, situation, on=on, since=since)
    # The status at that time: what a rehearsal knows of an order's past.
    return Due(kind, occurred, state, reason, occurrence, {"woo_status": order.status, **(data or {})})


def _verdict(
    kind: str, order: OrderRecord, occurred: datetime, situation: Situation, *, on: bool, since: datetime | None
) -> tuple[str, str]:
    if order.woo_id in situation.history_order_ids and kind == ORDER_SUBMITTED:
        return "suppressed", "before_t0"
    if not on or (since is not None and occurred < since):
        return "suppressed", "switch_off"
    if situation.restored_at is not None and occurred < situation.restored_at:
        return "suppressed", "restored"
    # A creation date in the future counts as age 0.
    if situation.store_now - occurred > lateness_limit(kind):
        return "suppressed", "too_late"
    return "fired", ""


def lateness_limit(kind: str) -> timedelta:
    """Return the age above which an event of `kind` starts nothing by itself."""
    return TRIGGERS[kind].lateness_limit


def _is_real(status: str) -> bool:
    return status not in _ENDED and status not in DRAFT_STATUSES
