"""What every way out of the house keeps: one suite for SMTP and for Postmark's API, each against a server of ours."""

from __future__ import annotations

import email
import email.policy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest

from referins_woo.config import Config
from referins_woo.mail import mime
from referins_woo.mail.providers import Away, Envelope, MaybeSent, NotNow, Provider, Refused, pause
from referins_woo.mail.providers.postmark import LARGEST, Postmark
from referins_woo.mail.providers.smtp import Smtp
from referins_woo.mail.providers.smtp_settings import SmtpSettings
from referins_woo.safe_http import SafeHttp
from tests.conftest import ClockHand
from tests.referins_woo.mail.conftest import Post, Sink
from tests.services.postmark import TOKEN, FakePostmark, said

STREAMS = {"marketing": "news", "transactional": "orders"}


class Rig(Protocol):
    """A provider and the server behind it: each answer is scripted by its meaning."""

    provider: Provider

    def answer(self, meaning: str) -> None:
        """Script the next answer."""

    def recipients(self) -> list[str]:
        """To whom e-mails arrived."""

    def mail(self) -> dict[str, str]:
        """The newest e-mail: its headers by name in lower case, `html` and `text`."""

    def connections(self) -> int:
        """How many connections were opened for e-mails."""

    def away(self) -> Provider:
        """A provider whose server is not there."""

    def locked_out(self) -> Provider:
        """A provider with wrong credentials."""

    def too_large(self) -> int:
        """A size that is not taken."""


@dataclass
class SmtpRig:
    """SMTP."""

    sink: Sink
    provider: Smtp

    def answer(self, meaning: str) -> None:
        """Script the next answer."""
        queue, reply = {
            "busy": (self.sink.data, "451 4.3.0 try again later"),
            "nobody": (self.sink.rcpt, "550 5.1.1 no such user"),
            "unwanted": (self.sink.data, "554 5.7.1 we do not want it"),
            "our setting": (self.sink.mail, "553 5.7.1 sender not allowed"),
            "overloaded": (self.sink.rcpt, "421 4.7.0 too many, come back later"),
            "lost": (self.sink.data, "drop"),
        }[meaning]
        queue.append(reply)

    def recipients(self) -> list[str]:
        """To whom e-mails arrived."""
        return self.sink.recipients

    def mail(self) -> dict[str, str]:
        """The newest e-mail."""
        content = self.sink.mails[-1].content
        assert isinstance(content, bytes)
        found: Any = email.message_from_bytes(content, policy=email.policy.SMTP)
        html, text = (found.get_body((kind,)).get_content() for kind in ("html", "plain"))
        return {name.lower(): str(value) for name, value in found.items()} | {"html": html, "text": text}

    def connections(self) -> int:
        """How many connections were opened."""
        return self.sink.connections

    def away(self) -> Provider:
        """A provider whose server is not there."""
        return Smtp(SmtpSettings.from_url("smtp://127.0.0.1:1"))

    def locked_out(self) -> Provider:
        """A provider with credentials that nobody asked for."""
        return Smtp(SmtpSettings.from_url(f"smtp://who:why@127.0.0.1:{self.sink.port}"))

    def too_large(self) -> int:
        """A size that is not taken."""
        return 5_000_001


@dataclass
class PostmarkRig:
    """Postmark."""

    fake: FakePostmark
    provider: Postmark
    http: SafeHttp

    def answer(self, meaning: str) -> None:
        """Script the next answer."""
        self.fake.script.append(
            {
                "busy": said(422, 405, "Not allowed to send: out of credits"),
                "nobody": said(422, 406, "You tried to send to a recipient that has been marked as inactive."),
                "unwanted": said(422, 300, "Invalid email request"),
                "our setting": said(422, 400, "The From address is not a Sender Signature on this account."),
                "overloaded": said(429, 429, "Too many requests", Retry_After="1"),
                "lost": "drop",
            }[meaning]
        )

    def recipients(self) -> list[str]:
        """To whom e-mails arrived."""
        return self.fake.recipients

    def mail(self) -> dict[str, str]:
        """The newest e-mail."""
        mail = self.fake.mails[-1]
        headers = {one["Name"].lower(): one["Value"] for one in mail["Headers"]}
        own = {"from": mail["From"], "to": mail["To"], "subject": mail["Subject"], "reply-to": mail["ReplyTo"]}
        return headers | own | {"html": mail["HtmlBody"], "text": mail["TextBody"]}

    def connections(self) -> int:
        """How many connections were opened."""
        return self.fake.connections

    def away(self) -> Provider:
        """A provider whose server is not there."""
        return Postmark(self.http, TOKEN, STREAMS, "http://127.0.0.1:1")

    def locked_out(self) -> Provider:
        """A provider with a wrong token."""
        return Postmark(self.http, "wrong", STREAMS, self.fake.url)

    def too_large(self) -> int:
        """A size that is not taken."""
        return LARGEST + 1


