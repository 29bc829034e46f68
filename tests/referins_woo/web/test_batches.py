"""Batches on the pages of stock and of orders, in files, and by the API (O9)."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from referins_woo import clock
from referins_woo.accounts.models import AuditEntry
from referins_woo.commerce import order_stock
from referins_woo.commerce.models import Order, OrderLine, StockAdjustment, StockEntry, StockItem
from referins_woo.process import Process
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor


@pytest.fixture
def page(merchant: Visitor, ours: Made) -> Iterator[str]:
    """The address of goods whose batches are tracked; 25 of them are there without one."""
    url = f"/stock/{ours.ids['item_id']}"
    assert "Batches</h2>" not in merchant.get(url).text
    assert merchant.post(f"{url}/track", {"track": "1"}).status_code == 303
    yield url


def _deliver(running: Process, made: Made, quantity: int) -> None:
    """Let the order's row take this many in all."""
    with running.database.unit() as session:
        line = session.scalars(select(OrderLine).where(OrderLine.order_id == made.ids["order_id"])).one()
        line.stock_key, line.quantity, line.reduced_stock = "sku:HOOD-RED", 90_000, 90_000
        line.quantity_delivered = quantity * 10_000
        order = session.get_one(Order, made.ids["order_id"])
        order.location_id = made.ids["location_id"]
        session.flush()
        order_stock.settle(session, [order.id], {}, clock.now(), "test")


def test_tracking_is_switched_at_all_locations_and_changes_nothing_on_hand(
    merchant: Visitor, running: Process, ours: Made, page: str
) -> None:
    shown = merchant.get(page).text
    assert "Batches</h2>" in shown and '<dt>Without a batch</dt><dd class="num ">25</dd>' in shown
    assert 'num ">25</div>' in shown, "on hand"
    merchant.post(f"{page}/track")
    assert "Batches</h2>" not in merchant.get(page).text
    with running.database.reading() as session:
        assert not session.get_one(StockItem, ours.ids["item_id"]).is_batched
        noted = session.scalars(select(AuditEntry).where(AuditEntry.action == "batches_switched")).all()
        assert [one.detail for one in noted] == [{"batches": "tracked"}, {"batches": "not tracked"}]


def test_the_list_of_stock_finds_what_is_tracked_and_what_waits_for_a_batch(
    merchant: Visitor, running: Process, ours: Made, page: str
) -> None:
    def found(**asked: str) -> bool:
        return f'href="{page}"' in merchant.get("/stock", query_string=asked).text

    assert found(batches="tracked") and not found(batches="no") and not found(batches="unassigned")
    merchant.post(page, {"quantity": "2", "batch": "OLD", "received": "2020-01-01", "expires": "2020-12-31"})
    assert found(batches="expired"), "two that nobody may sell"
    _deliver(running, ours, 3)
    assert found(batches="unassigned") and not found(batches="expired"), "they went out first"
    listed = merchant.get("/stock?batches=unassigned").text
    assert "1 not assigned" in listed and "Batches: Not assigned to a batch" in " ".join(listed.split())
    rows = merchant.get("/stock.csv?batches=unassigned&mark=0").text.splitlines()
    assert rows[0].endswith("Batches,Not assigned to a batch") and rows[1].endswith("tracked,1") and len(rows) == 2
    merchant.post(f"{page}/track")
    assert found(batches="no") and not found(batches="unassigned")


