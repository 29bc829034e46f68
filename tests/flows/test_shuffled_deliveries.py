"""Deliveries of one recorded shape, in versions, repeated and shuffled: each event once, each e-mail once.

Bodies are those of an order as store A delivered it, with other numbers, dates and states. Versions of one second and
one body under several topics are among them, as real stores send them (facts 79-83).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from referins_woo import queues
from referins_woo.accounts.models import Membership
from referins_woo.commerce.models import Contact, Order, Transaction
from referins_woo.events.models import Event
from referins_woo.ingest import jobs as ingest_jobs
from referins_woo.ingest.models import Delivery
from referins_woo.ingest.receive import Receiver
from referins_woo.mail import jobs as mail_jobs
from referins_woo.mail.models import Message
from referins_woo.process import Process
from referins_woo.runs import automations
from referins_woo.stores.models import Store
from tests.conftest import ClockHand
from tests.replay import merchant
from tests.replay.server import Replay
from tests.replay.shelf import Raw, store_a

T0 = datetime(2026, 11, 22, 11, 40, tzinfo=UTC)
FIRST_ID = 10_001


class Sold:
    """What the shop sold: the versions of each order, and which of them were paid."""

    def __init__(self, recordings: Path, dice: random.Random, orders: int) -> None:
        recorded = json.loads(
            (recordings / "webhook-deliveries/order-created-pending-01-order-created.json").read_text()
        )
        self._shape: Raw = json.loads(base64.b64decode(recorded["request"]["body_base64"]))
        self._dice = dice
        self.versions: dict[int, list[Raw]] = {}
        self.paid: set[int] = set()
        for woo_id in range(FIRST_ID, FIRST_ID + orders):
            self.versions[woo_id] = self._life_of(woo_id)

    def deliveries(self, count: int) -> list[tuple[str, bytes]]:
        """Return (topic, body) pairs in no order: the newest version of each order, and others as often as it takes."""
        dice = self._dice
        sent = [("order.updated", versions[-1]) for versions in self.versions.values()]
        ids = list(self.versions)
        while len(sent) < count:
            versions = self.versions[dice.choice(ids)]
            sent.append((dice.choice(("order.created", "order.updated", "order.updated")), dice.choice(versions)))
        dice.shuffle(sent)
        return [(topic, json.dumps(body).replace("/", "\\/").encode()) for topic, body in sent]

    def _life_of(self, woo_id: int) -> list[Raw]:
        dice = self._dice
        at = T0 + timedelta(seconds=60 + (woo_id - FIRST_ID) // 4)  # four orders a second
        # Half of the buyers have bought before; one in ten writes the address in capitals.
        buyer = (
            f"buyer{dice.randrange(woo_id - FIRST_ID + 1) if dice.random() < 0.5 else woo_id - FIRST_ID}@example.com"
        )
        email = buyer.upper() if dice.random() < 0.1 else buyer
        life = [self._version(woo_id, at, at, email, status="pending")]
        if dice.random() < 0.3:  # saved again: a later stamp, nothing else
            life.append(self._version(woo_id, at, at + timedelta(seconds=1), email, status="pending"))
        if dice.random() < 0.6:
            self.paid.add(woo_id)
            # One in three is paid in the very second in which it was placed: two bodies with one stamp.
            paid = at + timedelta(seconds=dice.choice((0, 2, 9)))
            life.append(self._version(woo_id, at, max(paid, _stamp(life[-1])), email, status="processing", paid=paid))
            if dice.random() < 0.5:
                done = _stamp(life[-1]) + timedelta(seconds=dice.choice((0, 5)))
                life.append(self._version(woo_id, at, done, email, status="completed", paid=paid, done=done))
        elif dice.random() < 0.4:
            life.append(self._version(woo_id, at, _stamp(life[-1]) + timedelta(seconds=3), email, status="on-hold"))
        return life

    def _version(
        self,
        woo_id: int,
        at: datetime,
        modified: datetime,
        email: str,
        *,
        status: str,
        paid: datetime | None = None,
        done: datetime | None = None,
    ) -> Raw:
        raw: Raw = json.loads(json.dumps(self._shape))
        raw |= {"id": woo_id, "number": str(woo_id), "status": status, "created_via": "checkout"}
        raw["billing"] |= {"email": email, "first_name": "Ada", "last_name": f"No {woo_id}"}
        for name, when in (("created", at), ("modified", modified), ("paid", paid), ("completed", done)):
            raw[f"date_{name}_gmt"] = None if when is None else when.strftime("%Y-%m-%dT%H:%M:%S")
            local = None if when is None else when - timedelta(hours=5)
            raw[f"date_{name}"] = None if local is None else local.strftime("%Y-%m-%dT%H:%M:%S")
        for line in raw["line_items"]:
            line["id"] = woo_id * 10
        return raw


def _stamp(raw: Raw) -> datetime:
    return datetime.fromisoformat(raw["date_modified_gmt"]).replace(tzinfo=UTC)


@pytest.fixture
def recordings(shared: Path) -> Path:
    """The folder of recordings."""
    return shared / "woocommerce" / "recordings"


@pytest.fixture
def shop(recordings: Path, clock: ClockHand) -> Iterator[Replay]:
    """Store A, which tells the application's time."""
    clock.set(T0)
    opened = Replay(store_a(recordings), clock.now)
    yield opened
    opened.stop()
    assert not opened.unknown, opened.unknown


