"""Faults of Redis and of the databases, row by row of the reliability table; INV1 to INV4 after each.

What must hold in all: a webhook is answered 200 only when it is durable, else 503; when the fault is over everything
heals by the sweeps alone; nothing is recorded or mailed twice.
"""

from __future__ import annotations

import dataclasses
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog
from cryptography.fernet import Fernet
from redis import Redis
from rq import Queue
from sqlalchemy import event, func, select, text

from referins_woo import config as configuration
from referins_woo import migrate, process, queues, relock, schedule
from referins_woo.alone import Alone
from referins_woo.bells import QUEUES
from referins_woo.commerce.models import Order
from referins_woo.commerce.upsert import bulk
from referins_woo.crypto import Vault
from referins_woo.db import Database
from referins_woo.doctor import surroundings
from referins_woo.events.models import Event
from referins_woo.ingest import import_run, intake
from referins_woo.ingest.models import Delivery, Import, ImportElement
from referins_woo.mail.models import Message
from referins_woo.process import Process
from referins_woo.stores.models import Store
from tests.conftest import ENCRYPTION_KEY, SECRET_KEY, ClockHand
from tests.services.house import SWEEPS, House, house
from tests.services.postgres import Postgres
from tests.services.valkey import Valkey

pytestmark = pytest.mark.storm

NEXT_SWEEP = 330
"""Seconds after which a sweep is due again."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Faults are logged on one line: tracebacks in colour, with values, cost seconds each."""
    structlog.configure(processors=[structlog.processors.JSONRenderer(default=repr)])
    yield
    structlog.reset_defaults()


@pytest.fixture
def it(running: Process, bells: queues.MemoryBells, clock: ClockHand) -> Iterator[House]:
    with house(running, bells) as made:
        clock.advance(seconds=5)
        yield made


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    """A server that a test may kill; few connections."""
    server = Postgres(max_connections="20", superuser_reserved_connections="0")
    yield server
    server.stop()


@pytest.fixture
def killable(
    own_postgres: Postgres, bells: queues.MemoryBells, clock: ClockHand, tmp_path: Path
) -> Iterator[tuple[House, Postgres]]:
    """A house on a server of its own."""
    name = f"referins_{random.SystemRandom().randrange(10**9)}"
    config = configuration.load(
        {
            "DATABASE_URL": own_postgres.create(name),
            "SECRET_KEY": SECRET_KEY,
            "ENCRYPTION_KEYS": ENCRYPTION_KEY,
            "REFERINS_DATA": str(tmp_path / "data"),
            "REFERINS_ALLOW_PRIVATE_STORES": "1",
        }
    )
    database = Database(config.database_url)
    migrate.upgrade(database)
    running = Process(config, database, Vault(config.encryption_keys))
    process.use(running)
    with house(running, bells) as made:
        clock.advance(seconds=5)
        yield made, own_postgres
    database.dispose()
    process.use(None)


def after(it: House, clock: ClockHand, *, patient: int = 0, unknown: int = 0) -> None:
    """The fault is over: the sweeps alone must heal everything."""
    it.bells.pending.clear()
    for _ in range(2):
        clock.advance(seconds=NEXT_SWEEP)
        it.work(patient=patient)
    it.check(unknown=unknown)


# --- Redis -------------------------------------------------------------------------------------------------------


@contextmanager
def _killed(server: Valkey, client: Redis) -> Iterator[None]:
    server.stop()
    yield
    server.start()


@contextmanager
def _flushed(server: Valkey, client: Redis) -> Iterator[None]:
    yield
    client.flushall()


@contextmanager
def _full(server: Valkey, client: Redis) -> Iterator[None]:
    client.config_set("maxmemory", 1)
    yield
    client.config_set("maxmemory", 2**28)


@contextmanager
def _read_only(server: Valkey, client: Redis) -> Iterator[None]:
    client.replicaof("127.0.0.1", "1")
    yield
    client.replicaof("NO", "ONE")


@contextmanager
def _paused(server: Valkey, client: Redis) -> Iterator[None]:
    server.pause()
    yield
    server.go_on()


