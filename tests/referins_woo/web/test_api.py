"""The API in its first form: field names, tokens, cursors, problems."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from referins_woo.commerce.models import Contact, Order, Tombstone, Transaction
from referins_woo.events.models import Event
from referins_woo.process import Process
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor

FIELDS = {
    "stores": "id url hook_path state cause location_id live_since",
    "contacts": "id name first_name last_name email phone billing shipping is_guest consent tags woo",
    "orders": "id store_id woo_id number subtype status woo_status payment_state gone_at in_trash currency total "
    "contact_id location_id placed_at paid_at delivery_date delivery_status lines",
    "transactions": "id order_id kind reversed amount currency method reference occurred_at",
    "products": "id store_id woo_id type name sku price include_in_online_store collection_ids variants",
    "collections": "id store_id woo_id name slug",
    "matches": "id pair evidence state",
    "writes": "id store_id kind subject state attempts error",
    "events": "id store_id kind order_id occurred_at state reason",
    "automations": "id name state trigger definition",
    "runs": "id automation_id order_id contact_id state position due_at ended_reason",
    "messages": "id run_id to subject state reason sent_at",
    "webhook-deliveries": "id store_id topic state received_at attempts error",
}


class Script:
    """A program that calls the API with a token."""

    def __init__(self, client: FlaskClient, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    def __call__(self, method: str, path: str, **more: Any) -> Any:
        return self._client.open(f"/api/v1/{path}", method=method, headers=self._headers, **more)

    def get(self, path: str) -> Any:
        answer = self("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.get_json()


@pytest.fixture
def script(client: FlaskClient, ours: Made, theirs: Made) -> Script:
    """A script with the token of `ours`; `theirs` exists beside."""
    return Script(client, ours.api_token)


@pytest.mark.parametrize("name", FIELDS)
def test_lists_hold_the_promised_fields_of_this_account_only(script: Script, name: str) -> None:
    answer = script.get(name)
    assert set(answer) == {"data", "next_cursor"}
    assert answer["next_cursor"] is None
    assert len(answer["data"]) == {"stores": 2, "transactions": 2}.get(name, 1)
    assert set(FIELDS[name].split()) <= set(answer["data"][0])


def test_money_times_and_quantities_are_exact(script: Script) -> None:
    order = script.get("orders")["data"][0]
    assert order["total"] == "147.37"
    assert order["placed_at"] == "2026-11-20T14:03:11Z"
    assert order["delivery_date"] == "2026-12-04"
    line = order["lines"][0]
    assert (line["quantity"], line["price_per_unit"], line["tax_rate"]) == (2, "37.815126", 19)
    assert (line["quantity_delivered"], line["batches"]) == (0, [])
    refund = script.get("transactions?kind=refund")["data"][0]
    assert (refund["amount"], refund["reversed"]) == ("-12.34", False)
    variant = script.get("products")["data"][0]["variants"][0]
    assert (variant["woo_id"], variant["price"], variant["on_hand"]) == (101, "45.00", 25)


def test_contacts_name_their_customers_in_the_stores(script: Script, ours: Made) -> None:
    assert script.get("contacts")["data"][0]["woo"] == [{"store_id": ours.ids["store_id"], "woo_id": 7}]


def test_a_store_tells_its_hook_its_import_and_what_was_set_aside(script: Script, ours: Made) -> None:
    store = next(one for one in script.get("stores")["data"] if one["id"] == ours.ids["store_id"])
    assert store["hook_path"].startswith("/hooks/woocommerce/")
    done = script.get(f"stores/{store['id']}/import")
    assert done["state"] == "done"
    assert done["elements"] == {"orders": {"total": 3, "done": 2, "skipped": 1, "failed": 0, "state": "done"}}
    skipped = script.get(f"stores/{store['id']}/skipped")["data"][0]
    assert (skipped["element"], skipped["woo_id"], skipped["reason_code"]) == ("contacts", 1, "role")


def test_a_cursor_leads_through_everything_once(script: Script, ours: Made, running: Process) -> None:
    with running.database.unit() as session:
        session.add_all(Contact(account_id=ours.account_id, name=f"Person {n}") for n in range(24))
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = script.get(f"contacts?limit=10&cursor={cursor}")
        assert len(page["data"]) <= 10
        seen += [one["id"] for one in page["data"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 25


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "cursor=%21%21", "cursor=abc", "store_id=x"])
def test_what_makes_no_sense_is_a_problem_that_names_the_field(script: Script, query: str) -> None:
    answer = script("GET", f"orders?{query}")
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json()["errors"][0]["field"] == query.partition("=")[0]
    assert answer.get_json()["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nothing"}, {"Authorization": "Basic x"}])
def test_without_a_good_token_nothing_is_said(client: FlaskClient, header: dict[str, str]) -> None:
    answer = client.get("/api/v1/orders", headers=header)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.get_json()["title"]


def test_an_unknown_path_and_another_accounts_id_are_problems(script: Script, theirs: Made) -> None:
    for path in ("nothing", f"orders/{theirs.ids['order_id']}"):
        answer = script("GET", path)
        assert answer.status_code == 404
        assert answer.mimetype == "application/problem+json"


def test_a_deleted_order_leaves_a_tombstone_and_takes_its_rows_along(
    script: Script, ours: Made, running: Process
) -> None:
    path = f"orders/{ours.ids['order_id']}"
    assert script("DELETE", path).status_code == 204
    assert script("GET", path).status_code == 404
    assert script("DELETE", path).status_code == 404
    with running.database.reading() as session:
        buried = session.scalars(select(Tombstone)).one()
        assert (buried.store_id, buried.woo_id) == (ours.ids["store_id"], 4812)
        assert session.scalars(select(Transaction).where(Transaction.account_id == ours.account_id)).all() == []
        assert len(session.scalars(select(Order)).all()) == 1, "the other account's order stays"


def test_an_automation_is_made_from_a_recipe_and_published(script: Script) -> None:
    made = script("POST", "automations", json={"recipe": "payment_thank_you"})
    assert made.status_code == 201
    draft = made.get_json()
    assert (draft["state"], draft["trigger"]) == ("draft", "payment_received")
    live = script("POST", f"automations/{draft['id']}/publish")
    assert live.status_code == 200
    assert live.get_json()["state"] == "live"


def test_a_draft_with_problems_is_not_published_and_says_why(script: Script) -> None:
    definition = {
        "trigger": "order_submitted",
        "steps": [{"id": "a", "kind": "send_email", "subject": "{{ order.numbr }}", "body": [{"kind": "divider"}]}],
    }
    made = script("POST", "automations", json={"name": "Mine", "definition": definition}).get_json()
    refused = script("POST", f"automations/{made['id']}/publish")
    assert refused.status_code == 422
    assert "order.number" in refused.get_json()["errors"][0]["remedy"]


@pytest.mark.parametrize("body", [[], {}, {"recipe": "none"}, {"name": "x"}, {"definition": {}}])
def test_a_body_that_makes_no_automation_is_refused(script: Script, body: Any) -> None:
    assert script("POST", "automations", json=body).status_code == 422


def test_a_key_is_shown_once_and_opens_nothing_after_it_was_revoked(merchant: Visitor) -> None:
    merchant.get("/settings/api-keys")
    page = merchant.post("/settings/api-keys", {"name": "My script", "scopes": ["read"], "life": ""}).text
    token = page.partition('id="fresh-key" value="')[2].partition('"')[0]
    assert token.startswith("ref_")
    listed = merchant.get("/settings/api-keys").text
    assert token not in listed
    assert token[-4:] in listed
    header = {"Authorization": f"Bearer {token}"}
    assert merchant.client.get("/api/v1/stores", headers=header).status_code == 200
    token_id = max(int(one.partition("/revoke")[0]) for one in listed.split("/settings/api-keys/")[1:])
    merchant.post(f"/settings/api-keys/{token_id}/revoke")
    assert merchant.client.get("/api/v1/stores", headers=header).status_code == 401


def test_a_late_event_is_released_once_and_no_other(script: Script, running: Process) -> None:
    [event] = script.get("events")["data"][:1]
    with running.database.unit() as session:
        row = session.get_one(Event, event["id"])
        row.state, row.reason = "suppressed", "too_late"
    released = script("POST", f"events/{event['id']}/release")
    assert (released.status_code, released.get_json()["state"]) == (200, "released")
    assert script("POST", f"events/{event['id']}/release").status_code == 200
    with running.database.unit() as session:
        row = session.get_one(Event, event["id"])
        row.state, row.reason = "suppressed", "switch_off"
    refused = script("POST", f"events/{event['id']}/release")
    assert (refused.status_code, refused.mimetype) == (409, "application/problem+json")
