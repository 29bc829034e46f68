"""A day in minutes: three stores, 2,000 orders, all that goes wrong with webhooks, and each process killed once.

Every hour of the day the shops sell, get paid, complete and refund; a fifth of the deliveries never arrives, others
come twice, late, or in the wrong order; then the clock moves on by an hour, and sweeps and nightly comparisons come
with it. At its end the ledger of each store must be green and every event there exactly once.
"""

from __future__ import annotations

import hashlib
import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from referins_woo import queues
from referins_woo.commerce.models import Order
from referins_woo.events.models import Event
from referins_woo.ingest import watermarks
from referins_woo.ingest.models import Delivery
from referins_woo.mail.models import Message
from referins_woo.practice_store import PracticeStore, StoreOptions, views
from referins_woo.practice_store.delivery import php_json, sign
from referins_woo.runs.models import Run
from referins_woo.stores.models import Store
from tests.conftest import ClockHand
from tests.flows.merchants import off
from tests.services import rest_totals
from tests.services.inside import Connected, Inside, wait_until
from tests.services.instance import Instance
from tests.services.killing import ROLES, strike
from tests.services.postgres import Postgres
from tests.services.smtp_sink import SmtpSink

pytestmark = [pytest.mark.storm, pytest.mark.timeout(900)]

ORDERS, HOURS = 2_000, 24
LOST, TWICE, LATE = 0.2, 0.2, 0.1
"""Shares of the deliveries: that never arrive, that come a second time, that come an hour later."""
SENDERS = 4