def answer_all(url: str) -> int:
    """Do what the workers do: answer every bell that hangs in Redis; returns how many."""
    answered = 0
    client = Redis.from_url(url)
    for _ in range(50):
        ids = [(name, key) for name in QUEUES for key in _queue(client, name).get_job_ids()]
        for name, key in ids:
            job = _queue(client, name).fetch_job(key)
            _queue(client, name).remove(key)
            if job is not None:
                queues.run_job(*job.args)
                answered += 1
        if not ids:
            return answered
    raise AssertionError("the bells ring for ever")


def _queue(client: Redis, name: str) -> Queue:
    return Queue(name, connection=client, serializer="json")


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("fault", [_killed, _flushed, _full, _read_only, _paused])
def test_row_69_hooks_are_acknowledged_and_swept_whatever_redis_does(
    it: House, clock: ClockHand, valkey_server: Valkey, valkey: Redis, fault: Callable[..., Any]
) -> None:
    rung = queues.connect(valkey_server.url)
    with fault(valkey_server, valkey):
        for paid in (False, True, False):
            assert it.post(it.sell(paid=paid)) == 200
    assert rung.failed > 0 or fault is _flushed
    assert {row.state for row in it.read(Delivery.state)} == {"received"}
    again = {call for _, seconds, call in schedule.TABLE if seconds <= 60}
    assert set(SWEEPS) <= again, "each of these sweeps comes within a minute"
    if fault in (_killed, _flushed):
        queues.connect(valkey_server.url)  # silent for a moment after a failure
    time_of_silence = getattr(rung, "_silent_until", 0.0)
    while time.monotonic() < time_of_silence:
        time.sleep(0.05)
    for sweep in SWEEPS:
        sweep()
    assert answer_all(valkey_server.url) > 0
    queues.connect(None)
    it.bells = queues._bells  # type: ignore[assignment]
    after(it, clock)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_row_70_jobs_from_an_old_dump_of_redis_do_nothing(
    it: House, clock: ClockHand, valkey_server: Valkey, valkey: Redis
) -> None:
    queues.connect(valkey_server.url)
    for paid in (False, True):
        assert it.post(it.sell(paid=paid)) == 200
    for sweep in SWEEPS:
        sweep()
    dumped = {key: valkey.dump(key) for key in valkey.scan_iter()}
    assert any(key.startswith(b"rq:queue:") for key in dumped)
    answer_all(valkey_server.url)
    mails, events = list(it.sink.mails), it.read(Event.id)
    assert len(mails) == 3
    for _ in range(3):
        valkey.flushall()
        for key, value in dumped.items():
            valkey.restore(key, 0, value)  # type: ignore[arg-type]
        assert answer_all(valkey_server.url) > 0
    assert (list(it.sink.mails), it.read(Event.id)) == (mails, events)
    queues.connect(None)
    it.bells = queues._bells  # type: ignore[assignment]
    after(it, clock)


# --- PostgreSQL --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGQUIT], ids=["killed", "stopped at once"])
def test_row_71_postgresql_ends_and_comes_back(
    killable: tuple[House, Postgres], clock: ClockHand, how: signal.Signals
) -> None:
    it, server = killable
    assert it.post(it.sell()) == 200
    server.kill(how)
    for paid in (True, False):
        assert it.post(it.sell(paid=paid)) == 503, "no false acknowledgement"
    server.start()
    assert it.post(it.sell(paid=True)) == 200, "at once, by a new connection"
    after(it, clock, patient=3)


def test_row_71_postgresql_is_killed_under_load(killable: tuple[House, Postgres], clock: ClockHand) -> None:
    it, server = killable
    orders = [it.sell() for _ in range(40)]
    begun = threading.Barrier(2)

    def post_all() -> None:
        begun.wait()
        for woo_id in orders:
            it.post(woo_id)
            time.sleep(0.02)

    poster = threading.Thread(target=post_all)
    poster.start()
    begun.wait()
    for _ in range(2):
        time.sleep(0.2)
        server.kill()
        server.start()
    poster.join()
    assert set(it.answers) == {200, 503}
    after(it, clock, patient=3)


def test_row_71_no_connection_is_left(killable: tuple[House, Postgres], clock: ClockHand) -> None:
    it, server = killable
    it.process.database.dispose()
    name = it.process.database.url.database or ""
    with ExitStack() as taken:
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            for _ in range(50):
                taken.enter_context(server.connect(name))
        assert it.post(it.sell()) == 503
        assert it.client.get("/readyz").status_code == 503
    assert it.post(it.sell()) == 200
    after(it, clock, patient=3)


