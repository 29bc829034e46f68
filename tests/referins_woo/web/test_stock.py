"""The pages of stock and of adjustments, a store's tab Stock, and the API's: what is typed, refused, kept and shown."""

from __future__ import annotations

import io

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from referins_woo import clock, queues
from referins_woo.accounts.models import AuditEntry
from referins_woo.commerce.models import OrderLine, StockAdjustment, StockEntry, Variant
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


def test_what_people_entered_is_corrected_by_another_adjustment_and_what_orders_moved_is_not(
    merchant: Visitor, running: Process, ours: Made
) -> None:
    url = f"/stock/adjustments/{ours.ids['adjustment_id']}"
    with running.database.reading() as session:
        entry = session.scalars(select(StockEntry.id)).one()
    assert merchant.post(url, {f"line-{entry}": "some"}).status_code == 422
    assert merchant.post(url, {f"line-{entry}": "30"}).status_code == 303
    adjustment, correction = _adjustments(running, ours)
    [entered] = _entries(running, adjustment)
    assert _entries(running, correction) == [300_000 - entered], "what was entered stays"
    assert (correction.kind, correction.corrects_id, correction.by) == ("correction", adjustment.id, ours.email)
    shown = merchant.get(url).text
    assert 'value="30"' in shown and f'Corrected by <a href="/stock/adjustments/{correction.id}"' in shown
    assert merchant.post(url, {f"line-{entry}": "30"}).status_code == 303
    assert len(_adjustments(running, ours)) == 2, "nothing differs"
    merchant.post(url, {f"line-{entry}": "0"})
    assert _entries(running, _adjustments(running, ours)[-1]) == [-300_000], "it goes on from the first"
    of_correction = f"/stock/adjustments/{correction.id}"
    assert "It corrects <a" in merchant.get(of_correction).text and "Should be" not in merchant.get(of_correction).text
    with running.database.unit() as session:
        session.get_one(StockAdjustment, ours.ids["adjustment_id"]).kind = "order"
    assert merchant.post(url, {f"line-{entry}": "1"}).status_code == 422
    assert f'name="line-{entry}"' not in merchant.get(url).text
    assert len(_adjustments(running, ours)) == 3


def test_the_tab_of_a_store_asks_for_the_opening_stock_once(
    merchant: Visitor, running: Process, ours: Made, bells: queues.MemoryBells
) -> None:
    url = f"/settings/integrations/woocommerce/{ours.ids['store_id']}/stock"
    assert "Look at the opening stock" in merchant.get(url).text
    assert "It is shown here before anything is written" in merchant.follow(merchant.post(url)).text
    with running.database.reading() as session:
        store = session.get_one(Store, ours.ids["store_id"])
        assert (store.import_stock, store.stock_shown_first) == (True, True)


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
    assert made.status_code == 201
    [line] = made.get_json()["lines"]
    assert line == {
        "id": line["id"],
        "sku": "HOOD-RED",
        "name": "Hoodie",
        "quantity": -5,
        "corrected": -5,
        "batch": None,
    }
    [row] = client.get("/api/v1/stock?sku=HOOD-RED", headers=headers).get_json()["data"]
    assert (row["on_hand"], row["committed"], row["available"]) == (20, 0, 20)
    listed = client.get("/api/v1/stock/adjustments", headers=headers).get_json()["data"]
    assert [one["number"] for one in listed] == [1, 2]
    foreign = {**body, "location_id": theirs.ids["location_id"]}
    assert client.post("/api/v1/stock/adjustments", json=foreign, headers=headers).status_code == 422


def test_the_api_corrects_an_adjustment_by_another_one(client: FlaskClient, ours: Made, theirs: Made) -> None:
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    url = f"/api/v1/stock/adjustments/{ours.ids['adjustment_id']}"
    [line] = client.get(url, headers=headers).get_json()["lines"]
    for wrong in ({"id": line["id"] + 99, "quantity": 1}, {"id": line["id"], "quantity": 2 * 10**9}):
        assert client.patch(url, json={"lines": [wrong]}, headers=headers).status_code == 422
    twice = {"lines": [{"id": line["id"], "quantity": number} for number in (1, 2)]}
    assert client.patch(url, json=twice, headers=headers).status_code == 422
    wanted = {"lines": [{"id": line["id"], "quantity": 30}]}
    changed = client.patch(url, json=wanted, headers=headers).get_json()
    assert (changed["lines"][0]["quantity"], changed["lines"][0]["corrected"]) == (line["quantity"], 30)
    [correction_id] = changed["corrected_by"]
    correction = client.get(f"/api/v1/stock/adjustments/{correction_id}", headers=headers).get_json()
    assert (correction["kind"], correction["corrects_id"]) == ("correction", ours.ids["adjustment_id"])
    assert correction["lines"][0]["quantity"] == 30 - line["quantity"]
    assert client.patch(url, json=wanted, headers=headers).get_json()["corrected_by"] == [correction_id]
    of_correction = f"/api/v1/stock/adjustments/{correction_id}"
    [entered] = correction["lines"]
    refused = client.patch(of_correction, json={"lines": [{"id": entered["id"], "quantity": 1}]}, headers=headers)
    assert refused.status_code == 422 and "not corrected" in refused.text
    [stock] = client.get("/api/v1/stock?sku=HOOD-RED", headers=headers).get_json()["data"]
    assert stock["on_hand"] == 30
    foreign = f"/api/v1/stock/adjustments/{theirs.ids['adjustment_id']}"
    assert client.patch(foreign, json=wanted, headers=headers).status_code == 404