def test_batches_come_in_on_the_page_of_goods(merchant: Visitor, page: str) -> None:
    for form, field, words in (
        ({"quantity": "3"}, "batch", "name the batch that comes in"),
        ({"quantity": "3", "received": "2026-11-01"}, "batch", "Give the number of the batch"),
        ({"quantity": "3", "batch": "A" * 101}, "batch", "at most 100"),
        ({"quantity": "3", "batch": "A", "received": "1 November"}, "received", "is no day"),
        ({"quantity": "3", "batch": "A", "expires": "2026-02-30"}, "expires", "is no day"),
        (
            {"quantity": "3", "batch": "A", "received": "2026-11-02", "expires": "2026-11-01"},
            "batch",
            "expire before it was received",
        ),
        ({"quantity": "-3", "batch": "A"}, "batch", "There is no batch A of HOOD-RED"),
        ({"quantity": "26", "batch": "A", "already_here": "1"}, "quantity", "25 are here without a batch"),
    ):
        answer = merchant.post(page, form)
        assert answer.status_code == 422 and f'id="e-{field}"' in answer.text and words in answer.text, form
    assert "Used up" not in merchant.get(page).text, "what was refused left no batch"
    form = {"quantity": "3", "batch": " LOT 7 ", "received": "2025-01-02", "expires": "2025-06-30"}
    shown = merchant.follow(merchant.post(page, form)).text
    assert "LOT 7 <span" in shown and "Expired</span>" in shown and "30 Jun 2025" in shown
    merchant.post(page, {"quantity": "0", "batch": "LOT 7", "expires": "2999-01-01"})
    shown = merchant.get(page).text
    assert "Expired</span>" not in shown and "1 Jan 2999" in shown, "days that are given again correct it"
    merchant.post(page, {"quantity": "20", "batch": "OLD", "already_here": "1"})
    shown = merchant.get(page).text
    assert '<dt>Without a batch</dt><dd class="num ">5</dd>' in shown and 'num ">28</div>' in shown


def test_an_order_shows_its_batches_and_what_is_assigned_later(
    merchant: Visitor, running: Process, ours: Made, page: str
) -> None:
    order = f"/orders/{ours.ids['order_id']}"
    merchant.post(page, {"quantity": "2", "batch": "OLD", "received": "2025-01-02", "expires": "2025-06-30"})
    _deliver(running, ours, 5)
    shown = merchant.get(order).text
    assert "2 of batch OLD" in shown and "Expired</span>" in shown and "3 of 5 not assigned to a batch" in shown
    shown = merchant.get(page).text
    assert "3 of 1 order not assigned to a batch: no batch holds any." in shown and "Assign now" not in shown
    merchant.post(page, {"quantity": "10", "batch": "NEW"})
    assert "Assign now" in merchant.get(page).text
    shown = merchant.follow(merchant.post(f"{page}/assign")).text
    assert "3 assigned to batches" in shown and "not assigned" not in shown
    assert "2 of batch OLD" in merchant.get(order).text and "3 of batch NEW" in merchant.get(order).text
    assert "nothing to assign" in merchant.follow(merchant.post(f"{page}/assign")).text
    with running.database.reading() as session:
        made = session.scalars(select(StockAdjustment).where(StockAdjustment.kind == "order")).one()
        assert made.edited_by == ours.email
    shown = merchant.get(f"/stock/adjustments/{made.id}").text
    assert 'data-label="Batch">OLD' in shown and 'data-label="Batch">NEW' in shown and "Not assigned" not in shown


def test_a_line_is_not_mended_to_less_than_was_taken_of_its_batch(
    merchant: Visitor, running: Process, ours: Made, page: str
) -> None:
    merchant.post(page, {"quantity": "5", "batch": "A"})
    _deliver(running, ours, 4)
    with running.database.reading() as session:
        entry = session.scalars(select(StockEntry).where(StockEntry.quantity == 50_000)).one()
    url = f"/stock/adjustments/{entry.adjustment_id}"
    refused = merchant.post(url, {f"line-{entry.id}": "3"})
    assert refused.status_code == 422 and "Batch A would hold -1" in refused.text and 'value="3"' in refused.text
    assert 'value="5"' in merchant.get(url).text, "it stayed as it was"
    assert merchant.post(url, {f"line-{entry.id}": "4"}).status_code == 303


