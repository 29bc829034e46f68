"""What lies in the database of a running instance, read and arranged by the test that started it."""

from __future__ import annotations

import dataclasses
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Table, select, update

from referins_woo import config as configuration
from referins_woo import queues
from referins_woo.accounts.models import Membership
from referins_woo.accounts.users import create_user
from referins_woo.commerce import models as commerce
from referins_woo.crypto import Vault
from referins_woo.db import Base, Database
from referins_woo.events.models import Event
from referins_woo.ingest import importing
from referins_woo.ingest.models import Delivery, Import, ImportElement
from referins_woo.mail.models import Message
from referins_woo.process import Process
from referins_woo.run import settings
from referins_woo.runs import automations
from referins_woo.runs.models import Run
from referins_woo.stores import connect as stores
from referins_woo.stores.choices import ELEMENTS, SYNC_COLUMNS, Choices
from referins_woo.stores.models import Store
from tests.services.instance import Instance

PASSWORD = "correct horse battery"
_OURS = {"id", "account_id", "created_at", "updated_at", "listed_in", "observed"}
"""Columns that say when, by which import or under which number we wrote a row, not what the store said."""

_NATURAL = {
    "contact_id": commerce.Contact,
    "order_id": commerce.Order,
    "product_id": commerce.Product,
    "variant_id": commerce.Variant,
    "store_id": Store,
    "location_id": commerce.Location,
}
_MIRROR = (
    commerce.Contact,
    commerce.ContactLink,
    commerce.Order,
    commerce.OrderLine,
    commerce.Transaction,
    commerce.Product,
    commerce.Variant,
    commerce.Collection,
    commerce.CollectionProduct,
)


@dataclasses.dataclass(frozen=True)
class Connected:
    """A store of a user of its own, connected through the console."""

    account_id: int
    store_id: int
    hook_url: str
    hook_secret: str


