"""A merchant with a practice store, two live automations and an SMTP server, all in this process: to break things in.

Bells hang in memory; `work` drains them and lets the sweeps ring, as often as it takes, and lets no failed job pass
unseen but for those that a test expects (`patient`).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from referins_woo import process, queues
from referins_woo.accounts.models import Membership
from referins_woo.accounts.users import create_user
from referins_woo.app import create_app
from referins_woo.events.models import Event
from referins_woo.ingest import importing
from referins_woo.ingest import jobs as ingest
from referins_woo.ingest.models import Delivery
from referins_woo.mail import jobs as mail
from referins_woo.mail.models import Message
from referins_woo.practice_store import PracticeStore, StoreOptions, views
from referins_woo.practice_store.delivery import php_json, sign
from referins_woo.process import Process
from referins_woo.runs import automations
from referins_woo.runs import jobs as runs
from referins_woo.runs.models import Run
from referins_woo.stores import connect
from referins_woo.stores import jobs as stores
from referins_woo.stores.choices import SYNC_COLUMNS, Choices
from referins_woo.stores.models import Store
from tests.services.smtp_sink import SmtpSink

SWEEPS = (
    *(ingest.ring_for_deliveries, ingest.ring_for_imports, ingest.ring_for_sweeps),
    *(runs.ring_for_events, runs.ring_for_due_runs, runs.ring_for_rereads, mail.sweep_messages),
    stores.ring_for_suspects,
)


@dataclass
class House:
    """The whole of it. `acknowledged` are topic and sha256 of the bodies that were answered with 200."""

    process: Process
    bells: queues.MemoryBells
    shop: PracticeStore
    sink: SmtpSink
    client: FlaskClient
    account_id: int
    store_id: int
    hook_path: str
    hook_secret: str
    sold: dict[int, bool] = field(default_factory=dict)
    """Woo ids, and whether they were paid."""
    acknowledged: set[tuple[str, str]] = field(default_factory=set)
    answers: Counter[int] = field(default_factory=Counter)

    def sell(self, *, paid: bool = False) -> int:
        """Let somebody order; returns the order's Woo id. Nothing is delivered yet."""
        number = len(self.sold)
        woo_id = self.shop.create_order(email=f"buyer-{number}@example.com", first_name="Ada", payment_method="stripe")
        if paid:
            self.shop.pay(woo_id)
        self.sold[woo_id] = paid
        return woo_id

    def post(self, woo_id: int, topic: str = "order.updated") -> int:
        """Deliver the order as it is now; returns the status that WooCommerce sees."""
        doc = self.shop.order(woo_id)
        assert doc is not None
        body = php_json(views.order(self.shop.shop, doc))
        headers = {
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": f"{self.shop.url}/",
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Signature": sign(body, self.hook_secret),
            "X-WC-Webhook-ID": "7",
            "X-WC-Webhook-Delivery-ID": "0" * 32,
        }
        status = self.client.post(self.hook_path, data=body, headers=headers).status_code
        self.answers[status] += 1
        if status == 200:
            self.acknowledged.add((topic, hashlib.sha256(body).hexdigest()))
        return status

    def work(self, *, patient: int = 0) -> None:
        """Let everybody work until nothing is due; `patient`: how many failed drains are borne."""
        for _ in range(200):
            try:
                if not self._round():
                    return
            except (SQLAlchemyError, RedisError):
                if not patient:
                    raise
                patient -= 1
                self.bells.pending.clear()  # a failed job is not rung for again: the sweeps must
        raise AssertionError(f"still something to do: {self.bells.pending}")

    def work_in_trouble(self, rounds: int) -> int:
        """Let everybody work although calls fail, for so many rounds at most; returns how many failed."""
        failed = 0
        for _ in range(rounds):
            try:
                if not self._round():
                    break
            except (SQLAlchemyError, RedisError):
                failed += 1
                self.bells.pending.clear()
        return failed

    def _round(self) -> bool:
        for sweep in SWEEPS:
            sweep()
        return bool(self.bells.drain())

    def struggle(self, rounds: int = 5) -> None:
        """Try to work while something is broken: what fails is borne, as the shells of the jobs bear it."""
        for _ in range(rounds):
            for sweep in SWEEPS:
                with suppress(SQLAlchemyError, RedisError):
                    sweep()
            with suppress(SQLAlchemyError, RedisError):
                self.bells.drain()
            self.bells.pending.clear()

    def read(self, *columns: Any) -> list[Any]:
        """Read columns of all rows."""
        with self.process.database.reading() as session:
            return list(session.execute(select(*columns)))

    def check(self, *, unknown: int = 0) -> None:
        """INV1 to INV4 for all that was sold and mailed; up to `unknown` e-mails may be unknown."""
        wanted = Counter({("order_submitted", woo_id): 1 for woo_id in self.sold})
        wanted += Counter({("payment_received", woo_id): 1 for woo_id, paid in self.sold.items() if paid})
        events = self.read(Event.kind, Event.subject, Event.state)
        assert Counter((row.kind, row.subject) for row in events if row.state == "fired") == wanted
        deliveries = self.read(Delivery.topic, Delivery.body_sha256, Delivery.state)
        assert {row.state for row in deliveries} <= {"done"}
        kept = Counter((row.topic, row.body_sha256) for row in deliveries)
        assert self.acknowledged <= kept.keys(), "an acknowledged delivery is not there"
        assert Counter(self.read(Run.event_id)).most_common(1)[0][1] == 1
        assert {row.state for row in self.read(Run.state)} <= {"done", "waiting"}
        mails = [row for row in self.read(Message.state, Message.run_id) if row.run_id is not None]
        states = Counter(row.state for row in mails)  # others tell the owner that an import has ended
        assert set(states) <= {"sent", "unknown"}, states
        assert states["unknown"] <= unknown
        to_buyers = [mail for mail in self.sink.mails if mail.to_email.startswith("buyer-")]
        arrived = Counter((mail.to_email, mail.subject) for mail in to_buyers)
        assert not arrived or arrived.most_common(1)[0][1] == 1, arrived.most_common(3)
        assert states["sent"] <= len(arrived) <= states.total()
        assert states.total() == wanted.total()


