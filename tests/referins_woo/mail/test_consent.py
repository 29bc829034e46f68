"""The ledger of consent: dated words with a source, and the newest holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.commerce.models import Contact
from referins_woo.db import Database
from referins_woo.errors import InvalidInput
from referins_woo.mail import consent, suppression
from referins_woo.mail.consent import Word
from referins_woo.mail.models import Suppression

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(days=30)
ADDRESS = "ana@example.com"


@pytest.mark.parametrize(
    ("state", "at", "held", "held_at", "wins"),
    [
        ("subscribed", NOW, "unknown", None, True),
        ("subscribed", NOW, "unsubscribed", EARLIER, True),
        ("subscribed", EARLIER, "unsubscribed", NOW, False),
        ("subscribed", NOW, "complained", EARLIER, True),
        ("subscribed", NOW, "subscribed", NOW, False),
        ("subscribed", NOW, "subscribed", EARLIER, True),
        ("unsubscribed", NOW, "subscribed", EARLIER, True),
        ("unsubscribed", NOW, "subscribed", NOW, True),
        ("unsubscribed", NOW, "complained", EARLIER, False),
        ("unsubscribed", NOW, "bounced", EARLIER, False),
        ("complained", NOW, "subscribed", EARLIER, True),
        ("bounced", EARLIER, "subscribed", NOW, False),
    ],
)
def test_the_newest_word_holds(state: str, at: datetime, held: str, held_at: datetime | None, wins: bool) -> None:
    assert consent.wins(state, at, held, held_at) is wins


def _contact(session: Session, account_id: int = 1) -> Contact:
    contact = Contact(account_id=account_id, name="Ana", email=ADDRESS, email_key=ADDRESS)
    session.add(contact)
    session.flush()
    return contact


def _suppressed(session: Session) -> list[tuple[str, str]]:
    return [(row.email_key, row.reason) for row in session.scalars(select(Suppression))]


def test_a_yes_needs_a_source_and_a_time_that_was(database: Database) -> None:
    with database.unit() as session:
        contact = _contact(session)
        with pytest.raises(InvalidInput, match="Say where") as no_source:
            consent.note(session, contact, Word("subscribed", NOW, "  "), NOW)
        assert no_source.value.field == "consent_source"
        with pytest.raises(InvalidInput, match="future") as too_early:
            consent.note(session, contact, Word("subscribed", NOW + timedelta(days=1), "form"), NOW)
        assert too_early.value.field == "consent_at"
        assert (contact.consent, consent.history(session, 1, contact.id)) == ("unknown", [])


def test_an_older_word_is_kept_as_evidence_alone(database: Database) -> None:
    with database.unit() as session:
        contact = _contact(session)
        assert consent.note(session, contact, Word("unsubscribed", NOW, "link"), NOW)
        assert not consent.note(session, contact, Word("subscribed", EARLIER, "newsletter form"), NOW)
        session.flush()
        assert contact.consent == "unsubscribed"
        assert [(one.state, one.applied) for one in consent.history(session, 1, contact.id)] == [
            ("unsubscribed", True),
            ("subscribed", False),
        ]
        assert _suppressed(session) == [(ADDRESS, "unsubscribed")]


def test_a_newer_yes_takes_the_address_off_the_suppressions(database: Database) -> None:
    with database.unit() as session:
        contact = _contact(session)
        consent.note(session, contact, Word("complained", EARLIER, "provider"), NOW)
        session.flush()
        assert consent.note(session, contact, Word("subscribed", NOW, "form", "Yes, mail me"), NOW)
        session.flush()
        assert _suppressed(session) == []
        assert consent.history(session, 1, contact.id)[0].wording == "Yes, mail me"


def test_a_yes_does_not_bring_back_an_erased_address(database: Database) -> None:
    with database.unit() as session:
        suppression.suppress(session, 1, ADDRESS, "erased")
        consent.note(session, _contact(session), Word("subscribed", NOW, "form"), NOW)
        session.flush()
        asked = [(1, ADDRESS.upper(), "marketing"), (1, ADDRESS, "transactional"), (2, ADDRESS, "transactional")]
        assert suppression.reasons(session, asked) == {asked[0]: "erased", asked[1]: "erased"}
        assert ADDRESS not in str(_suppressed(session))


def test_a_word_about_an_address_reaches_every_contact_with_it_in_that_account_only(database: Database) -> None:
    with database.unit() as session:
        mine, also_mine, foreign = _contact(session), _contact(session), _contact(session, account_id=2)
        assert consent.note_address(session, 1, " Ana@Example.com", Word("bounced", NOW, "smtp"), NOW) == 2
        session.flush()
        assert (mine.consent, also_mine.consent, foreign.consent) == ("bounced", "bounced", "unknown")
        assert suppression.reasons(session, [(1, ADDRESS, "transactional"), (2, ADDRESS, "transactional")]) == {
            (1, ADDRESS, "transactional"): "bounced"
        }
