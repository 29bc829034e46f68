"""Before a reminder the order is read live: sent only to who has not paid, and never guessed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from referins_woo.commerce.models import Order
from referins_woo.commerce.records import OrderRecord, Unreadable
from referins_woo.errors import Final, RetryLater, StoreMustReconnect
from referins_woo.runs import jobs, reread
from referins_woo.runs.models import Run
from referins_woo.stores.models import Store
from referins_woo.stores.view import view_of


@dataclass
class FakeShop:
    """Answers for a store: what each order is there, or the error that asking raises."""

    answers: dict[int, Any] = field(default_factory=dict)
    closed: Exception | None = None
    asked: list[int] = field(default_factory=list)
    while_asked: Callable[[], None] | None = None

    def open(self, process: Any, store_id: int) -> Any:
        """Stand in for `open_store`."""
        if self.closed is not None:
            raise self.closed
        with process.database.reading() as session:
            return FakeDoor(self, view_of(session.get_one(Store, store_id)))


@dataclass
class FakeDoor:
    """Stands in for a Door, as far as re-reading uses it."""

    shop: FakeShop
    store: Any

    def order(self, woo_id: int) -> Any:
        """Return or raise the prepared answer."""
        self.shop.asked.append(woo_id)
        if self.shop.while_asked is not None:
            self.shop.while_asked()
        answer = self.shop.answers[woo_id]
        if isinstance(answer, Exception):
            raise answer
        return answer


def record(woo_id: int, placed: datetime, **values: Any) -> OrderRecord:
    """An order as the store shows it: unpaid unless told otherwise."""
    columns: dict[str, Any] = {
        "number": str(woo_id),
        "order_key": "wc",
        "status": "pending",
        "currency": "EUR",
        "total": 599_000,
        "total_tax": 0,
        "discount_total": 0,
        "shipping_total": 0,
        "prices_include_tax": False,
        "woo_customer_id": 0,
        "email": "ada@example.com",
        "billing": {"first_name": "Ada"},
        "shipping": {},
        "payment_method": "",
        "payment_method_title": "",
        "payment_reference": "",
        "created_via": "checkout",
        "customer_note": "",
        "payment_url": "https://shop.example/pay",
        "coupons": (),
        "refunds": (),
        "placed_at": placed,
        "placed_local": placed.isoformat()[:19],
        "modified_at": placed,
        "paid_at": None,
        "completed_at": None,
        "lines": (),
        "content_hash": f"fresh-{values.get('status')}",
        **values,
    }
    return OrderRecord(woo_id=woo_id, **columns)


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> FakeShop:
    """The shop's own side."""
    fake = FakeShop()
    monkeypatch.setattr(reread.reread_batch, "__kwdefaults__", {"limit": reread.BATCH, "opened": fake.open})
    return fake


@pytest.fixture
def due(shop: Any, clock: Any, remote: FakeShop) -> tuple[int, datetime]:
    """An unpaid order whose first reminder is due; returns its Woo id and when it was placed."""
    shop.live("pending_payment_reminder")
    placed = clock.now().replace(microsecond=0)
    order_id = shop.submitted(placed_at=placed, modified_at=placed, observed=True)
    shop.work()
    clock.advance(hours=1, seconds=1)
    shop.work()
    with shop.database.reading() as session:
        woo_id = session.scalar(select(Order.woo_id).where(Order.id == order_id))
    assert woo_id is not None
    remote.answers[woo_id] = record(woo_id, placed)
    return woo_id, placed


def test_who_has_not_paid_gets_the_reminder_and_a_last_one_a_day_later(
    shop: Any, clock: Any, remote: FakeShop, due: tuple[int, datetime]
) -> None:
    woo_id, _ = due
    jobs.reread_runs()
    [message] = shop.messages()
    assert message.template["subject"].startswith("Your order")
    assert message.facts["order"]["pay_link"] == "https://shop.example/pay"
    assert message.not_after is not None
    assert timedelta(minutes=59) < message.not_after - clock.now() <= timedelta(hours=1)
    [run] = shop.runs()
    assert (run.state, run.lease_token, run.attempts) == ("waiting", "", 0)
    clock.advance(hours=24, seconds=1)
    shop.work()
    assert shop.runs()[0].state == "rereading"
    jobs.reread_runs()
    assert len(shop.messages()) == 2
    assert shop.runs()[0].state == "done"
    assert remote.asked == [woo_id, woo_id]


def test_who_has_paid_meanwhile_gets_none_although_no_webhook_said_so(
    shop: Any, clock: Any, remote: FakeShop, due: tuple[int, datetime]
) -> None:
    woo_id, placed = due
    paid = clock.now().replace(microsecond=0)
    remote.answers[woo_id] = record(woo_id, placed, status="processing", paid_at=paid, modified_at=paid)
    jobs.reread_runs()
    assert shop.messages() == []
    assert [(run.state, run.ended_reason) for run in shop.runs()] == [("exited", "paid")]
    assert [event.kind for event in shop.events()][:2] == ["order_submitted", "payment_received"]


