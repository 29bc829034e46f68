"""Deliveries shuffled, repeated and lost, while every process is killed at random: each event and each e-mail once.

A delivery that was not answered with 200 is lost, as in WooCommerce: only the sweep finds its order. What must hold:
INV1 every acknowledged delivery has its row and was worked on; INV2 one event, one run; INV3 at most one e-mail at the
SMTP server; INV4 at rest nothing is on its way.
"""

from __future__ import annotations

import hashlib
import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from referins_woo.events.models import Event
from referins_woo.ingest.models import Delivery
from referins_woo.mail.models import Message
from referins_woo.practice_store import PracticeStore, StoreOptions, views
from referins_woo.practice_store.delivery import php_json, sign
from referins_woo.runs.models import Run, RunLog
from tests.conftest import ClockHand
from tests.services.inside import Connected, Inside, wait_until
from tests.services.instance import Instance
from tests.services.killing import Killer, strike
from tests.services.postgres import Postgres
from tests.services.smtp_sink import SmtpSink

SEEDS = {"sqlite": 20, "postgresql": 4}
"""Of SQLite: 1,000 orders in 10,000 deliveries."""
ORDERS = 50
COPIES = 10
POSTERS = 4
_UNTIL_SWEPT = 330
"""Seconds by which the clock is moved: a sweep is due again, and the leases of killed workers have run out."""


@dataclass(frozen=True)
class Posted:
    """One delivery."""

    topic: str
    body: bytes


@dataclass
class Seeded:
    """The orders of one seed: Woo id to whether it was paid, and the deliveries that tell of them."""

    orders: dict[int, bool] = field(default_factory=dict)
    deliveries: list[Posted] = field(default_factory=list)


@dataclass
class World:
    """A running instance with one connected store, two live automations and an SMTP server."""

    instance: Instance
    inside: Inside
    shop: PracticeStore
    sink: SmtpSink
    clock: ClockHand
    connected: Connected
    acknowledged: set[tuple[str, str]] = field(default_factory=set)
    """Topic and sha256 of the bodies that were answered with 200."""
    deeds: Counter[str] = field(default_factory=Counter)


@pytest.fixture
def world(instance: Instance, clock: ClockHand, backend: str, request: pytest.FixtureRequest) -> Iterator[World]:
    sink = SmtpSink()
    with PracticeStore(StoreOptions(size=24, webhook_delay=None)) as shop:
        instance.environ |= {**clock.environ, "REFERINS_ALLOW_PRIVATE_STORES": shop.url, "SMTP_URL": sink.url}
        if backend == "postgresql":
            server: Postgres = request.getfixturevalue("postgres")
            instance.environ["DATABASE_URL"] = server.create(f"referins_storm_{instance.port}")
        instance.start("--no-practice-store")
        instance.wait_for_all()
        inside = Inside(instance)
        connected = inside.connect("storm@example.com", shop.url, shop.consumer_key, shop.consumer_secret)
        inside.go_live(connected.account_id, "order_confirmation", "payment_thank_you")
        wait_until(lambda: not inside.unfinished(), 60, inside.unfinished)
        clock.advance(seconds=5)  # WooCommerce's dates have seconds: the first order is later than the automations
        yield World(instance, inside, shop, sink, clock, connected)
        inside.close()
    sink.stop()


