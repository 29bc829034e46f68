"""Changes to many rows at once, and CSV files: asked with the number, undone, done in the background where many."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm.attributes import set_committed_value

from referins_woo.commerce.models import Contact, ContactLog, Order, Product, Tombstone
from referins_woo.lists import jobs, tasks
from referins_woo.lists.models import Task, TaskPart
from referins_woo.mail.models import Message
from referins_woo.outbound.models import WebhookCall, WebhookEndpoint
from referins_woo.process import Process
from referins_woo.queues import MemoryBells
from tests.conftest import ClockHand
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Both databases."""
    return str(request.param)


@pytest.fixture
def crowd(running: Process, ours: Made, theirs: Made) -> list[int]:
    """Seven more contacts, one of them named like a formula; their ids."""
    with running.database.unit() as session:
        made = [
            Contact(
                account_id=ours.account_id,
                name=name,
                name_key=name.casefold(),
                email=f"crowd{n}@example.com",
                email_key=f"crowd{n}@example.com",
                phone="+49 30 1",
                tags=["VIP"] if n == 0 else [],
            )
            for n, name in enumerate(("=1+1", "@SUM(A1)", "Crowd Žofie", "Crowd 3", "Crowd 4", "Crowd 5", "Crowd 6"))
        ]
        session.add_all(made)
        session.flush()
        return [contact.id for contact in made]


def _tags(running: Process, contact_id: int) -> list[str]:
    with running.database.reading() as session:
        return list(session.get_one(Contact, contact_id).tags)


def _tag(merchant: Visitor, **form: object) -> str:
    merchant.get("/contacts")
    answer = merchant.post("/lists/contacts/changes", {"act": "add_tag", "value": "vip", **form})
    assert answer.status_code == 303, answer.text
    return merchant.follow(answer).text


def test_ticked_contacts_are_tagged_and_the_tag_is_taken_back_where_it_was_given(
    merchant: Visitor, running: Process, crowd: list[int], ours: Made, theirs: Made
) -> None:
    with running.database.unit() as session:
        session.get_one(WebhookEndpoint, ours.ids["endpoint_id"]).event_types = ["contact.updated"]
    merchant.get("/contacts")
    chosen = [*crowd[:3], theirs.ids["contact_id"]]
    asked = merchant.post("/lists/contacts/changes/ask", {"act": "add_tag", "id": crowd[:3]}).text
    assert "Add a tag to 3 contacts?" in asked
    assert "Add tag: 3 contacts" in asked
    page = _tag(merchant, id=chosen, back="/contacts?q=crowd")
    assert "Tagged 2 contacts “vip”." in page
    assert "1 contact had it already." in page
    assert [_tags(running, one) for one in crowd[:4]] == [["VIP"], ["vip"], ["vip"], []]
    assert _tags(running, theirs.ids["contact_id"]) == [], "another account's"
    with running.database.reading() as session:
        told = session.scalars(select(WebhookCall).where(WebhookCall.event_type == "contact.updated")).all()
        assert [call.contact_id for call in told] == crowd[1:3], "webhooks hear of those that changed"
        assert '"changed":["tags"]' in told[0].body
    with running.database.reading() as session:
        log = session.scalars(select(ContactLog).where(ContactLog.contact_id == crowd[1])).one()
        assert (log.kind, log.text, log.source) == ("tag_added", "vip", "ours@example.com")
        task_id = session.scalars(select(func.max(Task.id))).one()
    assert f'action="/tasks/{task_id}/undo"' in page
    undone = merchant.follow(merchant.post(f"/tasks/{task_id}/undo", {"back": "/contacts?q=crowd"})).text
    assert "Undone." in undone
    assert [_tags(running, one) for one in crowd[:3]] == [["VIP"], [], []]
    assert "undone already" in merchant.follow(merchant.post(f"/tasks/{task_id}/undo")).text


def test_all_that_match_are_counted_again_before_they_are_changed(
    merchant: Visitor, running: Process, crowd: list[int]
) -> None:
    merchant.get("/contacts")
    form = {"act": "add_tag", "all": "1", "query": "q=crowd"}
    asked = merchant.post("/lists/contacts/changes/ask", form).text
    assert "Add a tag to 7 contacts?" in asked
    with running.database.unit() as session:
        session.execute(update(Contact).where(Contact.id == crowd[6]).values(email_key="left@x.org", name_key="left"))
    again = merchant.post("/lists/contacts/changes", {**form, "value": "vip", "count": "7"})
    assert again.status_code == 422
    assert "Add a tag to 6 contacts?" in again.text
    assert _tags(running, crowd[3]) == []
    _tag(merchant, **form, count="6")
    assert _tags(running, crowd[3]) == ["vip"]
    assert _tags(running, crowd[6]) == []


