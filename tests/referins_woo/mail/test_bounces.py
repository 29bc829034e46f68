"""Mails that come back: ours are known by their Message-ID, and stop mail to the address that they are about."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce.models import Contact
from referins_woo.db import Database
from referins_woo.mail import bounces, suppression
from referins_woo.mail.models import Message, MessageEvent

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
OURS = f"<7.{'ab' * 12}@mail.example.com>"


def dsn(address: str, action: str, status: str, message_id: str = OURS) -> bytes:
    return f"""From: MAILER-DAEMON@mx.example.net
To: no-reply@mail.example.com
Subject: Delivery report
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Something happened.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {address}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 No such user

--b
Content-Type: message/rfc822

Message-ID: {message_id}
To: {address}
Subject: Hello

Hello
--b--
""".replace("\n", "\r\n").encode()


def complaint(message_id: str = OURS) -> bytes:
    return f"""From: feedback@provider.example
To: no-reply@mail.example.com
Subject: complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

A complaint.
--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Provider/1.0
Version: 1

--b
Content-Type: message/rfc822

Message-ID: {message_id}
Subject: Hello

Hello
--b--
""".replace("\n", "\r\n").encode()


@pytest.fixture
def sent(database: Database) -> Database:
    with database.unit() as session:
        contact = Contact(account_id=1, name="Ana", email="Ana@example.com", email_key="ana@example.com")
        session.add(contact)
        session.flush()
        session.add(
            Message(
                id=7,
                account_id=1,
                contact_id=contact.id,
                once_key="run:1:a",
                purpose="marketing",
                to_email="Ana@example.com",
                template={},
                facts={},
                state="sent",
                rfc_message_id=OURS,
            )
        )
    return database


def _consent(session: Session) -> str:
    return session.scalars(select(Contact.consent)).one()


def _take(database: Database, raw: bytes) -> tuple[str, int]:
    with database.unit() as session:
        return bounces.take(session, raw, NOW)


def _stopped(database: Database) -> bool:
    with database.reading() as session:
        asked = (1, "ana@example.com", "transactional")
        return asked in suppression.reasons(session, [asked])


def test_an_address_that_does_not_exist_gets_no_more_mail(sent: Database) -> None:
    kind, message_id = _take(sent, dsn("ana@example.com", "failed", "5.1.1"))
    assert kind == "bounced"
    assert _stopped(sent)
    with sent.reading() as session:
        assert _consent(session) == "bounced"
        event = session.scalars(select(MessageEvent)).one()
        assert (event.message_id, event.kind, event.detail) == (message_id, "bounced", "5.1.1")


def test_a_delay_is_noted_and_stops_nothing(sent: Database) -> None:
    assert _take(sent, dsn("ana@example.com", "delayed", "4.4.7"))[0] == "delayed"
    assert not _stopped(sent)


def test_a_complaint_stops_everything(sent: Database) -> None:
    assert _take(sent, complaint())[0] == "complained"
    assert _stopped(sent)
    with sent.reading() as session:
        assert _consent(session) == "complained"


@pytest.mark.parametrize(
    "raw",
    [
        dsn("someone-else@example.com", "failed", "5.1.1"),
        dsn("ana@example.com", "failed", "5.1.1", f"<8.{'cd' * 12}@mail.example.com>"),
        dsn("ana@example.com", "failed", "5.1.1", "<foreign@elsewhere.example>"),
        complaint(f"<9.{'ef' * 12}@mail.example.com>"),
        b"Subject: hello\r\n\r\nOut of office\r\n",
        b"",
        b"\x00\xff" * 500,
    ],
)
def test_what_is_not_about_a_message_of_ours_changes_nothing(sent: Database, raw: bytes) -> None:
    assert _take(sent, raw) == ("", 0)
    assert not _stopped(sent)
