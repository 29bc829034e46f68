"""Rows of the fault matrix that are the engine's: killed, stopped, poisoned, edited, asked the impossible."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from automations import conditions
from referins_woo import clock as application_clock
from referins_woo import lease
from referins_woo.commerce.models import Order
from referins_woo.config import Config
from referins_woo.runs import advance, automations, claims, jobs
from referins_woo.runs.failures import MOST_ATTEMPTS
from referins_woo.runs.models import Automation, AutomationVersion, Run, RunLog
from tests.conftest import ENCRYPTION_KEY, ROOT, SECRET_KEY

HELLO = [{"kind": "text", "text": "Hello"}]


def mail(step: str) -> dict[str, Any]:
    """A step that sends."""
    return {"id": step, "kind": "send_email", "subject": step, "body": HELLO}


STORY: dict[str, Any] = {
    "trigger": "order_submitted",
    "exit_on": ["cancelled"],
    "steps": [
        {"id": "tag", "kind": "add_tag", "tag": "bought"},
        mail("first"),
        {"id": "wait", "kind": "wait", "period": "1h"},
        {
            "id": "for",
            "kind": "wait_for",
            "event": "paid",
            "timeout": "2h",
            "yes": [mail("paid")],
            "no": [mail("late")],
        },
        {"id": "tell", "kind": "call_webhook", "url": "https://hook.example/x"},
    ],
}


def test_row_62_a_worker_killed_at_every_statement_from_event_to_outbox_does_each_step_once(
    shop: Any, killed_at: Any, clock: Any
) -> None:
    shop.publish(STORY)
    statement, killed = 0, 0
    while True:
        statement += 1
        shop.submitted(email=f"buyer{statement}@example.com")
        attempts = []
        for _ in range(3):  # entering, after the wait, after the time is up
            with killed_at(statement) as attempt:
                jobs.start_runs()
                jobs.advance_runs()
            attempts.append(attempt.killed)
            shop.work()
            clock.advance(hours=1, minutes=10)
        clock.advance(hours=2)
        shop.work()
        killed += sum(attempts)
        if not any(attempts):
            break
    assert killed > 40
    assert {run.state for run in shop.runs()} == {"done"}
    by_run: dict[int, list[str]] = {}
    for message in shop.messages():
        by_run.setdefault(message.run_id, []).append(message.template["subject"])
    assert set(map(tuple, by_run.values())) == {("first", "late")} and len(by_run) == statement
    with shop.database.reading() as session:
        keys = session.execute(select(RunLog.run_id, RunLog.step_key)).all()
    assert len(keys) == len(set(keys))


def test_row_65_a_worker_stopped_past_its_lease_writes_nothing_when_it_wakes(shop: Any, clock: Any) -> None:
    shop.live("pending_payment_reminder")
    shop.submitted()
    shop.work()
    clock.advance(hours=1, seconds=1)
    shop.work()
    asleep, awake = lease.new_holder(), lease.new_holder()
    with shop.database.unit() as session:
        [mine] = claims.lease_rereads(session, application_clock.now(), asleep, 300, 10)
    clock.advance(minutes=10)  # SIGSTOP for ten minutes
    with shop.database.unit() as session:
        now = application_clock.now()
        [theirs] = claims.lease_rereads(session, now, awake, 300, 10)
        assert theirs.id == mine.id
        runs = claims.still_leased(session, [theirs.id], awake, now)
        assert advance.advance_runs(session, runs, now, advance.Reading(now, now)) == {"waiting": 1}
    with shop.database.unit() as session:  # SIGCONT
        now = application_clock.now()
        late = claims.still_leased(session, [mine.id], asleep, now)
        assert advance.advance_runs(session, late, now, advance.Reading(now, now)) == {}
    assert len(shop.messages()) == 1


WORKER = """
import signal, sys
from referins_woo import config, process, queues
from referins_woo.runs import jobs
ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
queues.connect(None)
process.start(config.load())
print("ready", flush=True)
while not ended:
    jobs.ring_for_events(); jobs.start_runs(); jobs.advance_runs()
