"""Store A from its recordings, and what an import brings from it when nothing happens."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from referins_woo import config as configuration
from referins_woo import process, queues
from referins_woo.crypto import Vault
from referins_woo.db import Database
from referins_woo.process import Process
from tests.conftest import ENCRYPTION_KEY, SECRET_KEY
from tests.factories.rows import Made, account_with_everything
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


@pytest.fixture
def ours(running: Process) -> Made:
    """An account with one row of each kind."""
    return account_with_everything(running.database, "ours@example.com")
