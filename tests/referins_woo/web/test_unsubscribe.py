"""The links below marketing e-mails: a scanner's GET changes nothing, one POST without anything else acts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from referins_woo.commerce.models import Contact
from referins_woo.mail import consent, outbox, suppression
from referins_woo.mail.consent import Word
from referins_woo.mail.models import ConsentEvent, Message, MessageEvent
from referins_woo.process import Process
from tests.factories.rows import Made

AGREED = datetime(2026, 1, 2, tzinfo=UTC)
ADDRESS = "ana@ours.example.com"


@pytest.fixture
def token(running: Process, ours: Made) -> str:
    """The token of a marketing e-mail to a subscribed contact."""
    with running.database.unit() as session:
        contact = session.get_one(Contact, ours.ids["contact_id"])
        consent.note(session, contact, Word("subscribed", AGREED, "form"), datetime.now(UTC))
        message_id = outbox.put(
            session,
            outbox.Letter(
                account_id=ours.account_id,
                once_key="run:9:offer",
                purpose="marketing",
                to_email=ADDRESS,
                template={"subject": "News", "body": []},
                facts={},
                contact_id=contact.id,
                footer={"sender": "Ours Ltd", "address": "1 Example Street"},
            ),
        )
        found = session.scalars(select(Message.link_token).where(Message.id == message_id)).one()
    assert found is not None
    assert len(found) >= 32
    return found


def _subscribed(running: Process, ours: Made) -> bool:
    with running.database.reading() as session:
        return consent.is_subscribed(session, ours.account_id, ADDRESS)


def test_an_email_is_read_on_the_web_as_it_was_sent_and_can_do_nothing(
    client: FlaskClient, running: Process, ours: Made, token: str
) -> None:
    page = client.get(f"/view/{token}")
    assert (page.status_code, "has not been sent yet" in page.text) == (404, True)
    with running.database.unit() as session:
        message = session.scalars(select(Message).where(Message.link_token == token)).one()
        message.state, message.html = (
            "sent",
            '<p>News</p><script>alert(1)</script><a href="https://ours.example">Shop</a>',
        )
    page = client.get(f"/view/{token}")
    assert (page.status_code, page.text.startswith("<p>News</p>")) == (200, True)
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-top-navigation-by-user-activation allow-popups")
    assert "default-src 'none'" in policy and "script-src" not in policy
    assert page.headers["X-Robots-Tag"] == "noindex"
    with running.database.unit() as session:
        message = session.scalars(select(Message).where(Message.link_token == token)).one()
        assert message.opened_at is None, "looking is not measured"
        message.html, message.template, message.facts = None, {}, {}  # as retention leaves it
    page = client.get(f"/view/{token}")
    assert (page.status_code, "no longer kept" in page.text, "Ours Ltd" in page.text) == (410, True, True)
    with running.database.unit() as session:
        session.scalars(select(Message).where(Message.link_token == token)).one().to_email = ""
    assert client.get(f"/view/{token}").status_code == 404, "whoever was erased is not shown"
    assert client.get("/view/nothing").status_code == 404


def test_looking_changes_nothing(client: FlaskClient, running: Process, ours: Made, token: str) -> None:
    for path in (f"/u/{token}", f"/preferences/{token}"):
        assert client.head(path).status_code == 200
        page = client.get(path)
        assert "Ours Ltd" in page.text
        assert "an…@ours.example.com" in page.text
        assert ADDRESS not in page.text
    assert _subscribed(running, ours)


@pytest.mark.parametrize(
    ("data", "source"),
    [
        ({"List-Unsubscribe": "One-Click"}, "unsubscribe button of the mail program"),
        ({}, "unsubscribe link"),
    ],
)
def test_one_post_acts_without_cookie_sign_in_or_form_token(
    client: FlaskClient, running: Process, ours: Made, token: str, data: dict[str, str], source: str
) -> None:
    answer = client.post(f"/u/{token}", data=data)
    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.text
    assert not _subscribed(running, ours)
    with running.database.reading() as session:
        assert session.get_one(Contact, ours.ids["contact_id"]).consent == "unsubscribed"
        last = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id.desc())).first()
        assert last is not None
        assert last.source == source
        asked = (ours.account_id, ADDRESS, "transactional")
        assert suppression.reasons(session, [asked]) == {}, "e-mails about orders still come"
    again = client.post(f"/u/{token}", data=data)
    assert (again.status_code, "You are unsubscribed" in again.text) == (200, True), "the link works again"
    with running.database.reading() as session:
        assert len(session.scalars(select(MessageEvent)).all()) == 1, "once is enough"


def test_a_mistake_is_undone_on_the_preference_page(
    client: FlaskClient, running: Process, ours: Made, token: str
) -> None:
    client.post(f"/u/{token}")
    page = client.post(f"/preferences/{token}", data={"marketing": "yes"})
    assert "Saved" in page.text
    assert _subscribed(running, ours)
    with running.database.reading() as session:
        last = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id.desc())).first()
        assert last is not None
        assert (last.source, last.wording) == ("preference page", "Send me e-mails with news and offers from Ours Ltd")
    client.post(f"/preferences/{token}")
    assert not _subscribed(running, ours)


@pytest.mark.parametrize("forged", ["nothing", "x" * 32, "x" * 500, "..%2F", "'--"])
def test_forged_links_lead_nowhere(client: FlaskClient, token: str, forged: str) -> None:
    assert client.get(f"/u/{forged}").status_code == 404
    assert client.post(f"/u/{forged}").status_code == 404
    assert client.post(f"/preferences/{forged}", data={"marketing": "yes"}).status_code == 404


def test_an_erased_person_has_nothing_to_unsubscribe_from(client: FlaskClient, running: Process, token: str) -> None:
    with running.database.unit() as session:
        message = session.scalars(select(Message).where(Message.link_token == token)).one()
        message.to_email = ""
    assert client.get(f"/u/{token}").status_code == 404
