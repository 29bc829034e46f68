"""What Postmark reports, what is sent again by hand, the list of suppressed addresses, and asking by e-mail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from referins_woo.commerce.models import Contact
from referins_woo.db import Database
from referins_woo.errors import Final, InvalidInput
from referins_woo.mail import again, consent, double_optin, postmark_hooks, suppressed, suppression
from referins_woo.mail.consent import Word
from referins_woo.mail.models import ConsentEvent, Message, MessageEvent, Suppression
from referins_woo.queues import MemoryBells
from tests.conftest import ClockHand
from tests.referins_woo.mail.conftest import FakeProvider, Post

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
WHO = "ada@example.com"


def person(database: Database, state: str = "subscribed", email: str = WHO) -> int:
    with database.unit() as session:
        row = Contact(account_id=1, email=email, email_key=email, consent=state)
        session.add(row)
        session.flush()
        return row.id


def sent(post: Post, state: str = "sent", **changes: Any) -> int:
    message_id = post.put(WHO, **changes)
    with post.database.unit() as session:
        row = session.get_one(Message, message_id)
        row.state, row.rfc_message_id = state, f"<{message_id}.{'ab' * 12}@mail.example.com>"
    return message_id


def record(message_id: int, type_: str, **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "RecordType": type_,
        "MessageID": "pm-1",
        "Recipient": WHO,
        "Metadata": {"message_id": f"{message_id}.{'ab' * 12}@mail.example.com"},
    }
    return given | changes


def take(database: Database, told: dict[str, Any]) -> str:
    with database.unit() as session:
        return postmark_hooks.take(session, told, NOW)


def consent_of(database: Database) -> str:
    with database.reading() as session:
        return session.scalars(select(Contact.consent)).one()


@pytest.mark.parametrize(
    ("told", "kind", "then"),
    [
        ({"RecordType": "Delivery", "Details": "250 ok"}, "delivered", "subscribed"),
        (
            {"RecordType": "Bounce", "Type": "HardBounce", "ID": 7},
            "bounced",
            "bounced",
        ),
        ({"RecordType": "Bounce", "Type": "SoftBounce", "ID": 8}, "delayed", "subscribed"),
        ({"RecordType": "Bounce", "Type": "Transient", "ID": 9}, "delayed", "subscribed"),
        ({"RecordType": "SpamComplaint", "ID": 10}, "complained", "complained"),
        (
            {"RecordType": "SubscriptionChange", "SuppressSending": True, "SuppressionReason": "ManualSuppression"},
            "unsubscribed",
            "unsubscribed",
        ),
        ({"RecordType": "SubscriptionChange", "SuppressSending": False}, "", "subscribed"),
        ({"RecordType": "Open"}, "", "subscribed"),
        ({"RecordType": "Bounce", "Type": "HardBounce", "Recipient": "other@example.com"}, "", "subscribed"),
        ({"RecordType": "Bounce", "Type": "HardBounce", "Metadata": {}}, "", "subscribed"),
        ({"RecordType": "Bounce", "Type": "HardBounce", "Metadata": {"message_id": "1.forged@x"}}, "", "subscribed"),
        ({"RecordType": "Bounce", "Type": "HardBounce", "Metadata": {"message_id": "x"}}, "", "subscribed"),
        ({"RecordType": 7, "Metadata": [], "Recipient": {}}, "", "subscribed"),
    ],
)
def test_what_postmark_says_takes_effect_once(post: Post, told: dict[str, Any], kind: str, then: str) -> None:
    person(post.database)
    message_id = sent(post)
    for expected in (kind, ""):
        assert take(post.database, record(message_id, "") | told) == expected
    assert consent_of(post.database) == then
    with post.database.reading() as session:
        assert list(session.scalars(select(MessageEvent.kind))) == ([kind] if kind else [])


def test_a_report_settles_what_nobody_knew(post: Post) -> None:
    message_id = sent(post, "unknown")
    take(post.database, record(message_id, "Bounce", Type="Transient", ID=1))
    assert post.get(message_id).state == "unknown"
    take(post.database, record(message_id, "Delivery"))
    row = post.get(message_id)
    assert (row.state, row.reason, row.sent_at) == ("sent", "", NOW)


def test_an_erased_persons_report_is_nothing(post: Post) -> None:
    message_id = sent(post)
    with post.database.unit() as session:
        session.get_one(Message, message_id).to_email = ""
    assert take(post.database, record(message_id, "SpamComplaint")) == ""


@pytest.mark.parametrize("state", ["failed", "unknown"])
def test_what_failed_or_is_unknown_is_sent_again_by_hand_alone(
    post: Post, fake: FakeProvider, clock: ClockHand, bells: MemoryBells, state: str
) -> None:
    message_id = sent(post, state, not_after=clock.now() - timedelta(hours=1))
    before = post.get(message_id).rfc_message_id
    post.drain(fake)
    assert fake.delivered == []
    bells.pending.clear()
    with post.database.unit() as session:
        again.send_again(session, session.get_one(Message, message_id), clock.now())
    assert [bell[1] for bell in bells.pending] == ["send_messages"]
    post.drain(fake)
    assert post.get(message_id).state == "sent"
    assert before.encode() in fake.delivered[0][1], "whoever got it already can tell"
    assert len(fake.delivered) == 1


@pytest.mark.parametrize(
    ("state", "changes", "says"),
    [
        ("sent", {}, "Only an e-mail that failed"),
        ("skipped", {}, "Only an e-mail that failed"),
        ("failed", {"purpose": "system"}, "asked for anew"),
        ("failed", {"template": {}}, "no longer kept"),
        ("failed", {"days": 8}, "more than 7 days ago"),
        ("failed", {"stop": "bounced"}, "came back"),
        ("failed", {"stop": "blocked"}, "blocked by hand"),
    ],
)
def test_what_cannot_be_sent_again_says_why(
    post: Post, clock: ClockHand, state: str, changes: dict[str, Any], says: str
) -> None:
    days, stop = changes.get("days", 0), changes.get("stop", "")
    message_id = sent(post, state, **{name: changes[name] for name in changes if name not in ("days", "stop")})
    if stop:
        with post.database.unit() as session:
            suppression.suppress(session, 1, WHO, stop)
    now = clock.now() + timedelta(days=days)
    with pytest.raises(Final, match=says), post.database.unit() as session:
        again.send_again(session, session.get_one(Message, message_id), now)
    assert post.get(message_id).state == state


def suppressions(database: Database) -> list[tuple[str, str]]:
    with database.reading() as session:
        return [(row.email_key, row.reason) for row in session.scalars(select(Suppression).order_by(Suppression.id))]


def remove(database: Database, why: str = "They wrote to us") -> None:
    with database.unit() as session:
        suppressed.remove(session, session.scalars(select(Suppression)).one(), why, NOW + timedelta(days=1))


@pytest.mark.parametrize(
    ("said", "stopped", "then", "left"),
    [
        ("subscribed", "bounced", "subscribed", []),
        ("", "bounced", "unknown", []),
        ("unsubscribed", "complained", "unsubscribed", [(WHO, "unsubscribed")]),
        ("subscribed", "complained", "unsubscribed", [(WHO, "unsubscribed")]),
    ],
)
def test_an_address_taken_off_is_as_the_person_left_it(
    post: Post, said: str, stopped: str, then: str, left: list[tuple[str, str]]
) -> None:
    person(post.database, "unknown")
    for number, state in enumerate(filter(None, (said, stopped))):
        with post.database.unit() as session:
            word = Word(state, NOW + timedelta(minutes=number), "test")
            consent.note_address(session, 1, WHO, word, NOW + timedelta(minutes=number))
    assert suppressions(post.database)[0][1] == stopped
    remove(post.database)
    assert suppressions(post.database) == left
    assert consent_of(post.database) == then
    with post.database.reading() as session:
        newest = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id.desc())).first()
        assert newest is not None
        assert (newest.source, newest.wording) == ("taken off the suppression list", "They wrote to us")


@pytest.mark.parametrize("reason", ["unsubscribed", "erased", "erased_in_store"])
def test_what_a_person_said_is_not_the_merchants_to_undo(post: Post, reason: str) -> None:
    with post.database.unit() as session:
        suppression.suppress(session, 1, WHO, reason)
    before = suppressions(post.database)
    with pytest.raises(InvalidInput):
        remove(post.database)
    assert suppressions(post.database) == before


def test_an_address_blocked_by_hand_gets_nothing_until_it_is_taken_off(post: Post, fake: FakeProvider) -> None:
    person(post.database)
    with post.database.unit() as session:
        assert suppressed.add(session, 1, " Ada@Example.com ", "wrote us an angry letter") == WHO
    with pytest.raises(InvalidInput, match="already"), post.database.unit() as session:
        suppressed.add(session, 1, WHO, "")
    with pytest.raises(InvalidInput, match="no e-mail address"), post.database.unit() as session:
        suppressed.add(session, 1, "nobody", "")
    with post.database.unit() as session:  # a file that calls them subscribed does not lift it
        consent.note_address(session, 1, WHO, Word("subscribed", NOW, "file"), NOW)
    message_id = post.put(WHO)
    post.drain(fake)
    assert post.reason(message_id) == "skipped: blocked"
    with pytest.raises(InvalidInput, match="Say why"):
        remove(post.database, " ")
    remove(post.database)
    post.put(WHO, once_key="later")
    post.drain(fake)
    assert fake.recipients == [WHO]


def test_the_list_is_searched_paged_and_of_one_account(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppressed, "PAGE", 2)
    with database.unit() as session:
        for number in range(5):
            suppression.suppress(session, 1, f"a_{number}@example.com", "bounced")
        suppression.suppress(session, 1, "axb@example.com", "unsubscribed")
        suppression.suppress(session, 2, "a_9@example.com", "bounced")
    with database.reading() as session:
        first = suppressed.page(session, 1, "A_")
        assert (first.total, [row.email_key for row in first.rows]) == (5, ["a_4@example.com", "a_3@example.com"])
        second = suppressed.page(session, 1, "a_", after=first.after)
        last = suppressed.page(session, 1, "a_", after=second.after)
        assert [row.email_key for row in last.rows] == ["a_0@example.com"] and last.after is None
        assert suppressed.page(session, 1, reason="unsubscribed").total == 1
        assert len(list(suppressed.every(session, 1))) == 6


def ask(database: Database, contact_id: int, **changes: Any) -> bool:
    given: dict[str, Any] = {
        "asked_by": "file 3",
        "sender": "Ada & Sons",
        "address": "1 High Street",
        "source": "newsletter form",
        "public_url": "https://app.example.com",
    }
    with database.unit() as session:
        return double_optin.ask(session, session.get_one(Contact, contact_id), **(given | changes))


def test_who_is_asked_gets_one_email_and_is_subscribed_by_their_yes_alone(post: Post, fake: FakeProvider) -> None:
    contact_id = person(post.database, "unknown")
    assert ask(post.database, contact_id) is True
    assert ask(post.database, contact_id) is False, "once a file"
    post.drain(fake)
    assert fake.recipients == [WHO]
    with post.database.reading() as session:
        message = session.scalars(select(Message)).one()
        token = str(message.link_token)
        assert f"https://app.example.com/confirm/{token}" in (message.text or "")
        assert message.lane == 1, "it waits behind orders"
        assert double_optin.question_of(session, token) is not None
    assert consent_of(post.database) == "unknown"
    for _ in range(2):
        with post.database.unit() as session:
            question = double_optin.question_of(session, token)
            assert question is not None
            double_optin.confirm(session, question, NOW)
    assert consent_of(post.database) == "subscribed"
    with post.database.reading() as session:
        event = session.scalars(select(ConsentEvent)).one()
        assert (event.source, event.wording) == (
            "confirmed by e-mail",
            "Send me e-mails with news and offers from Ada & Sons",
        )


@pytest.mark.parametrize("state", ["subscribed", "unsubscribed", "bounced", "complained"])
def test_who_has_said_something_is_not_asked(post: Post, state: str) -> None:
    contact_id = person(post.database, state)
    assert ask(post.database, contact_id) is False
    assert post.states() == []


def test_who_is_suppressed_is_not_asked_and_other_links_confirm_nothing(post: Post) -> None:
    contact_id = person(post.database, "unknown")
    with post.database.unit() as session:
        suppression.suppress(session, 1, WHO, "unsubscribed")
    assert ask(post.database, contact_id) is False
    other = post.get(post.put(WHO))
    with post.database.reading() as session:
        assert double_optin.question_of(session, str(other.link_token)) is None
