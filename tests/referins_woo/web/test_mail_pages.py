"""Short links, the report of e-mails, and the sending domain: as readers and merchants use them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, event, select
from sqlalchemy.exc import OperationalError

from referins_woo import clock as clock_
from referins_woo import process
from referins_woo.accounts.models import AuditEntry
from referins_woo.commerce.models import Contact, Order
from referins_woo.config import PostmarkSettings
from referins_woo.mail import double_optin, tracking
from referins_woo.mail.design.models import EmailTemplate
from referins_woo.mail.dns import NoAnswer
from referins_woo.mail.models import MailSettings, Message, MessageEvent, Suppression
from referins_woo.process import Process
from referins_woo.reports import emails
from referins_woo.reports.periods import last_days
from referins_woo.runs.models import Automation
from referins_woo.web import mail_settings
from tests.conftest import ClockHand
from tests.factories.rows import PASSWORD, Made, account_with_everything

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/140 Safari/537.36"}
SHOP = "https://shop.example/sale?x=1"


@pytest.fixture
def made(running: Process) -> Made:
    """An account with one row of each kind; its e-mail was sent a day ago, with a short link."""
    return account_with_everything(running.database, "ours@example.com")


@pytest.fixture
def mail(running: Process, made: Made, clock: ClockHand) -> Iterator[str]:
    """The token of the account's e-mail."""
    with running.database.unit() as session:
        row = session.get_one(Message, made.ids["message_id"])
        row.link_token, row.links, row.measured = "m" * 32, [SHOP], True
        row.sent_at = clock.now() - timedelta(days=1)
        row.automation_id, row.step_id = made.ids["automation_id"], "confirm"
    yield "m" * 32


@pytest.fixture
def signed_in(app: Flask, made: Made) -> FlaskClient:
    """A browser that is signed in to the account."""
    client = app.test_client()
    app.config["WTF_CSRF_ENABLED"] = False
    assert client.post("/sign-in", data={"email": made.email, "password": PASSWORD}).status_code == 303
    return client


def kinds(running: Process) -> list[tuple[str, str]]:
    with running.database.reading() as session:
        return [(row.kind, row.machine) for row in session.scalars(select(MessageEvent).order_by(MessageEvent.id))]


def test_a_short_link_leads_on_and_is_written_down(client: FlaskClient, mail: str, running: Process) -> None:
    answer = client.get(f"/c/{mail}0", headers=BROWSER)
    assert (answer.status_code, answer.headers["Location"]) == (302, SHOP)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert kinds(running) == [("clicked", "")]
    assert client.head(f"/c/{mail}0", headers=BROWSER).status_code == 302
    assert client.get(f"/c/{mail}0", headers={"User-Agent": "curl/8"}).status_code == 302
    assert kinds(running) == [("clicked", ""), ("clicked", "scanner")]


@pytest.mark.parametrize("place", ["{}1", "{}", "nothing", "{}0?url=https://evil.example", "{}https://evil.example"])
def test_no_address_makes_it_lead_elsewhere(client: FlaskClient, mail: str, place: str) -> None:
    answer = client.get(f"/c/{place.format(mail)}", headers=BROWSER)
    assert answer.headers.get("Location", SHOP) == SHOP
    assert answer.status_code == (302 if "?" in place else 404)


def test_the_dot_is_the_same_for_everybody(client: FlaskClient, mail: str, running: Process) -> None:
    good, bad = client.get(f"/o/{mail}.gif", headers=BROWSER), client.get("/o/nothing.gif", headers=BROWSER)
    assert good.data == bad.data and good.data.startswith(b"GIF89a")
    assert good.mimetype == "image/gif"
    assert kinds(running) == [("opened", "")]