@dataclass
class Shop:
    """One of the stores, and what happened in it."""

    practice: PracticeStore
    connected: Connected
    open: list[int] = field(default_factory=list)
    """Orders that nobody has paid."""
    paid: list[int] = field(default_factory=list)
    events: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    """(kind, order, occurrence) of all that is to be recorded."""

    def body(self, woo_id: int) -> tuple[Shop, str, bytes]:
        """Return a delivery as the store would send it now."""
        doc = self.practice.order(woo_id)
        assert doc is not None
        return self, "order.updated", php_json(views.order(self.practice.shop, doc))

    def happen(self, rng: random.Random, count: int, number: int) -> list[tuple[Shop, str, bytes]]:
        """Let an hour pass in the shop; returns the deliveries that it makes."""
        made = []
        for place in range(count):
            email = f"day-{self.connected.store_id}-{number}-{place}@example.com"
            woo_id = self.practice.create_order(email=email, first_name="Ada", payment_method="stripe")
            self.open.append(woo_id)
            self.events["order_submitted", woo_id, ""] += 1
            made.append(self.body(woo_id))
        for woo_id in rng.sample(self.open, len(self.open) // 3):
            self.practice.pay(woo_id)
            self.open.remove(woo_id)
            self.paid.append(woo_id)
            self.events["payment_received", woo_id, ""] += 1
            made.append(self.body(woo_id))
        for woo_id in rng.sample(self.paid, len(self.paid) // 4):
            self.paid.remove(woo_id)
            if rng.random() < 0.2:
                refund = self.practice.refund(woo_id, "1.00")
                self.events["order_refunded", woo_id, str(refund)] += 1
            else:
                self.practice.set_status(woo_id, "completed")
                self.events["order_completed", woo_id, ""] += 1
            made.append(self.body(woo_id))
        return made


@dataclass
class Day:
    """The instance, its three stores, and what was acknowledged."""

    instance: Instance
    inside: Inside
    sink: SmtpSink
    clock: ClockHand
    shops: list[Shop]
    acknowledged: set[tuple[int, str]] = field(default_factory=set)
    """Store and sha256 of the bodies that were answered with 200."""
    answers: Counter[int] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)

    def send(self, deliveries: list[tuple[Shop, str, bytes]]) -> list[threading.Thread]:
        """Send each once, as WooCommerce does, from several threads; an answer that does not come is a loss."""
        senders = [
            threading.Thread(target=lambda mine=deliveries[first::SENDERS]: [self._post(*one) for one in mine])
            for first in range(SENDERS)
        ]
        for sender in senders:
            sender.start()
        return senders

    def _post(self, shop: Shop, topic: str, body: bytes) -> None:
        parts = urlsplit(shop.connected.hook_url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        headers = {
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": f"{shop.practice.url}/",
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Signature": sign(body, shop.connected.hook_secret),
            "X-WC-Webhook-ID": "7",
            "X-WC-Webhook-Delivery-ID": "0" * 32,
        }
        try:
            connection.request("POST", parts.path, body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        self.answers[status] += 1
        if status == 200:
            self.acknowledged.add((shop.connected.store_id, hashlib.sha256(body).hexdigest()))

    def ring_for_sweeps(self) -> None:
        """Ring as the clock would: it does so every 15 real seconds, in which half of this day may pass."""
        for shop in self.shops:
            queues.ring("catch_up", shop.connected.store_id)

    def let_mail_end(self) -> None:
        """Wait until no living worker is in the middle of an e-mail: the jump would let its lease run out."""
        before: list[int] = [-1]
        for _ in range(20):
            with self.inside.database.reading() as session:
                now = list(session.scalars(select(Message.id).where(Message.state == "sending")))
            if now == before or not now:
                return
            before = now
            time.sleep(0.3)

    def wanted(self) -> Counter[tuple[int, str, int, str]]:
        """Return (store, kind, order, occurrence) of all that has to be recorded, each once."""
        return Counter({(shop.connected.store_id, *key): n for shop in self.shops for key, n in shop.events.items()})

    def recorded(self) -> Counter[tuple[int, str, int, str]]:
        """Return what is recorded, but for changes of status: how many of these are seen is a matter of luck."""
        columns = Event.store_id, Event.kind, Event.subject, Event.occurrence
        with self.inside.database.reading() as session:
            rows = session.execute(
                select(*columns).where(Event.kind != "order_status_changed", Event.state == "fired")
            ).all()
        return Counter(tuple(row) for row in rows)  # type: ignore[misc]

    def red(self) -> list[str]:
        """Return the lines of the ledgers that do not add up."""
        with self.inside.database.reading() as session:
            ids = [shop.connected.store_id for shop in self.shops]
            ledgers = {store_id: watermarks.read(session, store_id) for store_id in ids}
        found = []
        for store_id, ledger in ledgers.items():
            for element in watermarks.ELEMENTS:
                row = ledger.get(element)
                if row is None or row.woo_count is None:
                    found.append(f"store {store_id}: {element} was never counted")
                elif off(row):
                    found.append(f"store {store_id}: {element} is off by {off(row)}")
        return found


@pytest.fixture
def day(instance: Instance, clock: ClockHand, backend: str, request: pytest.FixtureRequest) -> Iterator[Day]:
    # The same names and numbers would make one shop a copy of another.
    names = ("Marlow & Finch", "Bellweather Bakery", "Otter Supply")
    options = [StoreOptions(size=12, webhook_delay=None, seed=seed, name=name) for seed, name in enumerate(names, 1)]
    sink, shops = SmtpSink(), [PracticeStore(each) for each in options]
    for shop in shops:
        shop.start()
    origins = ",".join(shop.url for shop in shops)
    instance.environ |= {**clock.environ, "REFERINS_ALLOW_PRIVATE_STORES": origins, "SMTP_URL": sink.url}
    if backend == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        instance.environ["DATABASE_URL"] = server.create(f"referins_day_{instance.port}")
    instance.start("--no-practice-store")
    instance.wait_for_all()
    inside = Inside(instance)
    queues.connect(inside.process.config.redis_url)
    inside.sign_up("day@example.com")
    connected = [
        inside.connect("day@example.com", shop.url, shop.consumer_key, shop.consumer_secret, is_new=False)
        for shop in shops
    ]
    inside.go_live(connected[0].account_id, "order_confirmation")
    wait_until(lambda: not inside.unfinished(), 90, inside.unfinished)
    clock.advance(seconds=5)  # WooCommerce's dates have seconds: the first order is later than the automation
    yield Day(instance, inside, sink, clock, [Shop(*one) for one in zip(shops, connected, strict=True)])
    inside.close()
    queues.connect(None)
    for shop in shops:
        shop.stop()
    sink.stop()


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_after_a_day_of_losses_and_kills_ledgers_are_green_and_events_exact(day: Day, seed: int) -> None:
    rng, began = random.Random(seed), time.monotonic()
    victims = [*ROLES, "supervisor"]
    rng.shuffle(victims)
    hours_of_death = dict(zip(rng.sample(range(1, HOURS), len(victims)), victims, strict=True))
    late: list[tuple[Shop, str, bytes]] = []
    sold = 0
    for hour in range(HOURS):
        deliveries, late = late, []
        for shop in day.shops:
            count = (ORDERS * (hour + 1) // HOURS - ORDERS * hour // HOURS) // len(day.shops)
            if hour == HOURS - 1 and shop is day.shops[-1]:
                count = ORDERS - sold
            sold += count
            for one in shop.happen(rng, count, hour):
                if rng.random() < LOST:
                    continue
                (late if rng.random() < LATE else deliveries).append(one)
                if rng.random() < TWICE:
                    deliveries.append(one)
        rng.shuffle(deliveries)
        senders = day.send(deliveries)
        if hour in hours_of_death:
            time.sleep(rng.uniform(0.05, 0.5))
            victim = hours_of_death[hour]
            assert strike(day.instance, victim, rng, ["--no-practice-store"]), victim
            day.story.append(f"{hour:02d}:00 {victim}")
        for sender in senders:
            sender.join()
        day.let_mail_end()
        day.clock.advance(hours=1)
        day.ring_for_sweeps()
    day.instance.wait_for_all(60)
    for _ in range(12):
        try:
            wait_until(lambda: not (day.wanted() - day.recorded()) and not day.inside.unfinished(), 30, "")
            if not day.red():
                break
        except AssertionError:
            pass
        day.clock.advance(minutes=16)
        time.sleep(2)
    assert sold == ORDERS
    assert not day.red()
    assert day.recorded() == day.wanted()
    print(
        f"seed {seed}: {sold} orders, {sum(day.wanted().values())} events, answers {dict(day.answers)}, "
        f"killed {'; '.join(day.story)}; {check(day)}; {time.monotonic() - began:.0f} s"
    )


def check(day: Day) -> str:
    """INV1 to INV5 for the whole day; returns what there was, in words."""
    with day.inside.database.reading() as session:
        deliveries = session.execute(select(Delivery.store_id, Delivery.body_sha256, Delivery.state)).all()
        events = set(session.scalars(select(Event.id).where(Event.kind == "order_submitted", Event.state == "fired")))
        runs = Counter(session.scalars(select(Run.event_id)))
        states = Counter(session.scalars(select(Message.state).where(Message.run_id.is_not(None))))
        here = dict(
            session.execute(select(Order.store_id, func.count()).where(~Order.in_trash).group_by(Order.store_id)).all()
        )
        lost = session.scalars(select(Store.state).where(Store.state != "connected")).all()
    assert {row.state for row in deliveries} == {"done"}
    assert day.acknowledged <= {(row.store_id, row.body_sha256) for row in deliveries}
    assert runs.keys() == events and set(runs.values()) == {1}
    assert states.total() == ORDERS and set(states) <= {"sent", "unknown"}, states
    arrived = Counter(mail.to_email for mail in day.sink.mails if mail.to_email.startswith("day-"))
    assert set(arrived.values()) == {1}
    assert states["sent"] <= len(arrived) <= ORDERS
    assert states["unknown"] <= 2, "of the mail worker, and of the supervisor"
    for shop in day.shops:
        keys = shop.practice.consumer_key, shop.practice.consumer_secret
        assert here[shop.connected.store_id] == rest_totals.total(shop.practice.url, *keys, "orders")
    assert not lost
    return f"{len(deliveries)} deliveries kept, {len(arrived)} e-mails, {states['unknown']} unknown"
