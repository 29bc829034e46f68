"""A merchant with a connected practice store, as the tests of the connection use one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import referins_woo.ingest.jobs
import referins_woo.mail.jobs
import referins_woo.runs.jobs
import referins_woo.stores.jobs  # noqa: F401  (bells need their jobs)
from referins_woo import queues
from referins_woo.accounts.models import Membership, User
from referins_woo.accounts.users import create_user
from referins_woo.events.models import Event
from referins_woo.ingest import importing, watermarks
from referins_woo.ingest.models import Watermark
from referins_woo.mail.models import Message
from referins_woo.practice_store import PracticeStore, StoreOptions
from referins_woo.process import Process
from referins_woo.stores import connect
from referins_woo.stores.choices import ELEMENTS, SYNC_COLUMNS, Choices
from referins_woo.stores.models import Store, StoreLog
from tests.conftest import ClockHand

EMAIL = "olga@shop.example"


@dataclass
class Merchant:
    """A merchant whose practice store is connected; the clock is moved by hand, the queues are drained by hand."""

    process: Process
    bells: queues.MemoryBells
    practice: PracticeStore
    clock: ClockHand
    store_id: int = 0
    email: str = EMAIL

    def connect(self, *, elements: frozenset[str] = frozenset(ELEMENTS), **choices: Any) -> None:
        """Connect with typed keys, import what is chosen, let the house come to rest."""
        with self.process.database.unit() as session:
            account_id = self.account_id(session)
            chosen = Choices(elements=elements, sync=choices.pop("sync", frozenset(SYNC_COLUMNS)), **choices)
            pending = connect.create_pending_store(session, self.process, account_id, self.practice.url, chosen).id
        keys = self.practice.consumer_key, self.practice.consumer_secret
        self.store_id = connect.accept_keys(self.process, pending, *keys).store_id
        if elements:
            with self.process.database.unit() as session:
                importing.start_first(session, session.get_one(Store, self.store_id))
        self.bells.drain()

    def account_id(self, session: Session) -> int:
        """Return the merchant's account."""
        mine = select(Membership.account_id).join(User, User.id == Membership.user_id).where(User.email == self.email)
        return session.scalars(mine).one()

    def sweep(self, minutes: float = 5) -> None:
        """Let the time between two sweeps pass, sweep, and let the house come to rest."""
        self.clock.advance(minutes=minutes)
        queues.ring("catch_up", self.store_id)
        self.bells.drain()

    @property
    def store(self) -> Store:
        """The store as it stands in the database now."""
        with self.process.database.reading() as session:
            return session.get_one(Store, self.store_id)

    def rows(self, model: Any, *conditions: Any) -> list[Any]:
        """Read rows, oldest first."""
        with self.process.database.reading() as session:
            return list(session.scalars(select(model).where(*conditions).order_by(model.id)))

    def count(self, model: Any, *conditions: Any) -> int:
        """Count rows."""
        with self.process.database.reading() as session:
            return session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0

    def events(self) -> dict[tuple[int, str], tuple[str, str]]:
        """(order, kind) → (state, reason) of all that happened."""
        return {(one.subject, one.kind): (one.state, one.reason) for one in self.rows(Event)}

    def mails(self) -> list[Message]:
        """The e-mails about the connection."""
        mine = [one for one in self.rows(Message) if one.to_email == self.email]
        return [one for one in mine if one.template.get("email") == "reconnect"]

    def log(self) -> list[str]:
        """What the store's log says, oldest first."""
        return [one.text for one in self.rows(StoreLog, StoreLog.store_id == self.store_id)]

    def ledger(self) -> dict[str, Watermark]:
        """The ledger's rows by element."""
        with self.process.database.reading() as session:
            found = watermarks.read(session, self.store_id)
        return {element: found[element] for element in watermarks.ELEMENTS if element in found}

    def asked(self) -> list[str]:
        """What the store was asked for since the log was emptied, as METHOD path, without the interface's prefix."""
        lines = [(line.method, urlsplit(line.path).path) for line in self.practice.requests]
        return [f"{method} {path.partition('/wc/v3/')[2] or path}" for method, path in lines]


def off(row: Watermark) -> int:
    """By how much the store counts more than is accounted for here."""
    assert row.woo_count is not None, row.element
    return row.woo_count - row.here_count - row.skipped_count - row.failed_count


@contextmanager
def merchant_of(
    process: Process, bells: queues.MemoryBells, clock: ClockHand, *, email: str = EMAIL, **options: Any
) -> Iterator[Merchant]:
    """A merchant who has signed up, beside a practice store that is not connected yet."""
    with process.database.unit() as session:
        create_user(session, email, "correct horse battery", name="Olga")
    with PracticeStore(StoreOptions(**{"size": 30, "webhook_delay": None} | options)) as practice:
        yield Merchant(process, bells, practice, clock, email=email)
