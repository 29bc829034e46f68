"""Fixtures of general use: both databases, a real Valkey, the clock's hand, the browser, the recordings.

A test that takes `database` runs twice, on SQLite and on a real PostgreSQL. Tests drain queues by hand
(`bells.drain()`), so that one can stop between two rooms.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import random
import shutil
import socket
import threading
from collections.abc import Generator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from playwright.sync_api import Browser, Page, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from redis import Redis
from werkzeug.serving import make_server

from referins_woo import clock as application_clock
from referins_woo import config as configuration
from referins_woo import migrate, process, queues
from referins_woo.accounts import passwords
from referins_woo.config import Config
from referins_woo.crypto import Vault
from referins_woo.db import Database
from referins_woo.process import Process
from tests.services.instance import Instance
from tests.services.postgres import Postgres
from tests.services.valkey import Valkey

ROOT = Path(__file__).resolve().parent.parent
CI = os.environ.get("CI", "").lower() == "true"
SHARES_THE_MACHINE = {"page", "instance"}
"""Fixtures of tests whose outcome depends on other processes: a browser, a whole instance."""
PATIENCE = 30_000
"""Milliseconds that a browser test waits for what must come."""
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
gc.disable()  # until all tests are collected
SECRET_KEY = "only-for-tests-only-for-tests-only-for-tests"
ENCRYPTION_KEY = "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtISE="
_MIGRATED = "referins_template"
_USED = "referins_used"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With CI=true nothing is skipped: a skip mark is an error of the suite."""
    if CI:
        for item in items:
            if item.get_closest_marker("skip") or item.get_closest_marker("skipif"):
                raise pytest.UsageError(f"{item.nodeid} is marked to be skipped; with CI=true nothing is")
            if SHARES_THE_MACHINE & set(getattr(item, "fixturenames", ())):
                item.add_marker(pytest.mark.flaky(reruns=1))  # docs/decisions/0012


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A browser test that fails tells what its page showed: a machine that has gone cannot be asked any more."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and isinstance(page, Page) and not page.is_closed():
        with contextlib.suppress(PlaywrightError):
            report.sections.append(("page", f"{page.url}\n{page.locator('body').inner_text(timeout=5_000)[:6_000]}"))
    return report


class AtOnce:
    """Tells of a failure when it happens: a run that is ended from outside never comes to its summary."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Print the end of what went wrong."""
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and report.outcome in ("failed", "rerun"):
            said = "\n".join(report.longreprtext.splitlines()[-30:])
            terminal.write_line(f"\n{report.outcome} after {report.duration:.0f} s: {report.nodeid}\n{said}")


def pytest_configure(config: pytest.Config) -> None:
    """In CI, tell at once, by the process that the tests' own processes report to."""
    if CI and not hasattr(config, "workerinput"):
        config.pluginmanager.register(AtOnce(config))


