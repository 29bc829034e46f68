"""A file of contacts from upload to end: looked at first, taken in once, whatever dies on the way."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import count
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import func, select

from referins_woo import clock
from referins_woo.commerce.models import Contact, ContactLog
from referins_woo.db import Database
from referins_woo.errors import InvalidInput
from referins_woo.events.models import Event
from referins_woo.ingest.contact_files import files, people, working
from referins_woo.ingest.contact_files.models import ContactFile, ContactFilePart, ContactFileProblem
from referins_woo.ingest.contact_files.rows import Choices
from referins_woo.mail import consent
from referins_woo.mail.models import ConsentEvent, Message
from referins_woo.privacy.erase import erase
from referins_woo.process import Process
from referins_woo.queues import MemoryBells
from tests.factories.rows import Made, account_with_everything

HEADER = "email,first_name,last_name,phone,consent,consent_at\n"


@pytest.fixture
def ours(database: Database, bells: MemoryBells) -> Made:
    return account_with_everything(database, "ours@example.com")


def _keep(database: Database, account_id: int, text: str, name: str = "list.csv") -> int:
    with database.unit() as session:
        return files.keep(session, account_id, None, name, files.parts_of(io.BytesIO(text.encode()))).id


def _work(database: Database, file_id: int, seconds: float = 60.0, now: Callable[[], float] = monotonic) -> bool:
    return working.work(database, file_id, seconds, now)


def _begin(database: Database, file_id: int) -> None:
    with database.unit() as session:
        files.begin(session, session.get_one(ContactFile, file_id))


def _file(database: Database, file_id: int) -> ContactFile:
    with database.reading() as session:
        return session.get_one(ContactFile, file_id)


def _rows(database: Database, model: Any, *conditions: Any) -> list[Any]:
    with database.reading() as session:
        return list(session.scalars(select(model).where(*conditions).order_by(model.id)))


def test_a_file_is_looked_at_and_nothing_comes_in_before_it_is_started(database: Database, ours: Made) -> None:
    text = HEADER + "new@example.com,New,One,,subscribed,2024-01-01\nana@ours.example.com,,,,unsubscribed,\nbad,,,,,\n"
    file_id = _keep(database, ours.account_id, text + "new@example.com,Again,,,,\n")
    assert not _work(database, file_id)
    file = _file(database, file_id)
    assert (file.state, file.total, file.shape) == ("ready", 4, "referins")
    assert {key: file.forecast.get(key) for key in ("new", "known", "refused", "again", "subscribed")} == {
        "new": 1,
        "known": 1,
        "refused": 1,
        "again": 1,
        "subscribed": 1,
    }
    assert len(_rows(database, Contact, Contact.account_id == ours.account_id)) == 1


def test_taking_it_in_creates_fills_and_notes_consent_and_fires_nothing(database: Database, ours: Made) -> None:
    text = (
        HEADER
        + "new@example.com,New,One,,subscribed,2024-01-01\nANA@ours.example.com,Anna,X,123,unsubscribed,\nbad,,,,,\n"
    )
    file_id = _keep(database, ours.account_id, text)
    events, messages = len(_rows(database, Event)), len(_rows(database, Message))
    _work(database, file_id)
    _begin(database, file_id)
    assert not _work(database, file_id)
    file = _file(database, file_id)
    assert (file.state, file.cursor) == ("done", 3)
    assert dict(file.counts) == {"created": 1, "updated": 1, "refused": 1, "subscribed": 1, "unsubscribed": 1}
    ana, new = _rows(database, Contact, Contact.account_id == ours.account_id)
    assert (ana.name, ana.phone, ana.consent) == ("Ana Petrova", "123", "unsubscribed"), "filled fields stay"
    assert (new.name, new.consent, new.consent_source) == ("New One", "subscribed", "file list.csv")
    [problem] = _rows(database, ContactFileProblem)
    assert (problem.row, problem.reason_code) == (4, "bad_email")
    assert _rows(database, ContactFilePart) == [], "the content goes with the end"
    assert (len(_rows(database, Event)), len(_rows(database, Message))) == (events, messages)


def test_replacing_spares_the_customers_of_a_store(database: Database, ours: Made) -> None:
    with database.unit() as session:
        free = Contact(account_id=ours.account_id, name="Old Name", email="f@example.com", email_key="f@example.com")
        session.add(free)
    file_id = _keep(database, ours.account_id, HEADER + "f@example.com,New,Name,,,\nana@ours.example.com,New,Name,,,\n")
    with database.unit() as session:
        file = session.get_one(ContactFile, file_id)
        file.header = HEADER.strip().split(",")
        files.decide(session, file, {"email": 0, "first_name": 1, "last_name": 2}, Choices(overwrite=True))
    _work(database, file_id)
    _begin(database, file_id)
    _work(database, file_id)
    names = {contact.email_key: contact.name for contact in _rows(database, Contact)}
    assert names["f@example.com"] == "New Name"
    assert names["ana@ours.example.com"] == "Ana Petrova"


def test_tags_of_a_file_follow_the_rules_of_tags_and_say_where_they_come_from(database: Database, ours: Made) -> None:
    with database.unit() as session:
        session.get_one(Contact, ours.ids["contact_id"]).tags = ["Wholesale"]
    name = "a list " + "x" * 180 + ".csv"
    text = 'email,tags\nana@ours.example.com,"wholesale,moved,MOVED"\nnew@example.com,"Vip,vip"\n'
    file_id = _keep(database, ours.account_id, text, name)
    _work(database, file_id)
    _begin(database, file_id)
    _work(database, file_id)
    assert [one.tags for one in _rows(database, Contact)] == [["Wholesale", "moved"], ["Vip"]]
    (log,) = _rows(database, ContactLog)
    assert (log.contact_id, log.kind, log.text) == (ours.ids["contact_id"], "tag_added", "moved")
    assert log.source.startswith("File “a list xxx")


def test_an_older_yes_does_not_overrule_a_newer_no(database: Database, ours: Made) -> None:
    for text in ("a@example.com,,,,unsubscribed,2025-01-01\n", "a@example.com,,,,subscribed,2024-01-01\n"):
        file_id = _keep(database, ours.account_id, HEADER + text)
        _work(database, file_id)
        _begin(database, file_id)
        _work(database, file_id)
    [contact] = _rows(database, Contact, Contact.email_key == "a@example.com")
    assert contact.consent == "unsubscribed"
    assert [event.applied for event in _rows(database, ConsentEvent)] == [True, False]
    assert _file(database, file_id).counts["older_word"] == 1


def test_erased_people_stay_away(database: Database, ours: Made) -> None:
    with database.unit() as session:
        erase(session, session.get_one(Contact, ours.ids["contact_id"]), clock.now())
    file_id = _keep(database, ours.account_id, HEADER + "ana@ours.example.com,Ana,Back,,subscribed,2024-01-01\n")
    _work(database, file_id)
    assert _file(database, file_id).forecast["erased"] == 1
    _begin(database, file_id)
    _work(database, file_id)
    assert _rows(database, Contact, Contact.account_id == ours.account_id) == []
    [problem] = _rows(database, ContactFileProblem)
    assert (problem.reason_code, problem.email) == ("erased", "")


def test_a_worker_that_dies_between_and_within_batches_changes_nothing_about_the_end(
    database: Database, ours: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"p{number}@example.com,P,{number},,subscribed,2024-01-01" for number in range(450)]
    file_id = _keep(database, ours.account_id, HEADER + "\n".join(lines) + "\n")
    _work(database, file_id)
    _begin(database, file_id)
    ticks = count()
    assert _work(database, file_id, 0.5, lambda: float(next(ticks))), "one batch, then its time is over"
    write = people.write

    def die_in_the_middle(*arguments: Any) -> Any:
        write(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(working, "write", die_in_the_middle)
    with pytest.raises(KeyboardInterrupt):
        _work(database, file_id)
    monkeypatch.undo()
    assert not _work(database, file_id)
    assert _file(database, file_id).counts == {"created": 450, "subscribed": 450}
    with database.reading() as session:
        assert session.scalar(select(func.count()).where(Contact.account_id == ours.account_id)) == 451
        assert session.scalar(select(func.count()).select_from(ConsentEvent)) == 450


def test_a_file_is_not_taken_in_twice_and_a_cancelled_one_not_at_all(database: Database, ours: Made) -> None:
    file_id = _keep(database, ours.account_id, HEADER + "a@example.com,,,,,\n")
    with pytest.raises(InvalidInput, match="cannot be imported now"):
        _begin(database, file_id)
    _work(database, file_id)
    with database.unit() as session:
        files.cancel(session, session.get_one(ContactFile, file_id))
    assert not _work(database, file_id)
    with pytest.raises(InvalidInput):
        _begin(database, file_id)
    assert _rows(database, Contact, Contact.email_key == "a@example.com") == []


@pytest.mark.parametrize(
    ("mapping", "choices", "field"),
    [
        ({"first_name": 1}, Choices(), "email"),
        ({"email": 9}, Choices(), "mapping"),
        ({"email": 0}, Choices(consent="subscribed", consent_source="shop"), "consent_at"),
        ({"email": 0}, Choices(consent="subscribed", consent_at="2099-01-01", consent_source="shop"), "consent_at"),
        ({"email": 0}, Choices(consent="subscribed", consent_at="2024-01-01"), "consent_source"),
        ({"email": 0}, Choices(consent="perhaps"), "consent"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    database: Database, ours: Made, mapping: dict[str, int], choices: Choices, field: str
) -> None:
    file_id = _keep(database, ours.account_id, HEADER + "a@example.com,,,,,\n")
    _work(database, file_id)
    with database.unit() as session, pytest.raises(InvalidInput) as refused:
        files.decide(session, session.get_one(ContactFile, file_id), mapping, choices)
    assert refused.value.field == field


def test_a_file_without_rows_or_without_anything_says_so(database: Database, ours: Made) -> None:
    file_id = _keep(database, ours.account_id, HEADER)
    _work(database, file_id)
    assert (_file(database, file_id).state, "no rows" in _file(database, file_id).note) == ("failed", True)
    with pytest.raises(InvalidInput, match="empty"):
        _keep(database, ours.account_id, "")


def test_mailchimps_names_of_files_say_who_is_in_them(database: Database, ours: Made) -> None:
    text = "Email Address,First Name,OPTIN_TIME,LAST_CHANGED\na@example.com,A,2020-01-01 00:00:00,2021-01-01 00:00:00\n"
    file_id = _keep(database, ours.account_id, text, "unsubscribed_members_export_1a2b.csv")
    _work(database, file_id)
    assert _file(database, file_id).forecast["unsubscribed"] == 1


def test_a_file_may_ask_those_whom_it_calls_subscribed(database: Database, ours: Made, running: Process) -> None:
    text = HEADER + (
        "new@example.com,New,One,,subscribed,\n"
        "left@example.com,Left,One,,subscribed,2024-01-01\n"
        "other@example.com,,,,unsubscribed,\n"
        "silent@example.com,,,,,\n"
        "new@example.com,New,One,,subscribed,\n"
    )
    with database.unit() as session:
        left = Contact(account_id=ours.account_id, email="left@example.com", email_key="left@example.com", name="Left")
        session.add(left)
        session.flush()
        consent.note(session, left, consent.Word("unsubscribed", clock.now(), "preference page"), clock.now())
    file_id = _keep(database, ours.account_id, text)
    _work(database, file_id)
    before = len(_rows(database, Message))
    with database.unit() as session:
        file = session.get_one(ContactFile, file_id)
        files.decide(session, file, dict(file.mapping), Choices(confirm=True, consent_source="form at the till"))
    _work(database, file_id)
    assert _file(database, file_id).forecast["asked"] == 2, "a repeated row counts once"
    assert len(_rows(database, Message)) == before, "looking at a file mails nobody"
    _begin(database, file_id)
    for _ in range(2):  # the second time there is nothing left to do
        _work(database, file_id)
    asked = _rows(database, Message, Message.once_key.like("confirm:%"))
    assert [(one.to_email, one.purpose, one.lane) for one in asked] == [("new@example.com", "transactional", 1)]
    assert "form at the till" in asked[0].facts["source"]
    assert asked[0].facts["link"].startswith(f"{running.config.public_url}/confirm/")
    counts = _file(database, file_id).counts
    assert (counts["asked"], counts["not_asked"], counts.get("subscribed", 0)) == (1, 2, 0)
    states = {one.email: one.consent for one in _rows(database, Contact, Contact.account_id == ours.account_id)}
    assert states["new@example.com"] == states["silent@example.com"] == "unknown"
    assert states["left@example.com"] == states["other@example.com"] == "unsubscribed"
