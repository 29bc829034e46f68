"""The pages and the API of outgoing webhooks."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from referins_woo import queues
from referins_woo.accounts.models import AuditEntry
from referins_woo.bells import OUTBOUND
from referins_woo.outbound.models import WebhookCall, WebhookEndpoint
from referins_woo.process import Process
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor

PAGE = "/settings/webhooks"


def _rows(running: Process, table: Any) -> list[Any]:
    with running.database.reading() as session:
        return list(session.scalars(select(table).order_by(table.id)))


def test_a_webhook_is_made_changed_tested_and_deleted_on_its_pages(
    merchant: Visitor, running: Process, bells: queues.MemoryBells
) -> None:
    merchant.get(PAGE)
    made = merchant.post(
        PAGE, {"url": "https://desk.example.com/in?x=1", "description": "Desk", "event_types": ["contact.created"]}
    )
    assert made.status_code == 303
    where = made.headers["Location"]
    shown = merchant.get(where).text
    assert "https://desk.example.com/in?x=1" in shown
    assert running.vault.unlock(_rows(running, WebhookEndpoint)[-1].secret_locked) in shown
    merchant.post(where, {"url": "https://desk.example.com/in", "event_types": ["order.submitted", "message.sent"]})
    assert _rows(running, WebhookEndpoint)[-1].event_types == ["order.submitted", "message.sent"]
    merchant.post(f"{where}/test")
    call = _rows(running, WebhookCall)[-1]
    assert (call.event_type, call.state) == ("webhook.test", "waiting")
    assert (OUTBOUND, "send_calls", ()) in bells.pending
    before = _rows(running, WebhookEndpoint)[-1].secret_locked
    merchant.post(f"{where}/secret")
    changed = _rows(running, WebhookEndpoint)[-1]
    assert changed.previous_secret_locked == before != changed.secret_locked
    assert "The previous secret signs too" in merchant.get(where).text
    merchant.post(f"{where}/switch")
    assert "Switch on" in merchant.get(where).text
    assert merchant.post(f"{where}/test").status_code == 409
    merchant.post(f"{where}/delete")
    assert merchant.get(where).status_code == 404
    assert [entry.action for entry in _rows(running, AuditEntry) if entry.action.startswith("webhook")] == [
        "webhook_created",
        "webhook_changed",
        "webhook_changed",
        "webhook_changed",
        "webhook_deleted",
    ]


@pytest.mark.parametrize(
    ("url", "types", "words"),
    [
        ("", ["order.submitted"], "Type the address"),
        ("ftp://example.com", ["order.submitted"], "must begin with https"),
        ("https://me:secret@example.com", ["order.submitted"], "user name or password"),
        ("https://example.com/#a", ["order.submitted"], "behind #"),
        ("https://example.com/in", [], "Choose at least one event"),
        ("https://example.com/in", ["order.invented"], "There is no event"),
    ],
)
def test_what_cannot_be_called_is_refused_and_what_was_typed_stays(
    merchant: Visitor, running: Process, url: str, types: list[str], words: str
) -> None:
    before = len(_rows(running, WebhookEndpoint))
    merchant.get(PAGE)
    refused = merchant.post(PAGE, {"url": url, "event_types": types})
    assert refused.status_code == 422
    assert words in refused.text
    assert len(_rows(running, WebhookEndpoint)) == before


def test_a_call_shows_its_body_and_answers_and_is_made_again(
    merchant: Visitor, ours: Made, running: Process, bells: queues.MemoryBells
) -> None:
    where = f"{PAGE}/calls/{ours.ids['call_id']}"
    assert "order.submitted" in merchant.get(where).text
    assert merchant.post(f"{where}/retry").status_code == 303
    assert _rows(running, WebhookCall)[0].state == "waiting"
    merchant.get(f"{PAGE}/{ours.ids['endpoint_id']}")
    assert merchant.post(f"{PAGE}/{ours.ids['endpoint_id']}/retry").status_code == 303


def test_the_api_does_the_same(client: FlaskClient, ours: Made, theirs: Made, running: Process) -> None:
    def call(method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {ours.api_token}", **more.pop("headers", {})}
        return client.open(f"/api/v1/{path}", method=method, headers=headers, **more)

    body = {"url": "https://desk.example.com/in", "event_types": ["contact.created"]}
    made = call("POST", "webhook-endpoints", json=body, headers={"Idempotency-Key": "k"})
    again = call("POST", "webhook-endpoints", json=body, headers={"Idempotency-Key": "k"})
    assert made.status_code == again.status_code == 201
    assert made.data == again.data
    document = made.get_json()
    assert document["secret"].startswith("whsec_")
    path = f"webhook-endpoints/{document['id']}"
    assert "secret" not in call("GET", path).get_json()
    fresh = call("POST", f"{path}/rotate-secret").get_json()["secret"]
    assert fresh != document["secret"]
    assert call("PATCH", path, json={"state": "disabled"}).get_json()["disabled_reason"] == "by_hand"
    assert call("POST", f"{path}/test").status_code == 409
    assert call("PATCH", path, json={"state": "enabled"}).get_json()["disabled_reason"] is None
    assert call("POST", f"{path}/test").status_code == 202
    sent = call("GET", f"webhook-calls?endpoint_id={document['id']}").get_json()["data"]
    assert [(one["event_type"], one["state"]) for one in sent] == [("webhook.test", "waiting")]
    assert call("POST", f"webhook-calls/{sent[0]['id']}/retry").status_code == 202
    refused = call("POST", "webhook-endpoints", json={**body, "event_types": ["order.invented"]})
    assert (refused.status_code, refused.get_json()["errors"][0]["field"]) == (422, "event_types")
    assert call("POST", f"webhook-calls/{theirs.ids['call_id']}/retry").status_code == 404
    assert call("DELETE", path).status_code == 204
    assert call("GET", path).status_code == 404


def test_a_contact_made_and_unsubscribed_through_the_api_is_told(
    client: FlaskClient, ours: Made, running: Process
) -> None:
    with running.database.unit() as session:
        endpoint = session.get_one(WebhookEndpoint, ours.ids["endpoint_id"])
        endpoint.event_types = ["contact.created", "contact.updated", "contact.unsubscribed"]
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    made = client.post("/api/v1/contacts", json={"email": "new@example.com"}, headers=headers).get_json()
    path = f"/api/v1/contacts/{made['id']}"
    client.patch(path, json={"tags": ["vip"]}, headers=headers)
    word = {"consent": "unsubscribed", "consent_source": "form", "consent_at": "2026-11-20T14:03:11Z"}
    client.patch(path, json=word, headers=headers)
    told = [call for call in _rows(running, WebhookCall) if call.contact_id == made["id"]]
    assert [call.event_type for call in told] == ["contact.created", "contact.updated", "contact.unsubscribed"]
    assert '"changed":["tags"]' in told[1].body
    assert "phone" not in told[0].body
