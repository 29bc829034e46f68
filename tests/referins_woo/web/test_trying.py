"""Trust before sending, without script: a test on an order, whom a draft lets in, a rehearsal. Nothing is ever sent."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from automations.definition import Definition, parse
from automations.triggers import TRIGGERS
from referins_woo import clock, queues
from referins_woo.commerce.models import Order, Transaction
from referins_woo.events.models import Event
from referins_woo.mail.models import DevMail, Message
from referins_woo.process import Process
from referins_woo.runs import rehearse
from referins_woo.runs.models import Automation, Run, RunCall, RunLog
from referins_woo.web import builder
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor

REMINDER: dict[str, Any] = {
    "trigger": "order_submitted",
    "filters": {"all": [{"field": "order.total", "operator": "at_least", "value": "100"}]},
    "exit_on": ["paid"],
    "steps": [
        {"id": "wait", "kind": "wait", "period": "2d"},
        {
            "id": "large",
            "kind": "split",
            "condition": {"field": "order.total", "operator": "at_least", "value": "1000"},
            "yes": [{"id": "tag", "kind": "add_tag", "tag": "large"}],
            "no": [
                {
                    "id": "mail",
                    "kind": "send_email",
                    "subject": "Order {{ order.number }} waits",
                    "body": [{"kind": "text", "text": "Dear {{ contact.first_name }}"}],
                }
            ],
        },
        {"id": "call", "kind": "call_webhook", "url": "https://hooks.example.com/in"},
    ],
}


@pytest.fixture
def base(running: Process, ours: Made) -> str:
    """The addresses of our automation, which has a draft with a wait, a split, an e-mail and a webhook."""
    draft(running, ours, REMINDER)
    return f"/automations/{ours.ids['automation_id']}"


@pytest.fixture(autouse=True)
def nothing_is_sent(running: Process, bells: queues.MemoryBells) -> Iterator[None]:
    """Nothing leaves, nothing is left behind, and no bell rings, whatever is looked at here."""
    yield
    with running.database.reading() as session:
        left = [session.scalar(select(func.count()).select_from(one)) for one in (Message, Run, RunLog, DevMail)]
        assert left in ([1, 1, 1, 1], [2, 2, 2, 2]), "what the accounts of the test were made with"
        assert session.scalar(select(func.count()).select_from(RunCall)) == 0
    assert bells.pending == []


def draft(running: Process, ours: Made, document: dict[str, Any]) -> None:
    """Make a document the draft."""
    with running.database.unit() as session:
        session.get_one(Automation, ours.ids["automation_id"]).draft = document


def change_order(running: Process, ours: Made, **columns: Any) -> None:
    """Change our order."""
    with running.database.unit() as session:
        session.execute(update(Order).where(Order.id == ours.ids["order_id"]).values(columns))


def words_of(page: str) -> str:
    """What a page says, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_a_test_shows_the_path_on_the_cards_waits_skipped_and_every_mail(
    merchant: Visitor, running: Process, ours: Made, base: str
) -> None:
    change_order(running, ours, paid_at=None, payment_state="unpaid", total=1_500_000)
    page = merchant.get(f"{base}/build/test").text
    said = words_of(page)
    assert "Nothing is sent, nothing is changed." in said
    assert "It tests the draft as saved" in said
    assert "Order #WC-4812 enters" in said, "the newest real order of the trigger is taken"
    assert "Waits 2 days. skipped here" in said
    assert re.search(r'class="b-card is-taken" id="box-mail"', page)
    assert re.search(r'class="b-card is-passed-by" id="box-tag"', page)
    assert re.search(r'class="b-way b-way-no is-taken">', page)
    assert "“Order WC-4812 waits”" in said
    assert "https://hooks.example.com/in" in said
    frame = re.search(r'<iframe class="mail"[^>]* sandbox [^>]*src="([^"]+)"', page)
    assert frame is not None
    mail = merchant.get(html.unescape(frame[1]))
    assert mail.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none';")
    assert "Dear Ana" in mail.text


def test_a_paid_order_ends_it_and_can_be_taken_further(merchant: Visitor, base: str) -> None:
    said = words_of(merchant.get(f"{base}/build/test").text)
    assert "Ends: The order is paid." in said
    assert "No e-mails" in said
    further = words_of(merchant.get(f"{base}/build/test?exits=ignore").text)
    assert "Exit conditions were left out of account" in further
    assert "1 e-mail" in further


