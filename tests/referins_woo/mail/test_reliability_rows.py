"""The rows of the reliability plan that are about e-mails, each a test named after its row; SMTP is a real server."""

from __future__ import annotations

import email
import email.policy
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Text, cast, func, insert, literal, select

from referins_woo import queues
from referins_woo.commerce.models import Contact
from referins_woo.config import Config
from referins_woo.mail import claims, compose, jobs, sandbox, suppression
from referins_woo.mail.headers import one_line
from referins_woo.mail.models import Message, MessageEvent
from referins_woo.mail.providers import Envelope as OurEnvelope
from referins_woo.mail.providers import MaybeSent
from referins_woo.mail.providers.smtp import Smtp
from referins_woo.mail.providers.smtp_settings import SmtpSettings
from referins_woo.mail.sandbox import TemplateFault
from referins_woo.mail.send import Drain
from referins_woo.process import Process
from referins_woo.queues import MemoryBells
from tests.conftest import ENCRYPTION_KEY, ROOT, SECRET_KEY, ClockHand
from tests.referins_woo.mail.conftest import SENDER, FakeProvider, Post, Sink
from tests.services.valkey import Valkey


class Killed(BaseException):
    """kill -9: nothing after it runs."""


def drain_until_killed(post: Post, fake: FakeProvider) -> None:
    drain = Drain(post.database, fake, SENDER)
    drain._close_books = lambda: None  # type: ignore[method-assign]  # who is dead closes nothing
    with pytest.raises(Killed):
        drain.run()


def test_row_63_a_worker_killed_before_data_leaves_mail_that_is_sent_once_later(
    post: Post, fake: FakeProvider, clock: ClockHand
) -> None:
    ids = post.put_many(3)
    fake.script["offer"].extend([None, Killed()])
    drain_until_killed(post, fake)
    clock.advance(minutes=6)
    with post.database.unit() as session:
        claims.give_up_expired(session, clock.now())
    later = FakeProvider()
    post.drain(later)
    everybody = Counter(fake.recipients + later.recipients)
    assert everybody["c1@example.com"] == everybody["c2@example.com"] == 1
    # The one before the kill was sent, and its record died with the worker: unknown, never repeated.
    assert [post.get(one).state for one in ids] == ["unknown", "sent", "sent"]


def test_row_64_a_worker_killed_after_data_leaves_one_unknown_that_is_listed_and_not_repeated(
    post: Post, fake: FakeProvider, clock: ClockHand
) -> None:
    ids = post.put_many(3)
    fake.script["after"].append(Killed())
    drain_until_killed(post, fake)
    clock.advance(minutes=6)
    with post.database.unit() as session:
        assert claims.give_up_expired(session, clock.now()) == 1
    later = FakeProvider()
    for _ in range(3):
        post.drain(later)
        clock.advance(hours=1)
    assert post.get(ids[0]).state == "unknown"
    assert "not repeated" in post.get(ids[0]).reason
    assert sorted(later.recipients) == ["c1@example.com", "c2@example.com"]


def test_row_65_a_sender_stopped_past_its_lease_sends_and_writes_nothing_when_it_wakes(
    post: Post, fake: FakeProvider, clock: ClockHand
) -> None:
    one = post.put()
    other = FakeProvider()

    def sleep_ten_minutes(envelope: OurEnvelope, size: int) -> None:
        clock.advance(minutes=10)
        post.drain(other)

    fake.offer = sleep_ten_minutes  # type: ignore[method-assign]
    post.drain(fake)
    assert (fake.delivered, other.recipients) == ([], ["ada@example.com"])
    assert "withdraw" in fake.steps
    assert post.get(one).state == "sent"


WORKER = """
import sys
from referins_woo import config, process
from referins_woo.run import worker
process.start(config.load())
sys.exit(worker.work("mail", sys.argv[1]))
"""


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("stops", [pytest.param(2, id="short"), pytest.param(8, id="storm", marks=pytest.mark.storm)])
def test_row_66_a_worker_told_to_end_while_it_sends_leaves_nothing_unknown(
    post: Post,
    sink: Sink,
    config: Config,
    running: Process,
    valkey: Redis,
    valkey_server: Valkey,
    tmp_path: Path,
    stops: int,
) -> None:
    environ = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
        "DATABASE_URL": config.database_url,
        "REDIS_URL": valkey_server.url,
        "SECRET_KEY": SECRET_KEY,
        "ENCRYPTION_KEYS": ENCRYPTION_KEY,
        "PUBLIC_URL": config.public_url,
        "REFERINS_DATA": str(tmp_path / "data"),
        "SMTP_URL": f"smtp://127.0.0.1:{sink.port}",
        "PYTHONPATH": str(ROOT),
    }
    queues.connect(valkey_server.url)
    for number in range(stops):
        for each in range(60):
            post.put(f"r{number}n{each}@example.com")
        queues.ring("send_messages")
        arrived = len(sink.mails)
        worker = subprocess.Popen([sys.executable, "-c", WORKER, valkey_server.url], env=environ)
        until = time.monotonic() + 60
        while len(sink.mails) < arrived + 5 and time.monotonic() < until:
            time.sleep(0.001)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
        assert set(post.states()) <= {"sent", "created"}
    post.drain_all(sink)
    assert set(post.states()) == {"sent"}
    assert max(Counter(sink.recipients).values()) == 1


