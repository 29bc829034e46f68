"""The store page's tabs about its connection: health, deliveries with masked payloads, log (pages.md 3.5)."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from referins_woo import clock
from referins_woo.ingest import watermarks
from referins_woo.ingest.models import Delivery
from referins_woo.process import Process
from referins_woo.queues import MemoryBells
from referins_woo.reports.masking import masked
from referins_woo.stores.models import Store, StoreLog, Webhook
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor

HUB = "/settings/integrations/woocommerce"


@pytest.fixture
def backend() -> str:
    """Pages look at decisions, not at SQL: one database is enough."""
    return "sqlite"


@pytest.fixture
def base(ours: Made) -> str:
    return f"{HUB}/{ours.ids['store_id']}"


def deliver(running: Process, ours: Made, body: Any, **values: Any) -> int:
    with running.database.unit() as session:
        row = Delivery(
            **{
                "account_id": ours.account_id,
                "store_id": ours.ids["store_id"],
                "topic": "order.updated",
                "woo_delivery_id": "d41d8cd98f00b204",
                "body": json.dumps(body).encode(),
                "body_sha256": str(body)[:60],
                "state": "failed",
                "reason": "not_json",
                "attempts": 2,
                "done_at": clock.now(),
            }
            | values
        )
        session.add(row)
        session.flush()
        return row.id


def test_health_shows_the_ledger_the_webhooks_and_how_the_store_answers(
    merchant: Visitor, ours: Made, running: Process, base: str
) -> None:
    now, store_id = clock.now(), ours.ids["store_id"]
    with running.database.unit() as session:
        counted = {"counted_at": now - timedelta(minutes=4), "checked_at": now}
        watermarks.write(session, store_id, "orders", woo_count=312, here_count=310, skipped_count=2, **counted)
        watermarks.write(
            session,
            store_id,
            "products",
            woo_count=9,
            here_count=7,
            gap_count=3,
            gap_since=now - timedelta(minutes=9),
            **{"gap_until": now - timedelta(minutes=8), "gap_repaired_at": now, **counted},
        )
        session.add(Webhook(store_id=store_id, woo_id=1, topic="order.created", last_delivery_at=now))
        session.add(Webhook(store_id=store_id, woo_id=2, topic="order.updated", status="disabled"))
        store = session.get_one(Store, store_id)
        store.latency_ms, store.last_error, store.last_error_at = 420, "502 Bad Gateway", now
        store.clock_skew_seconds, store.refused_deliveries, store.refused_at = 90, 12, now
    page = re.sub("<[^>]+>", "", merchant.get(f"{base}/health").text)
    for words in (
        *("310 of 310, checked", "2 missing, being looked for", "3 picked up by reconciliation"),
        *("Disabled by WooCommerce", "no delivery yet", "420 ms", "502 Bad Gateway", "ahead of ours"),
        *("12 wrongly signed", "…a41f", "Send test", "Check and recreate", "New secret"),
    ):
        assert words in page, words
    for tab in ("", "/health", "/sync", "/deliveries", "/log"):
        assert f'aria-current="page">{"Overview"}' in merchant.get(base).text
        assert merchant.get(base + tab).status_code == 200, tab


def test_a_delivery_s_payload_is_shown_with_personal_data_masked(
    merchant: Visitor, ours: Made, running: Process, base: str
) -> None:
    body = {
        "id": 4812,
        "status": "processing",
        "billing": {"first_name": "Ana", "email": "ana@example.com", "country": "DE", "address_1": "Am Weg 3"},
        "customer_note": "ring at Petrova",
        "line_items": [{"name": "Blue hoodie", "sku": "HOOD"}],
        "total": "45.00",
        "customer_ip_address": "203.0.113.7",
    }
    row = deliver(running, ours, body)
    page = merchant.get(f"{base}/deliveries?open={row}").text
    for shown in ("Blue hoodie", "HOOD", "45.00", "processing", "&#34;DE&#34;", "a•••@•••.com", "Names, addresses"):
        assert shown in page, shown
    for hidden in ("Ana", "Am Weg", "Petrova", "203.0.113.7", "ana@example"):
        assert hidden not in page.partition("Payload")[2], hidden
    assert f'href="/orders/{ours.ids["order_id"]}"' in page, "what it is about is linked"


def test_a_failed_delivery_is_tried_again_alone_or_with_all_others(
    merchant: Visitor, ours: Made, running: Process, base: str, bells: MemoryBells
) -> None:
    first, second = deliver(running, ours, {"id": 1}), deliver(running, ours, {"id": 2})
    page = merchant.get(f"{base}/deliveries").text
    assert "Retry all 2 failed" in page
    merchant.post(f"{base}/deliveries/retry", {"delivery": str(first)})
    merchant.post(f"{base}/deliveries/retry")
    with running.database.reading() as session:
        rows = {row.id: row for row in session.scalars(select(Delivery).where(Delivery.id.in_([first, second])))}
    assert [(row.state, row.attempts, row.reason) for row in rows.values()] == [("received", 0, "")] * 2
    assert [bell[1] for bell in bells.pending].count("drain_deliveries") == 1
    same = deliver(running, ours, {"id": 1})
    answer = merchant.follow(merchant.post(f"{base}/deliveries/retry", {"delivery": str(same)}))
    assert "There is nothing to try again" in answer.text, "its very body waits already"


def test_nobody_sees_or_retries_another_account_s_deliveries(
    merchant: Visitor, ours: Made, theirs: Made, running: Process, base: str
) -> None:
    foreign = deliver(running, theirs, {"id": 1, "billing": {"email": "x@y.example"}})
    assert merchant.get(f"{base}/deliveries?open={foreign}").status_code == 404
    assert merchant.get(f"{HUB}/{theirs.ids['store_id']}/health").status_code == 404
    merchant.get(base)
    assert merchant.post(f"{base}/deliveries/retry", {"delivery": str(foreign)}).status_code == 404


def test_another_site_with_the_store_s_voice_is_asked_about_on_every_page(
    merchant: Visitor, ours: Made, running: Process, base: str
) -> None:
    with running.database.unit() as session:
        store = session.get_one(Store, ours.ids["store_id"])
        store.home_url, store.other_site = "https://ours.example.com", "https://staging.example.net/"
        store.other_site_at = clock.now()
    row = deliver(running, ours, {"id": 5}, state="ignored", reason="other_site", source="https://staging.example.net/")
    assert "moved or copied?" in merchant.get("/orders").text
    assert "Moved or copied?" in merchant.get(f"{base}/health").text
    merchant.post(f"{base}/other-site", {"choice": "moved"})
    with running.database.reading() as session:
        store = session.get_one(Store, ours.ids["store_id"])
        assert (store.home_url, store.other_site) == ("https://staging.example.net", "")
        assert session.get_one(Delivery, row).state == "received", "what it sent meanwhile is taken in"
    assert "moved or copied?" not in merchant.get("/orders").text
    refused = merchant.follow(merchant.post(f"{base}/other-site", {"choice": "copy"}))
    assert "Say whether the store has moved there" in refused.text


def test_the_log_is_paged_and_filtered(merchant: Visitor, ours: Made, running: Process, base: str) -> None:
    with running.database.unit() as session:
        for number in range(60):
            kind = "picked_up" if number % 2 else "connection_lost"
            mine = {"account_id": ours.account_id, "store_id": ours.ids["store_id"]}
            session.add(StoreLog(**mine, kind=kind, text=f"Entry {number}.", at=clock.now()))
    page = merchant.get(f"{base}/log").text
    assert "Entry 59." in page
    assert "Page 1 of 2" in page
    assert "Entry 0." in merchant.get(f"{base}/log?page=2").text
    lost = merchant.get(f"{base}/log?kind=connection_lost").text
    assert "Entry 58." in lost
    assert "Entry 59." not in lost


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"email": "Ana@Shop.co.uk"}, {"email": "A•••@•••.uk"}),
        (
            {"billing": {"city": "Berlin", "country": "DE", "state": "BE"}},
            {"billing": {"city": "B•••", "country": "DE", "state": "BE"}},
        ),
        ({"meta_data": [{"key": "_vat", "value": "DE123"}]}, {"meta_data": [{"key": "_vat", "value": "D•••"}]}),
        ({"note": "write to a@b.example", "total": "1.00"}, {"note": "w•••@•••.example", "total": "1.00"}),
        ({"line_items": [{"name": "Mug for ana@x.example"}]}, {"line_items": [{"name": "Mug for a•••@•••.example"}]}),
        ({"username": "", "id": 3, "date_paid": None}, {"username": "", "id": 3, "date_paid": None}),
    ],
)
def test_what_a_person_can_be_known_by_is_masked(value: Any, shown: Any) -> None:
    assert masked(value) == shown
