"""Webhooks: put once, called at least once with one id, tried for days, switched off where nobody answers; in turns."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from referins_woo import clock as application_clock
from referins_woo import queues
from referins_woo.accounts import jobs as account_jobs
from referins_woo.accounts import users
from referins_woo.bells import MAIL, OUTBOUND
from referins_woo.mail import jobs as mail_jobs
from referins_woo.mail.models import Message
from referins_woo.outbound import calling, claims, endpoints, outbox
from referins_woo.outbound import jobs as outbound_jobs
from referins_woo.outbound.models import WebhookAttempt, WebhookCall, WebhookEndpoint
from referins_woo.outbound.send import Drain
from referins_woo.process import Process
from tests.conftest import ClockHand
from tests.referins_woo.outbound.conftest import Make, Receiver

ORDER = {"order": {"id": 1}}


@pytest.fixture(autouse=True)
def _bells(bells: queues.MemoryBells) -> None:
    """Bells hang in a list."""


def _put(running: Process, account_id: int, key: str = "event:1", event_type: str = "order.submitted") -> int:
    with running.database.unit() as session:
        return outbox.put(session, account_id, event_type, key, ORDER)


def _calls(running: Process) -> list[WebhookCall]:
    with running.database.reading() as session:
        return list(session.scalars(select(WebhookCall).order_by(WebhookCall.id)))


def _endpoint(running: Process, endpoint_id: int) -> WebhookEndpoint:
    with running.database.reading() as session:
        return session.get_one(WebhookEndpoint, endpoint_id)


def test_an_event_reaches_each_endpoint_that_wants_it_once_and_signed(
    running: Process, account_id: int, endpoint: Make, receiver: Receiver, bells: queues.MemoryBells
) -> None:
    endpoint("/a")
    endpoint("/b", "contact.created")
    endpoint("/c", "order.submitted", "message.sent")
    assert _put(running, account_id) == 2
    assert _put(running, account_id) == 2, "put again it is the same row"
    assert len(_calls(running)) == 2
    bells.drain(OUTBOUND)
    assert sorted(path for path, _, _ in receiver.taken) == ["/a", "/c"]
    assert receiver.bad == 0
    (_, first, body), (_, second, _) = receiver.taken
    assert first == second, "the message has one id, wherever it goes"
    assert first.startswith("msg_")
    assert body == {"type": "order.submitted", "timestamp": body["timestamp"], "data": ORDER}
    assert body["timestamp"].endswith("Z")
    assert [(call.state, call.attempts, call.status) for call in _calls(running)] == [("delivered", 1, 200)] * 2
    assert receiver.seen[0][1]["content-type"] == "application/json"


def test_nothing_is_put_where_nobody_listens_or_the_unit_rolls_back(
    running: Process, account_id: int, endpoint: Make, bells: queues.MemoryBells
) -> None:
    assert _put(running, account_id) == 0
    endpoint()
    with pytest.raises(RuntimeError), running.database.unit() as session:
        outbox.put(session, account_id, "order.submitted", "event:1", ORDER)
        raise RuntimeError
    assert _calls(running) == []
    assert bells.pending == []
    with pytest.raises(LookupError), running.database.unit() as session:
        outbox.put(session, account_id, "order.invented", "event:1", ORDER)
    with pytest.raises(ValueError, match="bytes"), running.database.unit() as session:
        outbox.put(session, account_id, "order.submitted", "event:1", {"note": "x" * calling.LARGEST_BODY})


def test_another_accounts_event_is_not_told(running: Process, account_id: int, endpoint: Make) -> None:
    with running.database.unit() as session:
        other = users.create_user_with_hash(session, "other@example.com", "not a hash")
        other_account = users.accounts_of(session, other.id)[0].id
    endpoint()
    assert _put(running, other_account) == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (500, "500"),
        (404, "404"),
        ((302, {"Location": "http://169.254.169.254/latest/meta-data"}), "redirect"),
        ((307, {"Location": "/elsewhere"}), "redirect"),
    ],
)
def test_what_is_not_taken_is_tried_again_with_the_same_id(
    running: Process,
    account_id: int,
    endpoint: Make,
    receiver: Receiver,
    bells: queues.MemoryBells,
    clock: ClockHand,
    answer: Any,
    words: str,
) -> None:
    endpoint_id = endpoint()
    receiver.answers["/hook"] = answer
    _put(running, account_id)
    bells.drain(OUTBOUND)
    [call] = _calls(running)
    assert (call.state, call.attempts) == ("waiting", 1)
    assert words in call.error
    assert [path for path, _ in receiver.seen] == ["/hook"], "a redirect is not followed"
    assert _endpoint(running, endpoint_id).failures == 1
    outbound_jobs.ring_for_calls()
    assert bells.pending == [], "it rests"
    receiver.answers["/hook"] = 204
    clock.advance(seconds=10)
    outbound_jobs.ring_for_calls()
    bells.drain(OUTBOUND)
    [call] = _calls(running)
    assert (call.state, call.attempts, call.status) == ("delivered", 2, 204)
    assert len({headers["webhook-id"] for _, headers in receiver.seen}) == 1
    assert _endpoint(running, endpoint_id).failures == 0
    with running.database.reading() as session:
        tried = endpoints.attempts_of(session, call.id)
    assert [one.status for one in tried] == [204, answer if isinstance(answer, int) else answer[0]]


def test_a_receiver_that_asks_for_a_pause_gets_it(
    running: Process, account_id: int, endpoint: Make, receiver: Receiver, bells: queues.MemoryBells, clock: ClockHand
) -> None:
    endpoint()
    receiver.answers["/hook"] = (429, {"Retry-After": "3600"})
    _put(running, account_id)
    now = clock.now()
    bells.drain(OUTBOUND)
    assert _calls(running)[0].due_at - now >= timedelta(minutes=59)


def test_when_an_endpoint_answers_again_all_that_waits_goes_out(
    running: Process, account_id: int, endpoint: Make, receiver: Receiver, bells: queues.MemoryBells, clock: ClockHand
) -> None:
    endpoint()
    receiver.answers["/hook"] = 503
    for key in range(6):
        _put(running, account_id, f"event:{key}")
    bells.drain(OUTBOUND)
    assert len(receiver.seen) <= claims.AT_ONCE, "the rest is not tried while it fails"
    for _ in range(3):  # one call at a time asks whether it is back
        clock.advance(minutes=6)
        before = len(receiver.seen)
        queues.ring("send_calls")
        bells.drain(OUTBOUND)
        assert len(receiver.seen) == before + 1
    receiver.answers["/hook"] = 200
    clock.advance(minutes=6)
    queues.ring("send_calls")
    bells.drain(OUTBOUND)
    assert {call.state for call in _calls(running)} == {"delivered"}


def test_a_call_is_given_up_after_three_days_and_made_again_by_hand(
    running: Process, account_id: int, endpoint: Make, receiver: Receiver, bells: queues.MemoryBells, clock: ClockHand
) -> None:
    endpoint_id = endpoint()
    receiver.answers["/hook"] = 500
    _put(running, account_id)
    began = clock.now()
    for _ in range(len(claims.PAUSES) + 1):
        queues.ring("send_calls")
        bells.drain(OUTBOUND)
        [call] = _calls(running)
        if call.state == "failed":
            break
        with running.database.unit() as session:  # it answers others meanwhile: the endpoint stays on
            session.execute(update(WebhookEndpoint).values(failing_since=None, rest_until=None))
        clock.set(call.due_at + timedelta(seconds=1))
    assert (call.state, call.attempts) == ("failed", len(claims.PAUSES) + 1)
    assert timedelta(days=2) < clock.now() - began < timedelta(days=4)
    receiver.answers["/hook"] = 200
    with running.database.unit() as session:
        endpoints.retry(session, session.get_one(WebhookCall, call.id), application_clock.now())
    bells.drain(OUTBOUND)
    assert _calls(running)[0].state == "delivered"
    with running.database.unit() as session:
        assert endpoints.retry_failed(session, session.get_one(WebhookEndpoint, endpoint_id), clock.now()) == 0


def test_410_switches_an_endpoint_off_at_once_and_its_owners_are_told_once(
    running: Process, account_id: int, endpoint: Make, receiver: Receiver, bells: queues.MemoryBells
) -> None:
    endpoint_id = endpoint()
    receiver.answers["/hook"] = 410
    _put(running, account_id, "event:1")
    _put(running, account_id, "event:2")
    bells.drain()
    gone = _endpoint(running, endpoint_id)
    assert (gone.state, gone.disabled_reason) == ("disabled", "gone")
    assert {call.state for call in _calls(running)} == {"failed"}
    assert _put(running, account_id, "event:3") == 0
    account_jobs.tell_of_webhook(endpoint_id)
    account_jobs.ring_for_notices()
    assert mail_jobs.send_messages, "the notice goes out with all other e-mails"
    with running.database.reading() as session:
        told = session.scalars(select(Message).where(Message.purpose == "system")).one()
    assert (told.state, told.subject) == ("sent", "A webhook was switched off")
    assert told.to_email == "owner@example.com"
    assert f"/settings/webhooks/{endpoint_id}" in told.facts["link"]


def test_an_endpoint_that_takes_nothing_for_three_days_is_switched_off(
    running: Process, account_id: int, endpoint: Make, receiver: Receiver, bells: queues.MemoryBells, clock: ClockHand
) -> None:
    endpoint_id = endpoint()
    receiver.answers["/hook"] = 500
    for day in range(4):
        _put(running, account_id, f"event:{day}")
        queues.ring("send_calls")
        bells.drain(OUTBOUND)
        state = _endpoint(running, endpoint_id).state
        assert state == ("enabled" if day < 3 else "disabled"), day
        clock.advance(hours=24, minutes=1)
    with running.database.unit() as session:
        endpoints.enable(session, session.get_one(WebhookEndpoint, endpoint_id), clock.now())
    assert _endpoint(running, endpoint_id).failing_since is None


def test_a_lost_notice_is_rung_for_again(running: Process, account_id: int, endpoint: Make, receiver: Receiver) -> None:
    endpoint_id = endpoint()
    receiver.answers["/hook"] = 410
    _put(running, account_id)
    hung = queues.connect(None)
    assert isinstance(hung, queues.MemoryBells)
    Drain(running).run()
    hung.pending.clear()
    account_jobs.ring_for_notices()
    assert hung.pending == [(MAIL, "tell_of_webhook", (endpoint_id,))]
    hung.drain(MAIL)
    hung.pending.clear()
    account_jobs.ring_for_notices()
    assert hung.pending == []


def test_one_that_hangs_holds_nobody_else_up(
    running: Process, account_id: int, endpoint: Make, receiver: Receiver
) -> None:
    endpoint("/hangs", "order.submitted")
    with running.database.unit() as session:
        other = users.create_user_with_hash(session, "other@example.com", "not a hash")
        other_account = users.accounts_of(session, other.id)[0].id
    endpoint("/fine", "order.submitted", account=other_account)
    answer = receiver.answers["/hangs"] = threading.Event()
    for account in (account_id, other_account):
        for key in range(40):
            _put(running, account, f"event:{key}")
    drain = threading.Thread(target=Drain(running).run, kwargs={"seconds": 10})
    drain.start()
    deadline = time.monotonic() + 60
    while sum(path == "/fine" for path, _, _ in receiver.taken) < 40 and time.monotonic() < deadline:
        if not drain.is_alive():  # a slow machine: the next drain goes on, as the next job would
            drain = threading.Thread(target=Drain(running).run, kwargs={"seconds": 10})
            drain.start()
        time.sleep(0.02)
    assert sum(path == "/fine" for path, _, _ in receiver.taken) == 40
    answer.set()
    drain.join(60)
    assert 1 <= sum(path == "/hangs" for path, _ in receiver.seen) <= 2 * claims.AT_ONCE


def test_a_name_that_leads_into_a_private_network_is_not_called(
    running: Process, account_id: int, endpoint: Make, receiver: Receiver, bells: queues.MemoryBells
) -> None:
    """Where private addresses are not allowed, even a name that was public when it was typed reaches none."""
    endpoint()
    strict = Process(_without_private(running), running.database, running.vault)
    _put(running, account_id)
    Drain(strict).run()
    [call] = _calls(running)
    assert (call.state, call.status) == ("waiting", None)
    assert "private network" in call.error
    assert receiver.seen == []


def _without_private(running: Process) -> Any:
    return type(running.config)(
        **{name: getattr(running.config, name) for name in running.config.__dataclass_fields__}
        | {"allow_any_private_store": False}
    )


def test_while_a_secret_is_changed_both_sign_for_a_day(
    running: Process, account_id: int, endpoint: Make, receiver: Receiver, bells: queues.MemoryBells, clock: ClockHand
) -> None:
    endpoint_id = endpoint()
    old = receiver.secrets.copy()
    with running.database.unit() as session:
        row = session.get_one(WebhookEndpoint, endpoint_id)
        endpoints.rotate_secret(row, running.vault, clock.now())
        fresh = running.vault.unlock(row.secret_locked)
    assert fresh not in old
    for secrets in (old, [fresh]):
        receiver.secrets[:] = secrets
        _put(running, account_id, f"event:{len(secrets)}{secrets[0][:9]}")
        bells.drain(OUTBOUND)
    assert (len(receiver.taken), receiver.bad) == (2, 0)
    assert receiver.seen[-1][1]["webhook-signature"].count("v1,") == 2
    _move_only_our_clock(running)
    _put(running, account_id, "event:later")
    bells.drain(OUTBOUND)
    assert receiver.seen[-1][1]["webhook-signature"].count("v1,") == 1


def _move_only_our_clock(running: Process) -> None:
    """A day later for the secret, without a timestamp that the receiver would refuse."""
    with running.database.unit() as session:
        session.execute(update(WebhookEndpoint).values(previous_secret_until=application_clock.now()))


def test_a_kill_between_the_call_and_its_record_calls_again_with_the_same_id(
    running: Process, account_id: int, endpoint: Make, receiver: Receiver, clock: ClockHand, bells: queues.MemoryBells
) -> None:
    """As after kill -9: the receiver has it, we wrote nothing; the lease runs out, the sweep rings."""
    endpoint()
    _put(running, account_id)
    killed = Drain(running)
    killed._record = lambda call, outcome: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        killed.run()
    assert [call.state for call in _calls(running)] == ["waiting"]
    bells.pending.clear()
    outbound_jobs.ring_for_calls()
    assert bells.pending == [], "its lease still runs"
    clock.advance(seconds=claims.LEASE.total_seconds() + 1)
    outbound_jobs.ring_for_calls()
    bells.drain(OUTBOUND)
    assert len(receiver.taken) == 2
    assert len({webhook_id for _, webhook_id, _ in receiver.taken}) == 1
    assert [(call.state, call.attempts) for call in _calls(running)] == [("delivered", 1)]


def test_a_worker_that_slept_past_its_lease_writes_nothing(
    running: Process, account_id: int, endpoint: Make, receiver: Receiver, clock: ClockHand
) -> None:
    endpoint()
    _put(running, account_id)
    with running.database.unit() as session:
        [late] = claims.claim(session, "slow", application_clock.now(), 16, {}, 0)
    clock.advance(seconds=claims.LEASE.total_seconds() + 1)
    Drain(running).run()
    assert _calls(running)[0].state == "delivered"
    with running.database.unit() as session:
        claims.record(session, "slow", late, calling.Outcome(500, "It answered 500.", 1), application_clock.now())
    with running.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(WebhookAttempt)) == 1
    assert _calls(running)[0].state == "delivered"


def test_two_drains_at_once_make_each_call_once(
    running: Process, account_id: int, endpoint: Make, receiver: Receiver
) -> None:
    endpoint()
    for key in range(30):
        _put(running, account_id, f"event:{key}")
    threads = [threading.Thread(target=Drain(running).run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(receiver.seen) == 30
    assert {call.state for call in _calls(running)} == {"delivered"}


def test_accounts_take_turns(running: Process, account_id: int, endpoint: Make) -> None:
    with running.database.unit() as session:
        other = users.create_user_with_hash(session, "other@example.com", "not a hash")
        other_account = users.accounts_of(session, other.id)[0].id
    for path in ("/1", "/2", "/3", "/4", "/5"):
        endpoint(path, "order.submitted")
    endpoint("/other", "order.submitted", account=other_account)
    for key in range(20):
        _put(running, account_id, f"event:{key}")
    _put(running, other_account)
    with running.database.unit() as session:
        first = claims.claim(session, "one", application_clock.now(), 8, {}, last_account=0)
    assert other_account in {call.account_id for call in first}, "five endpoints of one account do not starve another"


def test_switched_off_by_hand_it_waits_and_switched_on_it_goes_out(
    running: Process, account_id: int, endpoint: Make, receiver: Receiver, bells: queues.MemoryBells
) -> None:
    endpoint_id = endpoint()
    _put(running, account_id)
    with running.database.unit() as session:
        endpoints.disable(session.get_one(WebhookEndpoint, endpoint_id), application_clock.now())
    bells.drain()
    assert receiver.seen == []
    with running.database.unit() as session:
        endpoints.enable(session, session.get_one(WebhookEndpoint, endpoint_id), application_clock.now())
    bells.drain()
    assert len(receiver.taken) == 1
    with running.database.reading() as session:
        assert session.scalars(select(Message)).all() == []


def test_a_slow_answer_ends_in_time(running: Process, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "SECONDS", 0.5)
    receiver.answers["/hook"] = threading.Event()
    outcome = calling.call(running.config, f"{receiver.url}/hook", ["whsec_c2VjcmV0"], "msg_1", "{}")
    assert outcome.status is None and "in time" in outcome.error