def test_lines_and_files_name_batches_and_a_download_goes_in_again(merchant: Visitor, ours: Made, page: str) -> None:
    url, place = "/stock/adjustments/new", ours.ids["location_id"]
    for lines, words in (
        ("HOOD, 1\nHOOD-RED, 3", "Line 2: HOOD-RED is batch-tracked: name the batch"),
        ("HOOD, 1, A", "Line 1: HOOD is not batch-tracked"),
        ("HOOD-RED, 3, A\nHOOD-RED, 4, A", "Line 2: the SKU HOOD-RED is there twice with the batch A"),
        ("HOOD-RED, 3, A, soon", "Line 1: &#39;soon&#39; is no day"),
        ("HOOD-RED, 3, , 2026-11-01", "Line 1: Give the number of the batch"),
    ):
        answer = merchant.post(url, {"location": place, "lines": lines})
        assert answer.status_code == 422 and words in answer.text, (lines, words)
    assert "No. 2" not in merchant.get(page).text, "all lines, or none"
    lines = "HOOD-RED, 3, A, 2026-11-01, 2027-11-01\nHOOD-RED, 4, B\nHOOD, 2"
    answer = merchant.post(url, {"location": place, "lines": lines})
    assert answer.status_code == 303
    csv = merchant.get(answer.headers["Location"] + "/lines.csv")
    assert "HOOD-RED,3,A,2026-11-01,2027-11-01,Hoodie" in csv.text
    answer = merchant.post(url, {"location": place, "file": (io.BytesIO(csv.data), "again.csv")})
    assert answer.status_code == 303
    shown = merchant.get(page).text
    assert 'num end">6</td>' in shown and 'num end">8</td>' in shown
    old = b"sku,quantity,name\nHOOD,1,Hoodie\n"
    answer = merchant.post(url, {"location": place, "file": (io.BytesIO(old), "old.csv")})
    assert answer.status_code == 303, "the name of an older file is no batch"


def test_the_api_switches_enters_lists_and_assigns(
    client: FlaskClient, running: Process, ours: Made, theirs: Made
) -> None:
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    url = f"/api/v1/stock/{ours.ids['item_id']}"

    def enter(quantity: float, batch: dict[str, str] | None = None, **more: object) -> tuple[int, dict[str, object]]:
        line = {"sku": "HOOD-RED", "quantity": quantity, **more, **({"batch": batch} if batch else {})}
        body = {"location_id": ours.ids["location_id"], "lines": [line]}
        answer = client.post("/api/v1/stock/adjustments", json=body, headers=headers)
        return answer.status_code, answer.get_json()

    assert client.patch(url, json={"is_batched": True}, headers=headers).get_json()["is_batched"] is True
    foreign = f"/api/v1/stock/{theirs.ids['item_id']}"
    assert client.patch(foreign, json={"is_batched": True}, headers=headers).status_code == 404
    for batch, more, field in (
        (None, {}, "lines.0.batch"),
        ({"number": " "}, {}, "lines.0.batch.number"),
        ({"number": "A", "expires_on": "soon"}, {}, "lines.0.batch.expires_on"),
        (None, {"already_here": True}, "lines.0.batch"),
    ):
        status, answer = enter(2, batch, **more)
        assert (status, answer["errors"][0]["field"]) == (422, field), answer  # type: ignore[index]
    given = {"number": "A", "received_on": "2026-11-01", "expires_on": "2999-11-01"}
    status, answer = enter(2, given)
    assert status == 201 and answer["lines"][0]["batch"] == given  # type: ignore[index]
    _deliver(running, ours, 3)
    [batch] = client.get("/api/v1/stock/batches?sku=HOOD-RED", headers=headers).get_json()["data"]
    assert (batch["number"], batch["quantity"], batch["is_expired"]) == ("A", 0, False)
    assert enter(5, {"number": "B"})[0] == 201
    assert client.post(f"{url}/assign", headers=headers).get_json() == {"assigned": 1, "unassigned": 0}
    place = ours.ids["location_id"]
    listed = client.get(f"/api/v1/stock/batches?location_id={place}", headers=headers).get_json()["data"]
    assert [(one["number"], one["quantity"]) for one in listed] == [("A", 0), ("B", 4)]
    [order] = client.get("/api/v1/stock/adjustments?kind=order", headers=headers).get_json()["data"]
    assert [(one["batch"]["number"], one["quantity"]) for one in order["lines"]] == [("A", -2), ("B", -1)]
    client.patch(url, json={"is_batched": False}, headers=headers)
    assert client.get("/api/v1/stock/batches", headers=headers).get_json()["data"] == [], "kept, and not shown"
