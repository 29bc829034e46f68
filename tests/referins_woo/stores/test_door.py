"""What the door asks, and that it hands out records: parameters as the recordings want them, pages, ids, clocks."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select

from referins_woo.commerce.records import OrderRecord, ProductRecord, Unreadable, VariantRecord
from referins_woo.errors import Final, RetryLater, StoreMustReconnect
from referins_woo.paths import templates_dir
from referins_woo.process import Process
from referins_woo.stores.connection import CAUSES, STATE_WORDS, can_read
from referins_woo.stores.door import Faltered, Rejected, open_store
from referins_woo.stores.models import Store
from referins_woo.stores.readable import readable
from tests.referins_woo.stores.conftest import KEY, SECRET, Call, RecordedShop, reply

SINCE = datetime(2026, 11, 22, 6, 30, 15, 999_000, tzinfo=timezone(timedelta(hours=-5)))


def test_pages_are_asked_by_id_and_times_in_gmt_without_a_z(shop: RecordedShop, ready: Process, store_id: int) -> None:
    shop.plays("GET", "orders", "orders/list-per-page-100-page-01")
    page = open_store(ready, store_id).orders(
        offset=100, per_page=50, modified_after=SINCE, statuses=["processing", "trash"], include=[7, 8]
    )
    (call,) = shop.asked("GET", "orders")
    assert call.query == {
        "orderby": "id",
        "order": "asc",
        "offset": "100",
        "per_page": "50",
        "modified_after": "2026-11-22T11:30:15",
        "dates_are_gmt": "true",
        "status": "processing,trash",
        "include": "7,8",
    }
    assert len(page.rows) == len(page.ids) == 100
    assert all(
        isinstance(row, OrderRecord) and row.woo_id == woo_id for row, woo_id in zip(page.rows, page.ids, strict=True)
    )
    assert page.total == 158
    assert page.date.tzinfo is UTC


def test_newest_first(shop: RecordedShop, ready: Process, store_id: int) -> None:
    shop.plays("GET", "orders", "orders/list-per-page-100-page-01")
    open_store(ready, store_id).orders(newest_first=True)
    assert shop.calls[-1].query["order"] == "desc"


def test_a_store_is_asked_further_in_where_it_cannot_show_its_newest_and_oldest_orders(
    shop: RecordedShop, ready: Process, store_id: int
) -> None:
    """Row 19, of several orders; a store that fails everywhere is not asked without end."""

    def answers(call: Call):  # type: ignore[no-untyped-def]
        if int(call.query.get("offset", 0)) < breaks_below:
            return reply(500, {"code": "internal_server_error", "message": "fatal", "data": {"status": 500}})
        return reply(200, [{"id": 7}], {"X-WP-Total": "20"})

    shop.does("GET", "orders", answers)
    door = open_store(ready, store_id)
    breaks_below = 9
    assert door.count("orders") == 20
    breaks_below = 100
    shop.calls.clear()
    with pytest.raises(Faltered):
        door.count("orders")
    assert len(shop.calls) == 6


def test_the_refunds_of_an_order_are_read_by_as_many_as_the_store_bears(
    shop: RecordedShop, ready: Process, store_id: int
) -> None:
    """Row 18."""
    with ready.database.unit() as session:
        session.get_one(Store, store_id).page_size = 10

    one = json.loads(shop.recorded("order-refunds/list-full").body)[0]

    def listed(call: Call):  # type: ignore[no-untyped-def]
        if int(call.query["per_page"]) > 10:
            return reply(500, {"code": "internal_server_error", "message": "memory", "data": {"status": 500}})
        start = int(call.query.get("offset", 0))
        rows = [one | {"id": number} for number in range(1, 26)]
        return reply(200, rows[start : start + 10], {"X-WP-Total": "25"})

    shop.does("GET", "orders/7/refunds", listed)
    assert [one.woo_id for one in open_store(ready, store_id).refunds_of(7)] == list(range(1, 26))


def test_customers_come_by_id_in_packs_of_a_hundred(shop: RecordedShop, ready: Process, store_id: int) -> None:
    def listed(call: Call):  # type: ignore[no-untyped-def]
        return reply(
            200, [{"id": int(each), "email": f"{each}@x.example"} for each in call.query["include"].split(",")]
        )

    shop.does("GET", "customers", listed)
    found = open_store(ready, store_id).customers_by_ids(list(range(1, 251)))
    assert sorted(found) == list(range(1, 251))
    assert [len(call.query["include"].split(",")) for call in shop.calls] == [100, 100, 50]
    assert {call.query["role"] for call in shop.calls} == {"all"}


def test_a_variable_product_comes_with_all_its_variations(shop: RecordedShop, ready: Process, store_id: int) -> None:
    rows = shop.recorded("variations/list-per-page-100")
    shop.plays("GET", "products/38", "older-version/product-single-variable")
    shop.does("GET", "products/*", lambda call: rows)
    product = open_store(ready, store_id).product(38)
    assert isinstance(product, ProductRecord)
    assert product.type == "variable"
    assert product.variants
    assert all(isinstance(one, VariantRecord) and one.woo_product_id for one in product.variants)


def test_a_list_that_repeats_itself_for_ever_ends(shop: RecordedShop, ready: Process, store_id: int) -> None:
    row = {"id": 5, "topic": "order.created", "status": "active", "delivery_url": "https://a.example"}
    shop.says("GET", "webhooks", [row], **{"X-WP-Total": "900"})
    assert [hook.woo_id for hook in open_store(ready, store_id).webhooks()] == [5]
    assert len(shop.calls) == 2


def test_a_row_that_cannot_be_read_stands_in_its_place_with_its_reason(
    shop: RecordedShop, ready: Process, store_id: int
) -> None:
    shop.says("GET", "orders", [{"id": 9, "status": "processing"}])
    page = open_store(ready, store_id).orders()
    assert page.ids == [9]
    assert isinstance(page.rows[0], Unreadable)
    assert page.rows[0].woo_id == 9


def test_an_answer_of_another_shape_is_the_store_s_trouble(shop: RecordedShop, ready: Process, store_id: int) -> None:
    shop.says("GET", "orders", {"hello": "world"})
    with pytest.raises(Faltered):
        open_store(ready, store_id).orders()


def test_what_the_store_understood_and_refused_is_final(shop: RecordedShop, ready: Process, store_id: int) -> None:
    shop.plays("GET", "orders", "orders/list-status-with-wc-prefix")
    with pytest.raises(Rejected) as caught:
        open_store(ready, store_id).orders(statuses=["wc-processing"])
    assert (caught.value.status, caught.value.code) == (400, "rest_invalid_param")


def test_only_a_connected_store_has_a_door(ready: Process, store_id: int) -> None:
    for state, cause, error in (
        ("disconnected", "ok", Final),
        ("connecting", "ok", Final),
        ("needs_reconnect", "key_revoked", StoreMustReconnect),
    ):
        with ready.database.unit() as session:
            store = session.get_one(Store, store_id)
            store.state, store.cause = state, cause
        with pytest.raises(error):
            open_store(ready, store_id)
    with pytest.raises(Final):
        open_store(ready, store_id + 1000)


def test_four_threads_that_see_one_refusal_count_it_once(shop: RecordedShop, ready: Process, store_id: int) -> None:
    shop.plays("GET", "orders", "auth/key-after-revocation")
    door = open_store(ready, store_id)
    seen: list[Exception] = []

    def ask() -> None:
        try:
            door.orders()
        except RetryLater as error:
            seen.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 4
    with ready.database.reading() as session:
        assert session.get_one(Store, store_id).suspect_probes == 1


def test_neither_keys_nor_secrets_stand_in_what_a_door_shows(shop: RecordedShop, ready: Process, store_id: int) -> None:
    door = open_store(ready, store_id)
    shown = f"{door!r} {door.store!r} {vars(door)!r} {vars(door._line)!r}"
    assert KEY not in shown
    assert SECRET not in shown


@pytest.mark.parametrize("cause", [key for key in CAUSES if key != "ok"])
@pytest.mark.parametrize("part", ["subject.txt", "body.txt", "body.html"])
def test_the_mail_about_every_cause_renders_and_escapes(cause: str, part: str) -> None:
    environment = Environment(
        loader=FileSystemLoader(templates_dir()), undefined=StrictUndefined, autoescape=part.endswith("html")
    )
    words = CAUSES[cause]
    text = environment.get_template(f"emails/reconnect/{part}").render(
        store_name="<script>alert(1)</script> & Sons",
        store_url="https://yourstore.com",
        cause=cause,
        title=words.title,
        sentence=words.sentence,
        steps=list(words.steps),
        since="22 November 2026, 11:36 UTC",
        reminder_day=3,
        is_lost=cause != "unreachable",
        link="https://app.example.com/reconnect/abc",
    )
    assert ("<script>" in text) is not part.endswith("html")
    if part == "subject.txt":
        assert len(text.strip().splitlines()) == 1
    else:
        assert all(step.split("<")[0][:20] in text.replace("&gt;", ">").replace("&#39;", "'") for step in words.steps)
        assert ("https://app.example.com/reconnect/abc" in text) is (cause != "unreachable")


def test_jobs_choose_the_stores_that_a_door_would_let_them_read(ready: Process, store_id: int) -> None:
    for state in STATE_WORDS:
        for cause in CAUSES:
            with ready.database.unit() as session:
                store = session.get_one(Store, store_id)
                store.state, store.cause = state, cause
            with ready.database.reading() as session:
                chosen = session.scalar(select(Store.id).where(readable())) is not None
            assert chosen is can_read(state, cause), (state, cause)
