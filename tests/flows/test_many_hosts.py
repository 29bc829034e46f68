"""Two web hosts, three worker hosts with clocks, one PostgreSQL, one Valkey: hosts die and come back under load.

An import from the practice store and live orders run meanwhile. What must hold: INV1 every acknowledged delivery has
its row and was worked on, INV2 one event and one run, INV3 at most one e-mail, INV4 nothing on its way at rest, INV5
the import is whole. LOAD5: Redis and PostgreSQL go away as well, and nothing is acknowledged that is not kept.
"""

from __future__ import annotations

import hashlib
import http.client
import random
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import func, select

from referins_woo import config as configuration
from referins_woo import migrate, process, queues
from referins_woo.accounts.models import Membership
from referins_woo.accounts.users import create_user
from referins_woo.bells import QUEUES
from referins_woo.commerce.models import Order
from referins_woo.crypto import Vault
from referins_woo.db import Database
from referins_woo.events.models import Event
from referins_woo.ingest import importing
from referins_woo.ingest.models import Delivery, Import, ImportElement
from referins_woo.lease import Lease
from referins_woo.mail.models import Message
from referins_woo.practice_store import PracticeStore, StoreOptions, views
from referins_woo.practice_store.delivery import php_json, sign
from referins_woo.process import Process
from referins_woo.runs import automations
from referins_woo.runs.models import Run
from referins_woo.stores import connect
from referins_woo.stores.choices import SYNC_COLUMNS, Choices
from referins_woo.stores.models import Store
from tests.conftest import ENCRYPTION_KEY, SECRET_KEY, ClockHand
from tests.services import rest_totals
from tests.services.hosts import Host
from tests.services.inside import wait_until
from tests.services.postgres import Postgres
from tests.services.smtp_sink import SmtpSink
from tests.services.valkey import Valkey

pytestmark = [pytest.mark.storm, pytest.mark.timeout(900)]

HISTORY = 400
"""Orders that the store has before it is connected: the import's."""
_UNTIL_SWEPT = 330