@pytest.mark.parametrize("url", ["smtp://127.0.0.1:1", "smtp://no-such-host.invalid", "421"])
def test_row_75_a_mail_server_that_is_away_burns_no_attempt(
    post: Post, sink: Sink, clock: ClockHand, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    one = post.put()
    if url == "421":
        sink.rcpt.append("421 4.7.0 shutting down")
        url = f"smtp://127.0.0.1:{sink.port}"
    away = Smtp(SmtpSettings.from_url(url))
    post.drain(away)
    away.close()
    row = post.get(one)
    assert (row.state, row.attempts) == ("created", 0)
    clock.advance(minutes=1)
    post.drain_all(sink)
    assert post.get(one).state == "sent"


def test_row_76_a_greylisted_mail_is_sent_once_when_it_is_let_in(
    post: Post, smtp: Smtp, sink: Sink, clock: ClockHand
) -> None:
    one = post.put()
    sink.rcpt.append("450 4.2.0 greylisted")
    post.drain(smtp)
    assert (post.get(one).state, post.get(one).attempts) == ("created", 1)
    post.drain(smtp)
    assert sink.recipients == [], "not before its time"
    clock.advance(minutes=2)
    post.drain(smtp)
    assert (post.get(one).state, sink.recipients) == ("sent", ["ada@example.com"])


def test_row_77_an_address_that_is_nobodys_ends_the_mail_and_marks_the_contact(
    post: Post, smtp: Smtp, sink: Sink, clock: ClockHand
) -> None:
    with post.database.unit() as session:
        session.add(Contact(account_id=1, email="ada@example.com", email_key="ada@example.com", consent="subscribed"))
    one = post.put()
    sink.rcpt.append("550 5.1.1 no such user")
    post.drain(smtp)
    clock.advance(days=1)
    post.drain(smtp)
    assert post.get(one).state == "failed"
    assert sink.recipients == []
    with post.database.reading() as session:
        assert suppression.reasons(session, [(1, "ada@example.com", "transactional")]) == {
            (1, "ada@example.com", "transactional"): "bounced"
        }


def test_row_78_an_answer_lost_after_the_final_dot_is_unknown_and_not_repeated(
    post: Post, smtp: Smtp, sink: Sink, clock: ClockHand
) -> None:
    one = post.put()
    sink.data.append("drop")
    post.drain(smtp)
    for _ in range(3):
        clock.advance(hours=3)
        drain_at_once(post, smtp)
    assert post.get(one).state == "unknown"
    assert sink.recipients == ["ada@example.com"]


def drain_at_once(post: Post, smtp: Smtp) -> None:
    smtp._pause.end()
    post.drain(smtp)


def test_row_79_a_temporary_refusal_of_the_content_is_tried_again_with_the_same_message_id(
    post: Post, smtp: Smtp, sink: Sink, clock: ClockHand
) -> None:
    one = post.put()
    sink.data.append("451 4.3.0 try again")
    post.drain(smtp)
    first = post.get(one).rfc_message_id
    clock.advance(minutes=2)
    post.drain(smtp)
    assert first and post.get(one).rfc_message_id == first
    content = sink.mails[0].content
    assert isinstance(content, bytes) and first.encode() in content
    assert len(sink.mails) == 1


def test_row_80_a_kept_line_that_died_without_a_word_is_opened_anew_before_mail(
    post: Post, smtp: Smtp, sink: Sink
) -> None:
    post.put("a@example.com")
    post.drain(smtp)
    sink.hang_up()
    until = time.monotonic() + 10
    while not all(each.is_closing() for each in sink.transports) and time.monotonic() < until:
        time.sleep(0.01)
    one = post.put("b@example.com")
    post.drain(smtp)
    assert (post.get(one).state, post.get(one).attempts) == ("sent", 0)
    assert sink.recipients == ["a@example.com", "b@example.com"]


def test_row_81_a_server_that_takes_five_seconds_a_mail_delays_all_accounts_alike(
    post: Post, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.put_many(30, account_id=1)
    post.put("small@example.com", account_id=2)
    passed = 0.0
    deliver = fake.deliver

    def slowly(content: bytes) -> str:
        nonlocal passed
        passed += 5.0
        return deliver(content)

    fake.deliver = slowly  # type: ignore[method-assign]
    monkeypatch.setattr("referins_woo.mail.send.time", SimpleNamespace(monotonic=lambda: passed))
    assert post.drain(fake, 8.0), "a drain ends in time, with mail left"
    assert passed <= 15.0
    assert "small@example.com" in fake.recipients


MOUNTAIN = 1_000_000


@pytest.mark.storm
@pytest.mark.timeout(600)
def test_row_82_an_account_with_a_million_due_mails_does_not_delay_another(post: Post, fake: FakeProvider) -> None:
    post.put("mountain@example.com", account_id=1)
    table: Any = Message.__table__
    names = [one.name for one in table.columns if one.name not in ("id", "once_key", "link_token")]
    count = 1
    while count < MOUNTAIN:  # doubled by the database itself: a million rows written one by one take minutes
        more = min(count, MOUNTAIN - count)
        key = literal(f"m{count}-").concat(cast(table.c.id, Text))
        rows = select(key, *(table.c[name] for name in names)).where(table.c.account_id == 1).limit(more)
        with post.database.unit() as session:
            session.execute(insert(table).from_select(["once_key", *names], rows))
        count += more
    with post.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(table)) == MOUNTAIN
    small = post.get(post.put("small@example.com", account_id=2))
    with post.database.unit() as session:
        claimed = claims.claim(session, claims.new_token(), small.due_at)
    assert [row.account_id for row in claimed[:2]] in ([1, 2], [2, 1])
    assert len(claimed) <= claims.BATCH


@pytest.mark.parametrize("word", ["unsubscribed", "erased"])
def test_row_83_whoever_says_no_between_writing_and_sending_gets_nothing(
    post: Post, fake: FakeProvider, word: str
) -> None:
    with post.database.unit() as session:
        session.add(Contact(account_id=1, email="ada@example.com", email_key="ada@example.com", consent="subscribed"))
    one = post.put(purpose="marketing", footer={"sender": "x", "address": "y"})
    offer = fake.offer

    def say_no(envelope: OurEnvelope, size: int) -> None:
        offer(envelope, size)
        with post.database.unit() as session:
            suppression.suppress(session, 1, "ada@example.com", word)

    fake.offer = say_no  # type: ignore[method-assign]
    post.drain(fake)
    assert (post.reason(one), fake.delivered) == (f"skipped: {word}", [])


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__ }}",
        "{{ order|attr('x') }}",
        "{{ '%s'.format(order) }}",
        "{% for one in range(10**9) %}x{% endfor %}",
        "{% include 'x' %}",
        "{{ 10**100000000 }}",
        "{{ 'a' * 10**9 }}",
    ],
)
def test_row_86_a_text_that_wants_more_than_words_fails_alone(post: Post, fake: FakeProvider, text: str) -> None:
    template = {"subject": "x", "preheader": "", "body": [{"kind": "text", "text": text}]}
    assert compose.problem_of(template)
    with pytest.raises(TemplateFault):
        sandbox.parse(sandbox.HTML, text)
    bad, good = post.put(template=template), post.put("good@example.com")
    post.drain(fake)
    assert (post.get(bad).state, post.get(good).state) == ("failed", "sent")


