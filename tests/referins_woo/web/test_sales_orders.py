"""Sales orders, delivery dates and currency rates: by forms without script, and by the API."""

from __future__ import annotations

import io
from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

import referins_woo.ingest.jobs  # noqa: F401  (answers the bells)
from referins_woo.accounts.models import AuditEntry
from referins_woo.commerce.models import CurrencyRate, Order
from referins_woo.process import Process
from referins_woo.queues import MemoryBells
from referins_woo.stores.models import Store
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor

pytestmark = pytest.mark.usefixtures("bells")
RATES = "/settings/currency-rates"


@pytest.fixture
def dollars(running: Process, ours: Made) -> Made:
    """The order is in dollars, and no rate is known."""
    with running.database.unit() as session:
        order = session.get_one(Order, ours.ids["order_id"])
        order.currency, order.refunded_total = "USD", 473_700
        session.query(CurrencyRate).delete()
    return ours


def _audited(running: Process) -> list[str]:
    with running.database.reading() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def test_a_store_chooses_which_statuses_make_sales_orders(merchant: Visitor, ours: Made, running: Process) -> None:
    assert "No sales orders yet" in merchant.get("/sales-orders").text
    sync = f"/settings/integrations/woocommerce/{ours.ids['store_id']}/sync"
    assert 'value="processing" checked' in merchant.get(sync).text
    save = sync.replace("/sync", "/sales-orders")
    said = merchant.follow(merchant.post(save, {"sales": ["processing", "on-hold"]}))
    assert "became sales orders just now: 1" in said.text and 'value="on-hold" checked' in said.text
    listed = merchant.get("/sales-orders")
    assert "WC-4812" in listed.text and "Not delivered" in listed.text
    assert "one of these statuses" in merchant.follow(merchant.post(save, {"sales": "a b"})).text
    with running.database.reading() as session:
        assert session.get_one(Store, ours.ids["store_id"]).sales_statuses == ["processing", "on-hold"]
    assert "WC-4812" in merchant.follow(merchant.post(save, {})).text or "WC-4812" in merchant.get("/sales-orders").text
    assert "store_settings_changed" in _audited(running)


def test_the_delivery_date_is_changed_on_the_orders_page(merchant: Visitor, ours: Made, running: Process) -> None:
    page = f"/orders/{ours.ids['order_id']}"
    merchant.get(page)
    change = f"/sales-orders/{ours.ids['order_id']}/delivery-date"
    assert "24 Dec 2026" in merchant.follow(merchant.post(change, {"day": "2026-12-24"})).text
    for wrong in ("", "soon", "2020-01-01"):
        assert "delivery date" in merchant.follow(merchant.post(change, {"day": wrong})).text
    with running.database.reading() as session:
        assert session.get_one(Order, ours.ids["order_id"]).delivery_date == date(2026, 12, 24)
    assert _audited(running).count("order_changed") == 1


def test_a_missing_rate_is_said_and_once_entered_the_order_has_its_total(
    merchant: Visitor, dollars: Made, running: Process, bells: MemoryBells
) -> None:
    page = f"/orders/{dollars.ids['order_id']}"
    said = merchant.get(page).text
    assert "no rate for" in said and "currency=USD&amp;day=2026-11-20" in said
    rates = merchant.get(f"{RATES}?currency=USD&day=2026-11-20").text
    assert "Days without a rate" in rates and 'value="2026-11-20"' in rates
    for wrong, words in (
        ({"currency": "EUR", "rate": "1", "from": "2026-11-20"}, "your base currency"),
        ({"currency": "USD", "rate": "0,9", "from": "2026-11-20"}, "with a point"),
        ({"currency": "USD", "rate": "0.9", "from": "yesterday"}, "Give a day"),
        ({"currency": "USD", "rate": "0.9", "from": "2026-11-20", "until": "2026-11-19"}, "before the first"),
    ):
        refused = merchant.post(RATES, dict(wrong))
        assert (refused.status_code, words in refused.text) == (422, True), refused.text[-3000:]
    merchant.follow(merchant.post(RATES, {"currency": "usd", "rate": "0.9231", "from": "2026-11-20"}))
    bells.drain()
    shown = merchant.get(page).text
    assert "In EUR, at 0.9231" in shown
    assert "€136.04" in shown  # 147.37 × 0.9231 = 136.037247
    assert "−€43.73" in shown  # the refund of 47.37 at the order's rate: 43.727247
    assert "Days without a rate" not in merchant.get(RATES).text
    with running.database.reading() as session:
        rate_id = session.scalars(select(CurrencyRate.id)).one()
    assert "is deleted" in merchant.follow(merchant.post(f"{RATES}/{rate_id}/delete")).text
    assert "In EUR, at 0.9231" in merchant.get(page).text
    assert _audited(running).count("rates_changed") == 2


