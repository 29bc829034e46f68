"""Automations, runs, messages and the dev mailbox in the browser."""

from __future__ import annotations

import dataclasses
import html
import re

import pytest
from sqlalchemy import select

from automations import editing, words
from automations.recipes import all_recipes
from referins_woo import clock
from referins_woo.app import create_app
from referins_woo.config import Config
from referins_woo.mail.models import Message
from referins_woo.process import Process
from referins_woo.runs.models import Automation, Run
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor


def _newest(running: Process) -> Automation:
    with running.database.reading() as session:
        return session.scalars(select(Automation).order_by(Automation.id.desc())).first() or pytest.fail("none")


def test_the_gallery_shows_each_recipe_with_its_flow_and_filters_by_goal(merchant: Visitor) -> None:
    gallery = html.unescape(merchant.get("/automations/new").text)
    for one in all_recipes():
        assert one.name in gallery
        assert one.warning in gallery
        for step, _ in editing.walk(one.definition):
            assert words.summary(step) in gallery, (one.key, step["id"])
    assert "Turn on" not in gallery
    only = merchant.get("/automations/new?goal=Recover").text
    assert "Pending-payment reminder" in only
    assert "Order confirmation" not in only


def test_using_a_recipe_makes_a_draft_and_never_anything_live(merchant: Visitor, running: Process) -> None:
    merchant.get("/automations/new")
    for form in ({"recipe": "payment_thank_you"}, {"recipe": "payment_thank_you", "mode": "live"}):
        page = merchant.follow(merchant.post("/automations/new", form))
        assert "nothing is sent until you publish it" in page.text
        made = _newest(running)
        assert (made.state, made.recipe, made.live_version_id) == ("draft", "payment_thank_you", None)
    assert "Open yours" in merchant.get("/automations/new").text
    warning = "Switch it off under WooCommerce > Settings > Emails"
    assert warning in html.unescape(merchant.get(f"/automations/{made.id}/publish").text)


def test_one_can_start_from_scratch(merchant: Visitor, running: Process) -> None:
    merchant.get("/automations/new")
    assert merchant.post("/automations/new", {"trigger": "full_moon"}).status_code == 404
    page = merchant.follow(merchant.post("/automations/new", {"trigger": "order_completed", "name": "Mine"}))
    assert "Order Completed" in page.text
    assert "The automation has no step." in page.text
    assert (_newest(running).name, _newest(running).draft["steps"]) == ("Mine", [])


def test_the_list_tells_of_each_automation_and_pauses_it(merchant: Visitor, ours: Made, running: Process) -> None:
    with running.database.unit() as session:
        one = session.get_one(Automation, ours.ids["automation_id"])
        one.draft = {**one.draft, "exit_on": ["cancelled"]}
        session.get_one(Run, ours.ids["run_id"]).state = "failed"
        session.get_one(Message, ours.ids["message_id"]).sent_at = clock.now()
    page = merchant.get("/automations").text
    cells = [" ".join(re.sub("<[^>]+>", " ", cell).split()) for cell in re.findall(r"<t[hd].*?</t[hd]>", page, re.S)]
    row = cells[9:]
    assert row[0] == "Order confirmation 1 failed"
    assert row[1:6] == ["Order Submitted", "Live draft changes", "0", "1", "1"]
    assert row[6] == "–"
    assert row[7].endswith("Ours")
    path = f"/automations/{ours.ids['automation_id']}"
    answer = merchant.post(f"{path}/pause", {"back": "list"})
    assert answer.headers["Location"] == "/automations"
    assert f"Resume {_newest(running).name}" in merchant.follow(answer).text


def test_pausing_and_resuming(merchant: Visitor, ours: Made, running: Process) -> None:
    path = f"/automations/{ours.ids['automation_id']}"
    merchant.get(path)
    assert "Paused" in merchant.follow(merchant.post(f"{path}/pause")).text
    assert "Only a live automation" in merchant.follow(merchant.post(f"{path}/pause")).text
    merchant.follow(merchant.post(f"{path}/resume"))
    assert _newest(running).state == "live"


def test_a_run_shows_what_happened_and_its_mail(merchant: Visitor, ours: Made) -> None:
    page = merchant.get(f"/runs/{ours.ids['run_id']}").text
    for said in ("Order Submitted", "Sent", "WC-4812", "We have your order WC-4812"):
        assert said in page
    line = page[page.index("What happened") : page.index(">About<")]
    assert "We have your order WC-4812</a>" in line, "the log names the mail as it was sent"
    assert f'href="/messages/{ours.ids["message_id"]}"' in line


@pytest.mark.parametrize("path", ["/messages/{message_id}/html", "/dev/mail/{mail_id}/html"])
def test_mails_are_shown_in_a_sandbox_of_their_own(merchant: Visitor, ours: Made, path: str) -> None:
    answer = merchant.get(path.format(**ours.ids))
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "frame-ancestors 'self'" in policy
    assert "X-Frame-Options" not in answer.headers
    assert answer.text.strip() == "<p>Thank you</p>"
    assert ' sandbox src="' in merchant.get(path.removesuffix("/html").format(**ours.ids)).text


def test_the_dev_mailbox_is_not_there_where_mails_are_sent(config: Config, ours: Made) -> None:
    sending = dataclasses.replace(config, smtp_url="smtp://127.0.0.1:1025")
    rules = {rule.rule for rule in create_app(sending, connect_queues=False).url_map.iter_rules()}
    assert not any(rule.startswith("/dev") for rule in rules)


def test_on_https_cookies_are_host_only_and_hsts_is_sent(config: Config, ours: Made) -> None:
    public = dataclasses.replace(
        config, public_url="https://app.example.com", smtp_url="smtp://127.0.0.1:1025", mail_from="a@example.com"
    )
    client = create_app(public, connect_queues=False).test_client()
    answer = client.get("/sign-in", base_url="https://app.example.com")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-referins=")
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