def test_the_way_of_a_run_is_shown_on_the_cards(merchant: Visitor, running: Process, ours: Made, theirs: Made) -> None:
    base = f"/automations/{ours.ids['automation_id']}/build/runs"
    page = merchant.get(f"{base}/{ours.ids['run_id']}").text
    assert re.search(r'class="b-card is-taken" id="box-confirm"', page)
    assert "Order #WC-4812 entered" in words_of(page)
    assert "It went through version 1, which is what the draft is." in words_of(page)
    draft(running, ours, REMINDER)
    said = words_of(merchant.get(f"{base}/{ours.ids['run_id']}").text)
    assert "no longer in the draft “We have your order WC-4812”" in said
    assert "the draft, which has changed since" in said
    assert merchant.get(f"{base}/{theirs.ids['run_id']}").status_code == 404
    assert f'href="{base}/{ours.ids["run_id"]}"' in merchant.get(f"/runs/{ours.ids['run_id']}").text


def test_an_order_that_does_not_enter_says_why(merchant: Visitor, running: Process, ours: Made, base: str) -> None:
    change_order(running, ours, total=500_000)
    said = words_of(merchant.get(f"{base}/build/test").text)
    assert "Order #WC-4812 does not enter" in said
    assert re.search(r"It does not enter. Total is at least 100: it is 50", said), said


def test_an_order_is_found_by_number_or_email(merchant: Visitor, ours: Made, theirs: Made, base: str) -> None:
    for q in ("WC-4812", "#wc-4812".upper(), "ana@ours.example.com"):
        page = merchant.get(f"{base}/build/test", query_string={"q": q}).text
        assert f"build/test?order={ours.ids['order_id']}&amp;q=" in page, q
        assert f"order={theirs.ids['order_id']}&" not in page
    assert "No order has this number or e-mail" in merchant.get(f"{base}/build/test?q=9999").text
    assert merchant.get(f"{base}/build/test?order={theirs.ids['order_id']}").status_code == 404
    assert merchant.get(f"{base}/build/test/{theirs.ids['order_id']}/mails/mail").status_code == 404
    assert merchant.get(f"{base}/build/test/{ours.ids['order_id']}/mails/gone").status_code == 404


def test_an_order_to_which_it_has_not_happened_is_tested_as_if_it_did(
    merchant: Visitor, running: Process, ours: Made, base: str
) -> None:
    draft(running, ours, {**REMINDER, "trigger": "order_completed"})
    said = words_of(merchant.get(f"{base}/build/test").text)
    assert "“Order Completed” has happened to no order yet" in said
    said = words_of(merchant.get(f"{base}/build/test?order={ours.ids['order_id']}").text)
    assert "has not happened to it: the test supposes that it happens now" in said


def test_a_draft_that_is_not_finished_says_what_is_missing(
    merchant: Visitor, running: Process, ours: Made, base: str
) -> None:
    draft(running, ours, {**REMINDER, "steps": [{"id": "wait", "kind": "wait"}]})
    for path in ("/build/test", "/rehearsal"):
        page = merchant.get(base + path).text
        assert "For is missing" in page, path
        assert f'href="{base}/build?step=wait"' in page, path
    assert merchant.get(f"{base}/rehearsal.csv").status_code == 404
    page = merchant.get(f"{base}/preview").text
    assert "Matches" in page, "who enters does not hang on the steps"
    draft(running, ours, {**REMINDER, "filters": {"all": [{"field": "order.total", "operator": "at_least"}]}})
    assert "The value for Total is missing." in merchant.get(f"{base}/preview").text


def test_the_trigger_preview_shows_the_last_orders_and_each_filter_with_its_value(
    merchant: Visitor, running: Process, ours: Made, base: str
) -> None:
    change_order(running, ours, total=990_000)
    answer = merchant.get(f"{base}/preview", headers={"HX-Request": "true"})
    said = words_of(answer.text)
    assert "<h1" not in answer.text
    assert "Matches 0 of 1 orders of the last 30 days" in said
    assert "Not passed: Total is at least 100: it is 99" in said
    assert "Created via an unknown source" in said
    change_order(running, ours, total=1_010_000)
    whole = merchant.get(f"{base}/preview").text
    assert "Matches 1 of 1" in words_of(whole)
    assert "<h1" in whole