def test_rates_come_from_a_file_all_or_none(
    merchant: Visitor, dollars: Made, running: Process, bells: MemoryBells
) -> None:
    def send(text: bytes) -> object:
        merchant.get(RATES)
        return merchant.post(f"{RATES}/file", {"file": (io.BytesIO(text), "ecb.csv")})

    refused = send(b"date,currency,rate\n2026-11-20,USD,0.9\n2026-11-21,USD,x\n")
    assert refused.status_code == 422 and "Line 3" in refused.text  # type: ignore[attr-defined]
    assert send(b"").status_code == 422  # type: ignore[attr-defined]
    with running.database.reading() as session:
        assert session.scalars(select(CurrencyRate)).all() == []
    taken = merchant.follow(send(b"date,currency,rate\n2026-11-20,USD,0.9\n2026-11-21,USD,0.8\n"))  # type: ignore[arg-type]
    assert "Rates from the file: 2" in taken.text and "ecb.csv" in taken.text
    bells.drain()
    with running.database.reading() as session:
        assert session.get_one(Order, dollars.ids["order_id"]).base_total == 1_326_330


def test_the_api_knows_sales_orders_base_totals_rates_and_delivery_dates(
    client: FlaskClient, dollars: Made, bells: MemoryBells, running: Process
) -> None:
    headers = {"Authorization": f"Bearer {dollars.api_token}"}
    path = f"/api/v1/orders/{dollars.ids['order_id']}"
    order = client.get(path, headers=headers).get_json()
    assert (order["sales_at"], order["base_total"], order["base_currency"]) == (None, None, "")
    assert client.get("/api/v1/orders?is_sales_order=true", headers=headers).get_json()["data"] == []
    body = {"currency": "USD", "rate": "0.9231", "day": "2026-11-20", "until": "2026-11-21"}
    made = client.post("/api/v1/currency-rates", headers=headers, json=body)
    assert (made.status_code, made.get_json()) == (201, {"kept": 2})
    bells.drain()
    order = client.get(path, headers=headers).get_json()
    assert (order["base_total"], order["base_rate"], order["base_currency"]) == ("136.0372", "0.9231", "EUR")
    rates = client.get("/api/v1/currency-rates?currency=USD", headers=headers).get_json()["data"]
    assert [one["day"] for one in rates] == ["2026-11-20", "2026-11-21"]
    for wrong in ({**body, "rate": "x"}, {**body, "day": "20.11.2026"}, {**body, "until": "2020-01-01"}):
        refused = client.post("/api/v1/currency-rates", headers=headers, json=wrong)
        assert refused.status_code == 422, refused.text
    changed = client.patch(path, headers=headers, json={"delivery_date": "2026-12-24"})
    assert (changed.status_code, changed.get_json()["delivery_date"]) == (200, "2026-12-24")
    for day in ("24.12.2026", "1999-01-01", 7):
        assert client.patch(path, headers=headers, json={"delivery_date": day}).status_code == 422
