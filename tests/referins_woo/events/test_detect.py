"""Which events an order is due: every sentence of the trigger semantics as a case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from referins_woo.commerce.records import OrderRecord, RefundRecord
from referins_woo.events.detect import Due, Known, Situation, due_events, refund_key

T0 = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOW = T0 + timedelta(hours=2)
PLACED = T0 + timedelta(hours=1)
LATER = T0 + timedelta(hours=1, minutes=30)

SITUATION = Situation(t0=T0, store_now=NOW, submitted_on=True, payment_on=True)


def order(**change: object) -> OrderRecord:
    """An unpaid, pending order placed an hour after T0."""
    base = OrderRecord(
        woo_id=7,
        number="7",
        order_key="k",
        status="pending",
        currency="EUR",
        total=100_000,
        total_tax=0,
        discount_total=0,
        shipping_total=0,
        prices_include_tax=False,
        woo_customer_id=0,
        email="ada@example.com",
        billing={},
        shipping={},
        payment_method="",
        payment_method_title="",
        payment_reference="",
        created_via="checkout",
        customer_note="",
        payment_url="",
        coupons=(),
        refunds=(),
        placed_at=PLACED,
        placed_local="2026-11-20T08:00:00",
        modified_at=PLACED,
        paid_at=None,
        completed_at=None,
        lines=(),
        content_hash="h",
    )
    return replace(base, **change)  # type: ignore[arg-type]


def due(
    record: OrderRecord, known: Known | None = None, recorded: set[str] | None = None, **situation: object
) -> list[Due]:
    """What the order is due in the usual situation, changed as said."""
    return due_events(record, known, recorded or set(), replace(SITUATION, **situation))  # type: ignore[arg-type]


SUBMITTED = Due("order_submitted", PLACED, "fired")


@pytest.mark.parametrize("status", ["pending", "processing", "on-hold", "completed", "shipped"])
def test_a_real_status_with_an_email_is_submitted_at_its_creation(status: str) -> None:
    assert due(order(status=status))[0] == SUBMITTED


@pytest.mark.parametrize("status", ["draft", "auto-draft", "checkout-draft", "trash"])
def test_a_draft_is_nothing_yet(status: str) -> None:
    assert due(order(status=status, paid_at=LATER)) == []


@pytest.mark.parametrize("status", ["failed", "cancelled", "refunded"])
def test_an_order_first_seen_ended_waits_and_fires_when_it_becomes_real(status: str) -> None:
    assert due(order(status=status)) == []
    revived = order(status="processing", modified_at=LATER)
    found = due(revived, Known(status, had_email=True))
    assert found[0] == Due("order_submitted", LATER, "fired")
    assert [one.kind for one in found[1:]] == ["order_status_changed"]


def test_an_email_that_comes_later_counts_from_then() -> None:
    assert due(order(email="")) == []
    assert due(order(modified_at=LATER), Known("pending", had_email=False)) == [Due("order_submitted", LATER, "fired")]


def test_a_checkout_draft_that_becomes_an_order_counts_from_then() -> None:
    record = order(modified_at=LATER)
    assert due(record, Known("checkout-draft", had_email=True)) == [Due("order_submitted", LATER, "fired")]


@pytest.mark.parametrize("email", ["", "nobody", "deleted@site.invalid", "a@b"])
def test_without_a_usable_email_nothing_is_submitted(email: str) -> None:
    assert due(order(email=email)) == []


def test_once_per_order() -> None:
    assert due(order(), recorded={"order_submitted"}) == []
    assert due(order(paid_at=LATER), recorded={"order_submitted", "payment_received"}) == []


def test_first_seen_paid_is_submitted_then_paid_in_that_order() -> None:
    assert due(order(status="processing", paid_at=LATER)) == [SUBMITTED, Due("payment_received", LATER, "fired")]


def test_cash_on_delivery_is_not_paid_at_processing_but_when_completed() -> None:
    assert due(order(status="processing")) == [SUBMITTED]
    completed = order(status="completed", completed_at=LATER)
    assert due(completed, Known("processing", had_email=True), {"order_submitted"})[0] == Due(
        "payment_received", LATER, "fired"
    )
    without_date = order(status="completed", modified_at=LATER)
    assert due(without_date, Known("processing", had_email=True), {"order_submitted"})[0].occurred_at == LATER


def test_a_zero_total_is_recorded_as_paid() -> None:
    assert [one.kind for one in due(order(total=0, paid_at=LATER, status="completed"))] == [
        "order_submitted",
        "payment_received",
    ]


@pytest.mark.parametrize("status", ["failed", "cancelled", "refunded"])
def test_first_seen_ended_neither_fires_even_if_paid(status: str) -> None:
    assert due(order(status=status, paid_at=LATER)) == [
        Due("payment_received", LATER, "suppressed", "already_cancelled")
    ]
    by_import = Known(status, had_email=True, by_import_only=True)
    assert due(order(status=status, paid_at=LATER), by_import)[0].reason == "already_cancelled"


def test_cancelled_after_it_was_seen_and_paid_in_between_still_counts_as_paid() -> None:
    record = order(status="cancelled", paid_at=LATER)
    assert due(record, Known("pending", had_email=True), {"order_submitted"})[0] == Due(
        "payment_received", LATER, "fired"
    )


def test_history_is_silent() -> None:
    old = order(placed_at=T0 - timedelta(seconds=1))
    assert due(old) == []
    assert due(replace(old, paid_at=T0 - timedelta(seconds=1))) == []


def test_after_means_from_that_second_on() -> None:
    assert due(order(placed_at=T0))[0].occurred_at == T0


def test_an_old_unpaid_order_paid_after_t0_fires_payment_only() -> None:
    old = order(placed_at=T0 - timedelta(days=3), paid_at=LATER, status="processing")
    assert due(old) == [Due("payment_received", LATER, "fired")]


def test_an_order_dated_after_t0_that_the_store_had_at_t0_is_history() -> None:
    assert due(order(), history_order_ids={7}) == [Due("order_submitted", PLACED, "suppressed", "before_t0")]


def test_a_creation_date_in_the_future_counts_as_age_zero() -> None:
    ahead = NOW + timedelta(days=30)
    assert due(order(placed_at=ahead)) == [Due("order_submitted", ahead, "fired")]


def test_a_late_event_is_recorded_and_starts_nothing() -> None:
    just, over = PLACED + timedelta(hours=24), PLACED + timedelta(hours=24, seconds=1)
    assert due(order(), store_now=just) == [SUBMITTED]
    assert due(order(), store_now=over) == [Due("order_submitted", PLACED, "suppressed", "too_late")]


def test_a_switch_that_is_off_suppresses_for_good() -> None:
    assert due(order(), submitted_on=False) == [Due("order_submitted", PLACED, "suppressed", "switch_off")]
    assert due(order(), submitted_on_since=LATER) == [Due("order_submitted", PLACED, "suppressed", "switch_off")]
    assert due(order(), submitted_on_since=PLACED) == [SUBMITTED]
    paid = order(placed_at=T0 - timedelta(days=1), paid_at=LATER)
    assert due(paid, payment_on=False) == [Due("payment_received", LATER, "suppressed", "switch_off")]


def test_an_import_racing_a_webhook_swallows_nothing() -> None:
    assert due(order(), Known("pending", had_email=True, by_import_only=True)) == [SUBMITTED]


def changed(kind: str, found: list[Due]) -> list[Due]:
    """Those of one kind."""
    return [one for one in found if one.kind == kind]


SEEN = Known("pending", had_email=True)
RECORDED = {"order_submitted", "payment_received"}


def test_status_changed_needs_a_stored_from() -> None:
    record = order(status="processing", modified_at=LATER)
    [found] = due(record, SEEN, RECORDED)
    occurrence = "pending>processing@2026-11-20T13:30:00Z"
    assert found == Due("order_status_changed", LATER, "fired", "", occurrence)
    assert (found.data["from"], found.data["to"]) == ("pending", "processing")
    assert changed("order_status_changed", due(record)) == []
    assert changed("order_status_changed", due(record, replace(SEEN, stored=False))) == []


def test_a_status_that_stays_is_no_change_nor_is_one_from_a_draft() -> None:
    assert due(order(modified_at=LATER), SEEN, RECORDED) == []
    assert due(order(modified_at=LATER), Known("checkout-draft", had_email=True), RECORDED) == []


def test_states_that_collapsed_between_two_looks_are_not_invented() -> None:
    found = due(order(status="completed", completed_at=LATER, modified_at=LATER), SEEN, RECORDED)
    assert [one.occurrence for one in changed("order_status_changed", found)] == [
        "pending>completed@2026-11-20T13:30:00Z"
    ]


def test_an_older_delivery_turns_no_status_back() -> None:
    record = order(status="pending")
    assert due_events(record, Known("processing", had_email=True), RECORDED, SITUATION, newer=False) == []


def test_a_change_of_status_before_t0_is_history() -> None:
    old = order(placed_at=T0 - timedelta(days=1), modified_at=T0 - timedelta(seconds=1), status="processing")
    assert due(old, SEEN) == []
    assert changed("order_status_changed", due(replace(old, modified_at=T0), SEEN))


def test_a_status_that_a_plugin_named_at_length_still_makes_a_key_that_fits() -> None:
    [found] = due(order(status="x" * 60, modified_at=LATER), Known("y" * 60, had_email=True), RECORDED)
    assert len(found.occurrence) <= 80


def test_order_completed_once_per_order_at_its_own_time() -> None:
    record = order(status="completed", completed_at=LATER, paid_at=PLACED)
    completed = Due("order_completed", LATER, "fired")
    assert changed("order_completed", due(record)) == [completed]
    assert changed("order_completed", due(record, SEEN, RECORDED)) == [completed]
    assert changed("order_completed", due(record, SEEN, {*RECORDED, "order_completed"})) == []
    assert changed("order_completed", due(replace(record, completed_at=T0 - timedelta(seconds=1)))) == []
    assert changed("order_completed", due(replace(record, completed_at=None))) == []
    assert changed("order_completed", due(replace(record, status="processing"))) == []


def test_an_import_that_brought_the_completed_order_swallows_nothing() -> None:
    record = order(status="completed", completed_at=LATER)
    by_import = Known("completed", had_email=True, by_import_only=True)
    assert changed("order_completed", due(record, by_import))


def refund(refund_id: int, amount: int, at: datetime = LATER) -> RefundRecord:
    """A refund of the order."""
    return RefundRecord(refund_id, 7, amount, "broken", at)


def refunded(record: OrderRecord, *refunds: RefundRecord, recorded: set[str] = RECORDED) -> list[tuple[str, str, str]]:
    """Refund id, full or partial, and state of every refund that is due an event."""
    found = due_events(record, SEEN, recorded, SITUATION, newer=False, refunds=refunds)
    return [(one.occurrence, one.data["refund"]["kind"], one.state) for one in changed("order_refunded", found)]


def test_order_refunded_once_per_refund_above_zero() -> None:
    first, second, none = refund(11, 40_000), refund(12, 60_000), refund(13, 0)
    record = order(refunds=((11, 40_000), (12, 60_000), (13, 0)))
    assert refunded(record, second, first, none) == [("11", "partial", "fired"), ("12", "full", "fired")]
    assert refunded(record, first, second, none, recorded={*RECORDED, refund_key(11)}) == [("12", "full", "fired")]
    assert refunded(record, second) == [("12", "full", "fired")]


def test_a_refund_before_t0_is_history_and_a_late_one_starts_nothing() -> None:
    record = order(refunds=((11, 40_000),))
    assert refunded(record, refund(11, 40_000, T0 - timedelta(seconds=1))) == []
    late = replace(SITUATION, store_now=LATER + timedelta(hours=24, seconds=1))
    [found] = due_events(record, SEEN, RECORDED, late, newer=False, refunds=[refund(11, 40_000)])
    assert (found.state, found.reason) == ("suppressed", "too_late")


def test_a_refund_of_an_old_order_counts_by_its_own_time() -> None:
    old = order(placed_at=T0 - timedelta(days=9), modified_at=LATER, refunds=((11, 40_000),))
    assert refunded(old, refund(11, 40_000)) == [("11", "partial", "fired")]


def test_with_orders_off_only_orders_in_a_story_have_further_events() -> None:
    record = order(status="completed", completed_at=LATER, modified_at=LATER)
    off = replace(SITUATION, orders_on=False, submitted_on=False, payment_on=False)
    assert {one.kind for one in due_events(record, SEEN, (), off)} == {"order_submitted", "payment_received"}
    assert {one.kind for one in due_events(record, SEEN, RECORDED, off)} == {"order_status_changed", "order_completed"}


def test_a_refund_neither_fires_nor_unfires_a_payment() -> None:
    refunded_part = order(status="processing", paid_at=LATER, refunds=((11, 40_000),))
    assert [one.kind for one in due(refunded_part)][:2] == ["order_submitted", "payment_received"]
    unpaid = order(refunds=((11, 40_000),))
    assert "payment_received" not in [one.kind for one in due(unpaid, SEEN, {"order_submitted"})]
    in_full = order(status="refunded", paid_at=LATER, modified_at=LATER)
    assert "payment_received" not in [one.kind for one in due(in_full, Known("processing", had_email=True), RECORDED)]


def test_a_payment_stamped_by_our_own_write_is_a_payment_like_any_other() -> None:
    """Delivered here on a cash order: the echo shows it completed and paid, like any other change."""
    echo = order(status="completed", paid_at=LATER, completed_at=LATER, modified_at=LATER)
    kinds = [one.kind for one in due(echo, Known("processing", had_email=True), {"order_submitted"})]
    assert kinds == ["payment_received", "order_status_changed", "order_completed"]
