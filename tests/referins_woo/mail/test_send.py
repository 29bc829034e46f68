"""At most once, whatever breaks (E2): every way in which a sending ends, on both databases."""

from __future__ import annotations

import email
import email.policy
from collections import Counter
from datetime import timedelta
from email.message import EmailMessage
from typing import Any, cast

import pytest
from sqlalchemy import func, select, update

from referins_woo.commerce.matching import email_key
from referins_woo.commerce.models import Contact
from referins_woo.db import Database
from referins_woo.errors import RetryLater
from referins_woo.mail import bodies, claims, jobs, outbox, sealed, send, suppression
from referins_woo.mail.bodies import Body
from referins_woo.mail.letters import Sender
from referins_woo.mail.models import DevMail, Message, Suppression
from referins_woo.mail.providers import Away, MaybeSent, NotNow, Refused
from referins_woo.mail.providers.smtp import Smtp
from referins_woo.mail.send import Drain
from referins_woo.process import Process
from referins_woo.queues import MemoryBells
from tests.conftest import ClockHand
from tests.referins_woo.mail.conftest import SENDER, TEMPLATE, FakeProvider, Post, Sink


class Killed(BaseException):
    """Stands for a process that ends here."""


def parsed(content: bytes) -> EmailMessage:
    return cast(EmailMessage, email.message_from_bytes(content, policy=email.policy.default))


def add_contact(database: Database, address: str, consent: str) -> None:
    with database.unit() as session:
        session.add(Contact(account_id=1, email=address, email_key=email_key(address), consent=consent))


def test_it_sends_what_is_due_and_keeps_what_was_sent(post: Post, fake: FakeProvider) -> None:
    one = post.put("ada@example.com", to_name="Ada", from_name="Café", reply_to="shop@example.com")
    assert post.drain(fake) is False
    message = post.get(one)
    assert (message.state, message.subject, message.text) == ("sent", "Order 7", "Hello Ada\n")
    assert message.sent_at is not None
    assert message.provider_reply == "250 taken"
    assert message.html is not None
    assert "Hello Ada" in message.html
    envelope, content = fake.delivered[0]
    assert (envelope.account_id, envelope.message_id, envelope.recipient) == (1, one, "ada@example.com")
    mail = parsed(content)
    assert mail["from"] == "Café <no-reply@referins.example>"
    assert mail["to"] == "Ada <ada@example.com>"
    assert mail["reply-to"] == "shop@example.com"
    assert mail["list-id"] == "<account-1.referins.example>"
    assert mail["message-id"] == message.rfc_message_id


def test_a_message_is_put_once_and_sent_once(post: Post, fake: FakeProvider, bells: MemoryBells) -> None:
    post.put()
    assert bells.pending == [("mail", "send_messages", ())]
    with post.database.unit() as session:
        again = outbox.put(
            session,
            outbox.Letter(
                account_id=1,
                once_key="test:ada@example.com",
                purpose="transactional",
                to_email="ada@example.com",
                template=TEMPLATE,
                facts={},
            ),
        )
    assert again is None
    for _ in range(3):
        post.drain(fake)
    assert fake.recipients == ["ada@example.com"]


def test_marketing_carries_the_way_out_in_its_headers_and_below_its_text(post: Post, fake: FakeProvider) -> None:
    add_contact(post.database, "ada@example.com", "subscribed")
    footer = {"sender": "Ours <Ltd>", "address": "1 Example Street · Berlin"}
    post.put(purpose="marketing", footer=footer)
    https = Sender(SENDER.name, SENDER.address, "https://app.example.com")
    Drain(post.database, fake, https).run()
    mail = parsed(fake.delivered[0][1])
    with post.database.reading() as session:
        token = session.scalars(select(Message.link_token)).one()
    assert mail["List-Unsubscribe"] == f"<https://app.example.com/u/{token}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    plain, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))  # type: ignore[union-attr]
    assert f"Unsubscribe: https://app.example.com/u/{token}" in plain
    assert "Ours <Ltd>\r\n1 Example Street · Berlin" in plain
    assert "Ours &lt;Ltd&gt;" in html
    assert f'href="https://app.example.com/preferences/{token}"' in html


