"""Hosts of one installation: each a set of processes with a data folder of its own, killed and started by the test.

They share one PostgreSQL and one Valkey and nothing else; where the machine allows it (root, Linux) each host has a
network namespace of its own besides, so that no port of one is reached from another but through what they share.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from referins_woo.run import settings
from referins_woo.run.parent import die_with_parent

ROOT = Path(__file__).resolve().parents[2]


class Host:
    """One host: `commands` are console commands that it runs, like ("worker", "live")."""

    def __init__(
        self,
        name: str,
        folder: Path,
        environ: Mapping[str, str],
        commands: Sequence[Sequence[str]],
        apart: bool = False,
    ) -> None:
        """`apart`: in a network namespace of its own, in which only unix sockets lead out."""
        kept = {key: value for key, value in os.environ.items() if key not in settings.NAMES}
        self.name = name
        self._folder = folder / name
        self._folder.mkdir(parents=True)
        self._environ = {**kept, "PYTHONPATH": str(ROOT), **environ, "REFERINS_DATA": str(self._folder)}
        self._commands = [tuple(command) for command in commands]
        self._prefix = ["unshare", "--net", "--"] if apart else []
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start its processes."""
        parent = os.getpid()
        for command in self._commands:
            with (self._folder / f"{'-'.join(command[:2])}.log").open("ab") as log:
                self._running.append(
                    subprocess.Popen(
                        [*self._prefix, sys.executable, "-m", "referins_woo.cli", *command],
                        env=self._environ,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                        preexec_fn=lambda: die_with_parent(parent),
                    )
                )

    def kill(self) -> None:
        """kill -9 of all of it at once: the machine has lost its power."""
        for process in self._running:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for process in self._running:
            process.wait()
        self._running = []

    def mend(self) -> None:
        """Start again what has ended by itself (a worker whose Redis was away), as systemd does."""
        ended = [place for place, process in enumerate(self._running) if process.poll() is not None]
        if ended or len(self._running) != len(self._commands):
            self.kill()
            self.start()

    def stop(self, seconds: float = 30) -> None:
        """Stop it as systemd does."""
        for process in self._running:
            process.terminate()
        deadline = time.monotonic() + seconds
        for process in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
        self.kill()

    def logs(self) -> str:
        """Return all that its processes said."""
        return "".join(path.read_text(errors="replace") for path in sorted(self._folder.glob("*.log")))