@dataclass
class Installation:
    """All of it, seen by the test."""

    process: Process
    postgres: Postgres
    valkey: Valkey
    shop: PracticeStore
    sink: SmtpSink
    clock: ClockHand
    webs: list[Host]
    workers: list[Host]
    ports: list[int]
    store_id: int = 0
    hook_path: str = ""
    hook_secret: str = ""
    sold: dict[int, bool] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    answers: Counter[int] = field(default_factory=Counter)
    deaths: int = 0

    @property
    def hosts(self) -> list[Host]:
        """All hosts."""
        return [*self.webs, *self.workers]

    def sell(self, paid: bool) -> None:
        """Let somebody order, and the store tell one of the web hosts; like WooCommerce, once."""
        woo_id = self.shop.create_order(
            email=f"buyer-{len(self.sold)}@example.com", first_name="Ada", payment_method="stripe"
        )
        if paid:
            self.shop.pay(woo_id)
        self.sold[woo_id] = paid
        doc = self.shop.order(woo_id)
        assert doc is not None
        body = php_json(views.order(self.shop.shop, doc))
        status = self._post(body, self.ports[woo_id % len(self.ports)])
        self.answers[status] += 1
        if status == 200:
            self.acknowledged.add(hashlib.sha256(body).hexdigest())

    def _post(self, body: bytes, port: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
        headers = {
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": f"{self.shop.url}/",
            "X-WC-Webhook-Topic": "order.updated",
            "X-WC-Webhook-Signature": sign(body, self.hook_secret),
            "X-WC-Webhook-ID": "7",
            "X-WC-Webhook-Delivery-ID": "0" * 32,
        }
        try:
            connection.request("POST", self.hook_path, body, headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def undone(self) -> dict[str, int]:
        """What is missing, and what is on its way: asked in the order in which it goes, or a sweep slips through."""
        ways = {
            "deliveries": select(func.count()).where(Delivery.state == "received"),
            "imports": select(func.count()).where(Import.state.in_(("waiting", "running"))),
            "events": select(func.count()).where(Event.handed_over_at.is_(None)),
            "runs": select(func.count()).where(Run.state.in_(("active", "rereading"))),
            "messages": select(func.count()).where(Message.state.in_(("created", "sending"))),
        }
        with self.process.database.reading() as session:
            events = set(session.execute(select(Event.kind, Event.subject).where(Event.state == "fired")))
            found = {"missing events": len(self._wanted().keys() - {tuple(event) for event in events})}
            found |= {name: session.scalar(query) or 0 for name, query in ways.items()}
        return {name: count for name, count in found.items() if count}

    def _wanted(self) -> Counter[tuple[str, int]]:
        wanted = Counter({("order_submitted", woo_id): 1 for woo_id in self.sold})
        return wanted + Counter({("payment_received", woo_id): 1 for woo_id, paid in self.sold.items() if paid})

    def _without_run(self, begun: set[int | None]) -> str:
        """Say what was considered for the events that started none."""
        with self.process.database.reading() as session:
            rows = session.scalars(select(Event).where(Event.state == "fired").order_by(Event.id)).all()
            orders = set(session.scalars(select(Order.id)))
        told = [
            f"{row.kind} {row.subject} of {row.occurred_at}, handed over {row.handed_over_at}, its order here:"
            f" {row.order_id in orders}, {row.data}"
            for row in rows
            if row.id not in begun
        ]
        return "\n".join(told[:20])

    def settle(self) -> None:
        """Bring everybody back and let time pass until nothing is left to do."""
        for host in self.hosts:
            host.mend()
        for _ in range(5):
            for host in self.hosts:
                host.mend()
            self.clock.advance(seconds=_UNTIL_SWEPT)
            try:
                wait_until(lambda: not self.undone(), 45, "")
                return
            except AssertionError:
                continue
        raise AssertionError(f"not done: {self.undone()}\n{self.workers[0].logs()[-3000:]}")

    def check(self) -> str:
        """Assert the invariants; returns what there was, in words."""
        with self.process.database.reading() as session:
            events = Counter(
                tuple(row) for row in session.execute(select(Event.kind, Event.subject).where(Event.state == "fired"))
            )
            runs = Counter(session.scalars(select(Run.event_id)))
            deliveries = session.execute(select(Delivery.body_sha256, Delivery.state)).all()
            states = Counter(session.scalars(select(Message.state).where(Message.run_id.is_not(None))))
            orders = session.scalar(select(func.count()).select_from(Order).where(Order.store_id == self.store_id))
            elements = session.execute(select(ImportElement.element, ImportElement.state, ImportElement.failed)).all()
            imports = set(session.scalars(select(Import.state)))
        assert events == self._wanted()
        assert set(runs.values()) == {1}
        assert len(runs) == events.total(), self._without_run(set(runs))
        assert {row.state for row in deliveries} == {"done"}
        assert self.acknowledged <= {row.body_sha256 for row in deliveries}
        assert imports == {"done"} and {row.state for row in elements} == {"done"}
        assert not any(row.failed for row in elements)
        keys = self.shop.consumer_key, self.shop.consumer_secret
        assert orders == rest_totals.total(self.shop.url, *keys, "orders")
        assert set(states) <= {"sent", "unknown"} and states.total() == events.total()
        arrived = Counter(
            (mail.to_email, mail.subject) for mail in self.sink.mails if mail.to_email.startswith("buyer-")
        )
        assert set(arrived.values()) == {1}, arrived.most_common(3)
        assert states["sent"] <= len(arrived) <= states.total()
        assert states["unknown"] <= self.deaths
        return (
            f"{len(self.sold)} orders sold, answers {dict(self.answers)}, {orders} orders here, "
            f"{len(arrived)} e-mails, {states['unknown']} unknown, {self.deaths} deaths of hosts"
        )


def two_ports() -> list[int]:
    """Two ports of the loopback that nobody listens on."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in (first, second)]


@pytest.fixture
def installation(tmp_path: Path, clock: ClockHand) -> Iterator[Installation]:
    postgres, valkey, sink = Postgres(), Valkey(), SmtpSink()
    ports = two_ports()
    with PracticeStore(StoreOptions(size=HISTORY, webhook_delay=None)) as shop:
        environ = {
            **clock.environ,
            "DATABASE_URL": postgres.create("referins_hosts"),
            "REDIS_URL": valkey.url,
            "SECRET_KEY": SECRET_KEY,
            "ENCRYPTION_KEYS": ENCRYPTION_KEY,
            "SMTP_URL": sink.url,
            "PUBLIC_URL": f"http://127.0.0.1:{ports[0]}",
            "REFERINS_ALLOW_PRIVATE_STORES": shop.url,
        }
        config = configuration.load({**environ, "REFERINS_DATA": str(tmp_path / "test")})
        database = Database(config.database_url)
        migrate.upgrade(database)
        current = Process(config, database, Vault(config.encryption_keys))
        process.use(current)
        queues.connect(valkey.url)
        webs = [
            Host(f"web-{place}", tmp_path, environ, [("web", "--bind", f"127.0.0.1:{port}")])
            for place, port in enumerate(ports)
        ]
        roles = [*(("worker", queue) for queue in QUEUES), ("clock",)]
        workers = [Host(f"worker-{place}", tmp_path, environ, roles) for place in range(3)]
        made = Installation(current, postgres, valkey, shop, sink, clock, webs, workers, ports)
        _connect(made)
        for host in made.hosts:
            host.start()
        for port in ports:
            wait_until(lambda port=port: _answers(port), 60, made.webs[0].logs)
        yield made
        for host in made.hosts:
            host.kill()
        database.dispose()
    process.use(None)
    queues.connect(None)
    sink.stop()
    valkey.close()
    postgres.stop()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _connect(it: Installation) -> None:
    current = it.process
    with current.database.unit() as session:
        create_user(session, "olga@shop.example", "correct horse battery")
    elements = frozenset({"contacts", "orders", "transactions", "products", "collections"})
    with current.database.unit() as session:
        account_id = session.scalars(select(Membership.account_id)).one()
        chosen = Choices(elements=elements, sync=frozenset(SYNC_COLUMNS))
        pending = connect.create_pending_store(session, current, account_id, it.shop.url, chosen).id
    it.store_id = connect.accept_keys(current, pending, it.shop.consumer_key, it.shop.consumer_secret).store_id
    with current.database.unit() as session:
        for recipe in ("order_confirmation", "payment_thank_you"):
            made = automations.create_from_recipe(session, account_id, recipe)
            session.flush()
            automations.publish(session, made.id, account_id, None)
    it.clock.advance(seconds=5)
    with current.database.unit() as session:
        store = session.get_one(Store, it.store_id)
        it.hook_path = f"/hooks/woocommerce/{store.hook_token}"
        it.hook_secret = current.vault.unlock(store.hook_secret_locked)
        importing.start_first(session, store)


def sell_until(it: Installation, ended: threading.Event, gap: float) -> threading.Thread:
    """Sell one order after the other in a thread until `ended`."""

    def sell() -> None:
        while not ended.wait(gap):
            it.sell(paid=len(it.sold) % 2 == 0)

    seller = threading.Thread(target=sell)
    seller.start()
    return seller


def test_hosts_are_killed_and_come_back_and_the_result_is_exact(installation: Installation, seed: int) -> None:
    it, rng = installation, random.Random(seed)
    ended = threading.Event()
    seller = sell_until(it, ended, 0.1)
    try:
        for _ in range(10):
            victim = rng.choice(it.hosts)
            victim.kill()
            it.deaths += victim in it.workers
            time.sleep(rng.uniform(0.5, 2.5))
            victim.start()
            time.sleep(rng.uniform(0.5, 2.5))
    finally:
        ended.set()
        seller.join()
    it.settle()
    print(f"seed {seed}: {it.check()}")
    assert it.answers[200] > 20


def test_load5_outages_of_redis_and_postgresql_acknowledge_nothing_falsely(installation: Installation) -> None:
    """Under load Redis is away for a while, then PostgreSQL: what was answered 200 is there, all of it is worked on."""
    it = installation
    ended = threading.Event()
    seller = sell_until(it, ended, 0.05)
    try:
        for away, back in ((it.valkey.stop, it.valkey.start), (it.postgres.kill, it.postgres.start)):
            time.sleep(3)
            before = it.answers[200]
            _outage(it, away, back, seconds=8)
            print(f"{away.__qualname__}: {it.answers[200] - before} answered 200 meanwhile")
            time.sleep(3)
    finally:
        ended.set()
        seller.join()
    began = time.monotonic()
    it.deaths += 6  # a mail worker of each host may have been in the middle, twice
    it.settle()
    print(f"LOAD5: backlog gone {time.monotonic() - began:.0f} s after the end; {it.check()}")


def _outage(it: Installation, away: Callable[[], None], back: Callable[[], None], seconds: float) -> None:
    away()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for host in it.hosts:
            host.mend()
        time.sleep(1)
    back()
    for host in it.hosts:
        host.mend()


def test_two_clocks_never_do_work_twice(installation: Installation) -> None:
    """Of three clocks one works at any time; when its host dies another takes over, and nothing is done twice."""
    it = installation
    holders: list[str] = []
    for _ in range(3):
        wait_until(lambda: _holder(it) not in ("", *holders[-1:]), 30, "no clock has taken over")
        holders.append(_holder(it))
        it.sell(paid=True)
        seen = {_holder(it) for _ in range(20) if time.sleep(0.05) is None}
        assert seen == {holders[-1]}, "one clock works"
        for host in it.workers:
            if any(str(running.pid) == holders[-1].split("-")[1] for running in host._running):
                host.kill()
                it.deaths += 1
                break
        else:
            raise AssertionError(f"whose clock is {holders[-1]}?")
    assert len(set(holders)) == 3
    it.settle()
    print(it.check())


def _holder(it: Installation) -> str:
    with it.process.database.reading() as session:
        row = session.execute(select(Lease.holder, Lease.until).where(Lease.name == "clock")).first()
    return row.holder if row is not None and row.until > it.clock.now() else ""


def test_hosts_in_network_namespaces_of_their_own_share_nothing_but_the_servers(tmp_path: Path) -> None:
    """Where root allows: workers and clock in a namespace without any network reach both servers by their sockets."""
    if subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True).returncode:
        return  # not allowed here; the tests above run in separate processes with data folders of their own
    postgres, valkey = Postgres(), Valkey()
    environ = {
        "DATABASE_URL": postgres.create("referins_apart"),
        "REDIS_URL": valkey.url,
        "SECRET_KEY": SECRET_KEY,
        "ENCRYPTION_KEYS": ENCRYPTION_KEY,
    }
    database = Database(environ["DATABASE_URL"])
    migrate.upgrade(database)
    roles = [*(("worker", queue) for queue in QUEUES), ("clock",)]
    host = Host("apart", tmp_path, environ, roles, apart=True)
    try:
        host.start()

        def works() -> bool:
            with database.reading() as session:
                return session.scalar(select(func.count()).select_from(Lease).where(Lease.name == "clock")) == 1

        wait_until(works, 60, host.logs)
        wait_until(lambda: len(valkey.client().smembers("rq:workers")) == len(QUEUES), 60, host.logs)
    finally:
        host.stop()
        database.dispose()
        valkey.close()
        postgres.stop()
