"""Templates and the brand through the API."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from tests.factories.rows import Made

DOCUMENT = {"subject": "Hello {{ contact.first_name|default('there') }}", "body": [{"kind": "text", "text": "Hi"}]}


class Api:
    """A program with the account's token."""

    def __init__(self, app: Flask, made: Made) -> None:
        self._client, self._headers = app.test_client(), {"Authorization": f"Bearer {made.api_token}"}

    def __call__(self, method: str, path: str, json: Any = None) -> tuple[int, Any]:
        answer = self._client.open(f"/api/v1{path}", method=method, json=json, headers=self._headers)
        return answer.status_code, answer.get_json()


@pytest.fixture
def api(app: Flask, ours: Made) -> Api:
    return Api(app, ours)


def test_a_template_is_made_changed_kept_and_restored(api: Api) -> None:
    status, made = api("POST", "/templates", {"name": "Hello", "trigger": "order_submitted", "document": DOCUMENT})
    assert (status, made["version"], made["revision"]) == (201, 1, 1)
    path = f"/templates/{made['id']}"
    changed = {**DOCUMENT, "subject": "Changed"}
    assert api("PATCH", path, {"revision": 1, "document": changed})[1]["revision"] == 2
    status, conflict = api("PATCH", path, {"revision": 1, "name": "Late"})
    assert (status, conflict["revision"]) == (409, 2)
    assert api("POST", f"{path}/versions", {"note": "Two"})[1]["number"] == 2
    assert api("POST", f"{path}/restore", {"number": 1, "revision": 2})[1]["document"] == DOCUMENT
    assert [one["number"] for one in api("GET", f"{path}/versions")[1]["data"]] in ([1, 2], [2, 1])
    assert api("POST", f"{path}/duplicate")[1]["name"] == "Copy of Hello"
    assert api("POST", f"{path}/archive")[1]["archived_at"]
    assert made["id"] in [one["id"] for one in api("GET", "/templates?archived=true")[1]["data"]]
    assert api("POST", f"{path}/unarchive")[1]["archived_at"] is None


def test_what_is_wrong_with_a_draft_is_said_by_its_place(api: Api) -> None:
    body = [{"kind": "text", "text": "{{ order.numbr }}"}]
    document = {"subject": "S", "body": body}
    made = api("POST", "/templates", {"name": "Wrong", "trigger": "order_submitted", "document": document})[1]
    status, problem = api("POST", f"/templates/{made['id']}/versions", {})
    assert status == 422
    assert problem["errors"][0]["path"] == "body[0]"
    assert problem["errors"][0]["remedy"] == "Did you mean {{ order.number }}?"
    assert api("POST", "/templates", {"name": "X", "trigger": "order_submitted", "document": {"x": 1}})[0] == 422


def test_a_draft_is_rendered_with_orders_and_samples(api: Api, ours: Made, theirs: Made) -> None:
    path = f"/templates/{ours.ids['template_id']}/render"
    assert api("GET", path)[1]["subject"] == "We have your order 1042"
    assert api("GET", f"{path}?sample=yen")[1]["purpose"] == "transactional"
    assert api("GET", f"{path}?order_id={ours.ids['order_id']}")[1]["subject"] == "We have your order WC-4812"
    assert api("GET", f"{path}?order_id={theirs.ids['order_id']}")[0] == 404
    assert api("GET", f"{path}?sample=other")[0] == 422


def test_the_brand_is_read_and_changed(api: Api, ours: Made) -> None:
    assert api("GET", "/brand")[1]["font"] == "modern"
    assert api("PATCH", "/brand", {"accent": "#0F766E", "social": {"x": "https://x.com/a"}})[1]["accent"] == "#0f766e"
    status, problem = api("PATCH", "/brand", {"accent": "green"})
    assert (status, problem["errors"][0]["field"]) == (422, "accent")
    assert [one["name"] for one in api("GET", "/pictures")[1]["data"]] == ["logo.png"]


def test_a_picture_is_added_once_and_what_is_none_is_refused(api: Api) -> None:
    drawn = io.BytesIO()
    Image.effect_noise((1_600, 900), 90).convert("RGB").save(drawn, "PNG")
    assert len(drawn.getvalue()) > 1_100_000, "larger than other bodies may be"
    body = {"name": "sea.png", "content": base64.b64encode(drawn.getvalue()).decode()}
    status, made = api("POST", "/pictures", body)
    assert (status, made["name"], made["kind"], made["width"]) == (201, "sea.png", "png", 1_200)
    assert made["url"].endswith(".png")
    assert api("POST", "/pictures", body)[1]["id"] == made["id"]
    for content in ("no base64!", base64.b64encode(b"<svg/>").decode(), ""):
        status, problem = api("POST", "/pictures", {"name": "x.png", "content": content})
        assert (status, problem["errors"][0]["field"]) == (422, "content"), content