def test_an_email_about_an_order_has_no_way_out_of_marketing(post: Post, fake: FakeProvider) -> None:
    post.put()
    Drain(post.database, fake, Sender(SENDER.name, SENDER.address, "https://app.example.com")).run()
    mail = parsed(fake.delivered[0][1])
    assert mail["List-Unsubscribe"] is None
    assert "nsubscribe" not in mail.as_string()


def test_what_is_not_due_waits(post: Post, fake: FakeProvider, clock: ClockHand) -> None:
    post.put(due_at=clock.now() + timedelta(hours=1))
    post.drain(fake)
    assert post.states() == ["created"]
    clock.advance(hours=1, seconds=1)
    post.drain(fake)
    assert post.states() == ["sent"]


def test_what_comes_too_late_is_left_out(post: Post, fake: FakeProvider, clock: ClockHand) -> None:
    one = post.put(not_after=clock.now() + timedelta(hours=1))
    clock.advance(hours=2)
    post.drain(fake)
    assert post.reason(one) == "skipped: too_late"
    assert fake.delivered == []


@pytest.mark.parametrize(
    ("purpose", "consent", "suppressed", "expected"),
    [
        ("transactional", None, None, "sent: "),
        ("transactional", "unknown", None, "sent: "),
        ("transactional", "unsubscribed", "unsubscribed", "sent: "),
        ("transactional", "bounced", None, "skipped: bounced"),
        ("transactional", "subscribed", "complained", "skipped: complained"),
        ("transactional", None, "erased", "skipped: erased"),
        ("marketing", "subscribed", None, "sent: "),
        ("marketing", None, None, "skipped: no_consent"),
        ("marketing", "unknown", None, "skipped: no_consent"),
        ("marketing", "unsubscribed", None, "skipped: unsubscribed"),
        ("marketing", "subscribed", "unsubscribed", "skipped: unsubscribed"),
        ("marketing", "subscribed", "bounced", "skipped: bounced"),
        ("system", None, "bounced", "sent: "),
    ],
)
def test_consent_is_asked_of_the_address_used(
    post: Post, fake: FakeProvider, purpose: str, consent: str | None, suppressed: str | None, expected: str
) -> None:
    one = post.put(" Ada@example.com", purpose=purpose)
    if consent is not None:
        add_contact(post.database, "ADA@example.com", consent)
    with post.database.unit() as session:
        suppression.suppress(session, 2, "ada@example.com", "bounced")  # another account's
        if suppressed is not None:
            suppression.suppress(session, 1, "Ada@Example.com", suppressed)
    post.drain(fake)
    assert post.reason(one) == expected
    assert len(fake.delivered) == (expected == "sent: ")
    assert "offer" not in fake.steps or expected == "sent: "


@pytest.mark.parametrize("purpose", ["transactional", "marketing"])
@pytest.mark.parametrize("reason", ["unsubscribed", "bounced", "erased"])
def test_whoever_says_no_in_the_last_moment_gets_nothing(
    post: Post, fake: FakeProvider, purpose: str, reason: str
) -> None:
    one, other = post.put(purpose=purpose), post.put("other@example.com", purpose=purpose)
    for address in ("ada@example.com", "other@example.com"):
        add_contact(post.database, address, "subscribed")
    offer = fake.offer

    def says_no_meanwhile(*given: Any) -> None:
        offer(*given)
        with post.database.unit() as session:
            suppression.suppress(session, 1, "ada@example.com", reason)

    fake.offer = says_no_meanwhile  # type: ignore[method-assign]
    post.drain(fake)
    stopped = purpose == "marketing" or reason != "unsubscribed"
    assert post.reason(one) == (f"skipped: {reason}" if stopped else "sent: ")
    assert post.get(other).state == "sent"
    assert ("withdraw" in fake.steps) is stopped


def test_a_reason_for_good_replaces_an_unsubscription_and_never_the_other_way(post: Post) -> None:
    for reason in ("unsubscribed", "bounced", "unsubscribed", "complained"):
        with post.database.unit() as session:
            suppression.suppress(session, 1, "a@example.com", reason)
    with post.database.reading() as session:
        assert session.scalars(select(Suppression.reason)).all() == ["bounced"]


