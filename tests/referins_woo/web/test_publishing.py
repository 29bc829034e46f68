"""Publishing: what the account lacks stops it, whom e-mails come from is said; by the page and by the API."""

from __future__ import annotations

import html
from typing import Any

import pytest
from flask.testing import FlaskClient

from referins_woo import clock
from referins_woo.accounts.models import Account, Membership
from referins_woo.mail import domain as domains
from referins_woo.mail import sending
from referins_woo.process import Process
from referins_woo.runs import automations
from referins_woo.runs.models import Automation, AutomationVersion, Run
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor
from tests.referins_woo.web.test_api_automations import Caller

LACKS = "It sends marketing e-mails, which must name your postal address, and the account has none."


@pytest.fixture
def call(client: FlaskClient, ours: Made) -> Caller:
    return Caller(client, ours)


def made(running: Process, account_id: int, recipe: str) -> int:
    with running.database.unit() as session:
        return automations.create_from_recipe(session, account_id, recipe).id


def set_address(running: Process, account_id: int, address: str) -> None:
    with running.database.unit() as session:
        session.get_one(Account, account_id).postal_address = address


def prove(running: Process, account_id: int, found: dict[str, str] | None = None, **columns: Any) -> None:
    """Give the account a sending domain; `found`: how its records were found."""
    with running.database.unit() as session:
        row = sending.of_account(session, account_id)
        row.domain, row.proof = "nordlicht.example", "x"
        row.findings = [domains.Finding(key, state, "…").as_json() for key, state in (found or {}).items()]
        for name, value in columns.items():
            setattr(row, name, value)
        session.add(row)


def test_without_a_postal_address_marketing_is_not_published_and_the_page_that_mends_it_is_named(
    merchant: Visitor, ours: Made, running: Process
) -> None:
    set_address(running, ours.account_id, "")
    automation_id = made(running, ours.account_id, "win_back")
    path = f"/automations/{automation_id}/publish"
    page = html.unescape(merchant.get(path).text)
    assert LACKS in page
    assert 'href="/settings/general#f-postal_address">Write it under Settings > General.</a>' in page
    assert "disabled" in page.split("Back to the draft")[1].split("</form>")[0]
    builder = html.unescape(merchant.get(f"/automations/{automation_id}/build").text)
    assert "1 thing is missing before it can be published" in builder
    assert LACKS in builder
    assert "The draft cannot be tested yet" not in merchant.get(f"/automations/{automation_id}/build/test").text
    with running.database.reading() as session:
        revision = session.get_one(Automation, automation_id).draft_revision
    refused = merchant.post(path, {"revision": revision})
    assert refused.status_code == 422
    with running.database.reading() as session:
        assert session.get_one(Automation, automation_id).state == "draft"
    merchant.post("/settings/general", {"name": "Ours", "time_zone": "Europe/Berlin", "base_currency": "EUR"})
    set_address(running, ours.account_id, "1 Example Street")
    page = merchant.get(path).text
    assert "Nothing is missing" in page
    assert merchant.post(path, {"revision": revision}).status_code == 303


def test_an_email_about_an_order_needs_no_postal_address(merchant: Visitor, ours: Made, running: Process) -> None:
    set_address(running, ours.account_id, "")
    page = merchant.get(f"/automations/{made(running, ours.account_id, 'order_confirmation')}/publish").text
    assert "Nothing is missing" in page


def test_a_member_is_told_that_an_owner_writes_the_address(merchant: Visitor, ours: Made, running: Process) -> None:
    set_address(running, ours.account_id, "")
    automation_id = made(running, ours.account_id, "win_back")
    with running.database.unit() as session:
        session.query(Membership).filter_by(account_id=ours.account_id, user_id=ours.user_id).update({"role": "member"})
    page = html.unescape(merchant.get(f"/automations/{automation_id}/publish").text)
    assert "An owner writes it under Settings > General." in page
    assert "An owner sets it under Settings > Sending domain." in page
    assert "/settings/sending-domain" not in page


def test_the_api_names_what_the_account_lacks_and_gives_it(
    call: Caller, running: Process, ours: Made, theirs: Made
) -> None:
    set_address(running, ours.account_id, "")
    path = f"/automations/{call('POST', '/automations', {'recipe': 'win_back'}, 201)['id']}"
    problem = call("POST", f"{path}/publish", status=422)
    assert problem["detail"] == LACKS
    assert problem["errors"] == [
        {"path": "", "field": "postal_address", "message": LACKS, "remedy": "Write it under Settings > General."}
    ]
    before = call("GET", "/account")
    assert (before["id"], before["postal_address"]) == (ours.account_id, "")
    after = call("PATCH", "/account", {"postal_address": " 1  Example Street \n\nExample Town"})
    assert after == {**before, "postal_address": "1 Example Street\nExample Town"}
    assert call("POST", f"{path}/publish")["state"] == "live"
    assert call("PATCH", "/account", {"time_zone": "Nowhere/Land"}, 422)["errors"][0]["field"] == "time_zone"
    with running.database.reading() as session:
        assert session.get_one(Account, theirs.account_id).postal_address == "1 Example Street\nExample Town"