def test_an_order_that_is_gone_ends_its_run_and_is_noted(
    shop: Any, remote: FakeShop, due: tuple[int, datetime]
) -> None:
    remote.answers[due[0]] = None
    jobs.reread_runs()
    assert [(run.state, run.ended_reason) for run in shop.runs()] == [("exited", "gone")]
    with shop.database.reading() as session:
        assert session.scalar(select(Order.gone_at)) is not None


@pytest.mark.parametrize(
    "trouble",
    [RetryLater("The store is down.", 120), StoreMustReconnect("The keys are refused.", "key_revoked")],
    ids=["unreachable", "reconnect"],
)
@pytest.mark.parametrize("when", ["opening", "reading"])
def test_while_the_store_cannot_be_reached_the_reminder_waits(
    shop: Any, clock: Any, remote: FakeShop, due: tuple[int, datetime], trouble: Exception, when: str
) -> None:
    woo_id, placed = due
    if when == "opening":
        remote.closed = trouble
    else:
        remote.answers[woo_id] = trouble
    jobs.reread_runs()
    [run] = shop.runs()
    assert shop.messages() == []
    assert run.state == "rereading"
    assert run.due_at >= clock.now() + timedelta(seconds=100)
    assert (run.lease_until, run.lease_token) == (None, "")
    assert "cannot be read" in shop.log(run.id)[-1].text
    remote.closed = None
    remote.answers[woo_id] = record(woo_id, placed)
    clock.advance(minutes=6)
    jobs.reread_runs()
    assert len(shop.messages()) == 1


def test_what_is_known_by_then_ends_the_run_of_an_unreachable_store(
    shop: Any, clock: Any, remote: FakeShop, due: tuple[int, datetime]
) -> None:
    remote.closed = RetryLater("The store is down.", 3_600)
    jobs.reread_runs()
    shop.pay(shop.runs()[0].order_id)
    shop.work()
    jobs.reread_runs()
    assert [(run.state, run.ended_reason) for run in shop.runs()] == [("exited", "paid")]


def test_an_order_that_cannot_be_understood_waits(shop: Any, remote: FakeShop, due: tuple[int, datetime]) -> None:
    remote.answers[due[0]] = Unreadable(due[0], "order", "bad_amount", "Its total is no amount.")
    jobs.reread_runs()
    assert shop.messages() == []
    assert shop.runs()[0].state == "rereading"


def test_the_runs_of_a_disconnected_store_stop(shop: Any, remote: FakeShop, due: tuple[int, datetime]) -> None:
    with shop.database.unit() as session:
        session.execute(update(Store).values(state="disconnected"))
    remote.closed = Final("This store is not connected.")
    jobs.reread_runs()
    assert [(run.state, run.ended_reason) for run in shop.runs()] == [("stopped", "store_disconnected")]


def test_a_dead_readers_lease_ends_and_another_sends_once(
    shop: Any, clock: Any, remote: FakeShop, due: tuple[int, datetime], running: Any
) -> None:
    class Killed(BaseException):
        pass

    remote.answers[due[0]] = record(*due)

    def die() -> None:
        raise Killed

    remote.while_asked = die
    with pytest.raises(Killed):
        jobs.reread_runs()
    assert shop.runs()[0].lease_token != ""
    remote.while_asked = None
    jobs.reread_runs()
    assert shop.messages() == [], "the lease still holds"
    clock.advance(minutes=6)
    jobs.ring_for_rereads()
    assert ("live", "reread_runs", ()) in shop.bells.pending
    jobs.reread_runs()
    assert len(shop.messages()) == 1


def test_who_slept_past_the_lease_writes_nothing(
    shop: Any, clock: Any, remote: FakeShop, due: tuple[int, datetime]
) -> None:
    def sleep_while_another_takes_over() -> None:
        with shop.database.unit() as session:
            session.execute(update(Run).values(lease_token="another"))

    remote.while_asked = sleep_while_another_takes_over
    jobs.reread_runs()
    assert shop.messages() == []
    assert shop.runs()[0].lease_token == "another"


def test_an_order_gets_its_reminder_once_wherever_the_reader_is_killed(
    shop: Any, clock: Any, remote: FakeShop, killed_at: Any
) -> None:
    shop.live("pending_payment_reminder")
    statement = 0
    while True:
        statement += 1
        placed = clock.now().replace(microsecond=0)
        email = f"buyer{statement}@example.com"
        order_id = shop.submitted(email=email, placed_at=placed, modified_at=placed, observed=True)
        remote.answers[shop.next_woo_id] = record(shop.next_woo_id, placed, email=email)
        shop.work()
        clock.advance(hours=1, seconds=1)
        shop.work()
        with killed_at(statement) as attempt:
            jobs.reread_runs()
        clock.advance(minutes=6)
        jobs.reread_runs()
        assert len(shop.messages()) == statement, f"killed at statement {statement}"
        shop.pay(order_id)
        shop.work()
        if not attempt.killed:
            break
    assert statement > 20
    assert {run.ended_reason for run in shop.runs()} == {"paid"}