def test_whoever_follows_a_link_arrives_though_it_cannot_be_written_down(
    client: FlaskClient, mail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OperationalError("INSERT", {}, Exception("disk full"))

    monkeypatch.setattr(tracking, "clicked", full)
    assert client.get(f"/c/{mail}0", headers=BROWSER).headers["Location"] == SHOP


def order(running: Process, made: Made, number: int, **changes: Any) -> None:
    with running.database.unit() as session:
        first = session.get_one(Order, made.ids["order_id"])
        fields = {column.name: getattr(first, column.name) for column in Order.__table__.columns if column.name != "id"}
        session.add(Order(**(fields | {"woo_id": number, "number": str(number), "refunded_total": 0} | changes)))


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_the_report_credits_what_was_ordered_after_the_last_click(
    signed_in: FlaskClient, client: FlaskClient, mail: str, running: Process, made: Made, clock: ClockHand
) -> None:
    client.get(f"/c/{mail}0", headers=BROWSER)
    client.get(f"/o/{mail}.gif", headers=BROWSER)
    now = clock.now()
    soon, paid = now + timedelta(hours=2), {"payment_state": "paid", "total": 1_000_000}
    order(running, made, 1, placed_at=soon, **paid)
    order(running, made, 2, placed_at=soon, currency="JPY", **(paid | {"total": 50_000_000}))
    order(
        running, made, 3, placed_at=soon, **(paid | {"payment_state": "partially_refunded", "refunded_total": 400_000})
    )
    order(running, made, 4, placed_at=soon, payment_state="unpaid", total=9_990_000)
    order(running, made, 5, placed_at=now - timedelta(hours=1), paid_at=None, **paid)
    order(running, made, 6, placed_at=now + tracking.CREDIT + timedelta(hours=1), **paid)
    with running.database.unit() as session:
        stranger = Contact(account_id=made.account_id, email="x@example.com", email_key="x@example.com")
        session.add(stranger)
        session.flush()
        other = stranger.id
    order(running, made, 7, placed_at=soon, contact_id=other, **paid)
    clock.advance(days=7)
    page = signed_in.get("/messages/report").text
    assert "€160.00" in page and "2 orders" in page
    assert "JP¥5,000" in page or "¥5,000" in page
    assert "€999" not in page
    assert "1 of 1 measured" in page
    assert "within 5 days" in page, "the rule stands beside the figure"
    assert page.count('role="img"') == 2 and "Show as table" in page
    only = signed_in.get(f"/messages/report?automation={made.ids['automation_id']}").text
    assert "€160.00" in only
    home = signed_in.get("/").text
    assert "€160.00" in home and "Attributed revenue" in home and "within 5 days" in home


def test_a_reminder_is_credited_with_the_order_that_it_reminded_of(
    signed_in: FlaskClient, client: FlaskClient, mail: str, running: Process, made: Made, clock: ClockHand
) -> None:
    clicked = clock.now()
    client.get(f"/c/{mail}0", headers=BROWSER)
    with running.database.unit() as session:
        row = session.get_one(Order, made.ids["order_id"])
        row.placed_at, row.paid_at = clicked - timedelta(days=1), clicked + timedelta(hours=1)
        row.payment_state, row.total, row.refunded_total = "paid", 700_000, 0
    order(running, made, 8, placed_at=clicked - timedelta(days=1), paid_at=clicked + timedelta(hours=1), total=1)
    clock.advance(days=1)
    page = signed_in.get("/messages/report").text
    assert "€70.00" in page and "1 order" in page


def test_an_order_between_two_clicks_counts_once_for_the_last_one_before_it(
    signed_in: FlaskClient, client: FlaskClient, mail: str, running: Process, made: Made, clock: ClockHand
) -> None:
    client.get(f"/c/{mail}0", headers=BROWSER)
    clock.advance(hours=1)
    with running.database.unit() as session:
        first = session.get_one(Message, made.ids["message_id"])
        fields = {
            column.name: getattr(first, column.name) for column in Message.__table__.columns if column.name != "id"
        }
        fields |= {"once_key": "second", "link_token": "n" * 32, "step_id": "later", "subject": "The second one"}
        session.add(Message(**fields))
    client.get(f"/c/{'n' * 32}0", headers=BROWSER)
    order(running, made, 9, placed_at=clock.now() + timedelta(minutes=1), payment_state="paid", total=1_000_000)
    clock.advance(hours=1)
    client.get(f"/c/{mail}0", headers=BROWSER)
    page = signed_in.get("/messages/report").text
    assert page.count("€100.00") == 2, "in the sum, and in one row"
    row = page[page.index("The second one") :]
    assert row.index("€100.00") < row.index("</tr>")


def test_nothing_measured_is_said_and_not_drawn_as_nothing(signed_in: FlaskClient, mail: str, running: Process) -> None:
    with running.database.unit() as session:
        session.scalars(select(Message)).one().measured = False
    page = signed_in.get("/messages/report").text
    assert "not measured" in page and "0 %" not in page


class Answers:
    """A resolver of the test's."""

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self.silent = False

    def texts(self, name: str) -> list[str]:
        if self.silent:
            raise NoAnswer("no answer")
        return self.records.get(name, [])


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """What the DNS says."""
    found = Answers()
    monkeypatch.setattr(mail_settings, "resolver", found)
    return found


def kept(running: Process, made: Made) -> MailSettings:
    with running.database.reading() as session:
        return session.get_one(MailSettings, made.account_id)


def test_a_domain_is_used_once_it_is_proven_and_no_longer_when_the_proof_is_gone(
    signed_in: FlaskClient, running: Process, made: Made, answers: Answers
) -> None:
    form = {"domain": "Shop.Example", "from_email": "orders@shop.example", "dkim_selector": "s1"}
    page = signed_in.post("/settings/sending-domain", data=form, follow_redirects=True).text
    row = kept(running, made)
    assert (row.domain, row.proven_at) == ("shop.example", None)
    assert f"referins-verification={row.proof}" in page and "_referins.shop.example" in page
    answers.records["_referins.shop.example"] = [f"referins-verification={row.proof}"]
    page = signed_in.post("/settings/sending-domain/check", follow_redirects=True).text
    assert kept(running, made).proven_at is not None
    assert "come from <strong" in page and "orders@shop.example" in page
    answers.silent = True
    signed_in.post("/settings/sending-domain/check")
    assert kept(running, made).proven_at is not None, "a DNS that is silent takes nothing away"
    answers.silent = False
    answers.records.clear()
    signed_in.post("/settings/sending-domain/check")
    assert kept(running, made).proven_at is None
    proof = kept(running, made).proof
    signed_in.post("/settings/sending-domain", data=form | {"domain": "other.example", "from_email": ""})
    assert kept(running, made).proof != proof, "another domain is proven anew"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("domain", "https://shop.example/", "no domain"),
        ("from_email", "orders@elsewhere.example", "not at shop.example"),
        ("from_email", "a b@shop.example", "cannot be used"),
        ("from_email", "a@shop.example\r\nBcc: x@y.example", "cannot be used"),
        ("reply_to", "nobody", "cannot be used"),
        ("dkim_selector", "a b", "selector"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_kept(
    signed_in: FlaskClient, running: Process, made: Made, answers: Answers, field: str, value: str, says: str
) -> None:
    answer = signed_in.post("/settings/sending-domain", data={"domain": "shop.example", field: value})
    assert answer.status_code == 422
    assert says in answer.text and f'id="e-{field}"' in answer.text
    with running.database.reading() as session:
        assert session.get(MailSettings, made.account_id) is None


def test_measuring_is_switched_by_account(signed_in: FlaskClient, running: Process, made: Made, mail: str) -> None:
    signed_in.post("/settings/sending-domain/measuring", data={"adds_utm": "1"})
    row = kept(running, made)
    assert (row.measures_opens, row.measures_clicks, row.measures_orders, row.adds_utm) == (False, False, False, True)
    assert "opens and clicks are switched off" in signed_in.get("/messages/report").text
    assert signed_in.get(f"/c/{mail}0", headers=BROWSER).headers["Location"] == SHOP
    assert kinds(running) == []


HOOK = "/hooks/mail/postmark"
PASSWORD_OF_HOOK = "a-long-password-of-the-hook"


@pytest.fixture
def with_postmark(running: Process) -> Iterator[None]:
    """The application sends over Postmark."""
    settings = PostmarkSettings("t", "outbound", "broadcast", "https://api.postmarkapp.com", PASSWORD_OF_HOOK)
    process.use(replace(running, config=replace(running.config, postmark=settings)))
    yield
    process.use(running)


def signed(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"postmark:{password}".encode()).decode()}


def test_postmarks_webhook_needs_its_password(client: FlaskClient, with_postmark: None) -> None:
    told = {"RecordType": "Delivery"}
    assert client.post(HOOK, json=told).status_code == 401
    assert client.post(HOOK, json=told, headers=signed("wrong")).status_code == 401
    assert client.post(HOOK, json=told, headers=signed("pässword")).status_code == 401
    assert client.post(HOOK, json=told, headers={"Authorization": "Bearer x"}).status_code == 401
    assert client.post(HOOK, json=told, headers=signed(PASSWORD_OF_HOOK)).status_code == 200
    assert client.post(HOOK, data="{", headers=signed(PASSWORD_OF_HOOK)).status_code == 400
    assert client.post(HOOK, json=[1], headers=signed(PASSWORD_OF_HOOK)).status_code == 400
    assert client.post(HOOK, data=b"x" * 2**20 + b"x", headers=signed(PASSWORD_OF_HOOK)).status_code == 413
    assert client.get(HOOK).status_code == 405


def test_without_postmark_its_webhook_lets_nobody_in(client: FlaskClient) -> None:
    assert client.post(HOOK, json={}, headers=signed("")).status_code == 401


def test_a_bounce_is_written_down_before_it_is_answered(
    client: FlaskClient, with_postmark: None, running: Process, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running.database.unit() as session:
        row = session.get_one(Message, made.ids["message_id"])
        row.rfc_message_id = f"<{row.id}.{'ab' * 12}@x.example>"
        address, given = row.to_email, row.rfc_message_id[1:-1]
    told = {"RecordType": "Bounce", "Type": "HardBounce", "ID": 4, "Email": address, "Metadata": {"message_id": given}}

    def full(*_: Any) -> str:
        raise OperationalError("INSERT", {}, Exception("disk full"))

    with monkeypatch.context() as patch:
        patch.setattr("referins_woo.mail.postmark_hooks.take", full)
        assert client.post(HOOK, json=told, headers=signed(PASSWORD_OF_HOOK)).status_code == 503
    answer = client.post(HOOK, json=told, headers=signed(PASSWORD_OF_HOOK))
    assert answer.text == "bounced\n"
    assert kinds(running) == [("bounced", "")]
    with running.database.reading() as session:
        assert session.get_one(Contact, made.ids["contact_id"]).consent == "bounced"


def test_a_failed_email_is_sent_again_from_its_page(signed_in: FlaskClient, running: Process, made: Made) -> None:
    url = f"/messages/{made.ids['message_id']}"
    assert "Send it again" not in signed_in.get(url).text
    assert signed_in.post(f"{url}/again").status_code == 409
    with running.database.unit() as session:
        row = session.get_one(Message, made.ids["message_id"])
        row.state, row.reason, row.created_at = "failed", "The mail server answered 554", clock_.now()
    assert "Send it again" in signed_in.get(url).text
    page = signed_in.post(f"{url}/again", follow_redirects=True).text
    assert "on its way again" in page
    with running.database.reading() as session:
        assert session.get_one(Message, made.ids["message_id"]).state == "created"
        assert session.scalar(select(AuditEntry.subject).where(AuditEntry.action == "message_again"))


def test_a_messages_page_tells_what_became_of_it(
    signed_in: FlaskClient, client: FlaskClient, mail: str, made: Made
) -> None:
    client.get(f"/c/{mail}0", headers=BROWSER)
    client.get(f"/c/{mail}0", headers={"User-Agent": "Barracuda"})
    page = signed_in.get(f"/messages/{made.ids['message_id']}").text
    assert page.count("Clicked") == 2 and "a scanner of a mail provider" in page and SHOP in page


def test_why_an_email_was_not_sent_is_said_in_words(signed_in: FlaskClient, running: Process, made: Made) -> None:
    with running.database.unit() as session:
        row = session.get_one(Message, made.ids["message_id"])
        row.state, row.reason = "skipped", "blocked"
    ids = made.ids
    for url in (f"/messages/{ids['message_id']}", f"/contacts/{ids['contact_id']}", f"/runs/{ids['run_id']}"):
        assert "this address was blocked by hand" in signed_in.get(url).text


def test_the_suppression_list_is_kept_by_hand(signed_in: FlaskClient, running: Process) -> None:
    with running.database.unit() as session:
        session.execute(delete(Suppression))
    assert "No address is suppressed" in signed_in.get("/suppressions").text
    form = {"email": "Angry@Example.com", "note": "=cmd()"}
    assert "angry@example.com" in signed_in.post("/suppressions", data=form, follow_redirects=True).text
    again = signed_in.post("/suppressions", data=form)
    assert again.status_code == 422 and "already" in again.text
    assert "No address matches" in signed_in.get("/suppressions?q=nobody").text
    csv = signed_in.get("/suppressions/addresses.csv").text
    assert "angry@example.com,blocked,'=cmd()," in csv
    with running.database.reading() as session:
        row_id = session.scalars(select(Suppression.id)).one()
    refused = signed_in.post(f"/suppressions/{row_id}/remove", data={"why": " "})
    assert refused.status_code == 422 and "Say why" in refused.text
    page = signed_in.post(f"/suppressions/{row_id}/remove", data={"why": "a mistake"}, follow_redirects=True).text
    assert "taken off" in page and "angry@example.com" not in page


def test_confirming_a_subscription_takes_a_click_on_its_page(client: FlaskClient, running: Process, made: Made) -> None:
    with running.database.unit() as session:
        contact = session.get_one(Contact, made.ids["contact_id"])
        address = contact.email
        double_optin.ask(
            session, contact, asked_by="file 1", sender="Ours Ltd", address="", source="", public_url="http://x.example"
        )
    with running.database.reading() as session:
        token = session.scalars(select(Message.link_token).where(Message.once_key.like("confirm:%"))).one()
    page = client.get(f"/confirm/{token}")
    assert "Do you want e-mails from Ours Ltd?" in page.text and address not in page.text
    with running.database.reading() as session:
        assert session.get_one(Contact, made.ids["contact_id"]).consent == "unknown", "a GET changes nothing"
    assert "You are subscribed" in client.post(f"/confirm/{token}").text
    with running.database.reading() as session:
        assert session.get_one(Contact, made.ids["contact_id"]).consent == "subscribed"
    assert client.get("/confirm/nothing").status_code == 404
    assert client.post("/confirm/nothing").status_code == 404


def test_figures_are_counted_from_an_index_and_no_body_is_passed(running: Process, made: Made) -> None:
    period = last_days(clock_.now(), 30, UTC)
    statements: list[str] = []
    with running.database.reading() as session:

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if "count(*)" in statement and "message_events" not in statement:
                statements.append(statement)
                session.info["parameters"] = parameters

        event.listen(running.database.engine, "before_cursor_execute", note)
        try:
            emails.of_automations(session, made.account_id, period)
        finally:
            event.remove(running.database.engine, "before_cursor_execute", note)
        sums = next(one for one in statements if "messages" in one)
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sums}", session.info["parameters"]).all()
    assert "COVERING INDEX ix_messages_measured" in repr(plan)


def test_a_template_has_the_figures_of_the_steps_that_follow_it(
    signed_in: FlaskClient, client: FlaskClient, mail: str, running: Process, made: Made
) -> None:
    client.get(f"/c/{mail}0", headers=BROWSER)
    with running.database.unit() as session:
        template, other = (
            EmailTemplate(account_id=made.account_id, name=name, trigger="order_submitted", document={})
            for name in ("Thank-you letter", "Nobody follows")
        )
        session.add_all([template, other])
        session.flush()
        automation = session.get_one(Automation, made.ids["automation_id"])
        step = {"id": "confirm", "kind": "send_email", "template": {"id": template.id, "version": 1}}
        automation.draft = {**automation.draft, "steps": [step]}
        template_id = template.id
    with running.database.reading() as session:
        found = emails.of_templates(session, made.account_id, last_days(clock_.now(), 30, UTC))
    assert {one: (its.sent, its.clicked) for one, its in found.items()} == {template_id: (1, 1)}
    page = signed_in.get("/messages/report").text
    assert "Thank-you letter" in page and "Nobody follows" not in page
