"""Steps that act: tags, fields, notes to the team, signed calls; and what one contact's runs do to each other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from referins_woo import process
from referins_woo.accounts import users
from referins_woo.accounts.models import Membership
from referins_woo.commerce.models import Contact
from referins_woo.runs import automations, calls, jobs, rules, steer
from referins_woo.runs.models import Run, RunCall

HELLO = [{"kind": "text", "text": "Hello"}]
PROMOTING = [{**HELLO[0], "promotional": True}]


def mail(step: str, **more: Any) -> dict[str, Any]:
    """A step that sends."""
    return {"id": step, "kind": "send_email", "subject": step, "body": HELLO, **more}


def document(*steps: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """An automation of these steps on Order Submitted."""
    return {"trigger": "order_submitted", "steps": list(steps), **parts}


def contact_of(shop: Any, email: str = "ada@example.com") -> Contact:
    """The contact as it is now."""
    with shop.database.reading() as session:
        return session.scalars(select(Contact).where(Contact.email_key == email)).one()


def test_tags_are_given_and_taken_once(shop: Any) -> None:
    shop.publish(
        document(
            {"id": "a", "kind": "add_tag", "tag": "VIP"},
            {"id": "b", "kind": "add_tag", "tag": "vip"},
            {"id": "c", "kind": "remove_tag", "tag": "old"},
        )
    )
    order_id = shop.order()
    shop.contact(tags=["Old", "kept"])
    shop.event(order_id)
    shop.work()
    assert contact_of(shop).tags == ["kept", "VIP"]


@pytest.mark.parametrize(
    ("field_name", "how", "before", "after"),
    [
        ("phone", "replace", "1", "Order 101"),
        ("phone", "if_empty", "1", "1"),
        ("phone", "if_empty", "", "Order 101"),
        ("comments", "append", "Called.", "Called.\nOrder 101"),
        ("comments", "append", "Order 101", "Order 101"),
    ],
)
def test_a_field_is_written_with_its_variables_filled_in(
    shop: Any, field_name: str, how: str, before: str, after: str
) -> None:
    value = "Order {{ order.number }}"
    shop.publish(document({"id": "f", "kind": "update_field", "field": field_name, "value": value, "how": how}))
    order_id = shop.order()
    shop.contact(**{field_name: before})
    shop.event(order_id)
    shop.work()
    assert getattr(contact_of(shop), field_name) == after


def test_a_new_first_name_is_in_the_name_and_in_what_names_are_found_by(shop: Any) -> None:
    shop.publish(document({"id": "f", "kind": "update_field", "field": "first_name", "value": "Áda"}))
    order_id = shop.order()
    shop.contact(last_name="Example")
    shop.event(order_id)
    shop.work()
    assert (contact_of(shop).name, contact_of(shop).name_key) == ("Áda Example", "áda example")


def test_the_team_is_told_each_once_and_only_owners_where_asked(shop: Any) -> None:
    with shop.database.unit() as session:
        owner = users.create_user(session, "owner@example.com", "correct horse battery", account_name="x")
        member = users.create_user(session, "member@example.com", "correct horse battery", account_name="y")
        session.add(Membership(account_id=shop.account_id, user_id=owner.id, role="owner"))
        session.add(Membership(account_id=shop.account_id, user_id=member.id, role="member"))
    note = {"kind": "notify", "subject": "Order {{ order.number }}", "text": "Look"}
    shop.publish(document({**note, "id": "all"}, {**note, "id": "few", "to": "owners"}))
    shop.submitted()
    shop.work()
    sent = [(message.to_email, message.purpose, message.once_key.split(":")[2]) for message in shop.messages()]
    assert sorted(sent) == [
        ("member@example.com", "system", "all"),
        ("owner@example.com", "system", "all"),
        ("owner@example.com", "system", "few"),
    ]


# Calls of webhooks.


@dataclass
class Receiver:
    """An address of the merchant's: what came, and what it answers."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.came.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(made.answers.pop(0) if made.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    yield made
    server.shutdown()
    server.server_close()


def call_states(shop: Any) -> list[tuple[str, int, int | None]]:
    """State, attempts and last status of all calls."""
    with shop.database.reading() as session:
        return [(one.state, one.attempts, one.status) for one in session.scalars(select(RunCall).order_by(RunCall.id))]


def test_a_webhook_is_called_signed_with_what_happened(shop: Any, receiver: Receiver) -> None:
    shop.publish(document({"id": "tell", "kind": "call_webhook", "url": receiver.url}), "Tell us")
    order_id = shop.submitted()
    shop.work()
    [run] = shop.runs()
    assert run.state == "done"  # nobody waits for the address
    jobs.call_webhooks()
    [(headers, body)] = receiver.came
    with shop.database.unit() as session:
        secret = calls.signing_secret(session, process.current(), shop.account_id)
    told = Webhook(secret).verify(body, headers)
    assert told["type"] == "automation.step"
    assert (told["data"]["automation"], told["data"]["order"]["id"], told["data"]["run_id"]) == (
        "Tell us",
        order_id,
        run.id,
    )
    assert told["data"]["contact"]["email"] == "ada@example.com"
    assert call_states(shop) == [("done", 1, 200)]


