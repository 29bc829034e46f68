"""A rehearsal of very many orders, from the page: asked for, waited for, looked at."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from referins_woo import clock, queues
from referins_woo.commerce.models import Order
from referins_woo.process import Process
from referins_woo.runs import jobs, rehearse  # noqa: F401  the job of the bell
from referins_woo.runs.models import AskedRehearsal, Automation
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor
from tests.referins_woo.web.test_trying import REMINDER, draft, words_of


def test_a_rehearsal_of_very_many_orders_goes_on_in_the_background(
    merchant: Visitor, running: Process, ours: Made, bells: queues.MemoryBells, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft(running, ours, REMINDER)
    base = f"/automations/{ours.ids['automation_id']}"
    columns = [column.name for column in Order.__table__.columns if column.name != "id"]
    with running.database.unit() as session:
        row = session.execute(select(Order.__table__).where(Order.id == ours.ids["order_id"])).mappings().one()
        more = {**{name: row[name] for name in columns}, "woo_id": 5_000, "number": "5000"}
        session.add(Order(**{**more, "placed_at": clock.now() - timedelta(days=1)}))
    monkeypatch.setattr(rehearse, "QUICK", 1)
    said = words_of(merchant.get(f"{base}/rehearsal").text)
    assert "these are the newest 1, since" in said
    assert "Look at up to 20,000 in the background" in said
    assert "#5000" in said
    assert "of 1 order that started it" in said
    where = merchant.post(f"{base}/rehearsal", {"days": "90"}).headers["Location"]
    waits = merchant.get(where).text
    assert "Waits for its turn: up to 20,000 orders of 90 days" in words_of(waits)
    assert re.search(r'id="rehearsing" hx-get="[^"]+" hx-trigger="every 2s"', waits)
    assert merchant.get(f"{where}.csv").status_code == 404
    bells.drain("outbound")
    said = words_of(merchant.get(where).text)
    assert "of 2 orders that started it" in said
    assert "the draft has changed since" not in said
    assert len(merchant.get(f"{where}.csv").text.splitlines()) >= 3
    with running.database.unit() as session:
        session.get_one(Automation, ours.ids["automation_id"]).draft = {**REMINDER, "filters": {}}
    assert "the draft has changed since, so this is not what it would do now" in words_of(merchant.get(where).text)


def test_one_that_was_given_up_can_be_asked_for_again(merchant: Visitor, running: Process, ours: Made) -> None:
    with running.database.unit() as session:
        session.get_one(AskedRehearsal, ours.ids["rehearsal_id"]).state = "failed"
    where = f"/automations/{ours.ids['automation_id']}/rehearsals/{ours.ids['rehearsal_id']}"
    assert "Stopped Something broke on our side" in words_of(merchant.get(where).text)
    again = merchant.post(f"/automations/{ours.ids['automation_id']}/rehearsal", {"days": "30"}).headers["Location"]
    assert again != where and "Waits for its turn" in words_of(merchant.get(again).text)
