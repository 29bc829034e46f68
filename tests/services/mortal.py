"""Importers that die by a real kill -9 at a place that is told beforehand, cheap enough for hundreds of them.

`python -m tests.services.mortal` has everything loaded and forks an importer for each line that it reads; it has one
thread, so that nothing is held by somebody else at the fork. Places are counted: each statement before and after it,
each commit before and after it, each question to the store.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from referins_woo import config as configuration
from referins_woo import process, queues
from referins_woo.config import Config
from referins_woo.crypto import Vault
from referins_woo.db import Database
from referins_woo.ingest import import_run
from referins_woo.process import Process
from referins_woo.safe_http import SafeHttp


class Mortals:
    """The process that makes them. `environ` is what `config` is read from."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._maker = subprocess.Popen(
            [sys.executable, "-m", "tests.services.mortal"],
            env={**os.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def work(self, database_url: str, import_id: int, place: int) -> int | None:
        """Let one work on an import until `place` (0: to the end); returns how many places it passed, None: killed."""
        assert self._maker.stdin is not None and self._maker.stdout is not None
        self._maker.stdin.write(f"{database_url} {import_id} {place}\n")
        self._maker.stdin.flush()
        told = self._maker.stdout.readline().split()
        assert told[:1] in (["killed"], ["ended"]), told
        return int(told[1]) if told[0] == "ended" else None

    def stop(self) -> None:
        """End it."""
        assert self._maker.stdin is not None
        self._maker.stdin.close()
        self._maker.wait(20)


class _Fate:
    """Counts the places that are passed, and kills its process at the one that is told."""

    def __init__(self) -> None:
        self.passed, self.place = 0, 0
        event.listen(Session, "after_commit", self.step)
        send: Callable[..., Any] = SafeHttp.send

        def sent(*given: Any, **named: Any) -> Any:
            self.step()
            return send(*given, **named)

        SafeHttp.send = sent  # type: ignore[method-assign]

    def step(self, *_: Any, **__: Any) -> None:
        """Pass a place."""
        self.passed += 1
        if self.passed == self.place:
            os.kill(os.getpid(), signal.SIGKILL)


def _live(fate: _Fate, config: Config, database_url: str, import_id: int, place: int) -> int:
    """Work, as the worker does; returns how many places were passed."""
    fate.passed, fate.place = 0, place
    database = Database(database_url, synchronous="NORMAL")
    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(database.engine, name, fate.step)
    running = Process(config, database, Vault(config.encryption_keys))
    process.use(running)
    while import_run.run(running, import_id):
        pass
    database.dispose()
    return fate.passed


def main() -> None:
    """Fork an importer for each line on stdin, and say what became of it."""
    config, fate = configuration.load(os.environ), _Fate()
    queues.connect(None)
    for number, line in enumerate(sys.stdin):
        database_url, import_id, place = line.split()
        order = (fate, config, database_url, int(import_id), int(place))
        if not number and place == "0":
            # Here, once: what statements were compiled to is there for all that are forked.
            print(f"ended {_live(*order)}", flush=True)
            assert threading.active_count() == 1
            continue
        told, tell = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.write(tell, str(_live(*order)).encode())
            finally:
                os._exit(0)
        os.close(tell)
        _, status = os.waitpid(child, 0)
        passed = os.read(told, 20).decode()
        os.close(told)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print("killed" if killed else f"ended {passed}" if passed else "failed", flush=True)


if __name__ == "__main__":
    main()