@pytest.mark.parametrize(("value", "words"), [("", "Type a tag"), ("x" * 61, "at most 60"), ("a,b", "comma")])
def test_a_tag_that_cannot_be_says_why(merchant: Visitor, crowd: list[int], value: str, words: str) -> None:
    merchant.get("/contacts")
    answer = merchant.post("/lists/contacts/changes", {"act": "add_tag", "value": value, "id": crowd[:2]})
    assert answer.status_code == 422
    assert words in answer.text
    assert "Add a tag to 2 contacts?" in answer.text


@pytest.mark.parametrize("tag", ["Größe", 'say "hi"', "100%_x", "back\\slash"])
def test_a_tag_filters_and_stands_on_a_chip(merchant: Visitor, running: Process, crowd: list[int], tag: str) -> None:
    _tag(merchant, id=[crowd[3]], value=tag)
    answer = merchant.client.get("/contacts", query_string={"tag": tag})
    assert "Crowd 3" in answer.text
    assert "Crowd 4" not in answer.text
    assert "Remove filter Tag: " in answer.text


def test_many_are_changed_in_the_background_a_piece_at_a_time_and_a_killed_piece_is_done_again(
    merchant: Visitor, running: Process, crowd: list[int], bells: MemoryBells, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "AT_ONCE", 3)
    merchant.get("/contacts")
    answer = merchant.post(
        "/lists/contacts/changes", {"act": "add_tag", "value": "vip", "all": "1", "query": "q=crowd", "count": "7"}
    )
    task_id = int(answer.headers["Location"].partition("?")[0].rpartition("/")[2])
    page = merchant.follow(answer).text
    assert "0 of 7" in page
    assert 'hx-trigger="every 2s"' in page
    with pytest.raises(RuntimeError), running.database.unit() as session:
        tasks.work(session, session.get_one(Task, task_id), datetime.now(UTC))
        raise RuntimeError("killed before the commit")
    bells.drain("bulk")
    with running.database.unit() as session:
        late = session.get_one(Task, task_id)
        set_committed_value(late, "place", "")  # as another worker read it, before
        set_committed_value(late, "state", "waiting")
        tasks.work(session, late, datetime.now(UTC))
    with running.database.reading() as session:
        task = session.get_one(Task, task_id)
        assert (task.state, task.done, task.changed) == ("done", 7, 6), "another worker's old piece changed nothing"
        assert session.scalar(select(func.count()).select_from(ContactLog)) == 6
    text = merchant.get(f"/tasks/{task_id}").text
    assert "Tagged 6 contacts “vip”. 1 contact had it already." in text
    assert "every 2s" not in text


def test_products_leave_the_online_store_and_come_back_but_unpublished_ones_stay_out(
    merchant: Visitor, running: Process, ours: Made
) -> None:
    product_id = ours.ids["product_id"]

    def change(act: str) -> str:
        merchant.get("/products")
        return merchant.follow(merchant.post("/lists/products/changes", {"act": act, "id": [product_id]})).text

    assert "Left 1 product out of the online store." in change("leave_out")
    with running.database.unit() as session:
        assert session.get_one(Product, product_id).switched_off_here
        session.execute(update(Product).values(woo_status="draft"))
    assert "1 product were in it already or are not published" in change("include")
    with running.database.unit() as session:
        session.execute(update(Product).values(woo_status="publish"))
    assert "Included 1 product in the online store." in change("include")


def test_deleted_orders_leave_tombstones_and_the_dialog_says_what_is_lost(
    merchant: Visitor, running: Process, ours: Made, theirs: Made
) -> None:
    merchant.get("/orders")
    ids = [ours.ids["order_id"], theirs.ids["order_id"]]
    asked = merchant.post("/lists/orders/changes/ask", {"act": "delete", "id": ids[:1]}).text
    assert "Delete 1 order here?" in asked
    assert "This cannot be undone." in asked
    assert "data-close autofocus>Cancel" in asked
    text = merchant.follow(merchant.post("/lists/orders/changes", {"act": "delete", "id": ids})).text
    assert "Deleted 1 order here." in text
    assert "/undo" not in text
    with running.database.reading() as session:
        assert [one.woo_id for one in session.scalars(select(Tombstone))] == [4812]
        assert session.get(Order, theirs.ids["order_id"]) is not None


def test_a_change_of_another_list_is_refused(merchant: Visitor, crowd: list[int]) -> None:
    merchant.get("/contacts")
    assert merchant.post("/lists/contacts/changes", {"act": "delete", "id": crowd}).status_code == 400
    assert (
        "Tick the contacts first."
        in merchant.follow(merchant.post("/lists/contacts/changes/ask", {"act": "add_tag"})).text
    )


