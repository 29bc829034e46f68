"""The database: one engine per process, one transaction per unit of work, on SQLite and PostgreSQL alike.

`unit()` is a writing transaction: it commits when the block ends and rolls back when it raises. On SQLite it
takes a lock file first and begins IMMEDIATE: measured beside two importers, deferred transactions failed with
"database is locked" in 71 % of the web's writes, and IMMEDIATE alone starved them for seconds. `reading()` is a
snapshot that never waits. Inner functions never commit; no unit is held across a network call.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, cast

import orjson
from sqlalchemy import JSON as PlainJSON
from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Engine,
    Integer,
    MetaData,
    create_engine,
    event,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

from referins_woo.alone import Alone

_LOST = ("08", "080", "57P")
"""How PostgreSQL's codes begin where the connection is gone; an error without a code never reached the server."""
_TRIED_AFTER = 1.0
"""Seconds after which an idle connection to PostgreSQL is tried before it is used."""
_NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

Key = BigInteger().with_variant(Integer(), "sqlite")
"""Integer key: SQLite counts up by itself only for INTEGER."""

Json = PlainJSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime; refuses naive ones instead of guessing their zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the driver UTC, without the offset on SQLite, which keeps none."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: times are aware and in UTC")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the stored time as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of all tables. Each room declares its own in its `models` module."""

    metadata = MetaData(naming_convention=_NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        dict[str, Any]: Json,
        list[Any]: Json,
        list[str]: Json,
        int: BigInteger(),
    }


class Database:
    """One database of one process: hands out units of work and reading sessions."""

    def __init__(self, url: str, *, pool_size: int = 10, synchronous: str = "FULL") -> None:
        """`synchronous` is SQLite's durability: FULL where an answer promises it, NORMAL for imports."""
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"json_serializer": _dumps, "json_deserializer": orjson.loads}
        options["hide_parameters"] = True  # errors are logged, and parameters are people's names and addresses
        if self.is_sqlite:
            path = Path(self.url.database or "")
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock_path = path.with_name(path.name + ".lock")
            self._lock = 0, 0
            options["connect_args"] = {"timeout": 15, "check_same_thread": False}
            options["pool_size"] = pool_size
        else:
            options |= {"pool_size": pool_size, "max_overflow": 5}
        self.engine: Engine = create_engine(self.url, **options)
        self._thread_lock = threading.Lock()
        if self.is_sqlite:
            _prepare_sqlite(self.engine, synchronous)
        else:
            _prepare_postgresql(self.engine)
        self._writing = sessionmaker(self.engine, expire_on_commit=False)
        reading = self.engine.execution_options(referins_reading=True)
        self._reading = sessionmaker(reading, expire_on_commit=False, autoflush=False)
        if not self.is_sqlite:
            reading = reading.execution_options(isolation_level="AUTOCOMMIT")
        self._looking = sessionmaker(reading, expire_on_commit=False, autoflush=False)

    @contextlib.contextmanager
    def unit(self) -> Iterator[Session]:
        """One unit of work: commits at the end of the block, rolls back when it raises."""
        with self._writing() as session, self._unit_of(session):
            yield session

    @contextlib.contextmanager
    def units(self) -> Iterator[Callable[[], contextlib.AbstractContextManager[Session]]]:
        """Many units one after the other over one kept connection: half the cost of each, for loops of small ones.

        Yields what stands for `unit`. Not for several threads at once.
        """
        with self.engine.connect() as connection, self._writing(bind=connection) as session:
            yield lambda: self._unit_of(session)

    @contextlib.contextmanager
    def alone(self) -> Iterator[Alone]:
        """A kept connection for small units that are made without a session."""
        with self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            yield Alone(connection, self._driving)

    @contextlib.contextmanager
    def _unit_of(self, session: Session) -> Iterator[Session]:
        session.info.pop(_AFTER, None)  # of a unit before it that was rolled back
        with self._driving(), session.begin():
            yield session
        for call in cast("list[Callable[[], None]]", session.info.pop(_AFTER, [])):
            call()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """A snapshot for reading: never waits for a writer; what it adds is never stored."""
        with self._reading() as session:
            yield session

    @contextlib.contextmanager
    def looking(self) -> Iterator[Session]:
        """Like `reading`, for a few questions that need no transaction: on PostgreSQL two round trips less."""
        with self._looking() as session:
            yield session

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Let errors of the driver, whose cursor bulk work uses itself, be SQLAlchemy's like all others.

        Whoever catches SQLAlchemyError would miss them: a full disk killed the thread that writes deliveries.
        """
        dialect = self.engine.dialect
        assert dialect.dbapi is not None
        driver_error: type[Exception] = dialect.dbapi.Error
        try:
            yield
        except driver_error as error:
            code = getattr(error, "sqlstate", None) or "08"
            lost = not self.is_sqlite and isinstance(error, dialect.dbapi.OperationalError) and code[:3] in _LOST
            raise DBAPIError.instance(
                None, None, error, driver_error, hide_parameters=True, connection_invalidated=lost, dialect=dialect
            ) from error

    @contextlib.contextmanager
    def _driving(self) -> Iterator[None]:
        """The right to write, and errors of the driver by their names."""
        with self.write_lock(), self._named_errors():
            yield

    @contextlib.contextmanager
    def write_lock(self) -> Iterator[None]:
        """Hold the right to write on SQLite (a lock file, so that waiting writers are served in turn)."""
        if not self.is_sqlite:
            yield
            return
        with self._thread_lock:
            lock_file = self._opened_lock()
            fcntl.flock(lock_file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(lock_file, fcntl.LOCK_UN)

    def _opened_lock(self) -> int:
        """Return the lock file, opened once by each process: a fork would share what is open, and the lock with it."""
        owner, number = self._lock
        if owner != os.getpid():
            number = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._lock = os.getpid(), number
            weakref.finalize(self, os.close, number).atexit = False
        return number

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()


_AFTER = "referins_after_commit"


def after_commit(session: Session, call: Callable[[], None]) -> None:
    """Run `call` once the unit of `session` has committed; never if it rolls back. Bells are rung this way."""
    session.info.setdefault(_AFTER, []).append(call)


def insert(session: Session, table: Any) -> Any:
    """Return the dialect's INSERT for `table`: the one that knows ON CONFLICT."""
    return insert_of(session.get_bind().dialect.name)(table)


