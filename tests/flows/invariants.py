"""INV1 to INV7 of the reliability matrix: what must hold after every fault, looked at in one place.

A `Watch` is set before anything happens: it remembers what the letter box answered, and what another account had.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

import referins_woo.stores.jobs as store_jobs
from referins_woo import queues
from referins_woo.commerce.models import Order
from referins_woo.db import Base
from referins_woo.events.models import Event
from referins_woo.ingest import importing
from referins_woo.ingest import jobs as ingest_jobs
from referins_woo.ingest.models import Delivery, Import
from referins_woo.ingest.receive import Receipt, Receiver
from referins_woo.lists.models import Task
from referins_woo.mail.models import Message
from referins_woo.process import Process
from referins_woo.runs.models import Run
from tests.factories.rows import account_with_everything
from tests.flows.merchants import Merchant, off

Rows = dict[str, list[tuple[Any, ...]]]


@dataclass
class Watch:
    """What was seen of one merchant since it was set."""

    merchant: Merchant
    capture: pytest.CaptureFixture[str]
    others: Rows
    """All rows of another account, as they were."""
    other_id: int
    account_id: int
    acknowledged: set[tuple[str, str]] = field(default_factory=set)
    sold: dict[int, bool] = field(default_factory=dict)
    """Orders placed meanwhile, and whether they were paid: each fires once."""
    buyers: set[str] = field(default_factory=set)
    """Who placed them: each of them was written to, and nobody else."""
    hopeless: set[str] = field(default_factory=set)
    """sha256 of bodies that nobody can read: kept, and given up."""
    domain: str = "example.com"
    """Of the addresses of the buyers."""
    logged: str = ""

    def sell(self, *, paid: bool = False, told: bool = True) -> int:
        """Let somebody order; `told`: the store's webhooks are sent, over HTTP."""
        shop = self.merchant.practice
        email = f"buyer-{len(self.sold)}@{self.domain}"
        self.buyers.add(email)
        woo_id = shop.create_order(email=email, first_name="Ada")
        if paid:
            shop.pay(woo_id)
        self.sold[woo_id] = paid
        if not told:
            shop.fault("webhooks_dropped")
        shop.deliver_webhooks()
        if not told:
            shop.clear_faults("webhooks_dropped")
        return woo_id

    def settle(self) -> None:
        """The fault is over: the clock's own calls heal everything, in the time that sweeps take."""
        merchant = self.merchant
        for _ in range(8):
            merchant.clock.advance(minutes=6)
            for call in (store_jobs.ring_for_suspects, store_jobs.ring_for_mended, ingest_jobs.ring_for_imports):
                call()
            ingest_jobs.ring_for_deliveries()
            queues.ring("heal_webhooks", merchant.store_id)
            queues.ring("catch_up", merchant.store_id)
            merchant.bells.drain()
            if (
                not merchant.count(
                    Import, Import.store_id == merchant.store_id, Import.state.in_(importing.OPEN_STATES)
                )
                and not self._missing()
            ):
                break
        merchant.sweep(16)

    def hold(self) -> None:
        """Assert all seven."""
        self._acknowledged_is_kept_and_done()
        self._once_each()
        self._mailed_once()
        self._nothing_on_its_way()
        self._equal_to_the_store()
        self.nobody_else_is_touched()
        self._nothing_personal_is_logged()

    def _missing(self) -> Counter[tuple[str, int]]:
        found = Counter(
            (one.kind, one.subject) for one in self.merchant.rows(Event, Event.account_id == self.account_id)
        )
        return self._wanted() - found

    def _wanted(self) -> Counter[tuple[str, int]]:
        wanted = Counter({("order_submitted", woo_id): 1 for woo_id in self.sold})
        return wanted + Counter({("payment_received", woo_id): 1 for woo_id, paid in self.sold.items() if paid})

    def _acknowledged_is_kept_and_done(self) -> None:
        """INV1."""
        rows = self.merchant.rows(Delivery, Delivery.account_id == self.account_id)
        states = {row.state for row in rows if row.body_sha256 not in self.hopeless}
        assert states <= {"done", "ignored"}, f"INV1: {states}"
        assert "received" not in {row.state for row in rows}, "INV1"
        assert self.acknowledged <= {(row.topic, row.body_sha256) for row in rows}, "INV1"

    def _once_each(self) -> None:
        """INV2."""
        assert not self._missing(), "INV2"
        events = self.merchant.rows(Event, Event.account_id == self.account_id, Event.state == "fired")
        happened = Counter((one.store_id, one.kind, one.subject, one.occurrence) for one in events)
        assert set(happened.values()) <= {1}, "INV2"
        assert {one.subject for one in events} <= self.sold.keys(), "INV2: history is silent"
        runs = Counter(
            (one.automation_id, one.entry_key) for one in self.merchant.rows(Run, Run.account_id == self.account_id)
        )
        assert set(runs.values()) <= {1}, "INV2"

    def _mailed_once(self) -> None:
        """INV3."""
        mails = self.merchant.rows(Message, Message.account_id == self.account_id)
        assert set(Counter(one.once_key for one in mails).values()) <= {1}, "INV3"
        to_buyers = [one for one in mails if one.run_id is not None]
        assert set(Counter((one.to_email, one.run_id) for one in to_buyers).values()) <= {1}, "INV3"
        written_to = {one.to_email.casefold() for one in to_buyers}
        assert written_to == self.buyers, f"INV3: {written_to}"
        assert {one.state for one in to_buyers} <= {"sent"}, "INV3"

    def _nothing_on_its_way(self) -> None:
        """INV4."""
        ours = self.account_id
        on_its_way = {
            "imports": self.merchant.count(Import, Import.account_id == ours, Import.state.in_(importing.OPEN_STATES)),
            "events": self.merchant.count(Event, Event.account_id == ours, Event.handed_over_at.is_(None)),
            "runs": self.merchant.count(Run, Run.account_id == ours, Run.state.in_(("active", "rereading"))),
            "messages": self.merchant.count(
                Message, Message.account_id == ours, Message.state.in_(("created", "sending"))
            ),
            "tasks": self.merchant.count(Task, Task.account_id == ours, Task.state.in_(("waiting", "running"))),
        }
        assert not any(on_its_way.values()), f"INV4: {on_its_way}"

    def _equal_to_the_store(self) -> None:
        """INV5: counts by the ledger, content by what the store shows."""
        merchant = self.merchant
        counted = {element: row for element, row in merchant.ledger().items() if row.woo_count is not None}
        wrong = {
            element: (row.woo_count, row.here_count, row.skipped_count, row.failed_count)
            for element, row in counted.items()
            if off(row)
        }
        assert not wrong, f"INV5: {wrong}"
        assert "orders" in counted, f"INV5: {merchant.ledger().keys()}"
        rows = merchant.rows(Order, Order.store_id == merchant.store_id)
        here = {row.woo_id: row for row in rows}
        assert len(here) == len(rows), "INV5"
        for woo_id in [*merchant.practice.shop.world.order_ids, *self.sold]:
            doc = merchant.practice.order(woo_id)
            status = doc["status"] if doc is not None else "trash"
            if status not in ("trash", "checkout-draft"):
                assert here[woo_id].woo_status == status, f"INV5: order {woo_id}"
                assert here[woo_id].gone_at is None, f"INV5: order {woo_id}"

    def nobody_else_is_touched(self) -> None:
        """INV6."""
        assert rows_of(self.merchant.process, self.other_id) == self.others, "INV6"

    def _nothing_personal_is_logged(self) -> None:
        """INV7: what is logged goes past no filter here, and must be clean all the same."""
        told = self.capture.readouterr()
        self.logged += told.out + told.err
        merchant = self.merchant
        secrets = [merchant.practice.consumer_key, merchant.practice.consumer_secret]
        secrets.append(merchant.process.vault.unlock(merchant.store.hook_secret_locked))
        for word in (*secrets, merchant.email, f"buyer-0@{self.domain}"):
            assert word not in self.logged, "INV7"


def rows_of(process: Process, account_id: int) -> Rows:
    """Return all rows of an account, table by table."""
    with process.database.reading() as session:
        return {
            table.name: sorted(
                (tuple(row) for row in session.execute(select(table).where(table.c.account_id == account_id))), key=repr
            )
            for table in Base.metadata.sorted_tables
            if "account_id" in table.c
        }


@contextmanager
def watch(merchant: Merchant, capture: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Set a watch: another account is made, and what the letter box answers is written down."""
    other = account_with_everything(merchant.process.database, f"other-of-{merchant.email}")
    before = rows_of(merchant.process, other.account_id)
    seen = Watch(merchant, capture, before, other.account_id, merchant.store.account_id)
    receive = Receiver.receive

    def received(self: Receiver, hook_token: str, headers: Any, body: bytes) -> Receipt:
        receipt = receive(self, hook_token, headers, body)
        mine = hook_token == merchant.store.hook_token
        if mine and receipt.status == 200 and b"webhook_id=" not in body[:20]:
            names = {name.lower(): value for name, value in headers.items()}
            seen.acknowledged.add((names["x-wc-webhook-topic"], hashlib.sha256(body).hexdigest()))
        return receipt

    monkeypatch.setattr(Receiver, "receive", received)
    yield seen