"""


@pytest.fixture
def worker(config: Config, clock: Any, tmp_path: Path) -> Iterator[Any]:
    """Starts real processes that do this room's work until they are told to end."""
    environ = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
        **clock.environ,
        "DATABASE_URL": config.database_url,
        "SECRET_KEY": SECRET_KEY,
        "ENCRYPTION_KEYS": ENCRYPTION_KEY,
        "PUBLIC_URL": config.public_url,
        "REFERINS_DATA": str(tmp_path / "data"),
        "PYTHONPATH": str(ROOT),
    }
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        made = subprocess.Popen([sys.executable, "-c", WORKER], env=environ, stdout=subprocess.PIPE, text=True)
        started.append(made)
        assert made.stdout is not None
        assert made.stdout.readline() == "ready\n"
        return made

    yield start
    for one in started:
        if one.poll() is None:
            one.kill()
        one.wait(10)
        if one.stdout is not None:
            one.stdout.close()


@pytest.mark.parametrize("times", [pytest.param(2, id="short"), pytest.param(8, id="storm", marks=pytest.mark.storm)])
def test_row_66_workers_told_to_end_do_so_and_each_step_is_done_once(shop: Any, worker: Any, times: int) -> None:
    shop.publish({"trigger": "order_submitted", "steps": [mail("first"), {**STORY["steps"][0]}, mail("second")]})
    orders = 0
    for _ in range(times):
        for _ in range(40):
            orders += 1
            shop.submitted(email=f"buyer{orders}@example.com")
        process = worker()
        until = time.monotonic() + 20
        while len(shop.messages()) < 2 * orders - 60 and time.monotonic() < until:
            time.sleep(0.001)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    shop.work()
    assert {run.state for run in shop.runs()} == {"done"}
    assert len(shop.messages()) == len({message.once_key for message in shop.messages()}) == 2 * orders