@pytest.mark.parametrize(
    "name",
    ["Ada\r\nBcc: evil@example.com", "=?utf-8?q?=0aBcc:_evil@example.com?=", "\u202eevil\u202c Ada", "x" * 1_000_000],
)
def test_row_87_a_name_is_one_header_line_whatever_it_holds(post: Post, fake: FakeProvider, name: str) -> None:
    template = {"subject": "For {{ contact.first_name }}", "preheader": "", "body": [{"kind": "text", "text": "x"}]}
    post.put(template=template, to_name=name, from_name=name, facts={"contact": {"first_name": name}})
    post.drain(fake)
    found = email.message_from_bytes(fake.delivered[0][1], policy=email.policy.default)
    assert found["Bcc"] is None
    assert [len(found.get_all(header, [])) for header in ("From", "To", "Subject")] == [1, 1, 1]
    assert "\n" not in str(found["Subject"]) and "\u202e" not in str(found["Subject"])
    assert len(one_line(name)) <= 250


def test_row_88_what_a_shop_wrote_is_shown_and_never_run(post: Post, fake: FakeProvider) -> None:
    nasty = "<script>alert(1)</script>{{ 7*7 }}\"'>"
    template = {
        "subject": "{{ contact.first_name }}",
        "preheader": "",
        "body": [
            {"kind": "text", "text": "{{ contact.first_name }}"},
            {"kind": "button", "text": "x", "url": "{{ order.payment_url }}"},
        ],
    }
    facts = {"contact": {"first_name": nasty}, "order": {"payment_url": "javascript:alert(1)"}}
    one = post.put(template=template, facts=facts)
    post.drain(fake)
    html = post.get(one).html or ""
    assert "<script>" not in html and "javascript:" not in html and "49" not in html.replace("&#34;", "")
    assert "{{ 7*7 }}" in html


def test_unknown_mails_are_counted_by_the_sweep_alone_and_nobody_repeats_them(
    post: Post, fake: FakeProvider, running: Process, bells: MemoryBells, clock: ClockHand
) -> None:
    """INV3, over the jobs themselves."""
    one = post.put()
    fake.script["deliver"].append(MaybeSent("line broke"))
    post.drain(fake)
    bells.pending.clear()
    clock.advance(days=2)
    jobs.sweep_messages()
    assert bells.pending == []
    assert post.get(one).state == "unknown"
    with post.database.reading() as session:
        assert session.scalars(select(MessageEvent)).all() == []
