"""A change goes to the store once, and what becomes of it has a name, whatever the store answers."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from referins_woo import clock, lease, queues
from referins_woo.commerce.models import Order
from referins_woo.process import Process
from referins_woo.stores.models import Store
from referins_woo.writeback import jobs, outbox, send, verdict
from referins_woo.writeback.fulfil import NotConfirmed, Wanted, fulfil
from referins_woo.writeback.models import StoreWrite
from tests.conftest import ClockHand
from tests.referins_woo.events.test_detect import order as order_record
from tests.referins_woo.stores.conftest import RecordedShop, raising

PATH = "orders/4812"


def shown(status: str = "processing", **changes: Any) -> dict[str, Any]:
    """The order as the shop shows it."""
    raw = {
        "id": 4812,
        "number": "4812",
        "status": status,
        "currency": "EUR",
        "total": "147.37",
        "date_created": "2026-11-20T09:03:11",
        "date_created_gmt": "2026-11-20T14:03:11",
        "date_modified_gmt": "2026-11-20T14:04:00",
        "date_paid_gmt": "2026-11-20T14:03:11",
        "refunds": [],
        "line_items": [],
    }
    return {**raw, **changes}


@pytest.fixture
def write_id(ready: Process, order_id: int) -> int:
    """The order was delivered here; its change waits."""
    with ready.database.unit() as session:
        order = session.get_one(Order, order_id)
        done = fulfil(session, order, Wanted(state="delivered"), clock.now(), "you@x.eu")
        assert done.write is not None
        return done.write.id


def _read(process: Process, write_id: int) -> StoreWrite:
    with process.database.reading() as session:
        return session.get_one(StoreWrite, write_id)


def _puts(shop: RecordedShop) -> list[Any]:
    return [call.body for call in shop.asked("PUT", PATH)]


def test_it_is_looked_at_sent_alone_and_verified_by_the_answer(
    ready: Process, shop: RecordedShop, store_id: int, write_id: int, bells: queues.MemoryBells
) -> None:
    shop.says("GET", PATH, shown())
    shop.says("PUT", PATH, shown("completed", date_modified_gmt="2026-11-25T10:00:00"))
    assert send.push(ready, store_id) is False
    write = _read(ready, write_id)
    assert (write.state, write.error, write.attempts) == ("done", "", 1)
    assert write.answer == {"id": 4812, "status": "completed", "date_modified_gmt": "2026-11-25T10:00:00+00:00"}
    assert _puts(shop) == [{"status": "completed"}]
    assert ("bulk", "catch_up", (store_id,)) in bells.pending
    send.push(ready, store_id)
    assert len(_puts(shop)) == 1


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (shown("on-hold"), "now shows “on-hold”"),
        (shown("refunded"), "now shows “refunded”"),
        (shown("trash"), "now shows “trash”"),
        (shown(refunds=[{"id": 5, "total": "-1.00"}]), "refunded in WooCommerce"),
        (shown(date_paid_gmt=None), "payment has changed"),
    ],
)
def test_where_the_store_shows_something_newer_it_is_refused(
    ready: Process, shop: RecordedShop, store_id: int, write_id: int, now: dict[str, Any], words: str
) -> None:
    shop.says("GET", PATH, now)
    send.push(ready, store_id)
    write = _read(ready, write_id)
    assert write.state == "refused" and words in write.error
    assert _puts(shop) == []


def test_what_the_store_shows_already_is_done_without_a_write(
    ready: Process, shop: RecordedShop, store_id: int, write_id: int
) -> None:
    shop.says("GET", PATH, shown("completed"))
    send.push(ready, store_id)
    assert _read(ready, write_id).state == "done"
    assert _puts(shop) == []


def test_an_order_that_is_gone_there_is_refused(
    ready: Process, shop: RecordedShop, store_id: int, write_id: int
) -> None:
    shop.plays("GET", PATH, "orders/single-404")
    send.push(ready, store_id)
    write = _read(ready, write_id)
    assert (write.state, write.error) == ("refused", "The order is no longer in WooCommerce.")


def test_an_order_that_goes_between_look_and_write_is_refused(
    ready: Process, shop: RecordedShop, store_id: int, write_id: int
) -> None:
    shop.says("GET", PATH, shown())
    shop.plays("PUT", PATH, "errors/put-unknown-order")
    send.push(ready, store_id)
    assert _read(ready, write_id).state == "refused"


def test_a_store_that_says_no_makes_it_fail_and_an_answer_that_shows_another_status_too(
    ready: Process, shop: RecordedShop, store_id: int, write_id: int
) -> None:
    shop.says("GET", PATH, shown())
    shop.plays("PUT", PATH, "errors/unknown-status")
    send.push(ready, store_id)
    write = _read(ready, write_id)
    assert write.state == "failed" and "refused it" in write.error
    with ready.database.unit() as session:
        outbox.send_again(session, session.get_one(StoreWrite, write_id), clock.now())
    shop.says("PUT", PATH, shown("pending"))  # ignored with 200
    send.push(ready, store_id)
    write = _read(ready, write_id)
    assert write.state == "failed" and "shows “pending”" in write.error


def test_429_waits_as_long_as_the_store_asks_and_goes_out_then(
    ready: Process, shop: RecordedShop, store_id: int, write_id: int, clock: ClockHand
) -> None:
    shop.says("GET", PATH, shown())
    shop.says("PUT", PATH, {"code": "slow", "message": "Slow down"}, status=429, **{"Retry-After": "120"})
    send.push(ready, store_id)
    write = _read(ready, write_id)
    assert write.state == "waiting" and write.error
    shop.says("PUT", PATH, shown("completed"))
    clock.advance(seconds=60)
    send.push(ready, store_id)
    assert _read(ready, write_id).state == "waiting"
    clock.advance(seconds=300)
    send.push(ready, store_id)
    assert _read(ready, write_id).state == "done"


def test_a_lost_answer_is_settled_by_a_look_and_never_by_a_guess(
    ready: Process, shop: RecordedShop, store_id: int, write_id: int, clock: ClockHand
) -> None:
    """Whether the store did it or not: the order there tells."""
    shop.says("GET", PATH, shown())
    shop.does("PUT", PATH, raising("timeout"))
    send.push(ready, store_id)
    assert _read(ready, write_id).state == "unknown"
    shop.says("PUT", PATH, shown("completed"))
    send.push(ready, store_id)
    assert len(_puts(shop)) == 1, "the store may still be at it"
    clock.advance(seconds=600)
    shop.says("GET", PATH, shown("completed"))
    send.push(ready, store_id)
    write = _read(ready, write_id)
    assert (write.state, len(_puts(shop))) == ("done", 1)


def test_after_a_5xx_that_did_nothing_it_is_sent_again(
    ready: Process, shop: RecordedShop, store_id: int, write_id: int, clock: ClockHand
) -> None:
    shop.says("GET", PATH, shown())
    shop.plays("PUT", PATH, "site-states/php-fatal-in-rest-put-product-stock")
    send.push(ready, store_id)
    assert _read(ready, write_id).state == "unknown"
    clock.advance(seconds=600)
    shop.says("PUT", PATH, shown("completed"))
    send.push(ready, store_id)
    assert _read(ready, write_id).state == "done"
    assert len(_puts(shop)) == 2


def test_a_store_that_is_down_keeps_it_waiting_and_after_three_days_it_has_failed(
    ready: Process, shop: RecordedShop, store_id: int, write_id: int, clock: ClockHand
) -> None:
    shop.does("GET", PATH, raising("refused"))
    send.push(ready, store_id)
    assert _read(ready, write_id).state == "waiting"
    clock.advance(days=4)
    send.push(ready, store_id)
    write = _read(ready, write_id)
    assert write.state == "failed" and "three days" in write.error
    assert _puts(shop) == []


def test_it_is_held_while_the_store_needs_reconnecting_and_goes_out_afterwards(
    ready: Process, shop: RecordedShop, store_id: int, write_id: int, clock: ClockHand
) -> None:
    for cause in ("key_revoked", "read_only_key"):
        with ready.database.unit() as session:
            values = {"state": "needs_reconnect", "cause": cause}
            session.execute(update(Store).where(Store.id == store_id).values(values))
        shop.says("GET", PATH, shown())
        clock.advance(minutes=2)
        send.push(ready, store_id)
        write = _read(ready, write_id)
        assert write.state == "waiting" and write.error.startswith("Held until the store is reconnected")
        assert write.attempts == 0, "it is not even tried"
    assert _puts(shop) == []
    with ready.database.unit() as session:
        session.execute(update(Store).where(Store.id == store_id).values(state="connected", cause="ok"))
    shop.says("PUT", PATH, shown("completed"))
    clock.advance(minutes=2)
    send.push(ready, store_id)
    assert _read(ready, write_id).state == "done"


def test_a_disconnected_store_makes_it_fail(ready: Process, shop: RecordedShop, store_id: int, write_id: int) -> None:
    with ready.database.unit() as session:
        session.execute(update(Store).where(Store.id == store_id).values(state="disconnected"))
    send.push(ready, store_id)
    write = _read(ready, write_id)
    assert (write.state, write.error) == ("failed", "This store is not connected.")


class _KilledError(BaseException):
    """kill -9, as far as a test can: nothing after it runs."""


@pytest.mark.parametrize("did_it", [True, False])
def test_a_worker_that_dies_while_it_sends_leaves_what_a_look_settles(
    ready: Process, shop: RecordedShop, store_id: int, write_id: int, did_it: bool, clock: ClockHand
) -> None:
    def dies(call: Any) -> Any:
        raise _KilledError

    shop.says("GET", PATH, shown())
    shop.does("PUT", PATH, dies)
    with pytest.raises(_KilledError):
        send.push(ready, store_id)
    assert _read(ready, write_id).state == "sending"
    shop.says("GET", PATH, shown("completed") if did_it else shown())
    shop.says("PUT", PATH, shown("completed"))
    assert send.push(ready, store_id) is False, "its lease still holds"
    clock.advance(seconds=301)
    send.push(ready, store_id)
    assert _read(ready, write_id).state == "done"
    assert len(_puts(shop)) == (1 if did_it else 2)


def test_a_worker_that_slept_past_its_lease_writes_nothing(
    ready: Process, shop: RecordedShop, store_id: int, write_id: int, clock: ClockHand
) -> None:
    def sleeps(call: Any) -> Any:
        clock.advance(seconds=301)
        with ready.database.unit() as session:
            assert lease.acquire(session, f"writes:{store_id}", "another", 300) is not None
        return shop.recorded("orders/single-404")

    shop.does("GET", PATH, sleeps)
    assert send.push(ready, store_id) is False
    assert _read(ready, write_id).state == "waiting"


def test_one_that_was_taken_back_meanwhile_is_not_sent(
    ready: Process, shop: RecordedShop, store_id: int, order_id: int, write_id: int
) -> None:
    with ready.database.unit() as session:
        order = session.get_one(Order, order_id)
        done = fulfil(session, order, Wanted(state="not_delivered"), clock_now(), "you@x.eu")
        assert "not told any more" in done.words
    send.push(ready, store_id)
    write = _read(ready, write_id)
    assert (write.state, _puts(shop)) == ("refused", [])


def clock_now() -> Any:
    return clock.now()


def test_delivered_twice_is_one_change_and_later_ones_count_on(ready: Process, order_id: int, write_id: int) -> None:
    with ready.database.unit() as session:
        order = session.get_one(Order, order_id)
        again = outbox.complete_order(session, order, clock.now(), "you@x.eu")
        assert again.id == write_id
        again.state = "failed"
        session.flush()
        newer = outbox.complete_order(session, order, clock.now(), "you@x.eu")
        assert (newer.revision, newer.state) == (2, "waiting")
        with pytest.raises(Exception, match="newer change"):
            outbox.send_again(session, session.get_one(StoreWrite, write_id), clock.now())
        with pytest.raises(Exception, match="nothing to send again"):
            outbox.send_again(session, newer, clock.now())


def test_an_unpaid_order_is_completed_only_once_somebody_confirms_it(ready: Process, order_id: int) -> None:
    with ready.database.unit() as session:
        order = session.get_one(Order, order_id)
        order.woo_status, order.paid_at = "on-hold", None
        with pytest.raises(NotConfirmed, match="paid in WooCommerce"):
            fulfil(session, order, Wanted(state="delivered"), clock.now(), "you@x.eu")
        assert order.delivery_status == "not_delivered"
        done = fulfil(session, order, Wanted(state="delivered", confirmed=True), clock.now(), "you@x.eu")
        assert done.write is not None and done.write.expected["status"] == "on-hold"


@pytest.mark.parametrize("status", ["cancelled", "failed", "refunded"])
def test_nothing_is_sent_for_orders_that_came_to_nothing(ready: Process, order_id: int, status: str) -> None:
    with ready.database.unit() as session:
        order = session.get_one(Order, order_id)
        order.woo_status = status
        done = fulfil(session, order, Wanted(state="delivered"), clock.now(), "you@x.eu")
        assert (done.write, order.delivery_status) == (None, "delivered")
        assert status in done.words
        assert session.scalars(select(StoreWrite)).all() == []


def test_the_sweep_rings_for_what_nobody_sends(
    ready: Process, store_id: int, write_id: int, bells: queues.MemoryBells, clock: ClockHand
) -> None:
    bells.pending.clear()
    jobs.ring_for_writes()
    assert ("bulk", "push_writes", (store_id,)) in bells.pending
    bells.pending.clear()
    with ready.database.unit() as session:
        session.execute(update(StoreWrite).values(state="done"))
    jobs.ring_for_writes()
    assert bells.pending == []


def test_a_record_that_cannot_be_read_is_no_success(
    ready: Process, shop: RecordedShop, store_id: int, write_id: int
) -> None:
    shop.says("GET", PATH, shown(total="a lot"))
    send.push(ready, store_id)
    write = _read(ready, write_id)
    assert write.state == "failed" and "cannot be read" in write.error
    assert verdict.judge({"status": "completed"}, {}, None).act == verdict.REFUSED


def test_an_echo_that_overtakes_the_answer_is_known_too(ready: Process, store_id: int, write_id: int) -> None:
    records = [order_record(woo_id=4812, status="completed"), order_record(woo_id=1, status="processing")]
    for state, known in (("waiting", False), ("sending", True)):
        with ready.database.unit() as session:
            write = session.get_one(StoreWrite, write_id)
            write.state = state
            session.flush()
            outbox.note_echoes(session, store_id, records, clock.now())
            session.refresh(write)
            assert (write.echoed_at is not None) is known
