"""The pages of stock and of adjustments, a store's tab Stock, and the API's: what is typed, refused, kept and shown."""

from __future__ import annotations

import io

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from referins_woo import queues
from referins_woo.accounts.models import AuditEntry
from referins_woo.commerce.models import OrderLine, StockAdjustment, StockEntry
from referins_woo.process import Process
from referins_woo.stores.models import Store
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor


def _adjustments(running: Process, made: Made) -> list[StockAdjustment]:
    with running.database.reading() as session:
        mine = select(StockAdjustment).where(StockAdjustment.account_id == made.account_id)
        return list(session.scalars(mine.order_by(StockAdjustment.number)))


def _entries(running: Process, adjustment: StockAdjustment) -> list[int]:
    with running.database.reading() as session:
        found = select(StockEntry.quantity).where(StockEntry.adjustment_id == adjustment.id).order_by(StockEntry.id)
        return list(session.scalars(found))


def test_the_list_shows_on_hand_committed_and_available_and_is_searched(
    merchant: Visitor, running: Process, ours: Made
) -> None:
    with running.database.unit() as session:
        line = session.scalars(select(OrderLine).where(OrderLine.order_id == ours.ids["order_id"])).one()
        line.stock_key, line.reduced_stock = "sku:HOOD-RED", 20_000
    page = merchant.get("/stock").text
    assert "HOOD-RED" in page
    for words, value in (("On hand", "25"), ("Committed", "2"), ("Available", "23")):
        assert f'data-label="{words}">{value}</td>' in page
    assert "HOOD-RED" in merchant.get("/stock?q=hood").text
    assert "Clear filters" in merchant.get("/stock?q=nothing").text
    assert "HOOD-RED" not in merchant.get("/stock?stock=none").text
    item = merchant.get(f"/stock/{ours.ids['item_id']}").text
    assert "#WC-4812" in item and "Counted" in item, "who holds it, and every adjustment"


def test_goods_are_adjusted_on_their_page(merchant: Visitor, running: Process, ours: Made) -> None:
    url = f"/stock/{ours.ids['item_id']}"
    for typed in ("", "many", "0", "1e99", "NaN"):
        answer = merchant.post(url, {"quantity": typed, "reason": "Broken"})
        assert answer.status_code == 422 and 'id="e-quantity"' in answer.text and "Broken" in answer.text, typed
    assert merchant.post(url, {"quantity": "−2.5", "reason": "Broken"}).status_code == 303
    *_, made = _adjustments(running, ours)
    assert (made.number, made.kind, made.reason, made.by) == (2, "by_hand", "Broken", ours.email)
    assert _entries(running, made) == [-25_000]
    assert 'num ">22.5</div>' in merchant.get(url).text
    with running.database.reading() as session:
        newest = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
        assert (newest.action, newest.subject) == ("stock_adjusted", "Adjustment 2")


def test_an_adjustment_is_entered_by_hand_all_of_it_or_none(merchant: Visitor, running: Process, ours: Made) -> None:
    url, place = "/stock/adjustments/new", ours.ids["location_id"]
    for lines, word in (
        ("", "at least one line"),
        ("HOOD-RED", "Line 1: give a SKU and a quantity"),
        ("HOOD-RED, 3\nHOOD, few", "Line 2: &#39;few&#39; is no quantity"),
        ("HOOD-RED, 3\nHOOD-RED, 4", "is there twice"),
        ("HOOD-RED, 3\nUNKNOWN, 4", "No product here has the SKU UNKNOWN"),
        ("hood-red, 3", "letter by letter"),
    ):
        answer = merchant.post(url, {"location": place, "lines": lines})
        assert answer.status_code == 422 and word in answer.text, (lines, word)
    assert merchant.post(url, {"location": 999_999, "lines": "HOOD, 1"}).status_code == 422
    assert len(_adjustments(running, ours)) == 1
    answer = merchant.post(url, {"location": place, "lines": "HOOD-RED, 3\nHOOD, -1", "reason": "Counted again"})
    made = merchant.follow(answer).text
    assert "Counted again" in made and "HOOD-RED" in made
    *_, newest = _adjustments(running, ours)
    assert _entries(running, newest) == [30_000, -10_000]
    assert "Counted again" in merchant.get("/stock/adjustments").text
    assert "Counted again" in merchant.get("/stock/adjustments?q=HOOD-RED").text


