"""Letting past orders in on purpose: looked at first, counted, confirmed, and once each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from referins_woo import clock, queues
from referins_woo.commerce.models import Order
from referins_woo.process import Process
from referins_woo.runs.models import Automation, Run, RunLog
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor


@pytest.fixture
def path(ours: Made) -> str:
    """The page of our live automation."""
    return f"/automations/{ours.ids['automation_id']}/past-orders"


def another_order(running: Process, ours: Made, number: str, **columns: Any) -> None:
    """Add a past order like ours."""
    names = [column.name for column in Order.__table__.columns if column.name != "id"]
    with running.database.unit() as session:
        row = session.execute(select(Order.__table__).where(Order.id == ours.ids["order_id"])).mappings().one()
        session.add(
            Order(**{**{name: row[name] for name in names}, "woo_id": int(number), "number": number, **columns})
        )


def numbers_inside(running: Process, ours: Made) -> list[str]:
    """Of all orders that ever entered our automation."""
    with running.database.reading() as session:
        wanted = select(Order.number).join(Run, Run.order_id == Order.id)
        return list(
            session.scalars(wanted.where(Run.automation_id == ours.ids["automation_id"]).order_by(Order.number))
        )


def test_it_shows_who_would_enter_and_lets_each_in_once(
    merchant: Visitor, running: Process, ours: Made, path: str, bells: queues.MemoryBells
) -> None:
    another_order(running, ours, "5001", placed_at=clock.now() - timedelta(days=2))
    another_order(running, ours, "5002", placed_at=clock.now() - timedelta(days=20))
    since = (clock.now() - timedelta(days=5)).date().isoformat()
    page = merchant.get(f"{path}?since={since}").text
    assert "1 order would enter" in page
    assert "#5001" in page
    assert "#5002" not in page and "#WC-4812" not in page, "too old, and inside already"
    assert numbers_inside(running, ours) == ["WC-4812"], "nothing happens by looking"
    drifted = merchant.post(path, {"since": since, "count": "7"})
    assert (drifted.status_code, "There are others by now" in drifted.text) == (422, True)
    done = merchant.follow(merchant.post(path, {"since": since, "count": "1"})).text
    assert "1 past order entered" in done
    assert numbers_inside(running, ours) == ["5001", "WC-4812"]
    assert ("live", "advance_runs", ()) in bells.pending
    with running.database.reading() as session:
        said = session.scalars(select(RunLog.text).order_by(RunLog.id.desc())).first()
    assert said == "Entered: past orders were added by Ours."
    assert "Nobody would enter" in merchant.get(f"{path}?since={since}").text
    again = merchant.post(path, {"since": since, "count": "1"})
    assert again.status_code == 422
    assert numbers_inside(running, ours) == ["5001", "WC-4812"]


@pytest.mark.parametrize(
    ("since", "said"),
    [("soon", "Write a day like"), ("2019-01-01", "At most a year back"), ("2999-01-01", "still to come")],
)
def test_a_day_that_cannot_be_is_said(merchant: Visitor, path: str, since: str, said: str) -> None:
    answer = merchant.get(f"{path}?since={since}")
    assert (answer.status_code, said in answer.text) == (422, True)
    assert "would enter" not in answer.text


def test_past_orders_are_added_to_what_is_live_only(merchant: Visitor, running: Process, ours: Made, path: str) -> None:
    with running.database.unit() as session:
        session.execute(update(Automation).values(state="draft", live_version_id=None))
    assert "Publish the automation first" in merchant.get(path).text
    answer = merchant.post(path, {"count": "0"})
    assert answer.status_code == 422
    assert "Publish the automation first" in answer.text
