"""Processes that share what their parent has imported.

Nothing of the product differs between web, workers and clock but what they run: forked from one process that has
imported it all, they share two thirds of their memory, and one that was killed is there again in a tenth of a second.
Forked is what has opened nothing: no database, no thread.
"""

from __future__ import annotations

import gc
import importlib
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from referins_woo.run.parent import die_with_parent
from referins_woo.run.system import name_process

_HANDLED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_FORK: Final = multiprocessing.get_context("fork")
_LOOK_SECONDS: Final = 0.01
_MOST_FILES: Final = 4_096
"""Far more than the parent has open; what a system allows may be without an end."""


class Fork:
    """A child that runs a function of ours; used as `subprocess.Popen` is."""

    def __init__(self, name: str, run: Callable[[], object], environ: Mapping[str, str], log: int) -> None:
        """Start it in a session of its own, with `environ`; its output goes to the open file `log`."""
        parent = os.getpid()

        def become() -> None:
            os.setsid()
            name_process(name)
            die_with_parent(parent)
            signal.set_wakeup_fd(-1)
            for number in _HANDLED:
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.closerange(3, _MOST_FILES)  # the parent's lock would be held as long as its children live
            sys.stdin = open(0, closefd=False)  # noqa: SIM115 - for as long as it lives
            for stream in (sys.stdout, sys.stderr):
                stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
            os.environ.clear()
            os.environ.update(environ)
            run()

        self._process = _FORK.Process(target=become, daemon=True)
        # A signal that came while the child still has our handlers would be lost to it.
        unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit code once it has ended; negative: the signal."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        # Not by `join`: it listens to a pipe that the child has closed with all others.
        until = math.inf if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            time.sleep(_LOOK_SECONDS)
        return code

    def terminate(self) -> None:
        """Send SIGTERM."""
        with suppress(ProcessLookupError):
            self._process.terminate()


def preload() -> None:
    """Import all that web, workers and clock need, and set it apart from what is looked through for garbage."""
    gc.disable()
    for module in ("app", "cli.web", "cli.worker", "cli.clock"):
        importlib.import_module(f"referins_woo.{module}")
    importlib.import_module("referins_woo.run.worker").load_jobs()
    importlib.import_module("sqlalchemy.orm").configure_mappers()
    gc.collect()
    gc.freeze()
    gc.enable()
