"""A great many waiting runs: what a sweep costs, how long publishing, pausing and listing take, how late a wait fires.

Rows as the engine leaves them, in SQLite and PostgreSQL; the real worker and clock for the lateness.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import insert, literal, select

from bench import Row
from bench._databases import analyze, databases
from bench._processes import running
from bench._store import connect, environ, start
from referins_woo import clock, process, queues
from referins_woo.commerce.models import Order
from referins_woo.process import Process
from referins_woo.reports import automations as lists
from referins_woo.reports import builder, step_numbers
from referins_woo.runs import automations, jobs
from referins_woo.runs.models import Run, RunLog
from tests.services.valkey import Valkey

_NAME = "waits"
_WAIT = {"id": "wait", "kind": "wait", "period": "30d"}
_TAG = {"id": "tag", "kind": "add_tag", "tag": "waited"}
_DOCUMENT: dict[str, Any] = {"trigger": "order_submitted", "steps": [_WAIT, _TAG]}
_PART = 20_000
_FIRED = 10


def run(quick: bool) -> list[Row]:
    """Measure and return the rows."""
    sizes = {"sqlite": 20_000, "postgresql": 20_000} if quick else {"sqlite": 1_000_000, "postgresql": 1_000_000}
    return rows_of(sizes=sizes, times=5 if quick else 20)


def rows_of(*, sizes: dict[str, int], times: int) -> list[Row]:
    """Measure with so many waits on each kind of database; the pages with 100,000 of them at most."""
    rows = []
    with databases() as empty:
        for kind, size in sizes.items():
            url = empty.fresh(kind)
            opened = start(url)
            queues.connect(None)
            store = connect(opened, 9)
            with opened.database.unit() as session:
                made = automations.create(session, store.account_id, "Waits", _DOCUMENT)
                version = automations.publish(session, made.id, store.account_id, None)
            ids = (store.account_id, store.id, made.id, version.id)
            none = _milliseconds(jobs.ring_for_due_runs, times)
            pages = min(size, 100_000)
            _fill(opened, ids, 0, pages)
            _log(opened)
            rows += _pages(opened, kind, pages, store.account_id, made.id, times)
            _fill(opened, ids, pages, size)
            rows.append(_sweep(kind, size, none, _milliseconds(jobs.ring_for_due_runs, times)))
            rows.append(_lateness(opened, url, kind, size, ids))
            process.use(None)
            opened.database.dispose()
    return rows


def _fill(opened: Process, ids: tuple[int, int, int, int], first: int, last: int) -> None:
    """Add waiting runs, due in a month and later."""
    account_id, store_id, automation_id, version_id = ids
    now = clock.now()
    until = now + timedelta(days=30)
    position = {"step": "wait", "phase": "waiting", "until": until.isoformat()}
    for begin in range(first, last, _PART):
        rows = [
            {
                "account_id": account_id,
                "automation_id": automation_id,
                "version_id": version_id,
                "store_id": store_id,
                "entry_key": f"order:{store_id}:{number}",
                "state": "waiting",
                "position": position,
                "step": "wait",
                "due_at": until + timedelta(seconds=number),
                "lease_token": "",
                "attempts": 0,
                "ended_reason": "",
                "started_at": now - timedelta(seconds=number),
            }
            for number in range(begin, min(begin + _PART, last))
        ]
        with opened.database.unit() as session:
            session.connection().execute(insert(Run.__table__), rows)  # type: ignore[arg-type]
    analyze(opened.database)


def _log(opened: Process) -> None:
    """Give every run the two lines that it has while it waits."""
    with opened.database.unit() as session:
        for step, outcome in (("entry", "entered"), ("wait", "waits")):
            line = (
                Run.id,
                literal(step),
                Run.started_at,
                literal(outcome),
                literal(""),
                literal([], RunLog.trace.type),
            )
            columns = (RunLog.run_id, RunLog.step_key, RunLog.at, RunLog.outcome, RunLog.text, RunLog.trace)
            session.execute(insert(RunLog).from_select([one.key for one in columns], select(*line)))


def _milliseconds(call: Callable[[], object], times: int) -> list[float]:
    call()
    found = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        found.append((time.perf_counter() - started) * 1000)
    return sorted(found)


def _sweep(kind: str, size: int, none: list[float], many: list[float]) -> Row:
    what = f"{kind}: a sweep with {size:,} waits, beside one with none"
    return Row(_NAME, what, median(many) / median(none), "times", 3, higher_is_better=False)


def _pages(opened: Process, kind: str, size: int, account_id: int, automation_id: int, times: int) -> list[Row]:
    def unit(deed: Callable[..., object], *more: object) -> Callable[[], None]:
        def call() -> None:
            with opened.database.unit() as session:
                deed(session, automation_id, account_id, *more)

        return call

    def list_all() -> None:
        with opened.database.reading() as session:
            lists.automations(session, account_id, clock.now())

    def pause_and_resume() -> None:
        unit(automations.pause)()
        unit(automations.resume)()

    def show_builder() -> None:
        with opened.database.reading() as session:
            builder.inside(session, automation_id)
            builder.waiting_by_step(session, automation_id)

    def show_figures() -> None:
        with opened.database.reading() as session:
            step_numbers.numbers(session, automation_id, 30, clock.now())

    measured = {
        "publish": _milliseconds(unit(automations.publish, None), times),
        "pause and resume": _milliseconds(pause_and_resume, times),
        "list of automations": _milliseconds(list_all, times),
        "who waits where, for the builder": _milliseconds(show_builder, times),
    }
    figures = _milliseconds(show_figures, times)
    what = f"{kind}, {size:,} waiting runs: figures of the newest {step_numbers.MOST:,}, p95"
    return [
        Row(_NAME, what, figures[len(figures) * 95 // 100], "ms", higher_is_better=False),
        *(
            Row(_NAME, f"{kind}, {size:,} waiting runs: {what}, p95", found[len(found) * 95 // 100], "ms", 200, False)
            for what, found in measured.items()
        ),
    ]


def _lateness(opened: Process, url: str, kind: str, size: int, ids: tuple[int, int, int, int]) -> Row:
    """How late the latest of some waits fires, with a real clock and a real live worker."""
    account_id, store_id, automation_id, version_id = ids
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        valkey = Valkey()
        stack.callback(valkey.close)
        settings = environ(url, REDIS_URL=valkey.url, REFERINS_DATA=str(folder), PUBLIC_URL="http://127.0.0.1:9")
        for command in (["worker", "live"], ["clock"]):
            stack.enter_context(running(command, settings, folder / "log"))
        time.sleep(5)  # connected and warm
        due = [clock.now() + timedelta(seconds=2 + number * 1.3) for number in range(_FIRED)]
        with opened.database.unit() as session:
            for number, at in enumerate(due):
                order = _order(account_id, store_id, number, at)
                session.add(order)
                session.flush()
                position = {"step": "wait", "phase": "waiting", "until": at.isoformat()}
                session.add(
                    Run(
                        account_id=account_id,
                        automation_id=automation_id,
                        version_id=version_id,
                        store_id=store_id,
                        order_id=order.id,
                        entry_key=f"due:{number}",
                        state="waiting",
                        position=position,
                        step="wait",
                        due_at=at,
                    )
                )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with opened.database.reading() as session:
                done = session.execute(
                    select(Run.entry_key, RunLog.at)
                    .join(RunLog, RunLog.run_id == Run.id)
                    .where(Run.entry_key.like("due:%"), RunLog.step_key == "wait:waited")
                ).all()
            if len(done) == _FIRED:
                break
            time.sleep(0.2)
        else:
            raise RuntimeError(f"{len(done)} of {_FIRED} waits fired\n{(folder / 'log').read_text()[-4000:]}")
    late = max((at - due[int(key.partition(":")[2])]).total_seconds() for key, at in done)
    what = f"{kind}: the latest of {_FIRED} due waits with {size:,} stored"
    return Row(_NAME, what, late, "s late", 2, higher_is_better=False)


def _order(account_id: int, store_id: int, number: int, at: Any) -> Order:
    return Order(
        account_id=account_id,
        store_id=store_id,
        woo_id=number + 1,
        number=str(number + 1),
        status="Pending",
        woo_status="pending",
        currency="EUR",
        total=100_000,
        placed_at=at - timedelta(days=30),
        delivery_date=at.date(),
        content_hash="x",
    )
