"""A rehearsal says what really would have been: who, when, and how many."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from automations.definition import Definition, parse
from referins_woo.mail.models import Message
from referins_woo.runs import rehearse, rules, trial
from referins_woo.runs.models import Run, RunLog

HELLO = [{"kind": "text", "text": "Hello {{ contact.first_name }}"}]
PROMOTING = [{**HELLO[0], "promotional": True}]


def mail(step: str, **more: Any) -> dict[str, Any]:
    """A step that sends."""
    return {"id": step, "kind": "send_email", "subject": f"Order {{{{ order.number }}}}: {step}", "body": HELLO, **more}


DOCUMENT: dict[str, Any] = {
    "trigger": "order_submitted",
    "filters": {"all": [{"field": "order.total", "operator": "at_least", "value": "20"}]},
    "exit_on": ["paid", "cancelled"],
    "settings": {"reentry": "once_in", "reentry_period": "1d"},
    "steps": [
        {"id": "wait", "kind": "wait", "period": "1h"},
        mail("remind"),
        {"id": "morning", "kind": "wait_until", "time": "09:00", "zone": "contact"},
        {
            "id": "large",
            "kind": "split",
            "condition": {"field": "order.total", "operator": "at_least", "value": "100"},
            "yes": [{"id": "tag", "kind": "add_tag", "tag": "large"}],
        },
        mail("promote", body=PROMOTING),
        {
            "id": "again",
            "kind": "wait_for",
            "event": "another_order_placed",
            "timeout": "2d",
            "yes": [mail("welcome_back")],
            "no": [mail("last", body=PROMOTING)],
        },
    ],
}


def definition(document: dict[str, Any] = DOCUMENT) -> Definition:
    """The parsed document."""
    parsed = parse(document)
    assert isinstance(parsed, Definition), parsed
    return parsed


def really(shop: Any) -> dict[str, Any]:
    """What the runs came to: by order, when it entered, what it mailed and when, how it ended."""
    told = {}
    with shop.database.reading() as session:
        numbers = shop.numbers()
        for run in session.scalars(select(Run)):
            mails = session.scalars(select(Message).where(Message.run_id == run.id).order_by(Message.id)).all()
            log = session.scalars(select(RunLog).where(RunLog.run_id == run.id)).all()
            told[numbers[run.order_id]] = {
                "entered": run.started_at,
                "mails": [(one.once_key.rpartition(":")[2], one.created_at) for one in mails],
                "withheld": sorted(
                    one.step_key for one in log if one.outcome in ("blocked", "skipped") and one.step_key != "tag"
                ),
                "ended": run.ended_reason if run.state in ("done", "exited") else run.state,
            }
    return told


def rehearsed(found: rehearse.Rehearsal) -> dict[str, Any]:
    """The same of a rehearsal."""
    return {
        run.order_number: {
            "entered": run.entered_at,
            "mails": [(one["step"], one["at"]) for one in run.mails],
            "withheld": sorted(one["step"] for one in run.withheld),
            "ended": run.ended_reason if run.state in ("done", "exited") else run.state,
        }
        for run in found.runs
    }


def assert_equal(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Who, what and how it ended are equal; when is, but for the seconds that the real one took to work."""
    assert set(first) == set(second)
    for number, one in first.items():
        other = second[number]
        assert [step for step, _ in one["mails"]] == [step for step, _ in other["mails"]], number
        assert (one["withheld"], one["ended"]) == (other["withheld"], other["ended"]), number
        moments = zip(
            [one["entered"], *(at for _, at in one["mails"])],
            [other["entered"], *(at for _, at in other["mails"])],
            strict=True,
        )
        for mine, theirs in moments:
            assert abs(mine - theirs) < timedelta(minutes=3), number


