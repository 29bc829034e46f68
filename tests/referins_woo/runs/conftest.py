"""A shop with its account, and orders and events as live work leaves them behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event as listening
from sqlalchemy import select, update

from referins_woo import clock as application_clock
from referins_woo.accounts.models import Account
from referins_woo.commerce.models import Contact, Order, OrderLine
from referins_woo.db import Database
from referins_woo.events.models import Event
from referins_woo.mail.models import Message
from referins_woo.runs import automations, jobs
from referins_woo.runs.models import Run, RunLog
from referins_woo.stores.models import Store


@dataclass
class Shop:
    """One connected store; every method is one committed unit."""

    database: Database
    account_id: int
    store_id: int
    bells: Any = None
    next_woo_id: int = field(default=100)

    def live(self, recipe: str) -> int:
        """Turn a recipe on; returns the automation's id."""
        with self.database.unit() as session:
            automation = automations.create_from_recipe(session, self.account_id, recipe)
            automations.publish(session, automation.id, self.account_id, None)
            return automation.id

    def publish(self, definition: dict[str, Any], name: str = "Mine") -> int:
        """Make an automation of a definition and turn it on; returns its id."""
        with self.database.unit() as session:
            automation = automations.create(session, self.account_id, name, definition)
            automations.publish(session, automation.id, self.account_id, None)
            return automation.id

    def contact(self, email: str = "ada@example.com", **columns: Any) -> None:
        """Change a contact."""
        with self.database.unit() as session:
            session.execute(update(Contact).where(Contact.email_key == email).values(columns))

    def order(self, email: str = "ada@example.com", **columns: Any) -> int:
        """Add an order with its contact; returns our id."""
        now = application_clock.now()
        self.next_woo_id += 1
        with self.database.unit() as session:
            contact = session.scalar(select(Contact).where(Contact.email_key == (email or "nobody@example.com")))
            if contact is None:
                contact = Contact(
                    account_id=self.account_id,
                    name="Ada Example",
                    first_name="Ada",
                    email=email,
                    email_key=email,
                    is_guest=True,
                )
                session.add(contact)
                session.flush()
            values: dict[str, Any] = {
                "account_id": self.account_id,
                "store_id": self.store_id,
                "woo_id": self.next_woo_id,
                "number": str(self.next_woo_id),
                "status": "Pending",
                "woo_status": "pending",
                "currency": "EUR",
                "total": 599_000,
                "contact_id": contact.id,
                "email": email,
                "email_key": email,
                "billing": {"first_name": "Ada", "last_name": "Billing", "country": "DE"},
                "created_via": "checkout",
                "payment_url": "https://shop.example/pay",
                "placed_at": now,
                "delivery_date": date(2026, 1, 1),
                "content_hash": "x",
                **columns,
            }
            order = Order(**values)
            session.add(order)
            session.flush()
            session.add(
                OrderLine(
                    order_id=order.id,
                    account_id=self.account_id,
                    kind="product",
                    woo_line_id=1,
                    position=0,
                    name="Mug",
                    sku="MUG",
                    quantity=15_000,
                    price_per_unit=12_500_000,
                    total=187_500,
                )
            )
            return order.id

    def event(self, order_id: int, kind: str = "order_submitted", **columns: Any) -> int:
        """Record an event of the order; returns its id."""
        with self.database.unit() as session:
            order = session.get_one(Order, order_id)
            values: dict[str, Any] = {
                "account_id": self.account_id,
                "store_id": self.store_id,
                "kind": kind,
                "subject": order.woo_id,
                "order_id": order.id,
                "contact_id": order.contact_id,
                "occurred_at": application_clock.now(),
                **columns,
            }
            event = Event(**values)
            session.add(event)
            session.flush()
            return event.id

    def submitted(self, **columns: Any) -> int:
        """Add an order with its event; returns the order's id."""
        order_id = self.order(**columns)
        self.event(order_id)
        return order_id

    def change(self, order_id: int, **columns: Any) -> None:
        """Change an order as a catch-up would, without an event."""
        with self.database.unit() as session:
            session.execute(update(Order).where(Order.id == order_id).values(columns))

    def pay(self, order_id: int) -> None:
        """The order is paid, and the event is recorded."""
        now = application_clock.now()
        self.change(order_id, paid_at=now, payment_state="paid", woo_status="processing")
        self.event(order_id, "payment_received")

    def skew(self, seconds: int) -> None:
        """Set the store's clock off ours."""
        with self.database.unit() as session:
            session.execute(update(Store).values(clock_skew_seconds=seconds))

    def work(self) -> None:
        """Sweep and do all work of this room until there is none."""
        for sweep in (jobs.ring_for_events, jobs.ring_for_due_runs):
            sweep()
        while any(name in ("start_runs", "advance_runs") for _, name, _ in self.bells.pending):
            for bell in list(self.bells.pending):
                if bell[1] in ("start_runs", "advance_runs"):
                    self.bells.pending.remove(bell)
                    getattr(jobs, bell[1])()

    def messages(self) -> list[Message]:
        """All messages, oldest first."""
        with self.database.reading() as session:
            return list(session.scalars(select(Message).order_by(Message.id)))

    def numbers(self) -> dict[int, str]:
        """Order number by our id."""
        with self.database.reading() as session:
            return dict(session.execute(select(Order.id, Order.number)).all())

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        with self.database.reading() as session:
            return list(session.scalars(select(Run).order_by(Run.id)))

    def log(self, run_id: int) -> list[RunLog]:
        """The log of a run, oldest first."""
        with self.database.reading() as session:
            return list(session.scalars(select(RunLog).where(RunLog.run_id == run_id).order_by(RunLog.id)))

    def events(self) -> list[Event]:
        """All events, oldest first."""
        with self.database.reading() as session:
            return list(session.scalars(select(Event).order_by(Event.id)))


@pytest.fixture
def shop(running: Any, database: Database, bells: Any, clock: Any) -> Iterator[Shop]:
    """A connected store without automations."""
    with database.unit() as session:
        account = Account(name="Shop", postal_address="1 Example Street\nExample Town")
        session.add(account)
        session.flush()
        store = Store(
            account_id=account.id,
            url="https://shop.example",
            name="Ada's Shop",
            state="connected",
            hook_token="t" * 32,
            hook_secret_locked="x",
            live_since=application_clock.now() - timedelta(days=30),
            currency="EUR",
            manage_stock=False,
        )
        session.add(store)
        session.flush()
        made = Shop(database, account.id, store.id, bells)
    yield made


@pytest.fixture
def now() -> datetime:
    """The time at the start of the test."""
    return application_clock.now()


class Killed(BaseException):
    """Stands for kill -9: no shell catches it."""


@dataclass
class Attempt:
    """Work that may be killed: whether it was."""

    killed: bool = False


@pytest.fixture
def killed_at(database: Database) -> Callable[[int], AbstractContextManager[Attempt]]:
    """Kills whoever sends the n-th statement, or makes the n-th commit, within the block."""

    @contextmanager
    def kill(statement: int) -> Iterator[Attempt]:
        attempt, seen = Attempt(), [0]

        def count(*_args: Any) -> None:
            seen[0] += 1
            if seen[0] == statement:
                raise Killed

        for name in ("before_cursor_execute", "commit"):
            listening.listen(database.engine, name, count)
        try:
            yield attempt
        except Killed:
            attempt.killed = True
        finally:
            for name in ("before_cursor_execute", "commit"):
                listening.remove(database.engine, name, count)

    return kill