def test_a_saved_change_tells_the_preview_to_look_again(merchant: Visitor, base: str) -> None:
    page = merchant.get(f"{base}/build?step=trigger").text
    assert 'hx-trigger="load, draft-saved from:body"' in page
    data = {"act": "save", "revision": "1", "step": "trigger", "has_fields": "yes", "c.group": "all"}
    answer = merchant.post(f"{base}/build", data, headers={"HX-Request": "true"})
    assert answer.headers["HX-Trigger-After-Settle"] == builder.SAVED


def test_a_rehearsal_says_who_when_how_many_and_how_many_were_stopped_by_payment(
    merchant: Visitor, running: Process, ours: Made, base: str
) -> None:
    placed = clock.now() - timedelta(days=5)
    change_order(running, ours, placed_at=placed, paid_at=placed + timedelta(hours=3))
    with running.database.unit() as session:
        session.execute(update(Event).where(Event.order_id == ours.ids["order_id"]).values(occurred_at=placed))
    page = merchant.get(f"{base}/rehearsal").text
    with running.database.reading() as session:
        definition = parse(session.get_one(Automation, ours.ids["automation_id"]).draft)
        assert isinstance(definition, Definition)
        found = rehearse.rehearse(session, ours.account_id, definition, clock.now())
    said = words_of(page)
    assert (len(found.runs), found.mails, found.stopped_by_payment, found.waiting) == (1, 0, 1, 0)
    assert "Would have entered 1 of 1 order that started it" in said
    assert "E-mails 0 would have gone out" in said
    assert "Stopped by payment 1 before their end" in said
    assert "#WC-4812 ana@ours.example.com" in said
    change_order(running, ours, paid_at=None, payment_state="unpaid", woo_status="pending")
    said = words_of(merchant.get(f"{base}/rehearsal").text)
    assert "E-mails 1 would have gone out" in said
    lines = merchant.get(f"{base}/rehearsal.csv").text.splitlines()
    assert len(lines) == 2
    assert "ana@ours.example.com" in lines[1]
    assert "Order {{ order.number }} waits" in lines[1]


def test_a_rehearsal_with_nothing_to_look_at_says_so(
    merchant: Visitor, running: Process, ours: Made, base: str
) -> None:
    change_order(running, ours, placed_at=clock.now() - timedelta(days=60))
    draft(running, ours, {**REMINDER, "trigger": "payment_received", "exit_on": []})
    with running.database.unit() as session:
        session.execute(update(Order).values(paid_at=clock.now() - timedelta(days=60)))
    said = words_of(merchant.get(f"{base}/rehearsal").text)
    assert "happened to no order in the last 30 days" in said
    assert "Would have entered 1" in words_of(merchant.get(f"{base}/rehearsal?days=90").text)


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_without_orders_a_made_up_one_is_tested(
    merchant: Visitor, running: Process, ours: Made, base: str, trigger: str
) -> None:
    draft(running, ours, {**REMINDER, "trigger": trigger, "filters": {}, "exit_on": []})
    with running.database.unit() as session:
        session.execute(delete(Event))
        session.execute(delete(Transaction))
        session.execute(update(Order).values(placed_at=clock.now() - timedelta(days=4_000), paid_at=None))
    page = html.unescape(merchant.get(f"{base}/build/test").text)
    assert "Sample order #1042" in page
    assert "It enters." in page
    assert "Order 1042 waits" in page
    page = html.unescape(merchant.get(f"{base}/build/test?sample=no_name").text)
    assert "Sample order #1042" in page
    (frame,) = re.findall(r'<iframe[^>]* src="([^"]+)"', page)
    assert "sample=no_name" in frame
    assert "Dear" in merchant.get(frame).text


def test_a_sample_is_one_click_away_where_there_are_orders(merchant: Visitor, base: str) -> None:
    page = merchant.get(f"{base}/build/test").text
    assert "Sample order" not in page
    assert "sample=right_to_left" in page
    assert merchant.get(f"{base}/build/test?sample=nothing").status_code == 200
