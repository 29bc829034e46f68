"""SMTP against a real server that misbehaves in every phase: each ends as what it is."""

from __future__ import annotations

import ssl
import time
from typing import Any

import pytest

from referins_woo.mail.providers import Away, Envelope, MaybeSent, NotNow, Refused
from referins_woo.mail.providers import smtp as module
from referins_woo.mail.providers.smtp import Smtp
from referins_woo.mail.providers.smtp_settings import SmtpSettings
from tests.referins_woo.mail.conftest import Sink


@pytest.fixture(autouse=True, params=["in turn", "ahead"])
def takes_ahead(request: pytest.FixtureRequest, sink: Sink) -> bool:
    """Every test twice: a server that is told one thing after the other, and one that takes several at once."""
    sink.takes_ahead = request.param == "ahead"
    return sink.takes_ahead


CONTENT = b"Subject: x\r\n\r\n.dot\r\n..two\r\nend"


def envelope(recipient: str = "ada@example.com") -> Envelope:
    return Envelope(1, 1, "no-reply@referins.example", recipient, "x")


def send(smtp: Smtp, content: bytes = CONTENT, recipient: str = "ada@example.com") -> str:
    smtp.ready()
    smtp.offer(envelope(recipient), len(content))
    return smtp.deliver(content)


def test_it_keeps_its_connection_and_the_content_arrives_as_it_was(smtp: Smtp, sink: Sink) -> None:
    for number in range(5):
        assert send(smtp, recipient=f"c{number}@example.com").startswith("250")
    assert sink.connections == 1
    assert sink.recipients == [f"c{number}@example.com" for number in range(5)]
    assert sink.mails[0].content == CONTENT + b"\r\n"
    assert sink.mails[0].mail_from == "no-reply@referins.example"


def test_a_server_that_greets_slowly_is_waited_for(smtp: Smtp, sink: Sink) -> None:
    sink.greet_after.append(1.0)
    assert send(smtp).startswith("250")


def test_a_server_that_never_greets_is_away(smtp: Smtp, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 0.3)
    sink.greet_after.append(2.0)
    with pytest.raises(Away):
        smtp.ready()
    assert sink.mails == []


def test_a_server_that_is_not_there_is_away_and_asked_seldom() -> None:
    smtp = Smtp(SmtpSettings.from_url("smtp://127.0.0.1:1"))
    with pytest.raises(Away, match="cannot be used"):
        smtp.ready()
    with pytest.raises(Away, match="a moment ago") as told:
        smtp.ready()
    assert 0 < (told.value.after_seconds or 0) <= 1


def test_an_unknown_host_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_args: Any, **_kwargs: Any) -> Any:
        raise OSError("Name or service not known")

    monkeypatch.setattr("socket.create_connection", fails)
    with pytest.raises(Away):
        Smtp(SmtpSettings.from_url("smtp://mail.invalid")).ready()


def test_a_greylisted_recipient_is_not_now_and_the_line_stays(smtp: Smtp, sink: Sink) -> None:
    sink.rcpt.append("450 4.2.0 Greylisted")
    with pytest.raises(NotNow, match="450"):
        send(smtp)
    assert send(smtp).startswith("250")
    assert sink.connections == 1
    assert len(sink.mails) == 1


@pytest.mark.parametrize(
    ("answer", "bounced"),
    [
        ("550 5.1.1 No such user", True),
        ("550 No such user", True),
        ("553 5.1.3 Bad address", True),
        ("550 5.7.1 Spam", False),
        ("554 5.7.1 Relay denied", False),
        ("552 5.2.2 Mailbox full", False),
    ],
)
def test_a_refused_recipient_is_final_and_bounces_only_if_it_is_nobody(
    smtp: Smtp, sink: Sink, answer: str, bounced: bool
) -> None:
    sink.rcpt.append(answer)
    with pytest.raises(Refused) as told:
        send(smtp)
    assert told.value.bounced is bounced
    assert send(smtp).startswith("250")


def test_a_refused_sender_is_a_setting_to_mend_not_the_end_of_every_mail(smtp: Smtp, sink: Sink) -> None:
    sink.mail.append("550 5.7.1 Sender not allowed")
    with pytest.raises(NotNow, match="Sender not allowed"):
        send(smtp)
    assert send(smtp).startswith("250")


@pytest.mark.parametrize("phase", ["mail", "rcpt"])
def test_a_line_that_breaks_before_data_surely_sent_nothing(smtp: Smtp, sink: Sink, phase: str) -> None:
    getattr(sink, phase).append("drop")
    with pytest.raises(Away):
        send(smtp)
    assert sink.mails == []


def test_421_means_away_in_every_phase(smtp: Smtp, sink: Sink) -> None:
    for answers in (sink.mail, sink.rcpt, sink.in_data, sink.data):
        answers.append("421 4.3.2 Shutting down")
        with pytest.raises(Away, match="421"):
            send(smtp)
        smtp._pause.end()
    assert sink.mails == []
    assert send(smtp).startswith("250")


