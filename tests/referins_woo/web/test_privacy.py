"""A contact's personal data in the browser: downloaded, and erased after a tick."""

from __future__ import annotations

import json

from referins_woo.commerce.models import Contact
from referins_woo.process import Process
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor


def test_personal_data_is_downloaded_as_one_document(merchant: Visitor, ours: Made) -> None:
    answer = merchant.get(f"/contacts/{ours.ids['contact_id']}/personal-data.json")
    assert answer.mimetype == "application/json"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert json.loads(answer.data)["contact"]["email"] == "ana@ours.example.com"


def test_erasing_asks_first_and_then_leaves_no_contact(merchant: Visitor, ours: Made, running: Process) -> None:
    contact_id = ours.ids["contact_id"]
    assert "Erase…" in merchant.get(f"/contacts/{contact_id}").text
    page = merchant.get(f"/contacts/{contact_id}/erase")
    assert "This cannot be undone" in page.text
    refused = merchant.post(f"/contacts/{contact_id}/erase")
    assert refused.status_code == 422
    assert "Tick the box" in refused.text
    done = merchant.follow(merchant.post(f"/contacts/{contact_id}/erase", {"sure": "yes"}))
    assert "Orders that no longer name them: 1; e-mails: 1." in done.text
    assert merchant.get(f"/contacts/{contact_id}").status_code == 404
    with running.database.reading() as session:
        assert session.get(Contact, contact_id) is None
