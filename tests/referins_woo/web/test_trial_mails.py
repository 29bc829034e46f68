"""A test of an automation's e-mail, sent to whoever builds it: from its step, and from the test on an order."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from sqlalchemy import select

from referins_woo import queues
from referins_woo.mail import jobs  # noqa: F401  the job of the bell
from referins_woo.mail.models import DevMail, Message
from referins_woo.process import Process
from referins_woo.runs.models import Automation, Run, RunLog
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor

MAIL: dict[str, Any] = {
    "id": "mail",
    "kind": "send_email",
    "subject": "Order {{ order.number }} waits",
    "body": [
        {"kind": "text", "text": "Dear {{ contact.first_name }}"},
        {"kind": "button", "text": "Pay", "url": "https://shop.example.com/pay"},
    ],
}
TAG: dict[str, Any] = {"id": "tag", "kind": "add_tag", "tag": "asked"}


@pytest.fixture
def base(running: Process, ours: Made) -> str:
    """The addresses of our automation, whose draft sends one e-mail."""
    with running.database.unit() as session:
        draft = {"trigger": "order_submitted", "steps": [TAG, MAIL]}
        session.get_one(Automation, ours.ids["automation_id"]).draft = draft
    return f"/automations/{ours.ids['automation_id']}"


def _sent(running: Process, bells: queues.MemoryBells) -> list[DevMail]:
    bells.drain()
    with running.database.reading() as session:
        found = list(session.scalars(select(DevMail).where(DevMail.subject.startswith("[Test]")).order_by(DevMail.id)))
        session.expunge_all()
    return found


def _in_drawer(merchant: Visitor, running: Process, ours: Made, **fields: str) -> str:
    with running.database.reading() as session:
        revision = session.get_one(Automation, ours.ids["automation_id"]).draft_revision
    path = f"/automations/{ours.ids['automation_id']}/build"
    merchant.get(f"{path}?step=mail")
    block = {"b.count": "1", "b.0.kind": "text", "b.0.text": "Dear {{ contact.first_name }} https://x.example/y"}
    form = {"act": "test", "step": "mail", "has_fields": "yes", "revision": revision, **block, **fields}
    return html.unescape(merchant.follow(merchant.post(path, form)).text)


def test_a_steps_email_is_sent_to_me_as_it_was_just_typed_about_the_newest_order(
    merchant: Visitor, running: Process, ours: Made, base: str, bells: queues.MemoryBells
) -> None:
    assert "Send me a test" in merchant.get(f"{base}/build?step=mail").text
    with running.database.reading() as session:
        before = [len(session.scalars(select(one.id)).all()) for one in (Run, RunLog)]
    said = _in_drawer(merchant, running, ours, **{"f.subject": "Just typed {{ order.number }}"})
    assert "A test about order WC-4812 is on its way to ours@example.com. Its links lead nowhere." in said
    mail = _sent(running, bells)[0]
    assert (mail.to_email, mail.subject) == ("ours@example.com", "[Test] Just typed WC-4812")
    with running.database.reading() as session:
        assert session.get_one(Automation, ours.ids["automation_id"]).draft["steps"][1]["subject"].startswith("Just")
        message = session.scalars(select(Message).where(Message.subject.startswith("[Test]"))).one()
        assert (message.purpose, message.run_id, message.automation_id, message.step_id) == ("system", None, None, "")
        assert message.html is not None and "Dear Ana" in message.html
        assert message.text is not None and "[link: x.example]" in message.text
        assert message.contact_id == ours.ids["contact_id"], "whoever is erased goes out of tests too"
        assert [len(session.scalars(select(one.id)).all()) for one in (Run, RunLog)] == before


def test_what_cannot_be_written_is_saved_and_not_sent(
    merchant: Visitor, running: Process, ours: Made, base: str, bells: queues.MemoryBells
) -> None:
    said = _in_drawer(merchant, running, ours, **{"f.subject": "{{ order.numbr }}"})
    assert "No test was sent, because the e-mail cannot be written yet: {{ order.numbr }} is not known" in said
    assert _sent(running, bells) == []
    with running.database.reading() as session:
        step = session.get_one(Automation, ours.ids["automation_id"]).draft["steps"][1]
    assert step["subject"] == "{{ order.numbr }}"


def test_an_email_of_a_test_on_an_order_is_sent_to_me_with_what_the_path_made_of_it(
    merchant: Visitor, running: Process, ours: Made, base: str, bells: queues.MemoryBells
) -> None:
    for query, number in (("", "WC-4812"), ("?sample=usual", "1042")):
        page = html.unescape(merchant.get(f"{base}/build/test{query}").text)
        action = re.search(r'action="([^"]+/mails/mail/send[^"]*)"', page)
        assert action is not None
        back = merchant.follow(merchant.post(action[1]))
        assert "A test of it is on its way to ours@example.com" in html.unescape(back.text)
        mail = _sent(running, bells)[-1]
        assert (mail.to_email, mail.subject) == ("ours@example.com", f"[Test] Order {number} waits")
    with running.database.reading() as session:
        tests = session.scalars(select(Message).where(Message.subject.startswith("[Test]")).order_by(Message.id)).all()
    assert [one.contact_id for one in tests] == [ours.ids["contact_id"], None]
    assert [one.run_id for one in tests] == [None, None]
    assert 'href="#"' in str(tests[0].html) and "shop.example.com/pay" not in str(tests[0].html)


def test_an_email_of_anothers_automation_is_sent_to_nobody(
    merchant: Visitor, running: Process, ours: Made, theirs: Made, base: str, bells: queues.MemoryBells
) -> None:
    merchant.get(f"{base}/build/test")
    other = f"/automations/{theirs.ids['automation_id']}/build/test/{theirs.ids['order_id']}/mails/mail/send"
    assert merchant.post(other).status_code == 404
    mixed = f"{base}/build/test/{theirs.ids['order_id']}/mails/mail/send"
    assert merchant.post(mixed).status_code == 404
    assert merchant.post(f"{base}/build/test/{ours.ids['order_id']}/mails/tag/send").status_code == 404
    assert _sent(running, bells) == []
