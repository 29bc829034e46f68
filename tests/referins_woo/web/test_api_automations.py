"""Automations through the API: made, changed, published, steered, tried, taken out and in again."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from referins_woo import queues
from referins_woo.runs import jobs  # noqa: F401  the job of the bell
from tests.factories.rows import Made

MAIL = {
    "id": "mail",
    "kind": "send_email",
    "subject": "Order {{ order.number }}",
    "body": [{"kind": "text", "text": "“Hello”\n{{ contact.first_name|default('there') }}"}],
}
DEFINITION = {"trigger": "order_submitted", "steps": [MAIL]}


class Caller:
    """Calls the API with the key of one account."""

    def __init__(self, client: FlaskClient, made: Made) -> None:
        self._client, self.made = client, made

    def __call__(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """Call; returns the decoded answer, which must have this status."""
        headers = {"Authorization": f"Bearer {self.made.api_token}"}
        answer = self._client.open(f"/api/v1{path}", method=method, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.get_json(silent=True) if answer.is_json else answer.text


@pytest.fixture
def call(client: FlaskClient, ours: Made) -> Caller:
    return Caller(client, ours)


def test_a_draft_is_changed_from_the_revision_that_was_read_and_no_other(call: Caller) -> None:
    made = call("POST", "/automations", {"name": "Mine", "definition": DEFINITION}, 201)
    path = f"/automations/{made['id']}"
    changed = call("PATCH", path, {"revision": made["revision"], "name": "Ours"})
    assert (changed["name"], changed["revision"]) == ("Ours", made["revision"] + 1)
    conflict = call("PATCH", path, {"revision": made["revision"], "name": "Lost"}, 409)
    assert conflict["revision"] == changed["revision"]
    assert call("GET", path)["name"] == "Ours"


def test_it_is_published_paused_resumed_and_finished(call: Caller) -> None:
    made = call("POST", "/automations", {"recipe": "win_back"}, 201)
    path = f"/automations/{made['id']}"
    assert call("POST", f"{path}/pause", status=409)["detail"] == "Only a live automation can be paused."
    assert call("POST", f"{path}/publish?note=First")["state"] == "live"
    assert [(one["number"], one["note"]) for one in call("GET", f"{path}/versions")["data"]] == [(1, "First")]
    assert call("POST", f"{path}/pause")["state"] == "paused"
    assert call("POST", f"{path}/resume")["state"] == "live"
    assert call("POST", f"{path}/finish")["state"] == "draft"


def test_what_keeps_a_draft_from_being_published_is_named_with_its_place(call: Caller) -> None:
    broken = {**DEFINITION, "steps": [{**MAIL, "subject": ""}]}
    made = call("POST", "/automations", {"name": "Mine", "definition": broken}, 201)
    problem = call("POST", f"/automations/{made['id']}/publish", status=422)
    assert [(one["path"], one["field"]) for one in problem["errors"]] == [("steps[0]", "subject")]
    assert call("POST", f"/automations/{made['id']}/publish?inside=shout", status=422)["errors"]


def test_a_version_is_restored_as_draft_and_a_copy_stands_by_itself(call: Caller) -> None:
    made = call("POST", "/automations", {"name": "Mine", "definition": DEFINITION}, 201)
    path = f"/automations/{made['id']}"
    call("POST", f"{path}/publish")
    other = {**DEFINITION, "trigger": "order_completed"}
    call("PATCH", path, {"revision": 1, "definition": other})
    assert call("POST", f"{path}/restore", {"number": 1})["definition"] == DEFINITION
    assert call("POST", f"{path}/restore", {"number": 7}, 422)["errors"][0]["field"] == "version"
    assert call("POST", f"{path}/restore", {"number": 10**19}, 422)["errors"][0]["field"] == "number"
    copy = call("POST", f"{path}/duplicate", status=201)
    assert (copy["name"], copy["state"], copy["definition"]) == ("Copy of Mine", "draft", DEFINITION)


@pytest.mark.parametrize("recipe", ["failed_order_rescue", "pending_payment_reminder", "win_back"])
def test_it_goes_out_and_comes_in_as_json_and_toml(call: Caller, recipe: str) -> None:
    made = call("POST", "/automations", {"recipe": recipe}, 201)
    exported = call("GET", f"/automations/{made['id']}/export")
    again = call("POST", "/automations/import", exported, 201)
    toml = call("GET", f"/automations/{made['id']}/export?format=toml")
    third = call("POST", "/automations/import", {"toml": toml}, 201)
    assert again["definition"] == third["definition"] == made["definition"]
    assert again["name"] == third["name"] == made["name"]
    assert {again["state"], third["state"]} == {"draft"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"format": "referins-automation/1", "name": "x"},
        {"format": "other", "name": "x", "definition": DEFINITION},
        {"toml": "name = "},
        {"toml": "name = 'x'"},
    ],
)
def test_what_is_no_automation_is_refused_in_words(call: Caller, body: dict[str, Any]) -> None:
    before = len(call("GET", "/automations")["data"])
    assert call("POST", "/automations/import", body, 422)["errors"]
    assert len(call("GET", "/automations")["data"]) == before


def test_a_draft_is_tried_on_a_real_order_and_rehearsed_and_nothing_is_sent(call: Caller) -> None:
    made = call("POST", "/automations", {"name": "Mine", "definition": DEFINITION}, 201)
    path, order_id = f"/automations/{made['id']}", call.made.ids["order_id"]
    before = call("GET", "/messages")
    tried = call("POST", f"{path}/test", {"order_id": order_id})
    assert [one["subject"] for one in tried["mails"]] == ["Order WC-4812"]
    assert "Ana" in tried["mails"][0]["text"]
    assert [one["outcome"] for one in tried["path"]] == ["sent", "end"]
    made_up = call("POST", f"{path}/test", {"sample": "right_to_left"})
    assert (made_up["order_id"], "ليلى" in made_up["mails"][0]["text"]) == (None, True)
    assert call("POST", f"{path}/test", {}, 422)["errors"]
    assert call("POST", f"{path}/test", {"sample": "other"}, 422)["errors"][0]["field"] == "sample"
    assert call("POST", f"{path}/test", {"order_id": 999_999}, 422)["errors"][0]["field"] == "order_id"
    assert call("POST", f"{path}/rehearse", {"days": 90, "most": 20_001}, 422)["errors"][0]["field"] == "most"
    found = call("POST", f"{path}/rehearse", {"days": 90})
    assert found["mails"] == sum(len(run["mails"]) for run in found["runs"])
    assert {"entered", "stopped_by_payment", "filtered", "withheld", "waiting"} <= set(found)
    assert (found["id"], found["state"], found["automation_id"]) == (None, "done", made["id"])
    assert call("GET", f"{path}/preview")["orders"][0]["order_number"] == "WC-4812"
    assert call("GET", "/messages") == before


def test_a_rehearsal_of_very_many_events_goes_on_in_the_background(call: Caller, bells: queues.MemoryBells) -> None:
    made = call("POST", "/automations", {"name": "Mine", "definition": DEFINITION}, 201)
    path = f"/automations/{made['id']}/rehearse"
    at_once = call("POST", path, {"days": 90})
    asked = call("POST", path, {"days": 90, "most": 20_000}, 202)
    assert (asked["state"], asked["runs"], asked["entered"]) == ("waiting", [], 0)
    assert call("POST", path, {"days": 90, "most": 20_000}, 202)["id"] == asked["id"]
    assert call("GET", f"/rehearsals/{asked['id']}")["state"] == "waiting"
    bells.drain("outbound")
    done = call("GET", f"/rehearsals/{asked['id']}")
    assert done.pop("id") == asked["id"] and at_once.pop("id") is None
    assert done["state"] == "done" and done["entered"] > 0
    for name in ("since", "until"):
        done.pop(name), at_once.pop(name)
    assert done == at_once
    assert call("POST", path, {"days": 90, "most": 20_000}, 202)["id"] != asked["id"]
    call("GET", "/rehearsals/999999", status=404)


def test_the_catalogue_and_the_rules_are_read_and_changed(call: Caller) -> None:
    catalogue = call("GET", "/automations/catalogue")
    assert len(catalogue["recipes"]) == 9 and len(catalogue["triggers"]) == 5
    assert call("GET", "/automations/rules")["cap_messages"] is None
    assert call("PATCH", "/automations/rules", {"cap_messages": 1, "cap_action": "delay"})["cap_action"] == "delay"
    assert call("PATCH", "/automations/rules", {"quiet_from": "21:00"}, 422)["errors"][0]["field"] == "quiet_to"
    quiet = call("PATCH", "/automations/rules", {"quiet_from": "21:00", "quiet_to": "08:00", "cap_messages": None})
    assert (quiet["quiet_from"], quiet["cap_messages"]) == ("21:00", None)


def test_a_run_shows_its_decisions_and_obeys_only_what_fits_its_state(call: Caller) -> None:
    run = call("GET", f"/runs/{call.made.ids['run_id']}")
    assert [one["step_key"] for one in run["log"]] == ["confirm"]
    assert run["message_ids"] == [call.made.ids["message_id"]]
    for deed in ("retry", "skip-wait", "stop"):
        assert "done" in call("POST", f"/runs/{run['id']}/{deed}", status=409)["detail"]
    assert call("GET", "/runs?step=nowhere")["data"] == []
    assert len(call("GET", "/runs?started_after=2020-01-01T00:00:00Z")["data"]) == 1


def test_why_says_of_every_automation_what_it_made_of_the_order(call: Caller) -> None:
    call("POST", "/automations", {"recipe": "win_back"}, 201)
    answers = {one["automation"]: one for one in call("GET", f"/orders/{call.made.ids['order_id']}/why")}
    assert answers["Order confirmation"]["outcome"] == "sent"
    assert answers["Win-back"]["outcome"] == "no_event"
    gate = answers["Win-back"]["gates"][0]
    assert set(gate) == {"gate", "passed", "value", "reason"} and gate["passed"] is False
    of_contact = call("GET", f"/contacts/{call.made.ids['contact_id']}/why")
    assert {one["automation"] for one in of_contact} == set(answers)
