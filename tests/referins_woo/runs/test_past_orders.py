"""Past orders enter only when somebody says so: after a look, once each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from referins_woo.runs import automations, past_orders
from referins_woo.runs.models import Automation

MAIL = {"id": "m", "kind": "send_email", "subject": "S", "body": [{"kind": "text", "text": "Hello"}]}
LARGE = {"field": "order.total", "operator": "at_least", "value": "20"}
DOCUMENT: dict[str, Any] = {"trigger": "order_submitted", "filters": LARGE, "steps": [MAIL]}


def looked(shop: Any, automation_id: int, since: Any) -> list[str]:
    """Numbers of the orders that would enter."""
    with shop.database.reading() as session:
        found = past_orders.preview(session, session.get_one(Automation, automation_id), since)
        return [one.order_number for one in found]


def added(shop: Any, automation_id: int, since: Any) -> int:
    """Let them enter."""
    with shop.database.unit() as session:
        return past_orders.add(session, automation_id, shop.account_id, since, "Ada")


def test_add_past_orders_shows_whom_it_takes_and_takes_each_once(shop: Any, clock: Any) -> None:
    before = clock.now() - timedelta(days=10)
    shop.submitted(number="recorded")
    shop.order(number="imported", email="bob@example.com", placed_at=before)
    shop.submitted(number="small", email="eve@example.com", total=10_000)
    shop.order(number="older", email="joe@example.com", placed_at=before - timedelta(days=90))
    clock.advance(days=3)
    automation_id = shop.publish(DOCUMENT)
    shop.work()
    assert shop.runs() == []
    since = before - timedelta(days=1)
    assert looked(shop, automation_id, since) == ["imported", "recorded"]
    assert shop.runs() == []
    assert added(shop, automation_id, since) == 2
    shop.work()
    assert {run.state for run in shop.runs()} == {"done"}
    assert sorted(message.to_email for message in shop.messages()) == ["ada@example.com", "bob@example.com"]
    assert all(message.not_after is None or message.not_after > clock.now() for message in shop.messages())
    assert looked(shop, automation_id, since) == []
    assert added(shop, automation_id, since) == 0


def test_limits_of_reentry_hold_for_past_orders_too(shop: Any, clock: Any) -> None:
    for _ in range(3):
        shop.submitted()
    clock.advance(days=3)
    automation_id = shop.publish({**DOCUMENT, "settings": {"reentry": "once"}})
    assert added(shop, automation_id, clock.now() - timedelta(days=5)) == 1


def test_past_orders_are_added_to_what_is_live_only(shop: Any, clock: Any) -> None:
    with shop.database.unit() as session:
        draft = automations.create(session, shop.account_id, "Draft", DOCUMENT)
    with pytest.raises(automations.NotNow):
        added(shop, draft.id, clock.now())
    with pytest.raises(automations.NoSuchAutomation), shop.database.unit() as session:
        past_orders.add(session, draft.id, shop.account_id + 1, clock.now(), "Eve")