def _csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_an_export_has_the_rows_and_columns_that_are_seen_and_no_formulas(merchant: Visitor, crowd: list[int]) -> None:
    answer = merchant.get("/contacts.csv?q=crowd&sort=name&cols=phone,tags,created")
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = _csv(answer.text)
    assert rows[0] == ["Contact", "E-mail", "Tags", "Phone", "Added"]
    assert [row[0] for row in rows[1:]] == [
        "'=1+1",
        "'@SUM(A1)",
        "Crowd 3",
        "Crowd 4",
        "Crowd 5",
        "Crowd 6",
        "Crowd Žofie",
    ]
    assert rows[1][2:4] == ["VIP", "'+49 30 1"]
    assert rows[1][4].endswith("+01:00"), "the account's zone"
    assert not answer.text.startswith("\ufeff")


def test_money_is_a_number_with_its_currency_beside_it(merchant: Visitor) -> None:
    rows = _csv(merchant.get("/transactions.csv?mark=1").text)
    assert rows[0][-2:] == ["Amount", "Currency"]
    assert sorted(row[-2:] for row in rows[1:]) == [["-12.34", "EUR"], ["147.37", "EUR"]]


@pytest.mark.parametrize("key", ["contacts", "orders", "transactions", "products", "collections", "runs", "messages"])
def test_every_list_is_exported(merchant: Visitor, key: str) -> None:
    merchant.get(f"/{key}")
    assert "For Excel" in merchant.get(f"/lists/{key}/export").text
    answer = merchant.post(f"/lists/{key}/exports", {"query": "", "mark": "1"})
    assert answer.headers["Location"] == f"/{key}.csv?mark=1"
    text = merchant.follow(answer).text
    assert text.startswith("\ufeff")
    assert len(_csv(text)) >= 2


def test_a_long_export_is_written_in_the_background_and_mailed(
    merchant: Visitor,
    running: Process,
    ours: Made,
    bells: MemoryBells,
    clock: ClockHand,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running.database.unit() as session:
        session.add_all(
            Order(
                account_id=ours.account_id,
                store_id=ours.ids["store_id"],
                woo_id=n,
                number=str(n),
                status="Completed",
                woo_status="completed",
                payment_state="paid",
                currency="EUR",
                total=10_000,
                placed_at=datetime(2026, 6, 1, tzinfo=UTC) + timedelta(minutes=n // 3),
                delivery_date=date(2026, 7, 1),
                content_hash="x",
            )
            for n in range(1, 26)
        )
    monkeypatch.setattr(tasks, "STREAMED", 10)
    monkeypatch.setattr(tasks, "_OF_EXPORT", 10)
    assert merchant.get("/orders.csv").headers["Location"] == "/lists/orders/export"
    assert "written in the background" in merchant.get("/lists/orders/export").text
    answer = merchant.post("/lists/orders/exports", {"query": "status=Completed&sort=placed&cols=placed"})
    task_path = answer.headers["Location"]
    assert "Waiting for its turn" in merchant.follow(answer).text
    assert merchant.get(f"{task_path}/file").status_code == 404
    bells.pending.clear()  # the bell is lost with its Redis
    clock.advance(minutes=1)
    jobs.ring_for_tasks()
    bells.drain("bulk")
    rows = _csv(merchant.get(f"{task_path}/file").text)
    assert rows[0] == ["Order", "Placed"]
    assert [int(row[0]) for row in rows[1:]] == list(range(1, 26)), "in the list's order, each once"
    with running.database.reading() as session:
        message = session.scalars(select(Message).where(Message.purpose == "system")).one()
        assert message.to_email == ours.email
        assert message.facts["link"].endswith(task_path)
        assert message.facts["rows"] == "25"
    assert "25 orders." in merchant.get(task_path).text
    clock.advance(days=8)
    jobs.forget_old()
    merchant.sign_in(ours.email)
    assert "The file is gone" in merchant.get(task_path).text
    assert merchant.get(f"{task_path}/file").status_code == 404
    with running.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(TaskPart)) == 0


def test_a_task_that_never_gets_on_is_given_up(
    merchant: Visitor, running: Process, ours: Made, bells: MemoryBells
) -> None:
    with running.database.unit() as session:
        task = Task(account_id=ours.account_id, user_id=ours.user_id, list="orders", act="export", asked={}, total=1)
        session.add(task)
        session.flush()
        task_id = task.id
    for _ in range(tasks.GIVES_UP_AFTER):
        with pytest.raises(KeyError):
            jobs.work_on_list(task_id)
    jobs.work_on_list(task_id)
    assert "Something broke on our side" in merchant.get(f"/tasks/{task_id}").text
