"""The real processes of bin/start, in a data folder of a test: to be used, killed by role, and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from referins_woo.run import settings
from referins_woo.run.parent import die_with_parent

ROOT = Path(__file__).resolve().parents[2]


def answers(url: str) -> bool:
    """Whether a web process answers there."""
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


class Instance:
    """One running instance. `kill("web")` is a kill -9 by process id; the supervisor starts it again."""

    def __init__(self, data_dir: Path, port: int, environ: Mapping[str, str] | None = None) -> None:
        """The practice store, where it is started, listens on `port` + 10."""
        self.data_dir = data_dir
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.practice_url = f"http://127.0.0.1:{port + 10}"
        kept = {name: value for name, value in os.environ.items() if name not in settings.NAMES}
        self.environ = {**kept, "PYTHONPATH": str(ROOT), **(environ or {})}
        self._supervisor: subprocess.Popen[str] | None = None

    def start(self, *flags: str, command: list[str] | None = None, seconds: float = 60) -> float:
        """Start it and wait for the first page; returns the seconds that took."""
        parent, started = os.getpid(), time.monotonic()
        run = command or [sys.executable, "-m", "referins_woo.run.supervisor"]
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with (self.data_dir / "start.log").open("a") as log:
            self._supervisor = subprocess.Popen(
                [*run, "--port", str(self.port), "--data", str(self.data_dir), *flags],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
                preexec_fn=lambda: die_with_parent(parent),
            )
        while not (self._state().get("pid") == self._supervisor.pid and self.answers()):
            if self._supervisor.poll() is not None or time.monotonic() > started + seconds:
                raise RuntimeError(f"bin/start did not come up:\n{self.output()}")
            time.sleep(0.02)
        return time.monotonic() - started

    def wait_for_all(self, seconds: float = 30) -> None:
        """Wait until every role has a process."""
        deadline = time.monotonic() + seconds
        wanted = {"web", "live", "mail", "bulk", "outbound", "clock"}
        while wanted - {role for role, pid in self.roles().items() if pid}:
            if time.monotonic() > deadline:
                raise RuntimeError(f"not all roles run: {self.roles()}\n{self.output()}")
            time.sleep(0.02)

    def roles(self) -> dict[str, int | None]:
        """Return the process ids by role."""
        roles: dict[str, int | None] = self._state().get("roles", {})
        return roles

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self._supervisor is not None
        return self._supervisor.pid

    def kill(self, role: str) -> None:
        """kill -9 of the role's process, if it runs just now."""
        pid = self.roles().get(role)
        if pid:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return

    def referins(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a console command with the instance's settings."""
        environ = {**self.environ, **settings.read(self.data_dir / settings.SETTINGS_FILE)}
        command = [sys.executable, "-m", "referins_woo.cli", *arguments]
        return subprocess.run(
            command, env=environ, input=given, text=True, capture_output=True, check=False, timeout=120
        )

    def output(self) -> str:
        """Return what bin/start printed."""
        return (self.data_dir / "start.log").read_text()

    def stop(self, seconds: float = 60) -> int:
        """Stop it as Ctrl-C does; returns the exit code."""
        if self._supervisor is None:
            return 0
        self._supervisor.terminate()
        try:
            return self._supervisor.wait(seconds)
        finally:
            self._supervisor.kill()
            self._supervisor.wait()
            self._supervisor = None

    def kill_supervisor(self) -> None:
        """kill -9 of the supervisor itself."""
        assert self._supervisor is not None
        self._supervisor.kill()
        self._supervisor.wait()
        self._supervisor = None

    def _state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads((self.data_dir / "supervisor.json").read_text())
        except FileNotFoundError:
            return {}
        return state

    def answers(self) -> bool:
        """Whether the web process answers."""
        return answers(self.url)
