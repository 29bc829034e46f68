"""One supervised process: started in a group of its own, restarted with back-off, stopped with patience."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Protocol

from referins_woo.run.parent import die_with_parent

_STABLE_SECONDS = 10.0
_LONGEST_WAIT = 10.0
_LOG_LIMIT = 5_000_000


class Running(Protocol):
    """What `subprocess.Popen` and `fork.Fork` have in common."""

    @property
    def pid(self) -> int:
        """The process id."""

    def poll(self) -> int | None:
        """Return the exit code once it has ended."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""

    def terminate(self) -> None:
        """Send SIGTERM."""


Launch = Callable[[IO[bytes]], Running]
"""Starts a process, with its output to a file."""


def program(command: list[str], environ: Mapping[str, str]) -> Launch:
    """Return what starts `command` in a session of its own, to end with this process."""
    parent = os.getpid()

    def launch(log: IO[bytes]) -> Running:
        return subprocess.Popen(  # noqa: S603 - our own commands
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(parent),
        )

    return launch


class Child:
    """A process by its role. It is `due` when it should run and does not."""

    def __init__(self, role: str, launch: Launch, log_dir: Path, patience: float) -> None:
        """`patience` is how many seconds it may take to end after SIGTERM."""
        self.role = role
        self.patience = patience
        self.log_path = log_dir / f"{role}.log"
        self.process: Running | None = None
        self.next_start = 0.0
        self._launch = launch
        self._started = 0.0
        self._failures = 0

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self.process.pid if self.process is not None else None

    def start(self) -> None:
        """Start it now; its output goes to its log file."""
        if self.log_path.exists() and self.log_path.stat().st_size > _LOG_LIMIT:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        with self.log_path.open("ab") as log:
            self.process = self._launch(log)
        self._started = time.monotonic()

    def ended(self) -> int | None:
        """Return the exit code once it has ended (negative: the signal), and plan the next start."""
        if self.process is None or (code := self.process.poll()) is None:
            return None
        self.process = None
        lived = time.monotonic() - self._started
        self._failures = 0 if lived >= _STABLE_SECONDS else self._failures + 1
        wait = 0.0 if self._failures <= 1 else min(0.1 * 2.0**self._failures, _LONGEST_WAIT)
        self.next_start = time.monotonic() + wait
        return code

    def ask_to_end(self) -> None:
        """Send SIGTERM to it (not to its group: gunicorn tells its workers itself)."""
        if self.process is not None:
            self.process.terminate()

    def wait_or_kill(self, deadline: float) -> bool:
        """Wait for its end until `deadline` (monotonic), then kill its group; returns whether it ended by itself."""
        if self.process is None:
            return True
        by_itself = True
        try:
            self.process.wait(max(0.05, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            by_itself = False
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)  # whatever it left behind
        self.process.wait()
        self.process = None
        return by_itself

    def last_words(self, lines: int = 4) -> str:
        """Return the end of its log, indented."""
        if not self.log_path.exists():
            return ""
        with self.log_path.open("rb") as log:
            log.seek(max(0, self.log_path.stat().st_size - 4_000))
            tail = log.read().decode("utf-8", "replace").strip().splitlines()[-lines:]
        return "".join(f"\n      {line}" for line in tail)
