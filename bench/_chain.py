"""Two ways from a webhook to an e-mail, as running processes: ours, and the least that does the same."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench._databases import Databases
from bench._processes import free_port, measured, python, serving, supervised, wait_for
from bench._store import connect, environ, start
from referins_woo import queues
from referins_woo.ingest import import_run, importing
from referins_woo.runs import automations
from tests.services.valkey import Valkey

_PATIENCE = 180.0


@dataclass
class Chain:
    """The running processes, and how many orders were posted so far."""

    port: int
    path: str
    arrivals: Path
    pids: dict[str, int]
    """By role."""
    log: Path
    posted: int = 0

    def post(self, count: int, *how: object) -> dict[str, Any]:
        """Post `count` new orders; returns what the load says of them, and `first`, the number of the first one."""
        first = self.posted + 1
        self.posted += count
        sent = measured("bench._load", self.port, self.path, "--count", count, "--first", first, *how)
        if sent["accepted"] != count:
            said = self.log.read_text()[-4000:]
            raise RuntimeError(f"{sent['accepted']} of {count} deliveries were accepted\n{said}")
        return {**sent, "first": first}

    def mails_after(self, sent: dict[str, Any]) -> list[float]:
        """Wait for the mails of these orders; returns when each arrived (monotonic), 0 for one that never did."""
        deadline = time.monotonic() + _PATIENCE
        wanted = [f"customer{number + 1}@example.com" for number in range(sent["first"], sent["first"] + sent["sent"])]
        while True:
            came = dict(line.split() for line in self.arrivals.read_text().splitlines())
            if all(address in came for address in wanted) or time.monotonic() > deadline:
                return [float(came.get(address, 0)) for address in wanted]
            time.sleep(0.1)


@contextlib.contextmanager
def ours(empty: Databases, kind: str) -> Iterator[Chain]:
    """A connected store, the recipe "order confirmation" live, and what `bin/start` runs."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        shop = stack.enter_context(serving("bench._pages", "--orders", 10))
        url = empty.fresh(kind)
        opened = start(url)
        queues.connect(None)
        store = connect(opened, shop)
        with opened.database.unit() as session:
            made = automations.create_from_recipe(session, store.account_id, "order_confirmation")
            session.flush()
            automations.publish(session, made.id, store.account_id, None)
            begun = importing.start(session, store, ["products"])
        while import_run.run(opened, begun.id):  # orders name products that were imported when the store was connected
            pass
        opened.database.dispose()
        valkey = Valkey()
        stack.callback(valkey.close)
        arrivals, port = folder / "arrivals", free_port()
        sink = stack.enter_context(serving("bench._sink", arrivals))
        settings = environ(
            url,
            REDIS_URL=valkey.url,
            REFERINS_DATA=str(folder),
            PUBLIC_URL=f"http://127.0.0.1:{port}",
            SMTP_URL=f"smtp://127.0.0.1:{sink}",
        )
        stack.enter_context(supervised(port, folder, settings, folder / "said"))
        wait_for(port)
        state = _state(folder)
        yield Chain(port, f"/hooks/woocommerce/{store.hook_token}", arrivals, state, folder / "log" / "web.log")


def _state(folder: Path) -> dict[str, int]:
    """Return the process ids by role, once all run, and that of the supervisor."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        state = json.loads((folder / "supervisor.json").read_text())
        if state["roles"].get("clock"):
            return {**state["roles"], "supervisor": state["pid"]}
        time.sleep(0.05)
    raise RuntimeError("not all processes run")


@contextlib.contextmanager
def reference(empty: Databases, kind: str) -> Iterator[Chain]:
    """A bare Flask route that verifies and inserts, and a bare loop that mails: one commit each."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        url = empty.fresh(kind)
        opened = start(url)
        connect(opened, 1)
        opened.database.dispose()
        arrivals, log, port = folder / "arrivals", folder / "log", free_port()
        sink = stack.enter_context(serving("bench._sink", arrivals))
        commands = (["-m", "bench._flask", str(port), url], ["-m", "bench._mailer", url, str(sink)])
        for command in commands:
            stack.enter_context(python(command, {}, log))
        wait_for(port)
        yield Chain(port, "/hook", arrivals, {}, log)