def test_row_67_a_poisonous_run_is_given_up_and_holds_up_no_other(
    shop: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.publish(STORY)
    facts_of = advance.facts_of

    def poisoned(gathered: Any, order_id: int, *more: Any) -> Any:
        if gathered.orders[order_id]["email"] == "poison@example.com":
            raise MemoryError("a payload that nobody can bear")
        return facts_of(gathered, order_id, *more)

    monkeypatch.setattr(advance, "facts_of", poisoned)
    for email in ("ada@example.com", "poison@example.com", "bob@example.com"):
        shop.submitted(email=email)
    for _ in range(MOST_ATTEMPTS + 1):
        shop.work()
        clock.advance(minutes=30)
    states = {run.id: (run.state, run.attempts) for run in shop.runs()}
    assert list(states.values())[1] == ("failed", MOST_ATTEMPTS)
    assert [state for state, _ in states.values() if state != "failed"]
    assert {message.to_email for message in shop.messages()} == {"ada@example.com", "bob@example.com"}


@pytest.mark.parametrize("hours", [1, -1])
def test_row_68_a_clock_that_jumps_fires_each_wait_once_and_none_early(shop: Any, clock: Any, hours: int) -> None:
    shop.publish(STORY)
    shop.submitted()
    shop.work()
    due = shop.runs()[0].due_at
    clock.advance(hours=hours)
    for _ in range(2):  # two clocks
        jobs.ring_for_due_runs()
        jobs.ring_for_due_runs()
        shop.work()
    reached = application_clock.now() >= due
    assert (shop.runs()[0].step == "for") is reached
    clock.set(due + timedelta(seconds=1))
    shop.work()
    shop.work()
    assert shop.runs()[0].step == "for"
    waited = [entry.at for entry in shop.log(shop.runs()[0].id) if entry.step_key == "wait:waited"]
    assert len(waited) == 1 and waited[0] >= due
    assert len(shop.messages()) == 1


def test_row_84_an_automation_edited_while_somebody_is_inside_keeps_the_version(shop: Any, clock: Any) -> None:
    automation_id = shop.publish(STORY)
    shop.submitted()
    shop.work()
    with shop.database.unit() as session:
        changed = {**STORY, "steps": [mail("other")]}
        automations.save_draft(session, automation_id, shop.account_id, revision=1, definition=changed)
        automations.publish(session, automation_id, shop.account_id, None)
    clock.advance(hours=4)
    shop.work()
    clock.advance(hours=4)
    shop.work()
    assert [message.template["subject"] for message in shop.messages()] == ["first", "late"]


def test_row_84_an_automation_paused_while_somebody_is_inside_stops_at_the_next_step(shop: Any, clock: Any) -> None:
    automation_id = shop.publish(STORY)
    shop.submitted()
    shop.work()
    with shop.database.unit() as session:
        automations.pause(session, automation_id, shop.account_id)
    clock.advance(hours=4)
    shop.work()
    assert [run.state for run in shop.runs()] == ["held"]
    assert len(shop.messages()) == 1


def test_row_84_an_order_deleted_while_its_run_waits_ends_it(shop: Any, clock: Any) -> None:
    shop.publish({**STORY, "exit_on": ["gone"]})
    order_id = shop.submitted()
    shop.work()
    with shop.database.unit() as session:
        session.execute(delete(Order).where(Order.id == order_id))
    clock.advance(hours=2)
    shop.work()
    assert [(run.state, run.ended_reason) for run in shop.runs()] == [("exited", "gone")]


def test_row_84_a_stored_version_that_can_no_longer_be_read_fails_its_runs_in_words(shop: Any, clock: Any) -> None:
    automation_id = shop.publish(STORY)
    other = shop.publish({"trigger": "order_submitted", "steps": [mail("fine"), STORY["steps"][2], mail("too")]})
    shop.submitted()
    shop.work()
    with shop.database.unit() as session:
        session.execute(
            update(AutomationVersion)
            .where(AutomationVersion.automation_id == automation_id)
            .values(definition={"trigger": "gone"}, number=7)
        )
    for _ in range(MOST_ATTEMPTS + 1):
        clock.advance(hours=2)
        shop.work()
    states = {run.automation_id: run.state for run in shop.runs()}
    assert states == {automation_id: "failed", other: "done"}
    with shop.database.reading() as session:
        assert session.get_one(Automation, automation_id).state == "live"
        failed = session.scalars(select(Run).where(Run.automation_id == automation_id)).one()
        assert failed.ended_reason


@pytest.mark.parametrize(
    ("condition", "order"),
    [
        ({"field": "order.total", "operator": "at_least", "value": "1"}, {}),
        ({"field": "order.total", "operator": "at_least", "value": "1"}, {"total": {"a": 1}}),
        ({"field": "order.total", "operator": "at_least", "value": "1"}, {"total": "9" * 100_000}),
        ({"field": "order.total", "operator": "at_least", "value": "0/0"}, {"total": "1"}),
        ({"field": "order.email", "operator": "contains", "value": "(a+)+$"}, {"email": "a" * 200_000 + "b"}),
        ({"field": "order.email", "operator": "is", "value": "(.*)*"}, {"email": ["x"]}),
        ({"field": "order.coupons", "operator": "has", "value": "x"}, {"coupons": "xxx"}),
        ({"field": "order.placed_at", "operator": "in_last", "value": "2d"}, {"placed_at": "yesterday"}),
        ({"field": "order.nowhere", "operator": "is", "value": "x"}, {}),
        ({"field": "order.total", "operator": "divided_by", "value": "0"}, {"total": "1"}),
    ],
)
def test_row_85_what_cannot_be_compared_is_no_with_a_visible_reason(
    condition: dict[str, Any], order: dict[str, Any]
) -> None:
    verdict = conditions.evaluate(condition, {"order": order}, application_clock.now())
    assert not verdict.passed
    [entry] = verdict.trace
    assert entry.get("reason") or condition["operator"] == "contains"  # a pattern is only text, and is not there