@pytest.mark.parametrize("number", [1, 2])
def test_a_thousand_shuffled_deliveries_give_each_event_and_each_mail_once(
    running: Process,
    bells: queues.MemoryBells,
    clock: ClockHand,
    shop: Replay,
    recordings: Path,
    seed: int,
    number: int,
) -> None:
    _storm(running, bells, clock, shop, Sold(recordings, random.Random(seed + number), 100), 1_000, seed + number)


@pytest.mark.storm
@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", [1, 2])
def test_ten_thousand_shuffled_deliveries_give_each_event_and_each_mail_once(
    running: Process,
    bells: queues.MemoryBells,
    clock: ClockHand,
    shop: Replay,
    recordings: Path,
    seed: int,
    number: int,
) -> None:
    _storm(running, bells, clock, shop, Sold(recordings, random.Random(seed + number), 1_000), 10_000, seed + number)


def _storm(
    running: Process,
    bells: queues.MemoryBells,
    clock: ClockHand,
    shop: Replay,
    sold: Sold,
    count: int,
    seed: int,
) -> None:
    print(f"seed {seed}: {len(sold.versions)} orders, {len(sold.paid)} of them paid, {count} deliveries")
    store_id = merchant.connect_store(running, shop)
    bells.pending.clear()
    with running.database.unit() as session:
        account_id = session.scalars(select(Membership.account_id)).one()
        for recipe in ("order_confirmation", "payment_thank_you"):
            made = automations.create_from_recipe(session, account_id, recipe)
            session.flush()
            automations.publish(session, made.id, account_id, None)
    for woo_id, versions in sold.versions.items():
        shop.shelf.orders[woo_id] = versions[-1]
    clock.set(T0 + timedelta(minutes=20))
    _post(running, bells, store_id, sold.deliveries(count), random.Random(seed))
    _settle(bells, clock)

    with running.database.reading() as session:
        assert Counter(session.scalars(select(Delivery.state))).keys() == {"done"}
        events = session.execute(select(Event.kind, Event.subject, Event.state)).all()
        assert {row.state for row in events} == {"fired"}
        submitted = [row.subject for row in events if row.kind == "order_submitted"]
        payments = [row.subject for row in events if row.kind == "payment_received"]
        assert sorted(submitted) == sorted(sold.versions)
        assert sorted(payments) == sorted(sold.paid)
        orders = session.execute(select(Order.woo_id, Order.woo_status, Order.modified_at)).all()
        assert {row.woo_id: row.woo_status for row in orders} == {
            woo_id: versions[-1]["status"] for woo_id, versions in sold.versions.items()
        }
        assert sorted(session.scalars(select(Transaction.woo_order_id))) == sorted(sold.paid)
        buyers = {versions[0]["billing"]["email"].lower() for versions in sold.versions.values()}
        assert session.scalar(select(func.count(Contact.id))) == len(buyers)
        messages = session.execute(select(Message.id, Message.state, Message.to_email, Message.subject)).all()
        assert {row.state for row in messages} == {"sent"}
        assert len(messages) == len(sold.versions) + len(sold.paid)
        wanted: Counter[str] = Counter()
        for woo_id, versions in sold.versions.items():
            wanted[versions[0]["billing"]["email"].lower()] += 1 + (woo_id in sold.paid)
        assert Counter(row.to_email.lower() for row in messages) == wanted


def _post(
    running: Process, bells: queues.MemoryBells, store_id: int, sent: list[tuple[str, bytes]], dice: random.Random
) -> None:
    """Post from eight senders at once, and drain now and then."""
    with running.database.reading() as session:
        store = session.get_one(Store, store_id)
        token, secret = store.hook_token, running.vault.unlock(store.hook_secret_locked).encode()
        source = f"{store.home_url}/"
    receiver = Receiver(running)

    def post(delivery: tuple[str, bytes]) -> int:
        topic, body = delivery
        headers = {
            "X-WC-Webhook-Signature": base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode(),
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Source": source,
            "X-WC-Webhook-ID": "2",
            "X-WC-Webhook-Delivery-ID": "0" * 32,  # not unique within a second (fact 80)
        }
        return receiver.receive(token, headers, body).status

    with ThreadPoolExecutor(8) as senders:
        place = 0
        while place < len(sent):
            size = dice.randrange(20, 600)
            assert set(senders.map(post, sent[place : place + size])) == {200}
            place += size
            if dice.random() < 0.5:
                bells.drain("live")


def _settle(bells: queues.MemoryBells, clock: ClockHand) -> None:
    """Let the clock's sweeps ring until nothing is left to do."""
    until = time.monotonic() + 600
    while time.monotonic() < until:
        bells.drain()
        clock.advance(seconds=61)
        ingest_jobs.ring_for_deliveries()
        mail_jobs.sweep_messages()
        if not bells.pending:
            return
    raise AssertionError(f"still ringing: {bells.pending[:5]}")