@contextmanager
def house(
    running: Process, bells: queues.MemoryBells, *, size: int = 10, elements: frozenset[str] = frozenset()
) -> Iterator[House]:
    """Build it on the process's database; the import of `elements` is begun and not yet worked on."""
    sink = SmtpSink()
    config = dataclasses.replace(running.config, smtp_url=sink.url)
    current = dataclasses.replace(running, config=config)
    process.use(current)
    with current.database.unit() as session:
        create_user(session, "olga@shop.example", "correct horse battery")
    with PracticeStore(StoreOptions(size=size, webhook_delay=None)) as shop:
        with current.database.unit() as session:
            account_id = session.scalars(select(Membership.account_id)).one()
            chosen = Choices(elements=elements, sync=frozenset(SYNC_COLUMNS))
            pending = connect.create_pending_store(session, current, account_id, shop.url, chosen).id
        store_id = connect.accept_keys(current, pending, shop.consumer_key, shop.consumer_secret).store_id
        with current.database.unit() as session:
            for recipe in ("order_confirmation", "payment_thank_you"):
                made = automations.create_from_recipe(session, account_id, recipe)
                session.flush()
                automations.publish(session, made.id, account_id, None)
            store = session.get_one(Store, store_id)
            if elements:
                importing.start_first(session, store)
            path = f"/hooks/woocommerce/{store.hook_token}"
            secret = current.vault.unlock(store.hook_secret_locked)
        client = create_app(config, connect_queues=False).test_client()
        yield House(current, bells, shop, sink, client, account_id, store_id, path, secret)
    sink.stop()
