"""Store A from its recordings, and what an import brings from it when nothing happens."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask

from referins_woo import config as configuration
from referins_woo import process, queues
from referins_woo.accounts.users import create_user
from referins_woo.crypto import Vault
from referins_woo.db import Database
from referins_woo.practice_store import PracticeStore, StoreOptions
from referins_woo.process import Process
from referins_woo.runs import automations
from tests.conftest import ENCRYPTION_KEY, SECRET_KEY, ClockHand, LiveServer
from tests.factories.rows import Made, account_with_everything
from tests.flows.invariants import Watch, watch
from tests.flows.merchants import EMAIL, Merchant, merchant_of
from tests.flows.rows import Watching
from tests.flows.test_live_changes import Merchant as Selling
from tests.replay import merchant
from tests.replay.server import Replay
from tests.replay.shelf import store_a

Mirror = dict[str, Any]


@pytest.fixture(scope="session")
def undisturbed(shared: Path, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Mirror:
    """The mirror after an import during which nothing happens, with pages of 100."""
    folder = tmp_path_factory.mktemp("undisturbed")
    shutil.copyfile(migrated_sqlite, folder / "referins.sqlite3")
    config = configuration.load(
        {
            "DATABASE_URL": f"sqlite:///{folder / 'referins.sqlite3'}",
            "SECRET_KEY": SECRET_KEY,
            "ENCRYPTION_KEYS": ENCRYPTION_KEY,
            "PUBLIC_URL": "http://127.0.0.1:8080",
            "REFERINS_DATA": str(folder),
            "REFERINS_ALLOW_PRIVATE_STORES": "1",
        }
    )
    database = Database(config.database_url)
    running = Process(config, database, Vault(config.encryption_keys))
    process.use(running)
    shop = Replay(store_a(shared / "woocommerce" / "recordings"))
    try:
        merchant.import_all(running, cast(queues.MemoryBells, queues.connect(None)), shop)
        with database.reading() as session:
            return merchant.mirror(session)
    finally:
        shop.stop()
        database.dispose()
        process.use(None)
        queues.connect(None)


@pytest.fixture
def recordings(shared: Path) -> Path:
    """The folder of recordings."""
    return shared / "woocommerce" / "recordings"


@pytest.fixture
def shop(recordings: Path) -> Iterator[Replay]:
    """Store A, which tells the application's time."""
    from_shelf = Replay(store_a(recordings))
    yield from_shelf
    from_shelf.stop()
    assert not from_shelf.unknown, from_shelf.unknown


@pytest.fixture(name="merchant")
def merchant_by_sweeps(running: Process, bells: queues.MemoryBells) -> Iterator[Selling]:
    """A merchant who has signed up, beside a practice store of 20 orders that is followed by sweeps."""
    with running.database.unit() as session:
        create_user(session, EMAIL, "correct horse battery")
    with PracticeStore(StoreOptions(size=20, webhook_delay=None)) as practice:
        yield Selling(running, bells, practice)


@pytest.fixture
def ours(running: Process) -> Made:
    """An account with one row of each kind."""
    return account_with_everything(running.database, "ours@example.com")


@pytest.fixture
def watching(
    running: Process,
    bells: queues.MemoryBells,
    clock: ClockHand,
    app: Flask,
    live_server: LiveServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Watching:
    """Makes a watched merchant, whose practice store has the options that are named."""

    @contextmanager
    def made(
        prepare: Callable[[Merchant], None] = lambda merchant: None, *, domain: str = "example.com", **options: Any
    ) -> Iterator[Watch]:
        """`prepare`: what is done to the store before it is connected."""
        with merchant_of(running, bells, clock, **{"size": 6} | options) as merchant:
            if merchant.practice.ca_file is not None:
                config = replace(running.config, store_ca=merchant.practice.ca_file)
                merchant.process = Process(config, running.database, running.vault)
                process.use(merchant.process)
            prepare(merchant)
            merchant.connect()
            with running.database.unit() as session:
                account_id = merchant.account_id(session)
                recipe = automations.create_from_recipe(session, account_id, "order_confirmation")
                session.flush()
                automations.publish(session, recipe.id, account_id, None)
            merchant.sweep()
            clock.advance(seconds=5)
            with watch(merchant, capsys, monkeypatch) as seen:
                seen.domain = domain
                yield seen

    return made


@pytest.fixture
def it(watching: Watching) -> Iterator[Watch]:
    """A watched merchant: imported, at rest, with a live automation; the store's webhooks reach us over HTTP."""
    with watching() as seen:
        yield seen
