"""Delivery by forms without script, the list of changes, and both by the API."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from referins_woo.accounts.models import AuditEntry
from referins_woo.commerce.models import Location, Order, OrderLine
from referins_woo.process import Process
from referins_woo.queues import MemoryBells
from referins_woo.writeback.models import StoreWrite
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor

pytestmark = pytest.mark.usefixtures("bells")


@pytest.fixture
def line(running: Process, ours: Made) -> int:
    """The row of goods of the order, which is in processing; nothing is on its way to the store."""
    with running.database.unit() as session:
        session.get_one(Order, ours.ids["order_id"]).woo_status = "processing"
        session.query(StoreWrite).delete()
        return session.scalars(select(OrderLine.id).where(OrderLine.account_id == ours.account_id)).one()


def _order(running: Process, ours: Made) -> Order:
    with running.database.reading() as session:
        return session.get_one(Order, ours.ids["order_id"])


def test_goods_are_delivered_bit_by_bit_and_the_rest_goes_to_the_store(
    merchant: Visitor, ours: Made, line: int, running: Process, bells: MemoryBells
) -> None:
    page, send = f"/orders/{ours.ids['order_id']}", f"/orders/{ours.ids['order_id']}/fulfilment"
    shown = merchant.get(page).text
    assert "WooCommerce itself e-mails the customer" in shown and "All delivered" in shown
    partly = merchant.follow(merchant.post(send, {"act": "lines", f"line-{line}": "0.5"}))
    assert "Nothing is sent to WooCommerce" in partly.text and "Partially delivered" in partly.text
    assert bells.pending == []
    for wrong in ("many", "-1", "3", "0.00001", "NaN"):
        refused = merchant.post(send, {"act": "lines", f"line-{line}": wrong})
        assert (refused.status_code, 'role="alert"' in refused.text) == (422, True), wrong
    done = merchant.follow(merchant.post(send, {"act": "delivered", f"line-{line}": "0.5"}))
    assert "WooCommerce is told to complete" in done.text and "Waits" in done.text
    assert ("bulk", "push_writes", (ours.ids["store_id"],)) in bells.pending
    back = merchant.follow(merchant.post(send, {"act": "not_delivered"}))
    assert "is not told any more" in back.text and "Taken back here" in back.text
    with running.database.reading() as session:
        actions = session.scalars(select(AuditEntry.action)).all()
    assert actions.count("order_fulfilled") == 3


def test_an_unpaid_order_asks_first_and_nothing_of_it_is_kept_until_then(
    merchant: Visitor, ours: Made, line: int, running: Process
) -> None:
    with running.database.unit() as session:
        session.get_one(Order, ours.ids["order_id"]).woo_status = "on-hold"
        other = Location(account_id=ours.account_id, name="Warehouse")
        session.add(other)
        session.flush()
        other_id = other.id
    page, send = f"/orders/{ours.ids['order_id']}", f"/orders/{ours.ids['order_id']}/fulfilment"
    assert "Ship from" in merchant.get(page).text
    asked = merchant.post(send, {"act": "delivered", "ship_from": other_id})
    assert (asked.status_code, "marks the order paid" in asked.text) == (409, True)
    order = _order(running, ours)
    assert (order.delivery_status, order.location_id) == ("not_delivered", ours.ids["location_id"])
    merchant.follow(merchant.post(send, {"act": "delivered", "ship_from": other_id, "confirmed": "1"}))
    order = _order(running, ours)
    assert (order.delivery_status, order.location_id) == ("delivered", other_id)


def test_the_stores_page_lists_changes_and_sends_them_again(
    merchant: Visitor, ours: Made, theirs: Made, line: int, running: Process, bells: MemoryBells
) -> None:
    listed = f"/settings/integrations/woocommerce/{ours.ids['store_id']}/writes"
    assert "No changes yet" in merchant.get(listed).text
    merchant.get(f"/orders/{ours.ids['order_id']}")
    merchant.post(f"/orders/{ours.ids['order_id']}/fulfilment", {"act": "delivered"})
    assert "On their way" in merchant.get(listed).text
    with running.database.unit() as session:
        write = session.scalars(select(StoreWrite).where(StoreWrite.account_id == ours.account_id)).one()
        write.state, write.error = "failed", "WooCommerce refused it: no"
        write_id = write.id
    failed = merchant.get(f"{listed}?state=failed")
    assert "WooCommerce refused it: no" in failed.text
    assert "Nothing here" in merchant.get(f"{listed}?state=done").text
    again = merchant.follow(merchant.post(f"/writes/{write_id}/send-again", {"back": listed}))
    assert "sent again" in again.text and "Waits" in again.text
    once_more = merchant.follow(merchant.post(f"/writes/{write_id}/send-again", {"back": "https://evil.example"}))
    assert "nothing to send again" in once_more.text


def test_the_api_delivers_lists_and_sends_again(
    client: FlaskClient, ours: Made, theirs: Made, line: int, running: Process
) -> None:
    headers = {"Authorization": f"Bearer {ours.api_token}"}

    def call(method: str, path: str, **more: Any) -> Any:
        answer = client.open(f"/api/v1/{path}", method=method, headers=headers, **more)
        return answer.status_code, answer.get_json()

    path = f"orders/{ours.ids['order_id']}/fulfilment"
    status, order = call("PUT", path, json={"lines": [{"id": line, "quantity": 1}]})
    assert (status, order["delivery_status"], order["lines"][0]["quantity_delivered"]) == (
        200,
        "partially_delivered",
        1,
    )
    assert call("GET", f"writes?order_id={ours.ids['order_id']}")[1]["data"] == []
    status, order = call("PUT", path, json={"delivery_status": "delivered"})
    assert (status, order["delivery_status"], order["woo_status"]) == (200, "delivered", "processing")
    status, listed = call("GET", f"writes?store_id={ours.ids['store_id']}&state=waiting")
    (write,) = listed["data"]
    assert (write["kind"], write["subject"], write["body"]) == ("order_completed", 4812, {"status": "completed"})
    assert call("POST", f"writes/{write['id']}/send-again")[0] == 409
    for wrong in (
        {},
        {"delivery_status": "partially_delivered"},
        {"lines": [{"id": line, "quantity": 3}]},
        {"lines": [{"id": line, "quantity": 1}, {"id": line, "quantity": 2}]},
        {"lines": [{"id": line + 1_000, "quantity": 1}]},
        {"ship_from": theirs.ids["location_id"]},
    ):
        assert call("PUT", path, json=wrong)[0] == 422, wrong
    with running.database.unit() as session:
        session.get_one(StoreWrite, write["id"]).state = "refused"
    assert call("POST", f"writes/{write['id']}/send-again")[0] == 202
    with running.database.unit() as session:
        session.get_one(StoreWrite, write["id"]).state = "refused"
        order_row = session.get_one(Order, ours.ids["order_id"])
        order_row.woo_status, order_row.delivery_status = "pending", "not_delivered"
    status, refused = call("PUT", path, json={"delivery_status": "delivered"})
    assert (status, refused["errors"][0]["field"]) == (409, "confirm_paid")
    status, refused = call("POST", f"writes/{write['id']}/send-again")
    assert (status, "not delivered here" in refused["detail"]) == (409, True)
    assert call("PUT", path, json={"delivery_status": "delivered", "confirm_paid": True})[0] == 200
    status, refused = call("POST", f"writes/{write['id']}/send-again")
    assert (status, "newer change" in refused["detail"]) == (409, True)
    assert call("PUT", f"orders/{theirs.ids['order_id']}/fulfilment", json={"delivery_status": "delivered"})[0] == 404