@pytest.mark.parametrize("code", ["40001", "40P01"], ids=["serialization failure", "deadlock"])
@pytest.mark.parametrize("backend", ["postgresql"])
def test_row_71_what_may_pass_is_tried_three_times(
    it: House, clock: ClockHand, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    failures = _fail_inserts(monkeypatch, code)
    failures[:] = [code] * 2
    assert it.post(it.sell()) == 200, "the third try passes"
    failures[:] = [code] * 3
    assert it.post(it.sell()) == 503, "no fourth"
    assert failures == []
    after(it, clock)


def _fail_inserts(monkeypatch: pytest.MonkeyPatch, code: str) -> list[str]:
    """Let PostgreSQL itself refuse as many inserts of deliveries as the list has entries."""
    failures: list[str] = []

    def insert(cursor: Any, *rows: Any, **how: Any) -> None:
        if failures:
            failures.pop()
            cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'as asked' USING ERRCODE = '{code}'; END $$")
        bulk.insert_by(cursor, *rows, **how)

    monkeypatch.setattr(intake, "insert_by", insert)
    return failures


@pytest.mark.parametrize("backend", ["postgresql"])
def test_row_72_a_delivery_whose_commit_has_no_answer_is_kept_once(
    it: House, clock: ClockHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = _lose_answers(it.process.database, monkeypatch, of={"intake"})
    original = intake._there

    def drained_meanwhile(session: Any, rows: Any) -> Any:
        session.execute(text("UPDATE deliveries SET state = 'done', done_at = now() WHERE state = 'received'"))
        return original(session, rows)

    monkeypatch.setattr(intake, "_there", drained_meanwhile)
    for paid in (False, True):
        lost.append("kept")
        assert it.post(it.sell(paid=paid)) == 200
    assert len(it.read(Delivery.id)) == 2, "one row each, although its commit was heard of only the second time"
    lost.append("rolled back")
    assert it.post(it.sell()) == 200
    assert len(it.read(Delivery.id)) == 3
    after(it, clock)


@pytest.mark.parametrize("backend", ["postgresql"])
def test_row_72_any_commit_may_lose_its_answer(
    it: House, clock: ClockHand, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    rng = random.Random(seed)
    lost = _lose_answers(it.process.database, monkeypatch, of={threading.current_thread().name}, rng=rng)
    failed = turns = 0
    while turns < 3 or failed < 3:
        for number in range(8):
            it.post(it.sell(paid=number % 2 == 0))
        failed += it.work_in_trouble(rounds=40)
        clock.advance(seconds=NEXT_SWEEP)
        turns += 1
        assert turns < 40, "no answer is lost"
    lost.append("end")
    monkeypatch.undo()
    after(it, clock, unknown=len(it.sold) * 2)


def _lose_answers(
    database: Database, monkeypatch: pytest.MonkeyPatch, *, of: set[str], rng: random.Random | None = None
) -> list[str]:
    """Break the line at a commit: the list says for the next ones whether the server `kept` them or `rolled back`.

    With `rng` it happens to every seventh commit, by chance one way or the other. `of`: names of threads.
    """
    plan: list[str] = []
    commit, changing = database.engine.dialect.do_commit, Alone.changing

    def next_fate() -> str:
        if threading.current_thread().name not in of:
            return ""
        if rng is not None:
            return rng.choice(("kept", "rolled back")) if rng.random() < 1 / 7 and plan != ["end"] else ""
        return plan.pop(0) if plan else ""

    def lose(connection: Any) -> None:
        connection.dbapi_connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    def broken(connection: Any) -> None:
        fate = next_fate()
        if fate != "rolled back":
            commit(connection)
        if fate:
            lose(connection)

    @contextmanager
    def broken_alone(alone: Alone) -> Iterator[Any]:
        fate = next_fate()
        with changing(alone) as cursor:
            if fate == "rolled back":
                lose(alone._connection.connection)
            yield cursor
            if fate == "kept":
                lose(alone._connection.connection)

    monkeypatch.setattr(database.engine.dialect, "do_commit", broken)
    monkeypatch.setattr(Alone, "changing", broken_alone)
    return plan


@contextmanager
def _database_setting(it: House, server: Postgres, setting: str) -> Iterator[None]:
    name = it.process.database.url.database or ""
    with server.connect("postgres") as admin:
        admin.execute(f'ALTER DATABASE "{name}" SET {setting}')
        it.process.database.dispose()
        try:
            yield
        finally:
            admin.execute(f'ALTER DATABASE "{name}" RESET {setting.split()[0]}')
            it.process.database.dispose()


@contextmanager
def _postgresql_is_read_only(it: House, server: Postgres) -> Iterator[None]:
    with _database_setting(it, server, "default_transaction_read_only = on"):
        yield


@contextmanager
def _postgresql_is_out_of_time(it: House, server: Postgres) -> Iterator[None]:
    """Somebody holds the tables: each statement waits until its time is up."""
    name = it.process.database.url.database or ""
    with _database_setting(it, server, "statement_timeout = '100ms'"), server.connect(name) as other:
        other.execute("SET statement_timeout = 0")
        with other.transaction():
            other.execute("LOCK TABLE deliveries, orders, leases, stores IN ACCESS EXCLUSIVE MODE")
            yield


@contextmanager
def _postgresql_is_full(it: House, server: Postgres) -> Iterator[None]:
    """The server itself refuses each writing transaction, with the code of a full disk."""
    refusal = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
    changing = Alone.changing

    def begun(connection: Any) -> None:
        if not connection.get_execution_options().get("referins_reading"):
            connection.exec_driver_sql(refusal)

    @contextmanager
    def refused(alone: Alone) -> Iterator[Any]:
        with changing(alone) as cursor:
            cursor.execute(refusal)
            yield cursor

    event.listen(it.process.database.engine, "begin", begun)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Alone, "changing", refused)
            yield
    finally:
        event.remove(it.process.database.engine, "begin", begun)


@pytest.mark.parametrize("backend", ["postgresql"])
@pytest.mark.parametrize("fault", [_postgresql_is_read_only, _postgresql_is_out_of_time, _postgresql_is_full])
def test_row_48_a_postgresql_that_takes_nothing_pauses_the_import_alarms_and_acknowledges_nothing(
    running: Process,
    bells: queues.MemoryBells,
    clock: ClockHand,
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[..., Any],
) -> None:
    with house(running, bells, size=25, elements=EVERYTHING) as it:
        clock.advance(seconds=5)
        _takes_nothing(it, clock, monkeypatch, fault(it, postgres))


EVERYTHING = frozenset({"contacts", "orders", "transactions", "products", "collections"})


def _takes_nothing(
    it: House,
    clock: ClockHand,
    monkeypatch: pytest.MonkeyPatch,
    fault: AbstractContextManager[None],
    *,
    sells: int = 2,
    alarms: bool = True,
) -> None:
    """Row 48: the fault comes in the middle of an import; see that nothing is promised, and all of it made good."""
    commit, pages, kept = import_run._commit, 0, list[Any]()

    def then_broken(*given: Any) -> None:
        nonlocal pages
        pages += 1
        if pages >= 3:
            kept[:] = it.read(*_PROGRESS)
        if pages == 3:
            broken.enter_context(fault)
        commit(*given)

    with ExitStack() as broken:
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(import_run, "_commit", then_broken)
            it.struggle(rounds=1)
        assert pages >= 3
        answers = [it.post(it.sell(paid=number % 2 == 0)) for number in range(sells)]
        assert answers[-1] == 503, "no false acknowledgement"
        it.struggle(rounds=2)
        if alarms:
            assert set(answers) == {503}
            told = it.client.get("/readyz")
            assert (told.status_code, told.json["checks"]["database"]["ok"]) == (503, False)  # type: ignore[index]
            assert 'referins_up{part="writes"} 0.0' in it.client.get("/metrics").text
            assert [found for found in surroundings.database(it.process.database) if found.state == "wrong"]
    assert sum(row.done for row in kept) > 0, "it was in the middle"
    assert it.read(*_PROGRESS) == kept, "the import stands still"
    assert {row.state for row in it.read(Import.state)} <= {"waiting", "running"}, "and has not failed"
    assert len(it.read(Delivery.id)) == answers.count(200)
    assert it.post(it.sell()) == 200
    after(it, clock)
    assert it.client.get("/readyz").status_code == 200
    assert {row.state for row in it.read(Import.state)} == {"done"}
    assert len(it.read(Order.id)) == 25 + len(it.sold)
    assert len(it.sink.mails) <= len(it.sold) * 2 + 1, "the import has mailed nobody but its owner"


_PROGRESS = (ImportElement.element, ImportElement.state, ImportElement.done)


# --- SQLite ------------------------------------------------------------------------------------------------------


@contextmanager
def _pragma(it: House, *pragmas: str) -> Iterator[None]:
    """Open every connection of the block with these pragmas."""

    def connected(connection: Any, _record: Any) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    time.sleep(intake._IDLE_SECONDS + 0.1)  # what is written may use the connection of what was written just before
    it.process.database.dispose()
    event.listen(it.process.database.engine, "connect", connected)
    yield
    event.remove(it.process.database.engine, "connect", connected)
    it.process.database.dispose()


def _file(it: House) -> Path:
    return Path(it.process.database.url.database or "")


@contextmanager
def _sqlite_is_read_only(it: House) -> Iterator[None]:
    with _pragma(it, "query_only = ON"):
        yield


@contextmanager
def _sqlite_is_full(it: House) -> Iterator[None]:
    """The file may not grow, and the little room that is left in it is used up first."""
    with it.process.database.reading() as session:
        pages = session.execute(text("PRAGMA page_count")).scalar_one()
    with _pragma(it, f"max_page_count = {pages}"):
        yield


@pytest.mark.parametrize("backend", ["sqlite"])
def test_row_48_a_read_only_sqlite_pauses_the_import_alarms_and_acknowledges_nothing(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    with house(running, bells, size=25, elements=EVERYTHING) as it:
        clock.advance(seconds=5)
        _takes_nothing(it, clock, monkeypatch, _sqlite_is_read_only(it))


@pytest.mark.parametrize("backend", ["sqlite"])
def test_row_48_a_full_sqlite_pauses_the_import_and_acknowledges_what_it_keeps(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows find room in the pages that there are: that it is full shows itself by the first that does not."""
    with house(running, bells, size=25, elements=EVERYTHING) as it:
        clock.advance(seconds=5)
        _takes_nothing(it, clock, monkeypatch, _sqlite_is_full(it), sells=40, alarms=False)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_row_73_sqlite_is_busy(it: House, clock: ClockHand) -> None:
    with _pragma(it, "busy_timeout = 300"):
        other = sqlite3.connect(_file(it), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert it.post(it.sell()) == 503
        other.execute("ROLLBACK")
        other.close()
        assert it.post(it.sell()) == 200
    after(it, clock)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_row_73_a_hook_does_not_wait_for_a_busy_database_for_ever(
    it: House, clock: ClockHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the lock held for 30 s, the answer comes after the time that the letter box gives it, not after 30 s."""
    monkeypatch.setattr(intake.Intake.store, "__defaults__", (0.5,))
    other = sqlite3.connect(_file(it), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    woo_id = it.sell()
    assert it.post(woo_id) == 503
    other.execute("ROLLBACK")
    other.close()
    # It may be written after all now: not acknowledged and there is better than acknowledged and lost.
    assert it.post(woo_id) == 200
    after(it, clock)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_row_73_sqlite_is_full_in_the_middle(it: House, clock: ClockHand) -> None:
    assert it.post(it.sell(paid=True)) == 200
    it.work()
    with it.process.database.reading() as session:
        pages = session.execute(text("PRAGMA page_count")).scalar_one()
    with _pragma(it, f"max_page_count = {pages}"):
        answers = [it.post(it.sell(paid=number % 2 == 0)) for number in range(40)]
        assert answers[-1] == 503
        it.struggle()
    stored = len(it.read(Delivery.id))
    assert stored == 1 + answers.count(200), "stored is what was acknowledged"
    assert it.post(it.sell()) == 200
    after(it, clock, patient=0, unknown=2)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_row_73_the_disk_is_full(
    clock: ClockHand, bells: queues.MemoryBells, migrated_sqlite: Path, tmp_path: Path, config: Any
) -> None:
    """The same on a real, small file system: its WAL cannot grow."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], check=False, capture_output=True)
    if mounted.returncode:
        disk = tmp_path  # a container that may not mount: the test above has filled the database by pages
    try:
        path = disk / "referins.sqlite3"
        shutil.copyfile(migrated_sqlite, path)
        database = Database(f"sqlite:///{path}")
        running = Process(config, database, Vault(config.encryption_keys))
        process.use(running)
        with house(running, bells) as it:
            clock.advance(seconds=5)
            ballast = disk / "ballast"
            if not mounted.returncode:
                _fill(ballast)
                assert [it.post(it.sell()) for _ in range(6)][-1] == 503
                it.struggle()
                ballast.unlink()
            assert it.post(it.sell(paid=True)) == 200
            after(it, clock, unknown=1)
        database.dispose()
    finally:
        process.use(None)
        if not mounted.returncode:
            subprocess.run(["umount", "-l", disk], check=True)


def _fill(file: Path) -> None:
    """Write until there is no room left."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="No space"):
        while True:
            os.write(handle, b"x" * 4096)
    os.close(handle)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_row_73_the_wal_gives_back_its_room_after_a_long_read(it: House, clock: ClockHand) -> None:
    """A WAL that has grown large under a reader (1 GB or, as here, a tenth of that) shrinks, and hooks go on."""
    wal = _file(it).with_name(_file(it).name + "-wal")
    with it.process.database.reading() as reader:
        reader.execute(select(func.count()).select_from(Delivery)).scalar_one()
        with it.process.database.unit() as session:
            session.execute(text("CREATE TABLE ballast (x BLOB)"))
        for _ in range(5):
            with it.process.database.unit() as session:
                session.execute(text("INSERT INTO ballast SELECT randomblob(20000000)"))
        assert wal.stat().st_size > 90_000_000
        assert it.post(it.sell()) == 200
    for _ in range(3):
        assert it.post(it.sell(paid=True)) == 200
    assert wal.stat().st_size <= 64 * 2**20
    with it.process.database.unit() as session:
        session.execute(text("DROP TABLE ballast"))
    after(it, clock)


# --- Keys --------------------------------------------------------------------------------------------------------


def test_row_92_keys_rotate_during_an_import_and_sends(
    running: Process, bells: queues.MemoryBells, clock: ClockHand
) -> None:
    new = Fernet.generate_key().decode()
    elements = frozenset({"contacts", "orders", "transactions", "products", "collections"})
    with house(running, bells, size=120, elements=elements) as it:
        clock.advance(seconds=5)
        secrets = (it.shop.consumer_key, it.shop.consumer_secret, it.hook_secret)
        _no_plaintext(it, secrets)

        both = (new, ENCRYPTION_KEY)
        _use_keys(it, both)
        for number in range(3):
            it.post(it.sell(paid=number == 1))
            bells.drain(limit=10_000) if number == 2 else _some(bells)
            relock.relock(it.process.database, both, it.process.vault)
            _no_plaintext(it, secrets)
        with it.process.database.reading() as session:
            found = relock.census(session, both)
        assert found.by_key[0] > 0 and (found.behind, found.unreadable) == (0, 0)

        _use_keys(it, (new,))
        it.post(it.sell(paid=True))
        after(it, clock)
        assert {row.state for row in it.read(Import.state)} == {"done"}
        _no_plaintext(it, secrets)
        with it.process.database.reading() as session:
            store = session.get_one(Store, it.store_id)
            assert Vault((new,)).unlock(store.secret_locked or "") == it.shop.consumer_secret


def _some(bells: queues.MemoryBells) -> None:
    """Let a few jobs run, so that the import is in the middle."""
    with pytest.raises(RuntimeError, match="still ringing"):
        bells.drain(limit=3)


def _use_keys(it: House, keys: tuple[str, ...]) -> None:
    """Restart with these keys: the receiver of the hooks has an address book of its own, for a second."""
    config = dataclasses.replace(it.process.config, encryption_keys=keys)
    it.process = Process(config, it.process.database, Vault(keys))
    process.use(it.process)
    receiver = it.client.application.wsgi_app._receiver  # type: ignore[attr-defined]
    receiver._process = it.process
    receiver._addresses.clear()


def _no_plaintext(it: House, secrets: tuple[str, ...]) -> None:
    """Look for the secrets in every stored value."""
    with it.process.database.engine.connect() as connection:
        for table in Message.metadata.sorted_tables:
            for row in connection.execute(select(table)):
                told = repr(tuple(row))
                assert not any(secret in told for secret in secrets), table.name
