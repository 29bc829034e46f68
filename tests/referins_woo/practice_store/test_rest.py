"""Corners of the REST API that no recorded folder replays: shapes of answers, other methods, dates, OAuth over http."""

from __future__ import annotations

import requests

from referins_woo.practice_store import PracticeStore
from referins_woo.practice_store.params import moment

ORDERS = "/wp-json/wc/v3/orders"


def test_answers_take_other_shapes(shop: PracticeStore, api: requests.Session) -> None:
    script = api.get(f"{shop.url}{ORDERS}?_jsonp=cb&per_page=1&_fields=id")
    assert script.headers["Content-Type"].startswith("application/javascript")
    assert script.text.startswith("/**/cb([{")
    enveloped = api.get(f"{shop.url}{ORDERS}?_envelope=1&per_page=1&_fields=id").json()
    assert enveloped["status"] == 200
    assert "X-WP-Total" in enveloped["headers"]
    dotted = api.get(f"{shop.url}{ORDERS}?_fields=id,billing.email&per_page=1").json()[0]
    assert dotted.keys() == {"id", "billing"}
    assert dotted["billing"].keys() == {"email"}
    assert api.head(f"{shop.url}{ORDERS}").content == b""
    assert api.options(f"{shop.url}{ORDERS}").json()["methods"] == ["GET", "POST"]


def test_links_repeat_what_was_asked(shop: PracticeStore, api: requests.Session) -> None:
    links = api.get(f"{shop.url}{ORDERS}?per_page=10&page=2&status=completed").links
    assert links["next"]["url"] == (f"{shop.url}{ORDERS}?per_page=10&page=3&status%5B0%5D=completed&dp=2&context=view")
    assert "page=1" in links["prev"]["url"]
    beyond = api.get(f"{shop.url}{ORDERS}?per_page=10&page=50")
    assert (beyond.json(), beyond.headers["X-WP-Total"], beyond.headers["X-WP-TotalPages"]) == ([], "0", "0")
    assert "page=0" in beyond.links["prev"]["url"]


def test_dates_are_understood_as_recorded(shop: PracticeStore) -> None:
    site = shop.shop.site
    assert moment("2026-11-01T05:00:00", site, as_gmt=True) == 1793509200
    assert moment("2026-11-01T05:00:00Z", site, as_gmt=False) == 1793509200
    assert moment("2026-11-01T01:00:00-04:00", site, as_gmt=False) == 1793509200
    assert moment("2026-11-01T01:00:00", site, as_gmt=False) == 1793509200
    shifted = moment("2026-11-01T05:00:00Z", site, as_gmt=True)
    assert shifted == 1793509200 - 4 * 3600
    assert moment("2026-11-22T11:26:52.500", site, as_gmt=True) == moment("2026-11-22T11:26:52", site, as_gmt=True)
    assert moment("2026-11-01", site, as_gmt=True) is None
    assert moment("2026-13-01T00:00:00", site, as_gmt=True) is None


def test_orders_are_found_by_customer_product_and_words(shop: PracticeStore, api: requests.Session) -> None:
    order = shop.create_order(email="Zelda.Quirk@example.com", customer_id=12)
    url = shop.url + ORDERS
    assert [row["id"] for row in api.get(f"{url}?search=zelda.q").json()] == [order]
    assert [row["id"] for row in api.get(f"{url}?search={order}").json()] == [order]
    of_customer = api.get(f"{url}?customer=12&per_page=100").json()
    assert order in {row["id"] for row in of_customer}
    assert {row["customer_id"] for row in of_customer} == {12}
    guests = api.get(f"{url}?customer=0&per_page=100").json()
    assert {row["customer_id"] for row in guests} == {0}
    mugs = api.get(f"{url}?product=11&per_page=100").json()
    assert order in {row["id"] for row in mugs}
    assert all(any(line["product_id"] == 11 for line in row["line_items"]) for row in mugs)
    wanted = api.get(f"{url}?include={order},1002&orderby=include&order=asc").json()
    assert [row["id"] for row in wanted] == [order, 1002]
    assert order not in {row["id"] for row in api.get(f"{url}?exclude={order}").json()}
    before = api.get(f"{url}?modified_before=2020-01-01T00:00:00").json()
    assert before == []


def test_a_deleted_product_leaves_its_lines(shop: PracticeStore, api: requests.Session) -> None:
    product = shop.create_product("Soon gone", sku="GONE-1")
    order = shop.create_order(line_items=[{"product_id": product, "quantity": 1}])
    shop.delete_product(product)
    line = api.get(f"{shop.url}{ORDERS}/{order}").json()["line_items"][0]
    assert (line["product_id"], line["sku"], line["name"]) == (0, None, "Soon gone")


def test_a_deleted_customer_leaves_guest_orders(shop: PracticeStore, api: requests.Session) -> None:
    user = shop.create_customer("leaver@example.com")
    order = shop.create_order(customer_id=user)
    api.delete(f"{shop.url}/wp-json/wc/v3/customers/{user}?force=true")
    assert api.get(f"{shop.url}{ORDERS}/{order}").json()["customer_id"] == 0


def test_a_line_too_long_is_refused_with_a_page(shop: PracticeStore, api: requests.Session) -> None:
    answer = api.get(f"{shop.url}{ORDERS}?include={'1,' * 5000}")
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (414, "text/html")
    assert api.get(f"{shop.url}{ORDERS}").status_code == 200


def test_bodies_may_come_in_chunks(shop: PracticeStore, api: requests.Session) -> None:
    parts = iter([b'{"customer_note":', b'"in parts"}'])
    answer = api.post(shop.url + ORDERS, data=parts, headers={"Content-Type": "application/json"})
    assert answer.json()["customer_note"] == "in parts"


def test_words_in_the_place_of_numbers_break_nothing(shop: PracticeStore, api: requests.Session) -> None:
    line = {"variation_id": "one", "sku": "MF-MUG-OAT"}
    answer = api.post(shop.url + ORDERS, json={"line_items": [line], "fee_lines": [{"total": "much"}]})
    assert answer.status_code == 201
    assert answer.json()["line_items"][0]["product_id"] == 11
    hook = {"topic": "order.created", "delivery_url": "http://127.0.0.1:port/"}
    assert api.post(f"{shop.url}/wp-json/wc/v3/webhooks", json=hook).status_code == 201
    shop.create_order()
    assert shop.deliver_webhooks() == 1
    assert api.get(f"{shop.url}{ORDERS}?customer=me").status_code == 200