def test_the_address_stays_while_a_live_automation_needs_it(call: Caller) -> None:
    path = f"/automations/{call('POST', '/automations', {'recipe': 'win_back'}, 201)['id']}"
    call("POST", f"{path}/publish")
    refused = call("PATCH", "/account", {"postal_address": " "}, 422)
    assert "“Win-back” sends marketing e-mails, which must name it." in refused["errors"][0]["message"]
    assert call("GET", "/account")["postal_address"] == "1 Example Street\nExample Town"
    call("POST", f"{path}/pause")
    assert call("PATCH", "/account", {"postal_address": " "})["postal_address"] == ""


def test_before_publishing_it_is_said_whom_emails_come_from(merchant: Visitor, ours: Made, running: Process) -> None:
    path = f"/automations/{made(running, ours.account_id, 'win_back')}/publish"
    page = html.unescape(merchant.get(path).text)
    assert "E-mails come from our own address: no sending domain is set up" in page
    assert 'href="/settings/sending-domain"' in page
    assert "Nothing is missing" in page, "it is a warning and stops nobody"
    prove(running, ours.account_id, from_email="shop@nordlicht.example")
    page = merchant.get(path).text
    assert "E-mails come from our own address until nordlicht.example is shown to be yours" in page
    prove(running, ours.account_id, proven_at=clock.now(), from_email="", marketing_from_email="")
    assert "no sender at nordlicht.example is set" in merchant.get(path).text
    found = {"proof": domains.GOOD, "spf": domains.GOOD, "dkim": domains.UNSURE, "dmarc": domains.MISSING}
    prove(running, ours.account_id, found, proven_at=clock.now(), from_email="shop@nordlicht.example")
    page = merchant.get(path).text
    assert "E-mails come from shop@nordlicht.example" in page
    assert "DMARC of nordlicht.example is missing or wrong: mailboxes may take e-mails for spam" in page
    found |= {"dmarc": domains.GOOD}
    prove(running, ours.account_id, found, proven_at=clock.now())
    assert "Sending domain</a>" not in merchant.get(path).text.split("Check list")[1].split("What changes")[0]


def test_the_publish_page_counts_who_moves_and_offers_to_reschedule_who_waits(
    merchant: Visitor, ours: Made, running: Process, call: Caller
) -> None:
    wait = {"id": "w", "kind": "wait", "period": "2d"}
    made_of = {"trigger": "order_submitted", "steps": [wait]}
    automation = call("POST", "/automations", {"name": "Mine", "definition": made_of}, 201)
    path = f"/automations/{automation['id']}"
    call("POST", f"{path}/publish")
    with running.database.unit() as session:
        run = session.get_one(Run, ours.ids["run_id"])
        live = session.get_one(Automation, automation["id"]).live_version_id
        assert live is not None
        run.automation_id, run.version_id, run.state, run.ended_at = automation["id"], live, "waiting", None
        run.step, run.position = "w", {"step": "w", "phase": "waiting", "until": "2031-01-01T00:00:00+00:00"}
    page = merchant.get(f"{path}/publish").text
    assert "1 person is inside now" in page
    assert "rescheduled" not in page, "no wait has changed"
    changed = {**made_of, "steps": [{**wait, "period": "3d"}]}
    call("PATCH", path, {"revision": 1, "definition": changed})
    page = html.unescape(merchant.get(f"{path}/publish").text)
    assert "move, and 1 waiting is rescheduled" in page
    assert "1 at “Wait”" in page
    refused = call("POST", f"{path}/publish?reschedule=true", status=422)
    assert refused["errors"][0]["field"] == "reschedule"
    form = {"revision": 2, "inside": "move:reschedule"}
    assert merchant.post(f"{path}/publish", form).status_code == 303
    with running.database.reading() as session:
        assert session.get_one(AutomationVersion, call("GET", path)["live_version_id"]).reschedules
    changed = {**made_of, "steps": [{**wait, "period": "4d"}]}
    call("PATCH", path, {"revision": 2, "definition": changed})
    assert call("POST", f"{path}/publish?inside=move&reschedule=true")["state"] == "live"