def test_a_call_that_is_not_taken_comes_again_with_the_same_id(shop: Any, receiver: Receiver, clock: Any) -> None:
    receiver.answers = [500, 302, 200]
    shop.publish(document({"id": "tell", "kind": "call_webhook", "url": receiver.url}))
    shop.submitted()
    shop.work()
    for _ in range(4):
        jobs.call_webhooks()
        clock.advance(minutes=10)
    assert call_states(shop) == [("done", 3, 200)]
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 1


@pytest.mark.parametrize(("status", "attempts"), [(410, 1), (503, len(calls.PAUSES) + 1)])
def test_a_call_is_given_up_when_it_is_gone_or_never_taken(
    shop: Any, receiver: Receiver, clock: Any, status: int, attempts: int
) -> None:
    receiver.answers = [status] * 20
    shop.publish(document({"id": "tell", "kind": "call_webhook", "url": receiver.url}))
    shop.submitted()
    shop.work()
    for _ in range(12):
        jobs.call_webhooks()
        clock.advance(hours=11)
    assert call_states(shop) == [("failed", attempts, status)]


def test_an_address_in_a_private_network_is_not_called(shop: Any, running: process.Process) -> None:
    shop.publish(document({"id": "tell", "kind": "call_webhook", "url": "http://169.254.169.254/latest"}))
    shop.submitted()
    shop.work()
    calls.send_batch(replace(running, config=replace(running.config, allow_any_private_store=False)))
    with shop.database.reading() as session:
        call = session.scalars(select(RunCall)).one()
    assert (call.state, call.error) == ("waiting", "The address leads into a private network.")


# Runs of one contact.


def test_another_order_ends_a_waiting_run_at_once(shop: Any) -> None:
    shop.publish(document({"id": "w", "kind": "wait", "period": "60d"}, mail("m"), exit_on=["another_order_placed"]))
    shop.submitted()
    shop.work()
    shop.submitted()
    shop.work()
    assert [(run.state, run.ended_reason) for run in shop.runs()] == [
        ("exited", "another_order_placed"),
        ("waiting", ""),
    ]


def test_a_tag_given_by_another_automation_ends_a_waiting_run_at_once(shop: Any) -> None:
    waits = document({"id": "w", "kind": "wait", "period": "60d"}, mail("m"), exit_on=["tag"], exit_tags=["Done"])
    shop.publish(waits)
    shop.submitted()
    shop.work()
    shop.publish({**document({"id": "t", "kind": "add_tag", "tag": "done"}), "trigger": "payment_received"})
    shop.pay(shop.order(total=10_000))
    shop.work()
    assert [(run.state, run.ended_reason) for run in shop.runs()] == [("exited", "tag"), ("done", "finished")]


def test_a_wait_for_payment_goes_on_at_once_when_it_comes(shop: Any) -> None:
    shop.publish(
        document(
            {"id": "w", "kind": "wait_for", "event": "paid", "timeout": "2d", "yes": [mail("y")], "no": [mail("n")]}
        )
    )
    first, _ = shop.submitted(), shop.submitted(email="bob@example.com")
    shop.work()
    shop.pay(first)
    shop.work()
    assert [message.subject or message.template["subject"] for message in shop.messages()] == ["y"]
    assert [run.state for run in shop.runs()] == ["done", "waiting"]


@pytest.mark.parametrize(("action", "states"), [("skip", ["done", "done"]), ("delay", ["done", "waiting"])])
def test_a_cap_counts_over_all_automations_also_within_one_batch(shop: Any, action: str, states: list[str]) -> None:
    with shop.database.unit() as session:
        rules.write(session, shop.account_id, {"cap_messages": 1, "cap_hours": 16, "cap_action": action})
    for name in ("first", "second"):
        shop.publish(document(mail(name, body=PROMOTING)), name)
    order_id = shop.order()
    shop.contact(consent="subscribed")
    shop.event(order_id)
    shop.work()
    assert len(shop.messages()) == 1
    assert [run.state for run in shop.runs()] == states
    kept_back = shop.log(shop.runs()[1].id)[1]
    assert kept_back.outcome == ("skipped" if action == "skip" else "delayed")
    assert "1 marketing e-mail" in kept_back.text


# What merchants do with runs and versions.


def failed_run(shop: Any, monkeypatch: pytest.MonkeyPatch, clock: Any) -> int:
    """A run that a mistake of the program has stopped at its second step; returns its id."""
    shop.publish(document(mail("one"), {"id": "w", "kind": "wait", "period": "1h"}, mail("two")))
    shop.submitted()
    shop.work()
    with monkeypatch.context() as patch:
        patch.setattr("referins_woo.runs.effects.Sending.add", lambda *_: 1 / 0)
        for _ in range(8):
            clock.advance(hours=1, seconds=1)
            shop.work()
    [run] = shop.runs()
    assert (run.state, run.ended_reason) == ("failed", "error: ZeroDivisionError")
    return int(run.id)