def test_a_message_without_usable_address_is_left_out(post: Post, fake: FakeProvider) -> None:
    bad = [post.put(address) for address in ("", "nobody", "a@example.com\r\nRCPT TO:<b@example.com>", "ä@example.com")]
    good = post.put("good@example.com")
    post.drain(fake)
    assert [post.reason(one) for one in bad] == ["skipped: no_address"] * 4
    assert post.get(good).state == "sent"
    assert fake.recipients == ["good@example.com"]


def test_an_email_that_cannot_be_written_fails_alone(post: Post, fake: FakeProvider) -> None:
    broken = [
        post.put("a@example.com", template={"subject": "{{ 9**9 }}", "body": []}),
        post.put("b@example.com", template={"email": "nothing"}),
        post.put("c@example.com", template={"subject": "x"}),
        post.put("d@example.com", template={"subject": "x", "body": [{"kind": "hologram"}]}),
        post.put("e@example.com", template={"email": "import_finished"}, facts={"elements": 5}),
    ]
    good = post.put("good@example.com")
    post.drain(fake)
    assert [post.get(one).state for one in broken] == ["failed"] * 5
    assert all(post.get(one).reason.startswith("The e-mail could not be written") for one in broken)
    assert post.get(good).state == "sent"


def test_not_now_is_tried_again_later_with_the_same_message_id(
    post: Post, fake: FakeProvider, clock: ClockHand
) -> None:
    one = post.put()
    fake.script["offer"].append(NotNow("450 Greylisted"))
    post.drain(fake)
    message = post.get(one)
    assert (message.state, message.attempts) == ("created", 1)
    post.drain(fake)
    assert fake.delivered == []
    clock.advance(minutes=1, seconds=1)
    fake.script["after"].append(NotNow("451 after the content"))
    post.drain(fake)
    assert (post.get(one).state, post.get(one).attempts) == ("created", 2)
    clock.advance(minutes=5, seconds=1)
    post.drain(fake)
    assert post.get(one).state == "sent"
    first, second = (parsed(content)["message-id"] for _, content in fake.delivered)
    assert first == second


def test_not_now_for_ever_is_given_up(post: Post, fake: FakeProvider, clock: ClockHand) -> None:
    one = post.put()
    fake.script["offer"].extend(NotNow("450 Later") for _ in range(20))
    for _ in range(20):
        post.drain(fake)
        clock.advance(hours=13)
    message = post.get(one)
    assert message.state == "failed"
    assert message.attempts == len(send.WAITS) + 1
    assert "450 Later" in message.reason


@pytest.mark.parametrize("step", ["offer", "after"])
def test_refused_is_final(post: Post, fake: FakeProvider, step: str) -> None:
    one, other = post.put("a@example.com"), post.put("b@example.com")
    fake.script[step].append(Refused("550 No", bounced=step == "offer"))
    post.drain(fake)
    assert post.reason(one) == "failed: 550 No"
    assert post.get(other).state == "sent"
    with post.database.reading() as session:
        found = session.execute(select(Suppression.email_key, Suppression.reason)).all()
    assert found == ([("a@example.com", "bounced")] if step == "offer" else [])


@pytest.mark.parametrize("step", ["ready", "offer", "deliver"])
def test_a_provider_that_is_away_burns_no_attempt(post: Post, fake: FakeProvider, clock: ClockHand, step: str) -> None:
    post.put_many(3)
    fake.script[step].append(Away("refused"))
    assert post.drain(fake) is False
    assert post.states() == ["created"] * 3
    clock.advance(seconds=6)
    post.drain(fake)
    assert post.states() == ["sent"] * 3
    assert sorted(fake.recipients) == ["c0@example.com", "c1@example.com", "c2@example.com"]
    with post.database.reading() as session:
        assert session.scalars(select(Message.attempts)).all() == [0, 0, 0]


def test_an_answer_that_was_lost_leaves_it_unknown_for_ever(post: Post, fake: FakeProvider, clock: ClockHand) -> None:
    one, other = post.put("a@example.com"), post.put("b@example.com")
    fake.script["after"].append(MaybeSent("connection reset"))
    post.drain(fake)
    assert post.get(one).state == "unknown"
    assert post.get(other).state == "sent"
    clock.advance(days=2)
    post.drain(fake)
    assert fake.recipients == ["a@example.com", "b@example.com"]


