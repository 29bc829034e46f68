"""Every switch for faults does what its entry in the table says."""

from __future__ import annotations

import gzip
import json
import zlib
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
import requests

from referins_woo.practice_store import PracticeStore, StoreOptions
from referins_woo.practice_store.faults import KINDS, UnknownFault

ORDERS = "/wp-json/wc/v3/orders"


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("unauthorized", 401, "woocommerce_rest_cannot_view"),
        ("forbidden", 403, "woocommerce_rest_cannot_view"),
        ("no_route", 404, "rest_no_route"),
        ("rate_limit", 429, "too_many_requests"),
        ("server_error", 500, "internal_server_error"),
        ("maintenance", 503, "wp_die"),
        ("keys_revoked", 401, "woocommerce_rest_cannot_view"),
        ("strip_authorization", 401, "woocommerce_rest_cannot_view"),
        ("plugin_off", 404, "rest_no_route"),
    ],
)
def test_it_answers_with_an_error(
    kind: str, status: int, code: str, shop: PracticeStore, api: requests.Session
) -> None:
    shop.fault(kind)
    answer = api.get(shop.url + ORDERS, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    shop.clear_faults()
    assert api.get(shop.url + ORDERS).status_code == 200


@pytest.mark.parametrize(("kind", "status"), [("firewall", 403), ("bad_gateway", 502), ("html_ok", 200)])
def test_it_answers_with_a_page(kind: str, status: int, shop: PracticeStore, api: requests.Session) -> None:
    shop.fault(kind)
    answer = api.get(shop.url + ORDERS)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")


def test_any_status_can_be_had(shop: PracticeStore, api: requests.Session) -> None:
    shop.fault("status", status=418)
    assert api.get(shop.url + ORDERS).status_code == 418


def test_waits_are_named(shop: PracticeStore, api: requests.Session) -> None:
    shop.fault("rate_limit", seconds=7, count=1)
    assert api.get(shop.url + ORDERS).headers["Retry-After"] == "7"
    shop.fault("maintenance", count=1)
    assert api.get(shop.url + ORDERS).headers["Retry-After"] == "600"


def test_a_fault_ends_after_its_count_and_keeps_to_path_and_method(shop: PracticeStore, api: requests.Session) -> None:
    shop.fault("server_error", count=2, path="/orders$", method="GET")
    assert api.get(f"{shop.url}/wp-json/wc/v3/products").status_code == 200
    assert api.post(shop.url + ORDERS, json={}).status_code == 201
    assert [api.get(shop.url + ORDERS).status_code for _ in range(3)] == [500, 500, 200]


def test_the_connection_is_dropped(shop: PracticeStore, api: requests.Session) -> None:
    shop.fault("reset", count=1)
    with pytest.raises(requests.ConnectionError):
        api.get(shop.url + ORDERS)


def test_the_body_breaks_off(shop: PracticeStore, api: requests.Session) -> None:
    shop.fault("truncated", count=1)
    with pytest.raises(requests.RequestException):
        api.get(shop.url + ORDERS)
    assert api.get(shop.url + ORDERS).status_code == 200


@pytest.mark.parametrize("kind", ["empty_body", "php_warning", "bom", "invalid_utf8"])
def test_json_that_does_not_parse(kind: str, shop: PracticeStore, api: requests.Session) -> None:
    shop.fault(kind)
    answer = api.get(shop.url + ORDERS)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    with pytest.raises(ValueError, match=r".*"):
        json.loads(answer.content.decode())


def test_lists_lie(shop: PracticeStore, api: requests.Session) -> None:
    url = f"{shop.url}{ORDERS}?orderby=id&order=asc&per_page=5"
    right = api.get(url)
    shop.fault("empty_list", count=1)
    assert api.get(url).json() == []
    shop.fault("short_page", count=1, number=2)
    assert len(api.get(url).json()) == 3
    shop.fault("wrong_total", count=1, number=9)
    assert int(api.get(url).headers["X-WP-Total"]) == int(right.headers["X-WP-Total"]) + 9
    shop.fault("repeat_page", count=1)
    assert api.get(f"{url}&offset=40").json() == right.json()
    shop.fault("page_limit", number=20)
    assert api.get(url).status_code == 200
    assert api.get(f"{shop.url}{ORDERS}?per_page=50").status_code == 500


def test_a_host_that_drops_the_header_still_sees_the_query(shop: PracticeStore, api: requests.Session) -> None:
    shop.fault("strip_authorization")
    assert api.get(shop.url + ORDERS).status_code == 401
    keys = {"consumer_key": shop.consumer_key, "consumer_secret": shop.consumer_secret}
    api.auth = None
    assert api.get(shop.url + ORDERS, params=keys).status_code == 200


def test_plain_permalinks_send_readers_away_and_ignore_writers(shop: PracticeStore, api: requests.Session) -> None:
    shop.fault("plain_permalinks")
    answer = api.get(shop.url + ORDERS, allow_redirects=False)
    assert (answer.status_code, answer.headers["X-Redirect-By"]) == (301, "WordPress")
    answer = api.put(f"{shop.url}{ORDERS}/1001", json={})
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (200, "text/html")


def test_closed_to_the_anonymous_only(shop: PracticeStore, api: requests.Session) -> None:
    shop.fault("rest_closed")
    assert api.get(shop.url + ORDERS).status_code == 200
    api.auth = None
    assert api.get(f"{shop.url}/wp-json/").json()["code"] == "rest_login_required"


def test_keys_may_read_only(shop: PracticeStore, api: requests.Session) -> None:
    shop.fault("keys_read_only")
    assert api.get(shop.url + ORDERS).status_code == 200
    answer = api.post(shop.url + ORDERS, json={})
    assert (answer.status_code, answer.json()["code"]) == (401, "woocommerce_rest_authentication_error")


def test_the_clock_is_wrong(shop: PracticeStore, api: requests.Session) -> None:
    before = shop.order(shop.create_order()) or {}
    right = parsedate_to_datetime(api.get(shop.url + ORDERS).headers["Date"])
    shop.fault("clock_skew", seconds=-86_400)
    shown = parsedate_to_datetime(api.get(shop.url + ORDERS).headers["Date"])
    woo_id = shop.create_order()
    order = shop.order(woo_id) or {}
    assert timedelta(hours=23) < right - shown <= timedelta(hours=24)
    assert 82_800 < before["created"] - order["created"] <= 86_400
    assert order["modified"] == order["created"]
    since = {"modified_after": f"{shown - timedelta(minutes=5):%Y-%m-%dT%H:%M:%S}", "dates_are_gmt": "true"}
    assert woo_id in [row["id"] for row in api.get(shop.url + ORDERS, params=since).json()]
    since["modified_after"] = f"{right - timedelta(minutes=5):%Y-%m-%dT%H:%M:%S}"
    assert woo_id not in [row["id"] for row in api.get(shop.url + ORDERS, params=since).json()]
    shop.clear_faults()
    shop.pay(woo_id)
    assert (shop.order(woo_id) or {})["modified"] >= before["created"], "the clock is set right"


def test_answers_take_their_time(shop: PracticeStore, api: requests.Session) -> None:
    shop.fault("latency", seconds=0.2, count=1)
    assert api.get(shop.url + ORDERS).elapsed.total_seconds() >= 0.2


def test_there_is_no_such_fault(shop: PracticeStore) -> None:
    with pytest.raises(UnknownFault):
        shop.fault("gremlins")


def test_people_and_programs_switch_them_on_practice() -> None:
    with PracticeStore(StoreOptions(webhook_delay=None)) as shop:
        control = f"{shop.url}/practice/faults"
        made = requests.post(control, json={"kind": "server_error", "count": 1, "path": "/orders"})
        assert made.status_code == 201
        assert requests.get(control).json()[0]["kind"] == "server_error"
        assert requests.post(control, json={"kind": "gremlins"}).status_code == 400
        assert requests.post(control, json={"kind": "reset", "path": "("}).status_code == 400
        page = requests.post(control, data={"kind": "latency", "seconds": "0.1"})
        assert "latency" in page.text
        requests.delete(control)
        assert requests.get(control).json() == []


def test_every_fault_says_when_it_acts() -> None:
    assert {kind.stage for kind in KINDS.values()} == {"instead", "after", "state", "webhook"}
    answers = [kind for kind in KINDS.values() if kind.stage == "instead" and kind.name != "page_limit"]
    assert all(kind.answer for kind in answers)


def test_one_order_breaks_every_answer_that_holds_it_whatever_fields_are_asked_for(
    shop: PracticeStore, api: requests.Session
) -> None:
    first = api.get(f"{shop.url}{ORDERS}?orderby=id&order=asc&per_page=1").json()[0]["id"]
    shop.fault("order_poison", number=first)
    asked = [f"?orderby=id&order=asc&per_page=3{more}" for more in ("", "&_fields=id", "&offset=1")] + [f"/{first}"]
    assert [api.get(f"{shop.url}{ORDERS}{one}").status_code for one in asked] == [500, 500, 200, 500]


def test_packed_answers(shop: PracticeStore, api: requests.Session) -> None:
    shop.fault("packed_unsaid", count=1)
    answer = api.get(shop.url + ORDERS)
    assert "Content-Encoding" not in answer.headers
    assert json.loads(gzip.decompress(answer.content))
    shop.fault("gzip_bomb", count=1)
    with api.get(shop.url + ORDERS, stream=True) as bomb:
        packed = bomb.raw.read(decode_content=False)
    inflater, size = zlib.decompressobj(31), 0
    while packed and size < 2**27:
        size += len(inflater.decompress(packed, 2**24))
        packed = inflater.unconsumed_tail
    assert size >= 2**27


def test_a_body_drips(shop: PracticeStore, api: requests.Session) -> None:
    shop.fault("drip", seconds=0.0005, count=1)
    with api.get(f"{shop.url}{ORDERS}?per_page=1&_fields=id", stream=True) as answer:
        assert len(list(answer.raw.stream(1, decode_content=False))) == int(answer.headers["Content-Length"])