def test_a_refused_data_command_sent_nothing(smtp: Smtp, sink: Sink) -> None:
    sink.in_data.append("451 4.3.0 Later")
    with pytest.raises(NotNow):
        send(smtp)
    sink.in_data.append("554 5.5.1 No")
    with pytest.raises(Refused):
        send(smtp)
    assert send(smtp).startswith("250")
    assert len(sink.mails) == 1


def test_a_line_that_breaks_in_the_middle_of_the_content_surely_sent_nothing(smtp: Smtp, sink: Sink) -> None:
    sink.in_data.append("drop")
    with pytest.raises(Away):
        send(smtp, b"Subject: x\r\n\r\n" + b"line of a long e-mail\r\n" * 200_000)
    assert sink.mails == []


@pytest.mark.parametrize(("answer", "error"), [("451 4.3.0 Later", NotNow), ("554 5.6.0 Spam", Refused)])
def test_content_that_is_not_taken_was_not_sent(smtp: Smtp, sink: Sink, answer: str, error: type[Exception]) -> None:
    sink.data.append(answer)
    with pytest.raises(error):
        send(smtp)
    assert send(smtp).startswith("250")
    assert sink.connections == 1


def test_a_line_that_breaks_after_the_final_dot_leaves_it_unknown(smtp: Smtp, sink: Sink) -> None:
    sink.data.append("drop")
    with pytest.raises(MaybeSent):
        send(smtp)
    assert len(sink.mails) == 1
    assert send(smtp).startswith("250")


def test_a_kept_line_that_died_silently_is_opened_anew_at_once(smtp: Smtp, sink: Sink) -> None:
    send(smtp)
    sink.hang_up()
    time.sleep(0.1)
    assert send(smtp).startswith("250")
    assert sink.connections == 2


def test_an_idle_line_is_asked_whether_it_lives(smtp: Smtp, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_NOOP_AFTER", 0.0)
    send(smtp)
    send(smtp)
    assert sink.connections == 1
    sink.hang_up()
    time.sleep(0.1)
    smtp.ready()
    assert sink.connections == 2


def test_an_old_line_and_one_that_carried_enough_are_renewed(
    smtp: Smtp, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_MAILS", 2)
    for _ in range(5):
        send(smtp)
    assert sink.connections == 3


def test_an_email_larger_than_the_server_takes_is_refused_unsent(smtp: Smtp, sink: Sink) -> None:
    with pytest.raises(Refused, match="takes 5000000"):
        send(smtp, b"x" * 6_000_000)


def test_a_withdrawn_offer_sends_nothing(smtp: Smtp, sink: Sink) -> None:
    smtp.ready()
    smtp.offer(envelope("first@example.com"), 10)
    smtp.withdraw()
    send(smtp, recipient="second@example.com")
    assert sink.recipients == ["second@example.com"]


def test_content_without_a_recipient_is_never_ended(smtp: Smtp, sink: Sink) -> None:
    """A server may answer 354 to DATA although it took no recipient (RFC 2920, 3.1)."""
    sink.rcpt.append("550 5.1.1 No such user")
    sink.lets_in_nobody = True
    with pytest.raises(Refused):
        send(smtp)
    sink.lets_in_nobody = False
    assert send(smtp).startswith("250")
    assert sink.recipients == ["ada@example.com"]


def test_a_line_closed_in_the_middle_does_not_end_the_content(smtp: Smtp, sink: Sink, takes_ahead: bool) -> None:
    smtp.ready()
    smtp.offer(envelope(), 10)
    smtp._in_data = True
    assert smtp._line is not None
    smtp._line.send("Subject: x\r\n" if takes_ahead else "DATA\r\nSubject: x\r\n")
    smtp.close()
    time.sleep(0.1)
    assert sink.mails == []


def test_tls_is_verified(sink: Sink) -> None:
    with pytest.raises(Away):
        Smtp(SmtpSettings.from_url(f"smtps://127.0.0.1:{sink.port}")).ready()
    with pytest.raises(Away):
        Smtp(SmtpSettings.from_url(f"smtp://127.0.0.1:{sink.port}?starttls=1")).ready()
    assert ssl.create_default_context().verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.com", ("mail.example.com", 25, False, False, "", "")),
        ("smtp://u:p%40ss@h:587?starttls=1", ("h", 587, False, True, "u", "p@ss")),
        ("smtp://h?starttls=1", ("h", 587, False, True, "", "")),
        ("smtps://u%3A1:p@h?starttls=1", ("h", 465, True, False, "u:1", "p")),
        ("smtp://h?starttls=0", ("h", 25, False, False, "", "")),
    ],
)
def test_the_address_says_how_to_connect(url: str, expected: tuple[Any, ...]) -> None:
    read = SmtpSettings.from_url(url)
    assert (read.host, read.port, read.tls, read.starttls, read.user, read.password) == expected
    assert "p@ss" not in repr(read)