POINTS = {
    "before the line": ("ready", Killed()),
    "in the offer": ("offer", Killed()),
    "in the content": ("deliver", Killed()),
    "after the content": ("after", Killed()),
}


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_whoever_is_killed_at_any_point_loses_nothing_and_repeats_nothing(
    post: Post, fake: FakeProvider, clock: ClockHand, running: Process, bells: MemoryBells, point: str, at: int
) -> None:
    post.put_many(4)
    step, killed = POINTS[point]
    if step == "ready":
        at = 0
    fake.script[step].extend([*[None] * at, killed])
    drain = send.Drain(post.database, fake, _sender())
    drain._close_books = lambda: None  # type: ignore[method-assign]  # a dead process writes nothing more
    with pytest.raises(Killed):
        drain.run()
    before = Counter(fake.recipients)
    clock.advance(minutes=6)
    jobs.sweep_messages()
    post.drain(fake)
    after = Counter(fake.recipients)
    assert all(count == 1 for count in after.values()), after
    states = Counter(post.states())
    # The one in hand, and the one before it whose outcome was not yet committed: at most one is past `begin`.
    assert states["unknown"] <= 1
    assert states["sent"] + states["unknown"] == 4
    assert states["unknown"] == (0 if point == "before the line" or (point == "in the offer" and at == 0) else 1)
    assert set(before) <= set(after)


