"""From the webhook to the e-mail: real processes, SQLite, a Valkey of its own, an SMTP server on the loopback.

A signed `order.created` of a customer whom we do not know yet; the recipe "order confirmation" is live; latency counts
from the delivery's time to the end of DATA at the SMTP server.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import Row
from bench._databases import databases
from bench._processes import free_port, measured, proportional_mb, running, serving, wait_for
from bench._store import connect, environ, start
from referins_woo import queues
from referins_woo.ingest import import_run, importing
from referins_woo.run.supervisor import FRUGAL
from referins_woo.runs import automations
from tests.services.valkey import Valkey

_NAME = "chain"
_RATE = 40
_PATIENCE = 120.0


def run(quick: bool) -> list[Row]:
    """Measure and return the rows."""
    return rows_of(steady=400 if quick else 1_200, burst=1_000)


def rows_of(*, steady: int, burst: int) -> list[Row]:
    """Measure with `steady` orders at 40 a second, then a `burst` as fast as they are taken."""
    with _chain() as chain:
        chain.mails_after(chain.post(20, "--connections", 1))  # compiled, connected, warm
        sent = chain.post(steady, "--rate", _RATE)
        latencies = sorted(
            at - (sent["began"] + place / _RATE) for place, at in enumerate(chain.mails_after(sent)) if at
        )
        flood = chain.post(burst, "--connections", 32)
        arrived = chain.mails_after(flood)
        last = max(arrived) - flood["ended"]
        memory = sum(proportional_mb(pid) for pid in chain.pids)
    lost = steady + burst - len(latencies) - sum(1 for at in arrived if at)
    middle, slowest = latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100]
    return [
        Row(_NAME, f"{_RATE}/s, webhook to mail: p50", middle * 1000, "ms", 50, higher_is_better=False),
        Row(_NAME, f"{_RATE}/s, webhook to mail: p99", slowest * 1000, "ms", 1_000, higher_is_better=False),
        Row(_NAME, f"burst of {burst:,}: last mail after the last order", last, "s", 5, higher_is_better=False),
        Row(_NAME, f"burst of {burst:,}: taken", burst / flood["seconds"], "orders/s"),
        Row(_NAME, f"burst of {burst:,}: mailed", burst / (max(arrived) - flood["began"]), "mails/s"),
        Row(_NAME, "orders without a mail", lost, "orders", 0, higher_is_better=False),
        Row(_NAME, "web + live + mail: proportional memory", memory, "MB", 300, higher_is_better=False),
    ]


@dataclass
class _Chain:
    """The running processes, and how many orders were posted so far."""

    port: int
    path: str
    arrivals: Path
    pids: list[int]
    log: Path
    posted: int = 0

    def post(self, count: int, *how: object) -> dict[str, Any]:
        """Post `count` new orders; returns what the load says of them, and `first`, the number of the first one."""
        first = self.posted + 1
        self.posted += count
        sent = measured("bench._load", self.port, self.path, "--count", count, "--first", first, *how)
        if sent["accepted"] != count:
            raise RuntimeError(
                f"{sent['accepted']} of {count} deliveries were accepted\n{self.log.read_text()[-4000:]}"
            )
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
def _chain() -> Iterator[_Chain]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        shop = stack.enter_context(serving("bench._pages", "--orders", 10))
        url = stack.enter_context(databases()).fresh("sqlite")
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
        arrivals, log, port = folder / "arrivals", folder / "log", free_port()
        sink = stack.enter_context(serving("bench._sink", arrivals))
        settings = environ(
            url,
            REDIS_URL=valkey.url,
            REFERINS_DATA=str(folder),
            PUBLIC_URL=f"http://127.0.0.1:{port}",
            SMTP_URL=f"smtp://127.0.0.1:{sink}",
        )
        commands = (["web", "--bind", f"127.0.0.1:{port}"], ["worker", "live"], ["worker", "mail"], ["clock"])
        started = [stack.enter_context(running(command, {**FRUGAL, **settings}, log)) for command in commands]
        wait_for(port)
        pids = [process.pid for process in started[:3]]
        yield _Chain(port, f"/hooks/woocommerce/{store.hook_token}", arrivals, pids, log)
