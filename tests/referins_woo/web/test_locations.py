"""Settings > Locations and the API's: adding, renaming, the default, deleting, and where stores' orders go."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from referins_woo.accounts.models import AuditEntry
from referins_woo.commerce.models import Location, Order
from referins_woo.process import Process
from referins_woo.stores.models import Store
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor


def _locations(running: Process, made: Made) -> dict[str, Location]:
    with running.database.reading() as session:
        mine = select(Location).where(Location.account_id == made.account_id).order_by(Location.id)
        return {one.name: one for one in session.scalars(mine)}


def _store(running: Process, made: Made) -> Store:
    with running.database.reading() as session:
        return session.get_one(Store, made.ids["store_id"])


def _audited(running: Process, made: Made) -> list[str]:
    with running.database.reading() as session:
        mine = select(AuditEntry).where(AuditEntry.account_id == made.account_id).order_by(AuditEntry.id)
        return [one.action for one in session.scalars(mine)]


def test_a_location_is_added_renamed_and_made_the_default(merchant: Visitor, running: Process, ours: Made) -> None:
    assert merchant.post("/settings/locations", data={"name": "  Lager   Köln "}).status_code == 303
    added = _locations(running, ours)["Lager Köln"]
    assert not added.is_default
    assert merchant.post(f"/settings/locations/{added.id}", data={"name": "Lager Nord"}).status_code == 303
    assert merchant.post(f"/settings/locations/{added.id}/default").status_code == 303
    there = _locations(running, ours)
    assert (there["Lager Nord"].is_default, there["Main"].is_default) == (True, False)
    assert _audited(running, ours)[-3:] == ["location_added", "location_changed", "location_changed"]
    page = merchant.get("/settings/locations").text
    assert "Lager Nord" in page and "No store&#39;s orders go here." in page.replace("No store's", "No store&#39;s")


@pytest.mark.parametrize("name", ["", "   ", "main", "Ma\u0000in", "x" * 201])
def test_a_name_that_tells_nothing_is_refused_beside_its_field(
    merchant: Visitor, running: Process, ours: Made, name: str
) -> None:
    answer = merchant.post("/settings/locations", data={"name": name})
    assert answer.status_code == 422
    assert 'id="e-name"' in answer.text
    assert list(_locations(running, ours)) == ["Main"]
    merchant.post("/settings/locations", data={"name": "Second"})
    second = _locations(running, ours)["Second"].id
    answer = merchant.post(f"/settings/locations/{second}", data={"name": name})
    assert answer.status_code == 422 and f'id="e-name-{second}"' in answer.text
    assert set(_locations(running, ours)) == {"Main", "Second"}


def test_another_location_is_for_later_orders_alone(merchant: Visitor, running: Process, ours: Made) -> None:
    merchant.post("/settings/locations", data={"name": "Warehouse"})
    warehouse = _locations(running, ours)["Warehouse"].id
    url = f"/settings/integrations/woocommerce/{ours.ids['store_id']}/map-location"
    answer = merchant.post(url, data={"location": warehouse, "back": "/settings/locations"}, follow_redirects=True)
    assert "Later orders go there; those that are here stay where they are." in answer.text
    assert _store(running, ours).location_id == warehouse
    with running.database.reading() as session:
        assert session.get_one(Order, ours.ids["order_id"]).location_id == ours.ids["location_id"]


def test_deleting_a_mapped_location_warns_and_then_the_store_needs_another(
    merchant: Visitor, running: Process, ours: Made
) -> None:
    main = ours.ids["location_id"]
    refused = merchant.post(f"/settings/locations/{main}/delete", follow_redirects=True)
    assert "one location at least" in refused.text
    merchant.post("/settings/locations", data={"name": "Warehouse"})
    warning = merchant.get(f"/settings/locations/{main}/delete").text
    assert "order e-mails stop too" in warning and "Shop of ours" in warning and "1 order" in warning
    assert "Goods counted here: 1." in warning
    assert merchant.post(f"/settings/locations/{main}/delete").status_code == 303
    store = _store(running, ours)
    assert (store.state, store.location_id) == ("mapping_needed", None)
    assert _locations(running, ours)["Warehouse"].is_default, "the oldest of the others"
    hub = merchant.get("/settings/integrations/woocommerce").text
    assert "needs a location" in hub and "Needs a location" in hub
    order = merchant.get(f"/orders/{ours.ids['order_id']}").text
    assert "Main</span> <span" in order and "(deleted)" in order, "the order keeps its location's name"
    assert merchant.get(f"/settings/locations/{main}/delete").status_code == 404
    warehouse = _locations(running, ours)["Warehouse"].id
    url = f"/settings/integrations/woocommerce/{ours.ids['store_id']}/map-location"
    merchant.post(url, data={"location": main})
    assert _store(running, ours).state == "mapping_needed", "what was deleted cannot be chosen"
    merchant.post(url, data={"location": warehouse})
    assert (_store(running, ours).state, _store(running, ours).location_id) == ("connected", warehouse)


def test_an_order_of_a_deleted_location_stays_there_until_another_is_chosen(
    merchant: Visitor, running: Process, ours: Made
) -> None:
    merchant.post("/settings/locations", data={"name": "Warehouse"})
    main, order_id = ours.ids["location_id"], ours.ids["order_id"]
    merchant.post(f"/settings/locations/{main}/delete")
    merchant.post(f"/orders/{order_id}/fulfilment", data={"act": "not_delivered", "ship_from": str(main)})
    with running.database.reading() as session:
        assert session.get_one(Order, order_id).location_id == main
    warehouse = _locations(running, ours)["Warehouse"].id
    merchant.post(f"/orders/{order_id}/fulfilment", data={"act": "not_delivered", "ship_from": str(warehouse)})
    with running.database.reading() as session:
        assert session.get_one(Order, order_id).location_id == warehouse


def test_with_two_locations_connecting_begins_with_the_question_which(
    merchant: Visitor, running: Process, ours: Made
) -> None:
    url = f"/settings/integrations/woocommerce/{ours.ids['pending_store_id']}"
    assert "Location</li>" not in merchant.get(f"{url}/import-elements").text
    merchant.post("/settings/locations", data={"name": "Warehouse"})
    assert "Which location are this store" in merchant.get(f"{url}/location").text
    assert merchant.post(f"{url}/location", data={}).status_code == 422
    warehouse = _locations(running, ours)["Warehouse"].id
    assert merchant.post(f"{url}/location", data={"location": warehouse}).status_code == 303
    with running.database.reading() as session:
        assert session.get_one(Store, ours.ids["pending_store_id"]).location_id == warehouse


def test_the_api_adds_maps_and_deletes(client: FlaskClient, running: Process, ours: Made, theirs: Made) -> None:
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    made = client.post("/api/v1/locations", json={"name": "Warehouse"}, headers=headers)
    assert made.status_code == 201 and made.get_json()["name"] == "Warehouse"
    warehouse = made.get_json()["id"]
    url = f"/api/v1/stores/{ours.ids['store_id']}/location"
    foreign = client.put(url, json={"location_id": theirs.ids["location_id"]}, headers=headers)
    assert foreign.status_code == 422
    assert client.put(url, json={"id": warehouse}, headers=headers).get_json()["location_id"] == warehouse
    listed = client.get("/api/v1/locations", headers=headers).get_json()["data"]
    assert [(one["name"], one["is_default"], one["store_ids"]) for one in listed] == [
        ("Main", True, [ours.ids["pending_store_id"]]),
        ("Warehouse", False, [ours.ids["store_id"]]),
    ]
    renamed = client.patch(f"/api/v1/locations/{warehouse}", json={"name": "Depot"}, headers=headers)
    assert renamed.get_json()["name"] == "Depot"
    assert client.post("/api/v1/locations", json={"name": "depot"}, headers=headers).status_code == 422
    assert client.delete(f"/api/v1/locations/{warehouse}", headers=headers).status_code == 204
    store = client.get(f"/api/v1/stores/{ours.ids['store_id']}", headers=headers).get_json()
    assert (store["state"], store["location_id"]) == ("mapping_needed", None)
    assert client.delete(f"/api/v1/locations/{ours.ids['location_id']}", headers=headers).status_code == 409
    assert client.delete(f"/api/v1/locations/{theirs.ids['location_id']}", headers=headers).status_code == 404
    assert client.put(url, json={"location_id": ours.ids["location_id"]}, headers=headers).get_json()["state"] == (
        "connected"
    )