def insert_of(dialect: str) -> Callable[[Any], Any]:
    """Return the same for the name of a dialect: for statements that are made once."""
    return postgresql.insert if dialect == "postgresql" else sqlite.insert


def is_postgresql(session: Session) -> bool:
    """Whether `session` talks to PostgreSQL."""
    return session.get_bind().dialect.name == "postgresql"


def _dumps(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def _prepare_postgresql(engine: Engine) -> None:
    """Let the planner know that no disk turns: it read whole tables where an index holds all (counts: 60 ms, not 6).

    And let bodies be packed by lz4, where the server knows it: its own way is a sixteenth of all that it does for an
    order. An operator's own values stay.

    A connection that lay idle is tried before it is used: the server may have been started anew meanwhile. One that was
    just used is not, which spares three of four round trips of a small question.
    """

    @event.listens_for(engine, "checkin")
    def _checkin(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _checkout(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("idle_since", math.inf) <= _TRIED_AFTER:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error:
            raise DisconnectionError from None

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config(name, CASE name WHEN 'random_page_cost' THEN '1.1' ELSE 'lz4' END, false)"
                " FROM pg_settings WHERE source = 'default' AND (name = 'random_page_cost'"
                " OR name = 'default_toast_compression' AND 'lz4' = ANY (enumvals))"
            )
        connection.commit()


def _prepare_sqlite(engine: Engine, synchronous: str) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            "foreign_keys=ON",
            "busy_timeout=15000",
            f"journal_size_limit={64 * 1024 * 1024}",  # after a long read (a backup) the WAL gives its room back
            "temp_store=MEMORY",
            "cache_size=-4000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        reading = connection.get_execution_options().get("referins_reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