@pytest.mark.parametrize("where", ["claim", "begin", "record"])
@pytest.mark.parametrize("committed", [False, True])
def test_a_kill_around_every_commit_repeats_nothing(
    post: Post,
    fake: FakeProvider,
    clock: ClockHand,
    running: Process,
    bells: MemoryBells,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    committed: bool,
) -> None:
    post.put_many(3)
    # What begins a sending is a unit by itself, and records the message before as well.
    name = "begin_alone" if where == "begin" else where
    fatal = 1 if where in ("claim", "record") else 2
    original = getattr(claims, name)
    calls = 0

    def dies(session: Any, *given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == fatal and name == "begin_alone" and not committed:
            raise Killed
        result = original(session, *given)
        if calls == fatal:
            if committed and name != "begin_alone":
                session.commit()
            raise Killed
        return result

    with monkeypatch.context() as patch:
        patch.setattr(claims, name, dies)
        drain = send.Drain(post.database, fake, _sender())
        drain._close_books = lambda: None  # type: ignore[method-assign]
        with pytest.raises(Killed):
            drain.run()
    clock.advance(minutes=6)
    jobs.sweep_messages()
    post.drain(fake)
    assert all(count == 1 for count in Counter(fake.recipients).values())
    states = Counter(post.states())
    assert states["sent"] + states["unknown"] == 3
    assert states["unknown"] <= 1


def test_the_words_of_who_is_erased_while_they_leave_are_not_kept(post: Post, fake: FakeProvider) -> None:
    post.put_many(2)
    deliver = fake.deliver

    def erases(content: bytes) -> str:
        with post.database.unit() as session:
            first = select(func.min(Message.id)).scalar_subquery()
            emptied = {"to_email": "", "template": {}, "facts": {}, "html": None, "text": None}
            session.execute(update(Message).where(Message.id == first).values(emptied))
        return deliver(content)

    fake.deliver = erases  # type: ignore[method-assign]
    post.drain(fake)
    assert post.states() == ["sent"] * 2
    with post.database.reading() as session:
        kept = [(one.html is None, one.text is None) for one in session.scalars(select(Message).order_by(Message.id))]
    assert kept == [(True, True), (False, False)]


def test_an_email_whose_sender_was_killed_is_shown_as_it_left(
    post: Post, fake: FakeProvider, running: Process, clock: ClockHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = post.put_many(2)
    with monkeypatch.context() as patch:
        patch.setattr(Drain, "_note", lambda *_given: None)  # killed before it can tell, each time
        post.drain(fake)
    clock.advance(seconds=600)
    with post.database.unit() as session:
        assert claims.give_up_expired(session, clock.now()) == 2
    with post.database.unit() as session:
        first, second = (session.get_one(Message, one) for one in ids)
        assert (first.html, first.text, first.state) == (None, None, "unknown")
        shown = bodies.shown(first)
        assert shown.text == "Hello Ada\n" and "Hello Ada" in (shown.html or "")
        second.state = "created"
        assert bodies.shown(second) == Body(None, None)
        second.state, second.template = "sent", {}
        assert bodies.shown(second) == Body(None, None)
        first.facts = sealed.seal(running.vault, first.facts)
        assert bodies.shown(first) == Body(None, None)


def test_an_email_that_is_given_up_after_it_was_handed_over_keeps_its_words(
    post: Post, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.put_many(1)
    monkeypatch.setattr(send, "WAITS", ())

    def not_now(content: bytes) -> str:
        raise NotNow("451 try again later")

    fake.deliver = not_now  # type: ignore[method-assign]
    post.drain(fake)
    assert post.states() == ["failed"]
    with post.database.reading() as session:
        assert session.execute(select(Message.text)).scalar_one() == "Hello Ada\n"


def test_a_worker_that_slept_past_its_lease_sends_nothing(post: Post, fake: FakeProvider, clock: ClockHand) -> None:
    post.put_many(3)
    other = FakeProvider()
    offer = fake.offer

    def sleeps(*given: Any) -> None:
        offer(*given)
        if len(fake.steps) == 2:
            clock.advance(minutes=10)
            post.drain(other)

    fake.offer = sleeps  # type: ignore[method-assign]
    post.drain(fake)
    assert fake.delivered == []
    assert len(other.delivered) == 3
    assert post.states() == ["sent"] * 3


def test_a_worker_given_up_in_the_act_may_still_say_that_it_sent(
    post: Post, fake: FakeProvider, clock: ClockHand, running: Process, bells: MemoryBells
) -> None:
    one = post.put()
    deliver = fake.deliver

    def sleeps(content: bytes) -> str:
        clock.advance(minutes=10)
        jobs.sweep_messages()
        assert post.get(one).state == "unknown"
        return deliver(content)

    fake.deliver = sleeps  # type: ignore[method-assign]
    post.drain(fake)
    assert post.get(one).state == "sent"


def test_two_drains_at_once_share_the_work(post: Post, fake: FakeProvider) -> None:
    post.put_many(10)
    other = FakeProvider()
    offer = fake.offer

    def lets_the_other_run(*given: Any) -> None:
        offer(*given)
        post.drain(other)

    fake.offer = lets_the_other_run  # type: ignore[method-assign]
    post.drain(fake)
    assert Counter(fake.recipients + other.recipients) == Counter(f"c{number}@example.com" for number in range(10))


def test_accounts_take_turns(post: Post, fake: FakeProvider) -> None:
    for number in range(3 * claims.BATCH):
        post.put(f"big{number}@example.com", account_id=1)
    for account_id in (2, 3):
        post.put(f"small{account_id}@example.com", account_id=account_id)
    post.drain(fake)
    places = [fake.recipients.index(f"small{account_id}@example.com") for account_id in (2, 3)]
    assert max(places) < 5
    assert len(fake.delivered) == 3 * claims.BATCH + 2


def test_at_a_slow_mail_server_nobody_waits_for_a_batch_of_somebody_else(
    post: Post, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    monkeypatch.setattr(send.time, "monotonic", lambda: seconds[0])
    post.put_many(2 * claims.BATCH)
    deliver = fake.deliver

    def slowly(content: bytes) -> str:
        seconds[0] += 0.5
        if len(fake.delivered) == 3:
            post.put("other@example.com", account_id=2)
        return deliver(content)

    monkeypatch.setattr(fake, "deliver", slowly)
    post.drain(fake, seconds=1_000)
    assert fake.recipients.index("other@example.com") <= 4 + send.BATCH_SECONDS / 0.5 + 1
    assert len(set(fake.recipients)) == len(fake.recipients) == 2 * claims.BATCH + 1


def test_a_drain_ends_in_time_and_gives_back_the_rest(post: Post, fake: FakeProvider) -> None:
    post.put_many(5)
    assert post.drain(fake, seconds=-1) is True
    assert fake.delivered == []
    assert post.drain(fake) is False
    assert len(fake.delivered) == 5


def test_a_batch_that_is_skipped_whole_does_not_hide_the_next(post: Post, fake: FakeProvider, clock: ClockHand) -> None:
    for number in range(claims.BATCH):
        post.put(f"late{number}@example.com", not_after=clock.now() - timedelta(hours=1))
    post.put("good@example.com")
    post.drain(fake)
    assert fake.recipients == ["good@example.com"]


def test_no_transaction_is_open_while_the_provider_works(post: Post, fake: FakeProvider) -> None:
    post.put()

    def writes(*_given: Any) -> None:
        with post.database.unit() as session:
            session.execute(update(Suppression).values(reason="bounced"))

    ready, offer, deliver = fake.ready, fake.offer, fake.deliver
    fake.ready = lambda: (writes(), ready())[1]  # type: ignore[method-assign,func-returns-value]
    fake.offer = lambda *given: (writes(), offer(*given))[1]  # type: ignore[method-assign,func-returns-value]
    fake.deliver = lambda content: (writes(), deliver(content))[1]  # type: ignore[method-assign,func-returns-value]
    post.drain(fake)
    assert post.states() == ["sent"]


def test_the_job_sends_into_the_dev_mailbox_and_rings_while_more_is_left(
    post: Post, running: Process, bells: MemoryBells, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = post.put_many(3)
    bells.drain("mail")
    with post.database.reading() as session:
        kept = session.scalars(select(DevMail).order_by(DevMail.id)).all()
    assert [mail.message_id for mail in kept] == ids
    assert parsed(kept[0].raw)["subject"] == "Order 7"
    assert kept[0].subject == "Order 7"
    post.put("last@example.com")
    bells.pending.clear()
    monkeypatch.setattr(send, "DRAIN_SECONDS", -1.0)
    monkeypatch.setattr(send.Drain.run, "__defaults__", (-1.0,))
    jobs.send_messages()
    assert bells.pending == [("mail", "send_messages", ())]


def test_the_sweep_rings_for_what_was_left_lying(
    post: Post, running: Process, bells: MemoryBells, clock: ClockHand
) -> None:
    jobs.sweep_messages()
    assert bells.pending == []
    post.put(due_at=clock.now() + timedelta(hours=1))
    bells.pending.clear()
    jobs.sweep_messages()
    assert bells.pending == []
    clock.advance(hours=2)
    jobs.sweep_messages()
    assert bells.pending == [("mail", "send_messages", ())]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"rcpt": ["450 4.2.0 Later"]}, "created"),
        ({"rcpt": ["550 5.1.1 Nobody"]}, "failed"),
        ({"rcpt": ["drop"]}, "created"),
        ({"data": ["drop"]}, "unknown"),
        ({"data": ["451 4.3.0 Later"]}, "created"),
        ({"data": ["554 5.6.0 Spam"]}, "failed"),
        ({"greet_after": [0.3]}, "sent"),
    ],
    ids=str,
)
@pytest.mark.parametrize("backend", ["sqlite"])
def test_every_fault_of_a_real_server_ends_as_it_should(
    post: Post, smtp: Smtp, sink: Sink, clock: ClockHand, fault: dict[str, list[Any]], expected: str
) -> None:
    for name, answers in fault.items():
        getattr(sink, name).extend(answers)
    one, other = post.put("a@example.com"), post.put("b@example.com")
    post.drain(smtp)
    assert post.get(one).state == expected
    smtp._pause.end()
    clock.advance(minutes=2)
    post.drain(smtp)
    assert post.get(one).state == ("sent" if expected == "created" else expected)
    assert post.get(other).state == "sent"
    assert max(Counter(sink.recipients).values()) == 1


def test_the_outcomes_are_what_jobs_know() -> None:
    assert issubclass(Away, RetryLater)
    assert issubclass(NotNow, RetryLater)
    assert set(suppression.WORDS) >= {*suppression.FOR_GOOD, "unsubscribed", "no_consent", "too_late", "no_address"}


def _sender() -> Any:
    return send.Sender("Referins", "no-reply@referins.example")