class Story:
    """Orders that happen at their times, while the automation runs for real."""

    def __init__(self, shop: Any, clock: Any) -> None:
        self._shop, self._clock = shop, clock
        self._orders: dict[str, int] = {}

    def live(self, script: list[tuple[datetime, str, str, dict[str, Any]]], until: datetime) -> None:
        """Play (when, deed, which, columns) in the order of time; waits end at their time between."""
        for at, deed, which, columns in sorted(script, key=lambda one: one[0]):
            self._work_until(at)
            getattr(self, f"_{deed}")(which, columns)
            self._shop.work()
        self._work_until(until)

    def _work_until(self, at: datetime) -> None:
        while True:
            due = [run.due_at for run in self._shop.runs() if run.due_at is not None and run.due_at < at]
            if not due:
                break
            self._clock.set(max(min(due), self._clock.now()))
            self._shop.work()
        self._clock.set(max(at, self._clock.now()))

    def _placed(self, which: str, columns: dict[str, Any]) -> None:
        self._orders[which] = order_id = self._shop.order(number=which, modified_at=self._clock.now(), **columns)
        self._shop.event(order_id, data={"woo_status": "pending"})

    def _paid(self, which: str, _columns: dict[str, Any]) -> None:
        now, order_id = self._clock.now(), self._orders[which]
        values = {"paid_at": now, "payment_state": "paid", "woo_status": "processing", "modified_at": now}
        self._shop.change(order_id, **values)
        self._shop.event(order_id, "payment_received", data={"woo_status": "processing"})

    def _cancelled(self, which: str, _columns: dict[str, Any]) -> None:
        now, order_id = self._clock.now(), self._orders[which]
        self._shop.change(order_id, woo_status="cancelled", status="Cancelled", modified_at=now)
        data = {"woo_status": "cancelled", "from": "pending", "to": "cancelled"}
        self._shop.event(order_id, "order_status_changed", occurrence="pending>cancelled", data=data)


def script_of(seed: int, start: datetime) -> list[tuple[datetime, str, str, dict[str, Any]]]:
    """Random orders of a few customers over eight days; some are paid, some cancelled, at some time."""
    dice = random.Random(seed)
    script: list[tuple[datetime, str, str, dict[str, Any]]] = []
    for number in range(14):
        placed = start + timedelta(minutes=dice.randrange(8 * 24 * 6) * 10 + 1)
        email = f"buyer{dice.randrange(5)}@example.com"
        total = dice.choice([150_000, 300_000, 599_000, 1_200_000])
        script.append((placed, "placed", f"N{number}", {"email": email, "total": total}))
        fate = dice.choice(["paid", "paid", "cancelled", "", ""])
        if fate:
            after = timedelta(minutes=dice.choice([10, 30, 55, 90, 600, 3_000]) + 4)
            script.append((placed + after, fate, f"N{number}", {}))
    return script


@pytest.mark.parametrize(
    ("backend", "story", "action"),
    [
        *[("sqlite", story, action) for story in (1, 2, 3) for action in ("skip", "delay")],
        ("postgresql", 1, "skip"),
    ],
)
def test_a_rehearsals_who_when_and_counts_equal_those_of_the_same_automation_really_run(
    shop: Any, clock: Any, story: int, action: str
) -> None:
    for number in range(5):
        shop.order(
            email=f"buyer{number}@example.com",
            number=f"old{number}",
            woo_status="cancelled",
            status="Cancelled",
            placed_at=clock.now() - timedelta(days=60),
        )
        shop.contact(f"buyer{number}@example.com", consent="unknown" if number == 4 else "subscribed")
    with shop.database.unit() as session:
        rules.write(session, shop.account_id, {"cap_messages": 1, "cap_hours": 30, "cap_action": action})
        rules.write(session, shop.account_id, {"quiet_from": "22:00", "quiet_to": "08:30"})
    automation_id = shop.publish(DOCUMENT)
    start = clock.now() + timedelta(minutes=1)
    end = start + timedelta(days=13)
    Story(shop, clock).live(script_of(story, start), end)
    before = really(shop)
    with shop.database.reading() as session:
        found = rehearse.rehearse(session, shop.account_id, definition(), clock.now(), instead_of=automation_id)
    assert_equal(before, rehearsed(found))
    assert found.mails == len(shop.messages()) > 5
    stopped = sum(1 for run in shop.runs() if run.ended_reason == "paid")
    assert found.stopped_by_payment == stopped > 0
    assert found.looked_at == 14
    assert sum(found.filtered.values()) == 14 - len(found.runs) > 0