class Inside:
    """The database of an instance, opened beside its processes."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        given = {**instance.environ, **settings.read(instance.data_dir / settings.SETTINGS_FILE)}
        config = configuration.load(given)
        self.process = Process(config, Database(config.database_url), Vault(config.encryption_keys))
        self.database = self.process.database

    def close(self) -> None:
        """Close the connections."""
        self.database.dispose()

    def sign_up(self, email: str) -> None:
        """Make a user."""
        made = self._instance.referins("user", "create", email, "--password-stdin", given=PASSWORD)
        assert made.returncode == 0, made.stderr

    def connect(self, email: str, url: str, key: str, secret: str, *elements: str, is_new: bool = True) -> Connected:
        """Let the console connect the store at `url` for a user, made first where he `is_new`; its import begins."""
        if is_new:
            self.sign_up(email)
        arguments = ["store", "connect", url, "--email", email, "--key", key, "--secret", secret, "--json"]
        if elements:
            arguments += ["--import", ",".join(elements)]
        done = self._instance.referins(*arguments)
        assert done.returncode == 0, done.stderr + done.stdout
        store_id = int(json.loads(done.stdout)["id"])
        with self.database.reading() as session:
            store = session.get_one(Store, store_id)
            secret_word = self.process.vault.unlock(store.hook_secret_locked)
            hook_url = f"{self._instance.url}/hooks/woocommerce/{store.hook_token}"
            return Connected(store.account_id, store_id, hook_url, secret_word)

    def connect_here(self, email: str, url: str, key: str, secret: str) -> Connected:
        """The same from this process, which is quicker, for a new user; nobody hears its bells: the sweeps find it."""
        queues.connect(None)
        with self.database.unit() as session:
            user = create_user(session, email, PASSWORD)
            session.flush()
            account_id = session.scalars(select(Membership.account_id).where(Membership.user_id == user.id)).one()
            chosen = Choices(elements=frozenset(ELEMENTS), sync=frozenset(SYNC_COLUMNS))
            pending = stores.create_pending_store(session, self.process, account_id, url, chosen).id
        store_id = stores.accept_keys(self.process, pending, key, secret).store_id
        with self.database.unit() as session:
            store = session.get_one(Store, store_id)
            importing.start_first(session, store)
            secret_word = self.process.vault.unlock(store.hook_secret_locked)
            return Connected(
                account_id, store_id, f"{self._instance.url}/hooks/woocommerce/{store.hook_token}", secret_word
            )

    def go_live(self, account_id: int, *recipes: str) -> None:
        """Turn recipes on for an account."""
        with self.database.unit() as session:
            for recipe in recipes:
                made = automations.create_from_recipe(session, account_id, recipe)
                session.flush()
                automations.publish(session, made.id, account_id, None)

    def forget(self, store_id: int) -> None:
        """Let a store be disconnected: nobody sweeps it any more."""
        with self.database.unit() as session:
            session.execute(update(Store).where(Store.id == store_id).values(state="disconnected"))

    def newest_import(self, store_id: int) -> Import | None:
        """Return the store's newest import."""
        with self.database.reading() as session:
            return session.scalars(
                select(Import).where(Import.store_id == store_id).order_by(Import.id.desc()).limit(1)
            ).first()

    def counts(self, import_id: int) -> dict[str, tuple[int | None, int, int, int]]:
        """Return (total, done, skipped, failed) of each element of an import."""
        with self.database.reading() as session:
            rows = session.scalars(select(ImportElement).where(ImportElement.import_id == import_id))
            return {row.element: (row.total, row.done, row.skipped, row.failed) for row in rows}

    def mirror(self, account_id: int) -> dict[str, Counter[str]]:
        """Return the account's mirror, table by table, without our numbers and times: equal ones hold the same."""
        with self.database.reading() as session:
            names = {
                column: {row.id: _name_of(row) for row in session.scalars(select(model))}  # type: ignore[attr-defined]
                for column, model in _NATURAL.items()
            }
            result: dict[str, Counter[str]] = {}
            for model in _MIRROR:
                table: Table = model.__table__  # type: ignore[assignment]
                query = select(table)
                if "account_id" in table.c:
                    query = query.where(table.c.account_id == account_id)
                else:
                    mine = select(commerce.Product.id).where(commerce.Product.account_id == account_id)
                    query = query.where(table.c.product_id.in_(mine))
                result[table.name] = Counter(
                    json.dumps(_plain(dict(row), names), sort_keys=True, default=str)
                    for row in session.execute(query).mappings()
                )
            return result

    def unfinished(self, *accounts: int) -> dict[str, int]:
        """Return how many rows of the accounts are on their way, by table and state (INV4: none at rest)."""
        ways: dict[str, tuple[type[Base], Any]] = {
            "deliveries": (Delivery, Delivery.state == "received"),
            "imports": (Import, Import.state.in_(("waiting", "running"))),
            "events": (Event, Event.handed_over_at.is_(None)),
            "runs": (Run, Run.state.in_(("active", "rereading"))),
            "messages": (Message, Message.state.in_(("created", "sending"))),
        }
        found: dict[str, int] = {}
        with self.database.reading() as session:
            for name, (model, condition) in ways.items():
                rows = session.scalars(select(model.account_id).where(condition))  # type: ignore[attr-defined]
                count = sum(not accounts or account_id in accounts for account_id in rows)
                if count:
                    found[name] = count
        return found


def wait_until(condition: Callable[[], object], seconds: float, what: str | Callable[[], object]) -> None:
    """Ask until it is so; fails with `what` (or what it returns) when it takes longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what() if callable(what) else what}")
        time.sleep(0.05)


def difference(expected: Counter[str], found: Counter[str]) -> list[str]:
    """Say in which columns the rows differ that only one side has; empty when both hold the same."""
    missing, extra = (
        [list(json.loads(row).items()) for row in sorted((one - other).elements())]
        for one, other in ((expected, found), (found, expected))
    )
    if len(missing) != len(extra):
        return [f"{len(missing)} missing, {len(extra)} too many: {(missing + extra)[:2]}"]
    return [
        f"{dict(right).get('woo_id')} {name}: {value!r} became {dict(right)[name]!r}"
        for left, right in zip(missing, extra, strict=True)
        for name, value in left
        if dict(right)[name] != value
    ]


def _name_of(row: Any) -> str:
    """Return what names a row whichever number it got."""
    if isinstance(row, commerce.Contact):
        return f"{row.email_key}|{row.name_key}|{row.first_name}"
    if isinstance(row, (Store, commerce.Location)):
        return row.name
    return str(row.woo_id)


def _plain(row: dict[str, Any], names: dict[str, dict[int, str]], drop: Collection[str] = _OURS) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in drop}
    if kept.get("stock_key"):
        kept["stock_key"] = re.sub(r"^woo:\d+:", "woo:", kept["stock_key"])  # the store's number is ours
    if "sales_at" in kept:
        kept["sales_at"] = kept["sales_at"] is not None  # whether, not when
    return {name: names[name].get(value) if name in names else value for name, value in kept.items()}
