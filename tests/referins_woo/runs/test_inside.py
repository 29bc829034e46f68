"""People inside when a wait was changed: they are moved and wait as it says now, counted from when they came to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from referins_woo import clock as application_clock
from referins_woo.errors import InvalidInput
from referins_woo.runs import automations, inside, jobs
from referins_woo.runs.models import AutomationVersion
from tests.referins_woo.runs.test_actions import document, mail


def wait(period: str = "10d", **more: Any) -> dict[str, Any]:
    return {"id": "w", "kind": "wait", "period": period, **more}


def republish(shop: Any, automation_id: int, *steps: dict[str, Any], **how: Any) -> AutomationVersion:
    with shop.database.unit() as session:
        revision = automations.get(session, automation_id, shop.account_id).draft_revision
        automations.save_draft(session, automation_id, shop.account_id, revision=revision, definition=document(*steps))
        return automations.publish(session, automation_id, shop.account_id, None, **how)


def rescheduling(shop: Any, automation_id: int, *steps: dict[str, Any]) -> AutomationVersion:
    version = republish(shop, automation_id, *steps, inside="move", reschedule=True)
    jobs.reschedule_runs()
    return version


def test_who_waits_at_a_changed_wait_waits_anew_from_when_they_came(shop: Any, clock: Any) -> None:
    automation_id = shop.publish(document(wait("10d"), mail("m")))
    came = application_clock.now()
    shop.submitted()
    shop.work()
    clock.advance(days=1)
    version = rescheduling(shop, automation_id, wait("3d"), mail("m"))
    (run,) = shop.runs()
    assert (run.version_id, run.state) == (version.id, "waiting")
    assert abs(run.due_at - (came + timedelta(days=3))) < timedelta(minutes=1)
    moved = shop.log(run.id)[-1]
    assert (moved.outcome, moved.text) == ("moved", "Moved to version 2: its wait is counted anew.")
    assert set(moved.trace[0]) == {"came_at", "until", "was"}
    clock.advance(days=2, seconds=1)
    shop.work()
    assert len(shop.messages()) == 1
    with shop.database.reading() as session:
        assert not inside.any_to_reschedule(session)


def test_a_new_time_that_has_passed_is_now_and_one_too_long_ago_changes_nothing(shop: Any, clock: Any) -> None:
    automation_id = shop.publish(document(wait("10d"), mail("m")))
    shop.submitted(email="long@example.com")
    shop.work()
    clock.advance(days=3)
    shop.submitted(email="lately@example.com")
    shop.work()
    clock.advance(hours=5)
    rescheduling(shop, automation_id, wait("1h"), mail("m"))
    shop.work()
    long_ago, lately = shop.runs()
    assert (long_ago.state, lately.state) == ("waiting", "done")
    assert [message.to_email for message in shop.messages()] == ["lately@example.com"]
    assert "it keeps its time" in shop.log(long_ago.id)[-1].text
    assert "it goes on now" in " ".join(one.text for one in shop.log(lately.id))
    clock.advance(days=7)
    shop.work()
    assert {run.state for run in shop.runs()} == {"done"}, "its time was kept: ten days after it came"


def test_without_rescheduling_who_moves_keeps_the_time(shop: Any, clock: Any) -> None:
    automation_id = shop.publish(document(wait("2d"), mail("m")))
    shop.submitted()
    shop.work()
    before = shop.runs()[0].due_at
    version = republish(shop, automation_id, wait("9d"), mail("m"), inside="move")
    jobs.reschedule_runs()
    (run,) = shop.runs()
    assert (run.version_id, run.due_at) == (version.id, before)
    assert shop.log(run.id)[-1].text == "Moved to version 2."


def test_waits_that_did_not_change_and_waits_skipped_by_hand_stay(shop: Any, clock: Any) -> None:
    later = {"id": "l", "kind": "wait", "period": "1d"}
    automation_id = shop.publish(document(wait("2d"), later, mail("m")))
    shop.submitted()
    shop.work()
    before = shop.runs()[0].due_at
    rescheduling(shop, automation_id, wait("2d", name="Patience"), {**later, "period": "5d"}, mail("m"))
    (run,) = shop.runs()
    assert run.due_at == before
    clock.advance(days=2, seconds=1)
    shop.work()
    assert shop.runs()[0].due_at - application_clock.now() > timedelta(days=4), "but later waits are the new ones"


@pytest.mark.parametrize(
    ("old", "new", "days"),
    [
        ({"kind": "wait_until", "date": "2031-01-05"}, {"kind": "wait_until", "date": "2031-02-05"}, None),
        (
            {"kind": "wait_for", "event": "paid", "timeout": "9d"},
            {"kind": "wait_for", "event": "paid", "timeout": "4d"},
            4,
        ),
    ],
)
def test_every_kind_of_wait_is_counted_anew(
    shop: Any, clock: Any, old: dict[str, Any], new: dict[str, Any], days: int | None
) -> None:
    automation_id = shop.publish(document({"id": "w", **old}, mail("m")))
    came = application_clock.now()
    shop.submitted()
    shop.work()
    rescheduling(shop, automation_id, {"id": "w", **new}, mail("m"))
    due = shop.runs()[0].due_at
    if days is None:
        assert due.strftime("%Y-%m") == "2031-02"
    else:
        assert abs(due - came - timedelta(days=days)) < timedelta(minutes=1)


def test_many_are_rescheduled_in_batches_and_a_killed_one_is_done_again(
    shop: Any, clock: Any, killed_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inside, "BATCH", 3)
    automation_id = shop.publish(document(wait("10d"), mail("m")))
    for number in range(8):
        shop.submitted(email=f"buyer{number}@example.com")
    shop.work()
    version = republish(shop, automation_id, wait("3d"), mail("m"), inside="move", reschedule=True)
    with killed_at(9) as attempt:
        jobs.reschedule_runs()
    assert attempt.killed
    shop.bells.pending.clear()
    jobs.ring_for_reschedules()
    assert [bell[1] for bell in shop.bells.pending] == ["reschedule_runs"], "the sweep finds who was left"
    jobs.reschedule_runs()
    assert {run.version_id for run in shop.runs()} == {version.id}
    assert len({run.due_at for run in shop.runs()}) <= 8
    assert all(run.due_at < application_clock.now() + timedelta(days=4) for run in shop.runs())
    assert [len([one for one in shop.log(run.id) if one.outcome == "moved"]) for run in shop.runs()] == [1] * 8


def test_a_still_newer_version_ends_the_rescheduling_of_the_one_before(shop: Any, clock: Any) -> None:
    automation_id = shop.publish(document(wait("10d"), mail("m")))
    shop.submitted()
    shop.work()
    before = shop.runs()[0].due_at
    republish(shop, automation_id, wait("3d"), mail("m"), inside="move", reschedule=True)
    republish(shop, automation_id, wait("4d"), mail("m"))
    jobs.reschedule_runs()
    assert shop.runs()[0].due_at == before
    with shop.database.reading() as session:
        assert not inside.any_to_reschedule(session)


def test_only_who_moves_can_be_rescheduled(shop: Any) -> None:
    automation_id = shop.publish(document(wait("10d"), mail("m")))
    with pytest.raises(InvalidInput, match="inside must be move"):
        republish(shop, automation_id, wait("3d"), mail("m"), reschedule=True)


def test_before_publishing_it_is_counted_who_moves_and_who_waits_at_a_changed_wait(shop: Any) -> None:
    other = {"id": "o", "kind": "wait", "period": "2d"}
    automation_id = shop.publish(document(wait("10d"), mail("m")))
    shop.submitted()
    shop.submitted(email="bo@example.com")
    shop.work()
    with shop.database.reading() as session:
        found = inside.outlook(session, automation_id, document(wait("3d", name="Patience"), mail("m")))
        assert (found.total, found.moving, found.waiting) == (2, 2, [("Patience", 2)])
        found = inside.outlook(session, automation_id, document(wait("10d"), mail("m")))
        assert (found.total, found.moving, found.waiting) == (2, 2, [])
        found = inside.outlook(session, automation_id, document(other, mail("m")))
        assert (found.total, found.moving, found.waiting) == (2, 0, [])