def test_the_whole_ledger_leaves_as_csv_and_goes_in_again(merchant: Visitor, client: FlaskClient, ours: Made) -> None:
    headers, place = {"Authorization": f"Bearer {ours.api_token}"}, ours.ids["location_id"]
    merchant.post("/stock/adjustments/new", {"location": place, "lines": "HOOD, -1.5", "reason": "=Broken"})
    text = merchant.get("/stock/adjustments/lines.csv").text
    heading, opening, broken = text.lstrip("\ufeff").splitlines()
    assert heading.startswith("adjustment,entered,location,kind,reason,by,order,corrects,sku,quantity,batch")
    assert ",HOOD-RED,25," in opening and ",'=Broken," in broken and ",HOOD,-1.5," in broken
    assert len(merchant.get("/stock/adjustments/lines.csv?q=Broken").text.splitlines()) == 2
    listed = merchant.get("/stock/adjustments?kind=by_hand&q=Broken").text
    assert 'href="/stock/adjustments/lines.csv?q=Broken&amp;kind=by_hand"' in listed
    by_api = client.get("/api/v1/stock/adjustments/file", headers=headers).get_json()
    assert (by_api["lines"], by_api["next"]) == (2, None) and by_api["csv"].splitlines() == [heading, opening, broken]
    assert client.get("/api/v1/stock/adjustments/file?kind=order", headers=headers).get_json()["lines"] == 0
    body = {"location_id": place, "csv": text, "reason": "Again"}
    made = client.post("/api/v1/stock/adjustments/file", json=body, headers=headers)
    assert made.status_code == 201
    assert [(one["sku"], one["quantity"]) for one in made.get_json()["lines"]] == [("HOOD-RED", 25), ("HOOD", -1.5)]
    wrong = client.post(
        "/api/v1/stock/adjustments/file", json={**body, "csv": "sku,quantity\nNONE,1\n"}, headers=headers
    )
    assert wrong.status_code == 422 and "No product here has the SKU NONE" in wrong.text


def test_the_opening_is_confirmed_or_left_on_the_tab_and_by_the_api(
    merchant: Visitor, client: FlaskClient, running: Process, ours: Made, theirs: Made, bells: queues.MemoryBells
) -> None:
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    url = f"/settings/integrations/woocommerce/{ours.ids['store_id']}/stock"
    api = f"/api/v1/stores/{ours.ids['store_id']}/stock/opening"

    def propose() -> None:
        with running.database.unit() as session:
            store = session.get_one(Store, ours.ids["store_id"])
            store.import_stock, store.stock_proposed_at, store.stock_choices = True, clock.now(), None
            session.execute(
                update(Variant).where(Variant.store_id == store.id).values(manage_stock="yes", stock_quantity=20)
            )

    assert client.get(api, headers=headers).get_json()["state"] == "not_asked"
    refused = client.post(api, json={"act": "confirm"}, headers=headers)
    assert refused.status_code == 422 and "No opening stock waits" in refused.text
    assert client.post(api, json={"act": "look"}, headers=headers).get_json()["state"] == "asked"
    propose()
    shown = merchant.get(url).text
    assert "Confirm the opening stock" in shown and "Nothing is written before you confirm it" in shown
    assert "The opening stock is ready" in merchant.get("/").text
    [line] = [one for one in client.get(api, headers=headers).get_json()["lines"] if one["sku"] == "HOOD-RED"]
    assert f'name="key-{line["key"]}"' in shown
    field = {f"shown-{line['key']}": str(line["on_hand"])}
    wrong = merchant.post(f"{url}/opening", {**field, f"key-{line['key']}": "many", "act": "confirm"})
    assert wrong.status_code == 422 and "&#39;many&#39; is no quantity" in wrong.text and 'value="many"' in wrong.text
    merchant.post(f"{url}/opening", {**field, f"key-{line['key']}": str(line["on_hand"] + 2), "act": "confirm"})
    with running.database.reading() as session:
        chosen = session.get_one(Store, ours.ids["store_id"]).stock_choices
    assert chosen == {"by": ours.email, "changes": {line["key"]: 20_000}}
    assert ("bulk", "count_stock", (ours.ids["store_id"],)) in bells.pending
    assert "Confirmed: it is written" in merchant.get(url).text
    assert "The opening stock is ready" not in merchant.get("/").text
    propose()
    answer = merchant.follow(merchant.post(f"{url}/opening", {"act": "leave"})).text
    assert "Nothing was written" in answer and "Look at the opening stock" in answer
    foreign = f"/api/v1/stores/{theirs.ids['store_id']}/stock/opening"
    assert client.post(foreign, json={"act": "look"}, headers=headers).status_code == 404