def pytest_collection_finish() -> None:
    """What was imported and collected stays for the whole run: the collector of garbage need not walk it each time."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(200_000, 20, 100)


class NetworkUsed(BaseException):
    """A test reached for an address outside this machine. Not an Exception: no code under test may swallow it."""


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Connections to other machines fail the test that opened them."""
    connect = socket.socket.connect

    def loopback_only(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not configuration.is_loopback(address[0]):
            raise NetworkUsed(f"a test connects to {address[0]}:{address[1]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", loopback_only)
        yield


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hashes of passwords cost nearly nothing in this process: thousands of tests make a user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


class CompiledTemplates(BytecodeCache):
    """Templates are compiled once for the applications of all tests of this process."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket, if its template was compiled before."""
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._code[bucket.key] = bucket.bytecode_to_string()


TEMPLATES = CompiledTemplates()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the recordings of real stores: beside the checkout, or where REFERINS_SHARED says."""
    folder = Path(os.environ.get("REFERINS_SHARED") or ROOT.parent / "shared")
    if not folder.is_dir():
        if CI:
            pytest.fail(f"{folder} is missing: with CI=true the recordings must be there")
        pytest.skip(f"{folder} is missing: the recordings of real stores lie there")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL of this test process, with a migrated database to copy."""
    server = Postgres()
    template = Database(server.create(_MIGRATED))
    migrate.upgrade(template)
    template.dispose()
    server.create(_USED, _MIGRATED)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    template = Database(f"sqlite:///{path}")
    migrate.upgrade(template)
    with template.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    template.dispose()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database this run of the test uses; a test may parametrize it to one of them."""
    return str(request.param)


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a migrated, empty database; what is left from another test is gone."""
    if backend == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        server.empty(_USED)
        return server.url(_USED)
    path = tmp_path / "referins.sqlite3"
    shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
    return f"sqlite:///{path}"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated, empty database: the test runs on SQLite and on PostgreSQL."""
    opened = Database(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def free_port() -> int:
    """A port of the loopback that nobody listens on, nor on the one ten above it (the practice store's)."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            with contextlib.suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 10))
                return port


@pytest.fixture
def config(database_url: str, free_port: int, tmp_path: Path) -> Config:
    """Settings as a test wants them: its database, the dev mailbox, stores on the loopback allowed."""
    return configuration.load(
        {
            "DATABASE_URL": database_url,
            "SECRET_KEY": SECRET_KEY,
            "ENCRYPTION_KEYS": ENCRYPTION_KEY,
            "PUBLIC_URL": f"http://127.0.0.1:{free_port}",
            "REFERINS_DATA": str(tmp_path / "data"),
            "REFERINS_ALLOW_PRIVATE_STORES": "1",
        }
    )


@pytest.fixture
def running(config: Config, database: Database) -> Iterator[Process]:
    """This process's shared things, as the entry points set them: what jobs find in `process.current()`."""
    things = Process(config, database, Vault(config.encryption_keys))
    process.use(things)
    yield things
    process.use(None)


@pytest.fixture
def bells() -> Iterator[queues.MemoryBells]:
    """Bells in a list; `bells.drain()` runs the jobs, `bells.drain("live")` those of one queue."""
    hung = queues.connect(None)
    assert isinstance(hung, queues.MemoryBells)
    yield hung
    queues.connect(None)


@pytest.fixture
def app(running: Process, bells: queues.MemoryBells) -> Flask:
    """The web application on the test's database; its bells hang in `bells`."""
    # Only here, so that tests of the inner rooms neither load nor need the outermost one.
    made = importlib.import_module("referins_woo.app").create_app(running.config, connect_queues=False)
    assert isinstance(made, Flask)
    made.testing = True
    made.jinja_env.bytecode_cache = TEMPLATES
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without script or sign-in."""
    return app.test_client()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Valkey]:
    """A real Valkey of this test process."""
    server = Valkey()
    yield server
    server.close()


@pytest.fixture
def valkey(valkey_server: Valkey) -> Redis:
    """A client of an empty, real Valkey."""
    client = valkey_server.client()
    client.flushall()
    return client


class ClockHand:
    """Moves the application's clock, in this process and in those started with `environ`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environ = {"REFERINS_TEST_CLOCK": str(path)}
        self._offset = 0.0

    def now(self) -> datetime:
        """The time as the application sees it."""
        return application_clock.now()

    def advance(self, **by: float) -> datetime:
        """Move by a timedelta's arguments: `clock.advance(hours=4)`; returns the new time."""
        return self._move(self._offset + timedelta(**by).total_seconds())

    def set(self, when: datetime) -> datetime:
        """Make it `when` (aware)."""
        return self._move(self._offset + (when - self.now()).total_seconds())

    def _move(self, offset: float) -> datetime:
        self._offset = offset
        fresh = self.path.with_suffix(".new")
        fresh.write_text(repr(offset))
        fresh.replace(self.path)
        return self.now()


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[ClockHand]:
    """The hand of the application's clock."""
    path = tmp_path / "clock-offset"
    application_clock.use_offset_file(path)
    yield ClockHand(path)
    application_clock.use_offset_file(None)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A seed for chance, printed so that a failure can be repeated: REFERINS_SEED=N bin/test …"""
    chosen = int(os.environ.get("REFERINS_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"{request.node.nodeid}: REFERINS_SEED={chosen}")
    return chosen


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium, from REFERINS_CHROMIUM or PATH."""
    found = os.environ.get("REFERINS_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if not found:
        pytest.fail("There is no Chromium on PATH: bin/test installs it as root on Debian")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=CHROMIUM_FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own in a fresh browser context, 1440 pixels wide; errors of its scripts fail the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert not errors, f"errors in the page's scripts: {errors}"


class LiveServer:
    """A WSGI application on a port of the loopback, in threads of this process."""

    def __init__(self, application: Any, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._server = make_server("127.0.0.1", port, application, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture
def live_server(app: Flask, free_port: int) -> Iterator[LiveServer]:
    """The web application at `config.public_url`, for browsers and for stores' callbacks."""
    server = LiveServer(app, free_port)
    yield server
    server.stop()


@pytest.fixture
def instance(tmp_path: Path, free_port: int) -> Iterator[Instance]:
    """The real processes of bin/start on SQLite, not yet started; stopped at the end."""
    made = Instance(tmp_path / "instance", free_port)
    yield made
    made.stop()