def sell(world: World, rng: random.Random, number: int, orders: int = ORDERS) -> Seeded:
    """Let the shop sell: some orders stay unpaid, some are paid, some completed; each stage makes a body."""
    seeded, bodies = Seeded(), {}
    for place in range(orders):
        email = f"storm-{number}-{place}@example.com"
        woo_id = world.shop.create_order(email=email, first_name="Ada", payment_method="stripe")
        bodies[woo_id] = [_body(world.shop, woo_id)]
        seeded.orders[woo_id] = False
    for change in (_pay, _complete):
        if rng.random() < 0.5:
            world.clock.advance(seconds=rng.randint(1, 3))  # else the stages fall into one second
        for woo_id in rng.sample(sorted(seeded.orders), orders // 2):
            if change(world.shop, woo_id, paid=seeded.orders[woo_id]):
                seeded.orders[woo_id] = True
                bodies[woo_id].append(_body(world.shop, woo_id))
    silent = set(rng.sample(sorted(seeded.orders), orders // 20))
    for woo_id, stages in bodies.items():
        for _ in range(0 if woo_id in silent else COPIES):
            topic = rng.choice(("order.created", "order.updated", "order.updated"))
            seeded.deliveries.append(Posted(topic, rng.choice(stages)))
    rng.shuffle(seeded.deliveries)
    return seeded


def _pay(shop: PracticeStore, woo_id: int, *, paid: bool) -> bool:
    shop.pay(woo_id)
    return True


def _complete(shop: PracticeStore, woo_id: int, *, paid: bool) -> bool:
    if paid:
        shop.set_status(woo_id, "completed")
    return paid


def _body(shop: PracticeStore, woo_id: int) -> bytes:
    doc = shop.order(woo_id)
    assert doc is not None
    return php_json(views.order(shop.shop, doc))


def post_all(world: World, deliveries: Sequence[Posted], seconds: float) -> None:
    """Post every delivery once, from several senders, over about `seconds`."""
    gap = seconds * POSTERS / len(deliveries)

    def send(mine: Sequence[Posted]) -> None:
        for one in mine:
            began = time.monotonic()
            if _post(world, one):
                world.acknowledged.add((one.topic, hashlib.sha256(one.body).hexdigest()))
            time.sleep(max(0.0, gap - (time.monotonic() - began)))

    senders = [threading.Thread(target=send, args=(deliveries[first::POSTERS],)) for first in range(POSTERS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()


def _post(world: World, delivery: Posted) -> bool:
    parts = urlsplit(world.connected.hook_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    headers = {
        "Content-Type": "application/json",
        "X-WC-Webhook-Source": f"{world.shop.url}/",
        "X-WC-Webhook-Topic": delivery.topic,
        "X-WC-Webhook-Signature": sign(delivery.body, world.connected.hook_secret),
        "X-WC-Webhook-ID": "7",
        "X-WC-Webhook-Delivery-ID": "0" * 32,  # the same for many within a second (fact 80)
    }
    try:
        connection.request("POST", parts.path, delivery.body, headers)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def settle(world: World, seeded: Seeded) -> None:
    """Let time pass until all is done: sweeps come, leases of the dead run out."""
    _let_senders_end(world)
    for _ in range(4):
        world.clock.advance(seconds=_UNTIL_SWEPT)
        try:
            wait_until(lambda: _is_done(world, seeded), 25, "")
            return
        except AssertionError:
            continue
    raise AssertionError(f"not done: {world.inside.unfinished()}, {_missing(world, seeded)}")


def _let_senders_end(world: World) -> None:
    """Wait until no living worker is in the middle of an e-mail: moving the clock would let its lease run out."""
    before: list[int] = [-1]
    for _ in range(20):
        with world.inside.database.reading() as session:
            now = list(session.scalars(select(Message.id).where(Message.state == "sending")))
        if now == before:
            return
        before = now
        time.sleep(0.5)


def _is_done(world: World, seeded: Seeded) -> bool:
    # In this order: what is missing now may come, and be on its way, a moment after nothing was.
    return not _missing(world, seeded) and not world.inside.unfinished()


def _missing(world: World, seeded: Seeded) -> list[tuple[str, int]]:
    have = _events(world)
    wanted = [("order_submitted", woo_id) for woo_id in seeded.orders]
    wanted += [("payment_received", woo_id) for woo_id, paid in seeded.orders.items() if paid]
    return [one for one in wanted if not have[one]]


def _events(world: World) -> Counter[tuple[str, int]]:
    with world.inside.database.reading() as session:
        kinds = ("order_submitted", "payment_received")
        rows = session.execute(select(Event.kind, Event.subject).where(Event.state == "fired", Event.kind.in_(kinds)))
        return Counter((row.kind, row.subject) for row in rows)


def check(world: World, sold: dict[int, bool]) -> int:
    """Assert the invariants for all orders so far; returns how many messages are unknown."""
    wanted = Counter({("order_submitted", woo_id): 1 for woo_id in sold})
    wanted += Counter({("payment_received", woo_id): 1 for woo_id, paid in sold.items() if paid})
    assert _events(world) == wanted
    with world.inside.database.reading() as session:
        runs = Counter(session.scalars(select(Run.event_id)))
        deliveries = session.execute(select(Delivery.topic, Delivery.body_sha256, Delivery.state, Delivery.error)).all()
        messages = session.execute(select(Message.once_key, Message.to_email, Message.state, Message.reason)).all()
    assert set(runs.values()) == {1}
    assert len(runs) == wanted.total()
    assert Counter(row.state for row in deliveries) == {"done": len(deliveries)}, [
        row for row in deliveries if row.state != "done"
    ][:3]
    assert world.acknowledged <= {(row.topic, row.body_sha256) for row in deliveries}
    ours = [message for message in messages if message.once_key.startswith("run:")]
    assert len(ours) == wanted.total(), _without_mail(world)
    states = Counter(message.state for message in ours)
    assert set(states) <= {"sent", "unknown"}, [row for row in ours if row.state not in ("sent", "unknown")][:3]
    arrived = Counter((mail.to_email, mail.subject) for mail in world.sink.mails if mail.to_email.startswith("storm-"))
    assert set(arrived.values()) == {1}, [one for one, count in arrived.items() if count > 1]
    assert states["sent"] <= len(arrived) <= states["sent"] + states["unknown"]
    deaths = sum(world.deeds[victim] for victim in ("mail", "supervisor"))
    assert states["unknown"] <= deaths
    return states["unknown"]


def _without_mail(world: World) -> list[object]:
    """Return the runs that put no message, each with its state and its log."""
    with world.inside.database.reading() as session:
        mailed = set(session.scalars(select(Message.run_id)))
        runs = [run for run in session.scalars(select(Run)) if run.id not in mailed]
        return [
            (
                run.id,
                run.state,
                run.ended_reason,
                run.attempts,
                [
                    (row.step_key, row.outcome, row.text)
                    for row in session.scalars(select(RunLog).where(RunLog.run_id == run.id))
                ],
            )
            for run in runs[:5]
        ]


@pytest.mark.storm
@pytest.mark.timeout(1_500)
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_load_3_each_event_and_each_mail_comes_once_whatever_is_killed(world: World, seed: int, backend: str) -> None:
    sold: dict[int, bool] = {}
    posts = unknown = 0
    for number in range(SEEDS[backend]):
        rng = random.Random(f"{seed} {number}")
        began = time.monotonic()
        seeded = sell(world, rng, number)
        sold |= seeded.orders
        posts += len(seeded.deliveries)
        killer = Killer(world.instance, rng, pauses=(0.2, 1.0))
        killer.kill_during(partial(post_all, world, seeded.deliveries, seconds=4.0))
        world.deeds += killer.deeds
        found_missing = len(_missing(world, seeded))
        settle(world, seeded)
        unknown = check(world, sold)
        print(
            f"seed {seed}, round {number}: {'; '.join(killer.story)}; {found_missing} events found later, "
            f"{unknown} unknown so far; {time.monotonic() - began:.0f} s"
        )
    print(
        f"{backend}: {len(sold)} orders, {posts} deliveries, {len(world.acknowledged)} different ones acknowledged, "
        f"{len(world.sink.mails)} e-mails, {unknown} unknown, killed {dict(world.deeds)}"
    )


@pytest.mark.parametrize("backend", ["sqlite"])
def test_losing_all_of_redis_loses_nothing(world: World, seed: int) -> None:
    rng = random.Random(seed)
    valkey_log: list[str] = []
    first, second = sell(world, rng, 1, orders=20), sell(world, rng, 2, orders=20)
    for seeded, deed, pause in ((first, "flush", 0.02), (second, "lose-valkey", 0.5)):
        ended = threading.Event()

        def post(mine: Seeded = seeded, over: threading.Event = ended) -> None:
            try:
                post_all(world, mine.deliveries, seconds=3.0)
            finally:
                over.set()

        poster = threading.Thread(target=post)
        poster.start()
        while not ended.wait(pause):
            strike(world.instance, deed, rng)
            valkey_log.append(deed)
        poster.join()
    # Nobody was killed but Valkey: every delivery was answered with 200, and only silent orders wait for the sweep.
    told = {delivery.body for seeded in (first, second) for delivery in seeded.deliveries}
    assert len({digest for _, digest in world.acknowledged}) == len(told)
    world.instance.wait_for_all(30)
    sold = first.orders | second.orders
    settle(world, Seeded(sold))
    assert check(world, sold) == 0
    print(f"lost Redis {Counter(valkey_log)}; {len(world.sink.mails)} e-mails for {len(sold)} orders")
