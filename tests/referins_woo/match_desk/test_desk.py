"""The match desk on both databases: what raises a pair, merging, and undo that gives everything back."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

import referins_woo
from referins_woo import clock, queues
from referins_woo.accounts.models import AuditEntry
from referins_woo.commerce import contacts as people
from referins_woo.commerce.models import Contact, ContactLink, ContactMerge, CustomerMapping, Match, Order, StoreMapping
from referins_woo.commerce.records import CustomerRecord, OrderRecord
from referins_woo.commerce.upsert.contacts import contacts_for_guests, upsert_customers
from referins_woo.customer_mapping import desk as mapping
from referins_woo.db import Base
from referins_woo.errors import InvalidInput
from referins_woo.events.models import Event
from referins_woo.mail import consent
from referins_woo.mail.models import ConsentEvent, Message
from referins_woo.match_desk import desk, rows
from referins_woo.privacy.erase import erase
from referins_woo.privacy.export import export
from referins_woo.process import Process
from referins_woo.runs.models import Run
from referins_woo.stores.models import Store
from tests.factories.rows import Made, account_with_everything, with_double
from tests.referins_woo.events.test_detect import order

AT = datetime(2026, 11, 25, 9, tzinfo=UTC)
ADDRESS = {"first_name": "Ana", "last_name": "Petrova", "phone": "1"}


@pytest.fixture
def ours(running: Process) -> Made:
    return with_double(running.database, account_with_everything(running.database, "ours@example.com"))


def customer(woo_id: int, email: str, name: str = "Ana Petrova") -> CustomerRecord:
    first, _, last = name.rpartition(" ")
    return CustomerRecord(woo_id, email, first, last, "ana", "customer", "1", {}, {}, f"hash-{woo_id}")


def guest(woo_id: int, email: str) -> OrderRecord:
    return order(woo_id=woo_id, number=str(woo_id), email=email, billing=ADDRESS, placed_at=AT)


def _matches(session: Session) -> list[tuple[int, int, str, bool]]:
    query = select(Match.older_id, Match.newer_id, Match.rule, Match.from_guest).where(Match.rule != "by_hand")
    return [tuple(row) for row in session.execute(query.order_by(Match.id))]  # type: ignore[misc]


def _double_of(session: Session, made: Made) -> int:
    """A second contact with the e-mail of the first: e-mails can be shared once stores say so."""
    first = session.get_one(Contact, made.ids["contact_id"])
    second = people.create(session, made.account_id, people.Fields(name="Somebody Else"), AT)
    second.email, second.email_key = first.email, first.email_key
    session.flush()
    return second.id


def test_a_shared_email_makes_a_new_contact_at_once_and_asks_about_all_of_them(running: Process, ours: Made) -> None:
    with running.database.unit() as session:
        second = _double_of(session, ours)
        email = session.get_one(Contact, second).email
        changes = upsert_customers(session, ours.account_id, ours.ids["store_id"], [customer(90, email, "Q R")], AT)
        (made,) = changes.created
        assert _matches(session) == [
            (ours.ids["contact_id"], made, "shared_email", False),
            (second, made, "shared_email", False),
        ]
        again = upsert_customers(session, ours.account_id, ours.ids["store_id"], [customer(90, email, "Q R")], AT)
        assert again.created == [] and len(_matches(session)) == 2


def test_one_namesake_with_another_email_is_suggested_and_several_are_not(running: Process, ours: Made) -> None:
    store_id = ours.ids["store_id"]
    with running.database.unit() as session:
        upsert_customers(session, ours.account_id, store_id, [customer(91, "one@example.com")], AT)
        assert [(older, rule) for older, _, rule, _ in _matches(session)] == [(ours.ids["contact_id"], "same_name")]
        upsert_customers(session, ours.account_id, store_id, [customer(92, "two@example.com")], AT)
        assert len(_matches(session)) == 1


def test_guests_of_a_shared_email_get_one_new_contact_even_before_an_order_is_stored(
    running: Process, ours: Made
) -> None:
    store_id = ours.ids["store_id"]
    with running.database.unit() as session:
        second = _double_of(session, ours)
        email = session.get_one(Contact, second).email
        session.execute(Order.__table__.update().values(woo_customer_id=7))  # the one there is no guest's
        first = contacts_for_guests(session, ours.account_id, store_id, [guest(1, email)], AT)
        later = contacts_for_guests(session, ours.account_id, store_id, [guest(2, email.upper())], AT)
        assert first == later and set(first.values()).isdisjoint({ours.ids["contact_id"], second})
        assert {(rule, from_guest) for _, _, rule, from_guest in _matches(session)} == {("shared_email", True)}


def _everything(session: Session) -> dict[str, list[Any]]:
    """All rows that belong to contacts, column by column, but for the time of their last change."""
    found = {}
    for model in (Contact, *rows.MOVED, StoreMapping):
        columns = [column for column in model.__table__.columns if column.key != "updated_at"]
        found[model.__tablename__] = session.execute(select(*columns).order_by(model.id)).all()
    return found


def test_undo_restores_both_contacts_their_orders_consent_and_tags_column_by_column(
    running: Process, ours: Made
) -> None:
    with running.database.unit() as session:
        kept = session.get_one(Contact, ours.ids["contact_id"])
        gone = session.get_one(Contact, ours.ids["double_id"])
        people.change(session, kept, people.Fields(tags=["VIP"]), AT, "test")
        people.change(session, gone, people.Fields(tags=["vip", "shoes"], email="other@example.com"), AT, "test")
        consent.note(session, gone, consent.Word("unsubscribed", AT, "form"), AT)
        order = session.get_one(Order, ours.ids["order_id"])
        session.add(_copy(order, contact_id=gone.id, woo_id=1))
        # Both have their say in the store, and all its guest orders go to the one that may be gone.
        store = session.get_one(Store, order.store_id)
        mapping.change(session, store, kept, AT, with_email=True)
        mapping.change(session, store, gone, AT, ticked=True, username="ana.p")
        session.execute(delete(StoreMapping).where(StoreMapping.store_id == store.id))
        session.add(StoreMapping(account_id=ours.account_id, store_id=store.id, guest_contact_id=gone.id))
        third = people.create(session, ours.account_id, people.Fields(name="Third"), AT)
        desk.ask_by_hand(session, ours.account_id, gone.id, third.id, AT)
        session.flush()
        before, asked = _everything(session), session.scalar(select(func.count()).select_from(Match))
    for keep in (ours.ids["contact_id"], ours.ids["double_id"]):
        lost = ours.ids["double_id"] if keep == ours.ids["contact_id"] else ours.ids["contact_id"]
        with running.database.unit() as session:
            desk.accept(session, session.get_one(Match, ours.ids["match_id"]), clock.now(), "you@x.eu", keep)
        with running.database.reading() as session:
            assert session.get(Contact, lost) is None
            merged = session.get_one(Contact, keep)
            assert (sorted(tag.casefold() for tag in merged.tags), merged.consent) == (["shoes", "vip"], "unsubscribed")
            orders = session.scalar(select(func.count()).where(Order.contact_id == keep))
            said = session.scalar(select(func.count()).where(ConsentEvent.contact_id == keep))
            assert (orders, said) == (2, 1)
            assert session.scalar(select(Run.contact_id)) == session.scalar(select(Message.contact_id)) == keep
            assert session.scalars(select(CustomerMapping.contact_id)).all() == [keep]
            assert session.scalars(select(StoreMapping.guest_contact_id)).all() == [keep]
        with running.database.unit() as session:
            desk.undo(session, session.get_one(Match, ours.ids["match_id"]), clock.now(), "you@x.eu")
        with running.database.reading() as session:
            assert _everything(session) == before
            assert session.scalar(select(func.count()).select_from(ContactMerge)) == 0
            assert session.scalar(select(func.count()).select_from(Match)) == asked
    with running.database.reading() as session:
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        assert actions[-4:] == ["contacts_merged", "merge_undone"] * 2


def _copy(order: Order, **other: Any) -> Order:
    values = {column.key: getattr(order, column.key) for column in Order.__table__.columns if column.key != "id"}
    return Order(**{**values, **other})


def test_what_happens_between_merge_and_undo_goes_to_whom_it_belongs(running: Process, ours: Made) -> None:
    kept_id, gone_id, store_id = ours.ids["contact_id"], ours.ids["double_id"], ours.ids["store_id"]
    with running.database.unit() as session:
        session.add(ContactLink(account_id=ours.account_id, store_id=store_id, woo_id=8, contact_id=gone_id))
        session.flush()
        match = session.get_one(Match, ours.ids["match_id"])
        desk.accept(session, match, AT, "you@x.eu")
        kept = session.get_one(Contact, kept_id)
        people.change(session, kept, people.Fields(phone="555", tags=["new"]), AT, "test")
        order = session.get_one(Order, ours.ids["order_id"])
        theirs = _copy(order, woo_id=2, woo_customer_id=8, contact_id=kept_id)
        mine = _copy(order, woo_id=3, woo_customer_id=7, contact_id=kept_id)
        session.add_all([theirs, mine])
        session.flush()
        session.add(
            Event(
                account_id=ours.account_id,
                store_id=store_id,
                kind="order_submitted",
                subject=2,
                order_id=theirs.id,
                contact_id=kept_id,
                occurred_at=AT,
                handed_over_at=AT,
            )
        )
        session.flush()
        desk.undo(session, match, AT, "you@x.eu")
        session.expire_all()
        assert (theirs.contact_id, mine.contact_id) == (gone_id, kept_id)
        assert session.scalar(select(Event.contact_id).where(Event.subject == 2)) == gone_id
        kept = session.get_one(Contact, kept_id)
        assert (kept.phone, kept.tags) == ("555", ["new"])
        assert session.get_one(Contact, gone_id).phone == "+49 30 901820"
        # A field was changed since: the next comparison gives each contact its own customer's values.
        assert set(session.scalars(select(ContactLink.content_hash))) == {""}


def test_a_merged_contacts_number_is_given_to_nobody_else(running: Process, ours: Made) -> None:
    with running.database.unit() as session:
        desk.accept(session, session.get_one(Match, ours.ids["match_id"]), AT, "you@x.eu")
    with running.database.unit() as session:
        made = people.create(session, ours.account_id, people.Fields(name="New"), AT)
        changes = upsert_customers(
            session, ours.account_id, ours.ids["store_id"], [customer(99, "n@example.com", "N N")], AT
        )
        assert ours.ids["double_id"] not in {made.id, *changes.created}
    with running.database.unit() as session:
        desk.undo(session, session.get_one(Match, ours.ids["match_id"]), AT, "you@x.eu")
        assert session.get_one(Contact, ours.ids["double_id"]).name == "A. Petrova"


def test_merges_are_undone_last_first_and_pairs_follow_the_contact_that_stays(running: Process, ours: Made) -> None:
    with running.database.unit() as session:
        third = people.create(session, ours.account_id, people.Fields(name="Third"), AT)
        first = session.get_one(Match, ours.ids["match_id"])
        desk.ask_by_hand(session, ours.account_id, ours.ids["double_id"], third.id, AT)
        desk.accept(session, first, AT, "you@x.eu")
        second = session.scalars(
            select(Match).where(Match.older_id == ours.ids["contact_id"], Match.newer_id == third.id)
        ).one()
        desk.accept(session, second, AT, "you@x.eu", third.id)
        with pytest.raises(desk.NotNow, match=f"undo pair {second.id} first"):
            desk.undo(session, first, AT, "you@x.eu")
        desk.undo(session, second, AT, "you@x.eu")
        desk.undo(session, first, AT, "you@x.eu")
        assert session.scalar(select(func.count()).select_from(ContactMerge)) == 0


def test_a_decision_is_made_once_and_a_rejected_pair_is_not_asked_about_again(running: Process, ours: Made) -> None:
    with running.database.unit() as session:
        match = session.get_one(Match, ours.ids["match_id"])
        desk.reject(session, match, AT, "you@x.eu")
        for act in (desk.reject, desk.accept):
            with pytest.raises(desk.NotNow):
                act(session, match, AT, "you@x.eu")
        asked = desk.ask_by_hand(session, ours.account_id, match.newer_id, match.older_id, AT)
        assert (asked.id, asked.state) == (match.id, "rejected")
        desk.undo(session, match, AT, "you@x.eu")
        assert match.state == "open"
        with pytest.raises(desk.NotNow):
            desk.undo(session, match, AT, "you@x.eu")
        with pytest.raises(InvalidInput):
            desk.accept(session, match, AT, "you@x.eu", 999_999)
        with pytest.raises(InvalidInput):
            desk.ask_by_hand(session, ours.account_id, match.older_id, match.older_id, AT)


def test_another_accounts_contact_cannot_be_asked_about(running: Process, ours: Made) -> None:
    theirs = account_with_everything(running.database, "theirs@example.com")
    with running.database.unit() as session, pytest.raises(InvalidInput):
        desk.ask_by_hand(session, ours.account_id, ours.ids["contact_id"], theirs.ids["contact_id"], AT)


def test_erasing_a_person_erases_and_exporting_tells_who_was_merged_into_them(running: Process, ours: Made) -> None:
    with running.database.unit() as session:
        match = session.get_one(Match, ours.ids["match_id"])
        desk.accept(session, match, AT, "you@x.eu")
        kept = session.get_one(Contact, ours.ids["contact_id"])
        assert [one["name"] for one in export(session, kept, AT)["merged_contacts"]] == ["A. Petrova"]
        erase(session, kept, AT)
        assert session.scalar(select(func.count()).select_from(ContactMerge)) == 0
        assert session.scalar(select(func.count()).select_from(Match)) == 0


def test_merging_mails_nobody_and_wakes_waiting_runs(running: Process, ours: Made, bells: queues.MemoryBells) -> None:
    later = clock.now() + timedelta(days=1)
    with running.database.unit() as session:
        run = session.get_one(Run, ours.ids["run_id"])
        run.state, run.due_at = "waiting", later
        mails = session.scalar(select(func.count()).select_from(Message))
        desk.accept(session, session.get_one(Match, ours.ids["match_id"]), clock.now(), "you@x.eu")
        session.refresh(run)
        assert run.due_at is not None and run.due_at < later
        assert session.scalar(select(func.count()).select_from(Message)) == mails


@pytest.mark.parametrize("backend", ["sqlite"])
def test_every_table_that_names_a_contact_follows_a_merge(running: Process) -> None:
    root = Path(referins_woo.__file__).parent
    for path in root.rglob("models*"):
        if path.name == "models.py" or path.name == "models":
            importlib.import_module(".".join(path.relative_to(root.parent).with_suffix("").parts))
    naming = {table.name for table in Base.metadata.sorted_tables if "contact_id" in table.c}
    assert naming == {model.__tablename__ for model in rows.MOVED}