def test_a_failed_run_is_tried_again_from_the_step_that_failed(
    shop: Any, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    run_id = failed_run(shop, monkeypatch, clock)
    with shop.database.unit() as session:
        steer.retry(session, run_id, shop.account_id, "Ada")
    shop.work()
    assert [message.template["subject"] for message in shop.messages()] == ["one", "two"]
    [run] = shop.runs()
    assert (run.state, run.ended_reason, run.attempts) == ("done", "finished", 0)
    assert any(entry.text == "Tried again by Ada, from the step that failed." for entry in shop.log(run_id))


def test_a_wait_is_skipped_and_the_exit_conditions_still_come_first(shop: Any) -> None:
    shop.publish(document({"id": "w", "kind": "wait", "period": "9d"}, mail("m"), exit_on=["paid"]))
    unpaid, paid = shop.submitted(), shop.submitted(email="bob@example.com")
    shop.work()
    shop.change(paid, payment_state="paid", woo_status="processing")
    with shop.database.unit() as session:
        for run in shop.runs():
            steer.skip_wait(session, run.id, shop.account_id, "Ada")
    shop.work()
    assert {run.order_id: run.state for run in shop.runs()} == {unpaid: "done", paid: "exited"}
    assert len(shop.messages()) == 1


def test_a_stopped_run_sends_nothing_that_has_not_left(shop: Any, clock: Any) -> None:
    shop.publish(document(mail("m"), {"id": "w", "kind": "wait", "period": "9d"}, mail("n")))
    shop.submitted()
    shop.work()
    [run] = shop.runs()
    with shop.database.unit() as session:
        steer.stop(session, run.id, shop.account_id, "Ada")
    clock.advance(days=10)
    shop.work()
    [message] = shop.messages()
    assert (message.state, message.reason) == ("skipped", "Not sent: its run was stopped.")
    assert (shop.runs()[0].state, shop.runs()[0].ended_reason) == ("stopped", "stopped_by_hand")
    with shop.database.unit() as session, pytest.raises(steer.CannotSteer):
        steer.stop(session, run.id, shop.account_id + 1, "Eve")


@pytest.mark.parametrize(
    ("inside", "state", "subjects"),
    [("finish", "done", ["old"]), ("move", "done", ["new"]), ("stop", "stopped", [])],
)
def test_people_inside_finish_move_or_stop_when_a_new_version_is_published(
    shop: Any, clock: Any, inside: str, state: str, subjects: list[str]
) -> None:
    wait = {"id": "w", "kind": "wait", "period": "1d"}
    automation_id = shop.publish(document(wait, {**mail("m"), "subject": "old"}))
    shop.submitted()
    shop.work()
    with shop.database.unit() as session:
        changed = document(wait, {**mail("m"), "subject": "new"})
        automations.save_draft(session, automation_id, shop.account_id, revision=1, definition=changed)
        automations.publish(session, automation_id, shop.account_id, None, inside=inside)
    clock.advance(days=1, seconds=1)
    shop.work()
    assert [run.state for run in shop.runs()] == [state]
    assert [message.template["subject"] for message in shop.messages()] == subjects


def test_who_stands_at_a_step_that_the_new_version_has_not_finishes_on_the_old(shop: Any, clock: Any) -> None:
    automation_id = shop.publish(document({"id": "w", "kind": "wait", "period": "1d"}, mail("old")))
    shop.submitted()
    shop.work()
    with shop.database.unit() as session:
        changed = document({"id": "other", "kind": "wait", "period": "1d"}, mail("new"))
        automations.save_draft(session, automation_id, shop.account_id, revision=1, definition=changed)
        automations.publish(session, automation_id, shop.account_id, None, inside="move")
    clock.advance(days=1, seconds=1)
    shop.work()
    assert [message.template["subject"] for message in shop.messages()] == ["old"]


def test_a_great_many_held_runs_are_let_go_in_slices(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("referins_woo.runs.advance.BATCH", 3)
    automation_id = shop.publish(document(mail("m")))
    with shop.database.unit() as session:
        automations.pause(session, automation_id, shop.account_id)
    for number in range(10):
        shop.submitted(email=f"buyer{number}@example.com")
    shop.work()
    assert {run.state for run in shop.runs()} == {"held"}
    with shop.database.unit() as session:
        automations.resume(session, automation_id, shop.account_id)
    shop.work()
    assert {run.state for run in shop.runs()} == {"done"}
    assert len(shop.messages()) == 10


def test_a_run_held_in_the_moment_of_resuming_is_found_by_the_sweep(shop: Any) -> None:
    shop.publish(document({"id": "w", "kind": "wait", "period": "1d"}, mail("m")))
    shop.submitted()
    shop.work()
    with shop.database.unit() as session:
        session.scalars(select(Run)).one().state = "held"
    shop.work()
    assert [run.state for run in shop.runs()] == ["waiting"]
    assert shop.runs()[0].due_at - shop.runs()[0].started_at >= timedelta(days=1)