@pytest.fixture
def backend() -> str:
    """Providers know no database; what is stored is SQLite's."""
    return "sqlite"


@pytest.fixture(params=["smtp", "postmark"])
def rig(request: pytest.FixtureRequest, config: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """Each provider with its server."""
    monkeypatch.setattr(pause, "FIRST", 0.0)
    monkeypatch.setattr(pause, "LONGEST", 0.0)
    if request.param == "smtp":
        smtp: Smtp = request.getfixturevalue("smtp")
        yield SmtpRig(request.getfixturevalue("sink"), smtp)
        return
    fake, http = FakePostmark(), SafeHttp(config)
    yield PostmarkRig(fake, Postmark(http, TOKEN, STREAMS, fake.url), http)
    fake.stop()


def send(provider: Provider, recipient: str = "ada@example.com", **changes: Any) -> str:
    letter: dict[str, Any] = {
        "from_name": "Käse & Co, “Berlin”",
        "from_address": "shop@referins.example",
        "to_name": "Ada “Countess” Lovelace",
        "to_address": recipient,
        "subject": "Your order 4812 is on its way – gràcies, 谢谢",
        "html": "<html><body><p>.dot\nHello &amp; welcome, 你好</p></body></html>",
        "text": "Hello, 你好\n.\n..two\n",
        "message_id": "<7.0123456789abcdef01234567@referins.example>",
        "date": datetime(2026, 11, 25, 12, tzinfo=UTC),
        "reply_to": "help@shop.example",
        "further": (
            ("List-Id", "<account-1.referins.example>"),
            ("List-Unsubscribe", "<https://app.example.com/u/abc>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ),
    }
    content = mime.build(mime.Letter(**(letter | changes)))
    provider.ready()
    provider.offer(Envelope(1, 7, "bounces@referins.example", recipient, "x", "transactional"), len(content))
    return provider.deliver(content)


def test_an_email_arrives_with_all_that_was_written(rig: Rig) -> None:
    assert send(rig.provider)
    assert rig.recipients() == ["ada@example.com"]
    mail = rig.mail()
    assert mail["from"] == '"Käse & Co, “Berlin”" <shop@referins.example>'
    assert mail["reply-to"] == "help@shop.example"
    assert mail["subject"] == "Your order 4812 is on its way – gràcies, 谢谢"
    assert mail["message-id"] == "<7.0123456789abcdef01234567@referins.example>"
    assert mail["list-unsubscribe"] == "<https://app.example.com/u/abc>"
    assert mail["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert mail["list-id"] == "<account-1.referins.example>"
    assert "Hello &amp; welcome, 你好" in mail["html"]
    assert mail["text"].replace("\r\n", "\n").strip() == "Hello, 你好\n.\n..two"


def test_the_line_is_kept_from_one_email_to_the_next(rig: Rig) -> None:
    for number in range(5):
        send(rig.provider, f"c{number}@example.com")
    assert rig.recipients() == [f"c{number}@example.com" for number in range(5)]
    assert rig.connections() == 1


def test_not_now_is_surely_not_sent_and_the_next_one_goes(rig: Rig) -> None:
    rig.answer("busy")
    with pytest.raises(NotNow):
        send(rig.provider)
    assert rig.recipients() == []
    assert send(rig.provider)
    assert len(rig.recipients()) == 1


def test_an_address_that_is_nobodys_is_refused_for_good_and_counts_as_bounced(rig: Rig) -> None:
    rig.answer("nobody")
    with pytest.raises(Refused) as refused:
        send(rig.provider)
    assert refused.value.bounced
    assert rig.recipients() == []


def test_an_unwanted_email_is_refused_for_good_and_the_address_stays(rig: Rig) -> None:
    rig.answer("unwanted")
    with pytest.raises(Refused) as refused:
        send(rig.provider)
    assert not refused.value.bounced
    assert rig.recipients() == []


def test_a_wrong_setting_of_ours_ends_no_email_for_good(rig: Rig) -> None:
    rig.answer("our setting")
    with pytest.raises(NotNow):
        send(rig.provider)


def test_an_overloaded_provider_is_away_and_burns_no_attempt(rig: Rig) -> None:
    rig.answer("overloaded")
    with pytest.raises(Away) as away:
        send(rig.provider)
    assert (away.value.after_seconds or 0) >= 0
    assert rig.recipients() == []


def test_a_lost_answer_leaves_it_unknown(rig: Rig) -> None:
    rig.answer("lost")
    with pytest.raises(MaybeSent):
        send(rig.provider)
    assert len(rig.recipients()) == 1
    assert send(rig.provider, "next@example.com")
    assert rig.recipients() == ["ada@example.com", "next@example.com"]


def test_a_server_that_is_not_there_is_away(rig: Rig) -> None:
    with pytest.raises(Away):
        rig.away().ready()


def test_a_server_that_does_not_let_us_in_is_away_and_says_so(rig: Rig) -> None:
    with pytest.raises(Away, match=r"sign-in|not supported|token|AUTH"):
        rig.locked_out().ready()


def test_what_is_too_large_is_refused_unsent(rig: Rig) -> None:
    rig.provider.ready()
    with pytest.raises(Refused, match="bytes"):
        rig.provider.offer(Envelope(1, 7, "a@example.com", "ada@example.com", "x"), rig.too_large())


def test_a_withdrawn_offer_sends_nothing(rig: Rig) -> None:
    rig.provider.ready()
    rig.provider.offer(Envelope(1, 7, "a@example.com", "ada@example.com", "x"), 100)
    rig.provider.withdraw()
    assert rig.recipients() == []
    assert send(rig.provider)
    assert len(rig.recipients()) == 1


@pytest.mark.parametrize(
    ("meaning", "then"),
    [
        ("busy", "created"),
        ("nobody", "failed"),
        ("unwanted", "failed"),
        ("our setting", "created"),
        ("overloaded", "created"),
        ("lost", "unknown"),
    ],
)
def test_each_message_ends_in_the_right_state_and_none_twice(
    rig: Rig, post: Post, clock: ClockHand, meaning: str, then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drain over each provider: what was not sent goes later, what may have been is never repeated."""
    monkeypatch.setattr("referins_woo.mail.providers.postmark._asked_to_wait", lambda _: 0.0)
    rig.answer(meaning)
    one, other = post.put("a@example.com"), post.put("b@example.com")
    for _ in range(3):  # a provider that a crowded machine keeps from answering is away for a moment
        post.drain(rig.provider)
        if post.get(one).state == then:
            break
        clock.advance(minutes=2)
    assert post.get(one).state == then
    for _ in range(3):
        clock.advance(minutes=2)
        post.drain(rig.provider)
    assert post.get(one).state == ("sent" if then == "created" else then)
    assert post.get(other).state == "sent"
    assert max(Counter(rig.recipients()).values()) == 1


def test_postmark_sends_marketing_over_its_own_stream_and_measures_nothing_itself(config: Config) -> None:
    fake = FakePostmark()
    postmark = Postmark(SafeHttp(config), TOKEN, STREAMS, fake.url)
    content = mime.build(
        mime.Letter("", "a@example.com", "", "b@example.com", "x", "<p>x</p>", "x", "<1.ab@x>", datetime.now(UTC))
    )
    for purpose in ("marketing", "transactional", "system"):
        postmark.ready()
        postmark.offer(Envelope(1, 1, "a@example.com", "b@example.com", "x", purpose), len(content))
        postmark.deliver(content)
    assert [mail["MessageStream"] for mail in fake.mails] == ["news", "orders", "outbound"]
    assert all(mail["TrackOpens"] is False and mail["TrackLinks"] == "None" for mail in fake.mails)
    assert fake.mails[0]["Metadata"] == {"message_id": "1.ab@x"}
    assert fake.asked == 1, "an answer of a moment ago is enough"
    fake.stop()


@pytest.mark.parametrize("status", [408, 500, 502, 504])
def test_an_error_of_postmarks_own_may_have_sent_it(config: Config, status: int) -> None:
    fake = FakePostmark()
    postmark = Postmark(SafeHttp(config), TOKEN, STREAMS, fake.url)
    fake.script.append((status, {}, {}))
    with pytest.raises(MaybeSent):
        send(postmark)
    send(postmark, "next@example.com")
    assert fake.asked == 2, "after an outcome that nobody knows it is asked whether it answers"
    fake.stop()