def test_orders_from_before_the_store_was_connected_are_rehearsed_by_their_own_times(shop: Any, clock: Any) -> None:
    placed = clock.now() - timedelta(days=5)
    shop.order(
        number="paid soon",
        placed_at=placed,
        paid_at=placed + timedelta(minutes=20),
        payment_state="paid",
        woo_status="processing",
        modified_at=placed + timedelta(minutes=20),
    )
    shop.order(number="never paid", email="bob@example.com", placed_at=placed, modified_at=placed)
    shop.order(number="too old", email="eve@example.com", placed_at=clock.now() - timedelta(days=31))
    shop.order(number="failed", email="joe@example.com", placed_at=placed, woo_status="failed", status="Cancelled")
    with shop.database.reading() as session:
        found = rehearse.rehearse(session, shop.account_id, definition(), clock.now())
    told = rehearsed(found)
    assert set(told) == {"paid soon", "never paid"}
    assert (told["paid soon"]["ended"], told["paid soon"]["mails"]) == ("paid", [])
    assert told["never paid"]["mails"][0] == ("remind", placed + timedelta(hours=1))
    assert found.withheld == {"no_consent": 2}


def test_a_rehearsal_writes_nothing(shop: Any, clock: Any) -> None:
    shop.submitted()
    with shop.database.reading() as session:
        rehearse.rehearse(session, shop.account_id, definition(), clock.now() + timedelta(days=1))
        assert not session.new and not session.dirty
    assert (shop.messages(), shop.runs()) == ([], [])


def test_another_accounts_orders_are_not_rehearsed(shop: Any, clock: Any) -> None:
    shop.submitted()
    with shop.database.reading() as session:
        assert rehearse.rehearse(session, shop.account_id + 1, definition(), clock.now()).runs == []
        assert trial.try_on(session, shop.account_id + 1, definition(), 1, clock.now()) is None


def test_a_test_shows_the_path_with_waits_skipped_and_every_mail_written_and_sends_nothing(
    shop: Any, clock: Any
) -> None:
    order_id = shop.submitted(total=1_500_000)
    shop.contact(consent="subscribed")
    with shop.database.reading() as session:
        tried = trial.try_on(session, shop.account_id, definition(), order_id, clock.now())
    assert tried is not None
    assert (tried.passed, tried.happened, tried.state) == (True, True, "done")
    steps = [one["step"] for one in tried.path if one["outcome"] in ("sent", "waits", "yes", "no", "done")]
    assert steps == ["wait", "remind", "morning", "large", "tag", "promote", "again", "again:waited", "last"]
    assert [one.subject for one in tried.mails] == [
        f"Order {tried.order_number}: {step}" for step in ("remind", "promote", "last")
    ]
    assert all("Hello Ada" in one.text and "Hello Ada" in one.html for one in tried.mails)
    assert [one["text"] for one in tried.deeds] == ["Adds the tag “large”."]
    assert (shop.messages(), shop.runs()) == ([], [])


def test_a_test_on_a_paid_order_says_where_it_would_end_or_goes_on_when_told(shop: Any, clock: Any) -> None:
    order_id = shop.submitted()
    shop.pay(order_id)
    with shop.database.reading() as session:
        ends = trial.try_on(session, shop.account_id, definition(), order_id, clock.now())
        goes = trial.try_on(session, shop.account_id, definition(), order_id, clock.now(), ignore_exits=True)
    assert ends is not None and goes is not None
    assert (ends.ended_reason, ends.mails) == ("paid", [])
    assert [one.step for one in goes.mails] == ["remind", "promote", "last"]
    assert goes.mails[1].withheld == "Not sent: the contact has not subscribed."


def test_the_trigger_preview_shows_the_last_ten_real_orders_with_the_value_per_filter(shop: Any, clock: Any) -> None:
    for number in range(12):
        clock.advance(minutes=1)
        shop.submitted(number=f"N{number}", total=100_000 if number == 10 else 599_000)
    with shop.database.reading() as session:
        looked = trial.preview(session, shop.account_id, definition(), clock.now())
        assert trial.matching(session, shop.account_id, definition(), clock.now()) == (11, 12)
    assert [one.order_number for one in looked] == [f"N{number}" for number in range(11, 1, -1)]
    small = looked[1]
    assert [one.passed for one in looked] == [True, False, *[True] * 8]
    assert [(gate["value"], gate["passed"]) for gate in small.gates if gate["gate"] == "filter"] == [("10.00", False)]
