"""`bin/start`: one supervisor for Valkey, web, a worker per queue, the clock and the practice store.

It starts them in that order, restarts what ends (at once, then with a growing wait), writes `supervisor.json` with
their process ids, and on SIGTERM, SIGINT or SIGHUP stops them in order: web, workers, clock, practice store, Valkey.
No child outlives it, however it ends. Web, workers and clock are forked from it, once it has imported what they run;
until then it uses the standard library only, so that what is wrong is said at once.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import http.client
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

from referins_woo.errors import ReferinsError
from referins_woo.paths import migrations_dir
from referins_woo.run import settings, valkey
from referins_woo.run.child import Child, Launch, program
from referins_woo.run.fork import Fork, preload

QUEUES: Final = ("live", "mail", "bulk", "outbound")
"""As in referins_woo.queues, which is not imported here: it brings RQ, and half a second."""

CHECKOUT: Final = Path(__file__).resolve().parents[2]

_STOP_ORDER: Final = (("web",), QUEUES, ("clock",), ("practice",), ("valkey",))


class CannotStart(ReferinsError):
    """What the person at the terminal must change first."""


class Supervisor:
    """The processes of one data folder."""

    def __init__(self, data_dir: Path, port: int, practice_port: int | None) -> None:
        self.data_dir = data_dir
        self.port = port
        self.practice_port = practice_port
        self.children: dict[str, Child] = {}
        self._stopping = False
        self._woken, self._waker = socket.socketpair()

    def run(self) -> int:
        """Start everything and watch over it until a signal; returns the exit code."""
        self._prepare_folder()
        lock = self._only_one()
        given = {**settings.read(CHECKOUT / ".env"), **os.environ}
        ours = settings.instance(self.data_dir, self.port, self.practice_port, given)
        self.url = ours["PUBLIC_URL"]
        for port in filter(None, (self.port, self.practice_port)):
            _must_be_free(port)
        self._listen_to_signals()
        environ = {**os.environ, **{name: value for name, value in ours.items() if name != "DEMO_PASSWORD"}}
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
        environ["PYTHONUNBUFFERED"] = "1"
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # compiling anew at each start costs a second
        try:
            self._start(environ, ours)
            while not self._stopping:
                self._wait(self._restart_ended())
        finally:
            self._stop()
            lock.close()
        return 0

    def _start(self, environ: Mapping[str, str], ours: Mapping[str, str]) -> None:
        if ours.get("REDIS_URL") == valkey.url(valkey.socket_path(self.data_dir)):
            self._start_valkey(environ)
        first_time = self._prepare_database(environ, ours)
        preload()
        self._add("web", ["web", "--bind", f"127.0.0.1:{self.port}"], environ, patience=22)
        self._wait_for_web()
        if self.practice_port is not None:
            practice_data = str(self.data_dir / "practice-store")
            arguments = ["practice-store", "--port", str(self.practice_port), "--data", practice_data]
            self._add_command("practice", [sys.executable, "-m", "referins_woo.cli", *arguments], environ, patience=3)
        for queue in QUEUES:
            self._add(queue, ["worker", queue], environ, patience=25)
        self._add("clock", ["clock"], environ, patience=5)
        self._write_state()
        if not self._stopping:
            self._greet(ours["DEMO_PASSWORD"], first_time)

    def _greet(self, password: str, first_time: bool) -> None:
        print(f"\n  Referins          {self.url}")
        print(f"  Sign in           {settings.DEMO_EMAIL}  {password}")
        if self.practice_port is not None:
            print(f"  Practice store    http://127.0.0.1:{self.practice_port}")
        print(f"  Data and logs     {self.data_dir}")
        print(f"\n  {'Everything is new and empty. ' if first_time else ''}Ctrl-C stops it.\n", flush=True)

    def _add(self, role: str, arguments: list[str], environ: Mapping[str, str], patience: float) -> Child:
        """Add a process of the console command `arguments`, forked."""

        def run() -> None:
            sys.exit(importlib.import_module("referins_woo.cli").main(arguments))

        return self._add_child(role, lambda log: Fork(f"referins-{role}", run, environ, log.fileno()), patience)

    def _add_command(self, role: str, command: list[str], environ: Mapping[str, str], patience: float) -> Child:
        return self._add_child(role, program(command, environ), patience)

    def _add_child(self, role: str, launch: Launch, patience: float) -> Child:
        child = self.children[role] = Child(role, launch, self.data_dir / "log", patience)
        if not self._stopping:
            child.start()
            self._write_state()
        return child

    def _start_valkey(self, environ: Mapping[str, str]) -> None:
        path = valkey.socket_path(self.data_dir)
        valkey.prepare_socket_dir(path)
        path.unlink(missing_ok=True)
        for attempt in (1, 2):
            command = valkey.arguments(valkey.find_server(), self.data_dir, path)
            child = self._add_command("valkey", command, environ, patience=5)
            deadline = time.monotonic() + 10
            while child.ended() is None and time.monotonic() < deadline:
                if _answers_ping(path):
                    return
                time.sleep(0.01)
            child.wait_or_kill(0)
            if attempt == 1:  # its file holds bells only: a broken one is worth nothing
                shutil.rmtree(self.data_dir / "valkey", ignore_errors=True)
        raise CannotStart(f"Valkey did not start:{child.last_words()}")

    def _prepare_database(self, environ: Mapping[str, str], ours: Mapping[str, str]) -> bool:
        """Migrate and make the demo account where the stamp does not say it was done; returns whether that was new."""
        stamp_path = self.data_dir / "prepared.json"
        stamp = json.loads(stamp_path.read_text()) if stamp_path.exists() else {}
        wanted = {"migrations": _migrations_hash(), "database": ours.get("DATABASE_URL", "")}
        known = {name: stamp.get(name) for name in wanted} == wanted
        if known and _sqlite_revision(ours, self.data_dir) == stamp.get("revision") != "":
            return False
        self._command(["db", "upgrade"], environ)
        demo = ["user", "create", settings.DEMO_EMAIL, "--password-stdin", "--postal-address", settings.DEMO_ADDRESS]
        made = self._command(demo, environ, ours["DEMO_PASSWORD"], fine="already")
        _write(stamp_path, {**wanted, "revision": _sqlite_revision(ours, self.data_dir)})
        return made

    def _command(self, arguments: list[str], environ: Mapping[str, str], given: str = "", fine: str = "") -> bool:
        """Run a console command; returns False where it failed with the word `fine` in what it said."""
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "referins_woo.cli", *arguments],
            env=dict(environ),
            input=given,
            text=True,
            capture_output=True,
            check=False,
        )
        said = (done.stderr or done.stdout).strip()
        if done.returncode and not (fine and fine in said):
            raise CannotStart(said or f"referins {' '.join(arguments)} failed")
        return done.returncode == 0

    def _wait_for_web(self) -> None:
        """Wait for the first answer, so that the workers' start does not slow it down; restarts are not waited for."""
        deadline = time.monotonic() + 30
        while not self._stopping and not _answers_http(self.port):
            if self.children["web"].process is None or self.children["web"].process.poll() is not None:
                raise CannotStart(f"The web server did not start:{self.children['web'].last_words(8)}")
            if time.monotonic() > deadline:
                raise CannotStart("The web server does not answer; see web.log in the data folder's log.")
            self._wait(0.02)

    def _restart_ended(self) -> float:
        """Start again what ended; returns in how many seconds something is due."""
        changed, now, sooner = False, time.monotonic(), 5.0
        for child in self.children.values():
            code = child.ended()
            if code is not None:
                changed = True
                words = "" if code == -signal.SIGKILL else child.last_words()
                print(f"  {child.role} ended ({_how(code)}); starting it again{words}", flush=True)
            if child.process is None:
                if child.next_start <= now:
                    child.start()
                    changed = True
                else:
                    sooner = min(sooner, child.next_start - now)
        if changed:
            self._write_state()
        return sooner

    def _wait(self, seconds: float) -> None:
        ready, _, _ = select.select([self._woken], [], [], seconds)
        if ready:
            for number in self._woken.recv(64):
                if number != signal.SIGCHLD:
                    self._stopping = True

    def _listen_to_signals(self) -> None:
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda _number, _frame: None)

    def _stop(self) -> None:
        for roles in _STOP_ORDER:
            group = [self.children[role] for role in roles if role in self.children]
            for child in group:
                child.ask_to_end()
            started = time.monotonic()
            for child in group:
                if not child.wait_or_kill(started + child.patience):
                    print(f"  {child.role} did not end in {child.patience:.0f} s and was killed", flush=True)
        (self.data_dir / "supervisor.json").unlink(missing_ok=True)
        if "valkey" in self.children:
            valkey.remove_socket_dir(valkey.socket_path(self.data_dir))

    def _write_state(self) -> None:
        state = {
            "pid": os.getpid(),
            "url": self.url,
            "practice_store": f"http://127.0.0.1:{self.practice_port}" if self.practice_port else None,
            "roles": {role: child.pid for role, child in self.children.items()},
        }
        _write(self.data_dir / "supervisor.json", state)

    def _prepare_folder(self) -> None:
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.data_dir / "log").mkdir(exist_ok=True)

    def _only_one(self) -> IO[str]:
        lock = (self.data_dir / "supervisor.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStart(f"It runs already with the data folder {self.data_dir}.") from None
        return lock


def _write(path: Path, value: Mapping[str, object]) -> None:
    """Write `value` as JSON, at once: a reader, or a start after a kill, never finds half of it."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(value, indent=1))
    fresh.replace(path)


def _must_be_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise CannotStart(
                f"Port {port} is taken: choose another one with --port (the practice store takes it + 10)."
            ) from None


def _answers_ping(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _answers_http(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()


def _migrations_hash() -> str:
    total = hashlib.sha256()
    for path in sorted(migrations_dir().glob("versions/*.py")):
        total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()


def _sqlite_revision(ours: Mapping[str, str], data_dir: Path) -> str:
    """The schema's revision in our own SQLite file; "" where there is none or the database is another one."""
    path = data_dir / "referins.sqlite3"
    if ours.get("DATABASE_URL") or ours.get("DATABASE_URL_FILE") or not path.exists():
        return ""
    connection = sqlite3.connect(path)
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:
        return ""
    finally:
        connection.close()
    return str(row[0]) if row else ""


def _how(code: int) -> str:
    return f"code {code}" if code >= 0 else signal.Signals(-code).name


def main(argv: list[str] | None = None) -> int:
    """Parse bin/start's flags and run."""
    parser = argparse.ArgumentParser(prog="bin/start", description="Run Referins and all it needs, until Ctrl-C.")
    parser.add_argument("--port", type=int, default=8080, help="port of the pages (the practice store takes it + 10)")
    folder = Path(os.environ.get("REFERINS_DATA") or CHECKOUT / "data")
    parser.add_argument("--data", type=Path, default=folder, help="folder of the database, keys and logs (data)")
    parser.add_argument("--no-practice-store", action="store_true", help="start no practice store")
    parser.add_argument("--remember", type=Path, help=argparse.SUPPRESS)  # a file for bin/referins: the data folder
    given = parser.parse_args(argv)
    if given.remember:
        given.remember.write_text(f"{given.data.absolute()}\n")
    practice_port = None if given.no_practice_store else given.port + 10
    try:
        return Supervisor(given.data.absolute(), given.port, practice_port).run()
    except (CannotStart, valkey.NoServer) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
