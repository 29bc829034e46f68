"""Rehearsals that a worker does: each once at a time, whatever crashes; kept for a day, gone with whoever is erased."""

from __future__ import annotations

import pytest
from flask import Flask

from automations.definition import Definition, parse
from referins_woo import queues
from referins_woo.clock import now
from referins_woo.commerce.models import Contact
from referins_woo.errors import InvalidInput
from referins_woo.privacy.erase import erase
from referins_woo.process import Process
from referins_woo.runs import jobs, rehearsals, rehearse
from referins_woo.runs.models import AskedRehearsal, Automation
from tests.conftest import ClockHand
from tests.factories.rows import Made, account_with_everything

DRAFT = {
    "trigger": "order_submitted",
    "steps": [{"id": "mail", "kind": "send_email", "subject": "Hello", "body": [{"kind": "text", "text": "You"}]}],
}


@pytest.fixture
def ours(running: Process, app: Flask) -> Made:
    made = account_with_everything(running.database, "ours@example.com")
    with running.database.unit() as session:
        session.delete(session.get_one(AskedRehearsal, made.ids["rehearsal_id"]))
        session.get_one(Automation, made.ids["automation_id"]).draft = DRAFT
    return made


def _ask(running: Process, ours: Made, days: int = 90) -> int:
    with running.database.unit() as session:
        automation = session.get_one(Automation, ours.ids["automation_id"])
        return rehearsals.ask(session, automation, days, 20_000, now()).id


def _state(running: Process, asked: int) -> str:
    with running.database.reading() as session:
        found = session.get(AskedRehearsal, asked)
        return found.state if found is not None else "gone"


def _result(running: Process, asked: int) -> rehearse.Rehearsal | None:
    with running.database.reading() as session:
        return rehearsals.result(session, session.get_one(AskedRehearsal, asked))


def test_what_a_worker_finds_is_what_one_would_have_waited_for(
    running: Process, ours: Made, bells: queues.MemoryBells
) -> None:
    asked = _ask(running, ours)
    assert _result(running, asked) is None
    bells.drain("outbound")
    found = _result(running, asked)
    definition = parse(DRAFT)
    assert isinstance(definition, Definition) and found is not None
    with running.database.reading() as session:
        mine = ours.ids["automation_id"]
        direct = rehearse.rehearse(session, ours.account_id, definition, found.until, 90, instead_of=mine, most=20_000)
    assert found == direct
    assert found.mails == 1


def test_the_same_is_asked_once_and_too_many_wait(running: Process, ours: Made, bells: queues.MemoryBells) -> None:
    first = _ask(running, ours)
    assert _ask(running, ours) == first
    with running.database.unit() as session:
        session.get_one(Automation, ours.ids["automation_id"]).draft = {**DRAFT, "settings": {}}
    assert _ask(running, ours) != first, "the draft has changed since"
    _ask(running, ours, days=7)
    with pytest.raises(InvalidInput, match="3 rehearsals are under way already"):
        _ask(running, ours, days=30)
    bells.drain("outbound")
    _ask(running, ours, days=30)


def test_a_killed_worker_costs_an_attempt_and_the_third_is_the_last(
    running: Process, ours: Made, clock: ClockHand, bells: queues.MemoryBells, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _ask(running, ours)
    bells.pending.clear()

    def killed(*_arguments: object, **_more: object) -> None:
        raise KeyboardInterrupt

    for _ in range(3):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(rehearse, "rehearse", killed)
            rehearsals.work(running.database, asked)
        assert _state(running, asked) == "running"
        rehearsals.work(running.database, asked)
        assert _state(running, asked) == "running", "its worker may still be at it"
        jobs.ring_for_rehearsals()
        assert bells.pending == []
        clock.advance(minutes=6)
    jobs.ring_for_rehearsals()
    bells.drain("outbound")
    assert _state(running, asked) == "failed"


def test_a_lost_bell_is_rung_again(running: Process, ours: Made, clock: ClockHand, bells: queues.MemoryBells) -> None:
    asked = _ask(running, ours)
    bells.pending.clear()
    clock.advance(seconds=20)
    jobs.ring_for_rehearsals()
    bells.drain("outbound")
    assert _state(running, asked) == "done"


def test_whoever_is_erased_while_it_goes_on_is_in_no_result(
    running: Process, ours: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, pack = _ask(running, ours), rehearsals._packed

    def meanwhile(found: rehearse.Rehearsal) -> bytes:
        assert found.runs, "it names somebody"
        with running.database.unit() as session:
            erase(session, session.get_one(Contact, ours.ids["contact_id"]), now())
        return pack(found)

    monkeypatch.setattr(rehearsals, "_packed", meanwhile)
    rehearsals.work(running.database, asked)
    assert _state(running, asked) == "gone"


def test_it_is_kept_for_a_day(running: Process, ours: Made, clock: ClockHand, bells: queues.MemoryBells) -> None:
    asked = _ask(running, ours)
    bells.drain("outbound")
    clock.advance(hours=23)
    jobs.forget_rehearsals()
    assert _state(running, asked) == "done"
    clock.advance(hours=2)
    jobs.forget_rehearsals()
    assert _state(running, asked) == "gone"