def test_an_adjustment_comes_from_a_file_and_leaves_as_one(merchant: Visitor, running: Process, ours: Made) -> None:
    content = "\ufeffsku;quantity\r\nHOOD-RED;12\r\n".encode()
    file = (io.BytesIO(content), "count.csv")
    answer = merchant.post("/stock/adjustments/new", {"location": ours.ids["location_id"], "file": file})
    assert answer.status_code == 303
    csv = merchant.get(answer.headers["Location"] + "/lines.csv")
    assert csv.mimetype == "text/csv" and "HOOD-RED,12,,,,Hoodie" in csv.text
    wrong = (io.BytesIO(b"\xff\xfe\x00"), "count.csv")
    answer = merchant.post("/stock/adjustments/new", {"location": ours.ids["location_id"], "file": wrong})
    assert answer.status_code == 422 and "UTF-8" in answer.text


def test_what_people_entered_is_mended_and_what_orders_moved_is_not(
    merchant: Visitor, running: Process, ours: Made
) -> None:
    url = f"/stock/adjustments/{ours.ids['adjustment_id']}"
    with running.database.reading() as session:
        entry = session.scalars(select(StockEntry.id)).one()
    assert merchant.post(url, {f"line-{entry}": "some"}).status_code == 422
    assert merchant.post(url, {f"line-{entry}": "30"}).status_code == 303
    [adjustment] = _adjustments(running, ours)
    assert _entries(running, adjustment) == [300_000] and adjustment.edited_by == ours.email
    with running.database.unit() as session:
        session.get_one(StockAdjustment, ours.ids["adjustment_id"]).kind = "order"
    assert merchant.post(url, {f"line-{entry}": "1"}).status_code == 422
    assert f'name="line-{entry}"' not in merchant.get(url).text
    assert _entries(running, adjustment) == [300_000]


def test_the_tab_of_a_store_asks_for_the_opening_stock_once(
    merchant: Visitor, running: Process, ours: Made, bells: queues.MemoryBells
) -> None:
    url = f"/settings/integrations/woocommerce/{ours.ids['store_id']}/stock"
    assert "Count the opening stock" in merchant.get(url).text
    assert "Asked for" in merchant.follow(merchant.post(url)).text
    with running.database.reading() as session:
        assert session.get_one(Store, ours.ids["store_id"]).import_stock


def test_the_wizard_offers_it_and_it_needs_orders_and_products(merchant: Visitor, running: Process, ours: Made) -> None:
    url = f"/settings/integrations/woocommerce/{ours.ids['pending_store_id']}/import-elements"
    assert "Opening stock" in merchant.get(url).text
    merchant.post(url, {"elements": "contacts", "import_stock": "1"})
    with running.database.reading() as session:
        store = session.get_one(Store, ours.ids["pending_store_id"])
        assert (store.import_stock, store.import_elements) == (True, ["contacts", "orders", "products"])


@pytest.mark.parametrize("extra", [{"quantity": "3"}, {"sku": "NONE"}, {"size": 1}])
def test_the_api_refuses_lines_that_cannot_be(client: FlaskClient, ours: Made, extra: dict[str, object]) -> None:
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    line = {"sku": "HOOD", "quantity": 1, **extra}
    body = {"location_id": ours.ids["location_id"], "lines": [line]}
    assert client.post("/api/v1/stock/adjustments", json=body, headers=headers).status_code == 422


def test_the_api_enters_and_lists(client: FlaskClient, ours: Made, theirs: Made) -> None:
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    body = {"location_id": ours.ids["location_id"], "reason": "Counted", "lines": [{"sku": "HOOD-RED", "quantity": -5}]}
    made = client.post("/api/v1/stock/adjustments", json=body, headers=headers)
    assert made.status_code == 201 and made.get_json()["lines"] == [
        {"sku": "HOOD-RED", "name": "Hoodie", "quantity": -5, "batch": None}
    ]
    [row] = client.get("/api/v1/stock?sku=HOOD-RED", headers=headers).get_json()["data"]
    assert (row["on_hand"], row["committed"], row["available"]) == (20, 0, 20)
    listed = client.get("/api/v1/stock/adjustments", headers=headers).get_json()["data"]
    assert [one["number"] for one in listed] == [1, 2]
    foreign = {**body, "location_id": theirs.ids["location_id"]}
    assert client.post("/api/v1/stock/adjustments", json=foreign, headers=headers).status_code == 422
