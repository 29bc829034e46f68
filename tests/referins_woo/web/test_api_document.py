"""The API's document: it names all there is, its examples fit, and the API does what it says (schemathesis)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from werkzeug.routing import IntegerConverter

from referins_woo.commerce.models import Contact
from referins_woo.process import Process
from referins_woo.web.api.openapi import TAGS
from tests.factories.rows import Made
from tests.house.test_routes import _rules

EXAMPLES = [4, pytest.param(40, marks=pytest.mark.storm)]
"""Of each operation and kind."""


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/api/openapi.json")
    assert answer.status_code == 200, "it is open to everybody"
    found: dict[str, Any] = answer.get_json()
    return found


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def test_it_names_every_route_of_the_api_and_nothing_else(app: Flask, document: dict[str, Any]) -> None:
    routes = set()
    for rule, method in _rules(app):
        if rule.endpoint.startswith("api."):
            path = rule.rule
            for name, converter in rule._converters.items():
                assert isinstance(converter, IntegerConverter), path
                path = path.replace(f"<int:{name}>", f"{{{name}}}")
            routes.add((method.lower(), path))
    assert {(method, path) for path, method, _ in _operations(document)} == routes
    assert document["openapi"].startswith("3.1")


def test_every_operation_says_what_it_does_and_what_can_go_wrong(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in _operations(document)]
    assert len(set(names)) == len(names)
    assert {tag["name"] for tag in document["tags"]} == set(TAGS)
    for path, method, operation in _operations(document):
        where = f"{method} {path}"
        assert operation["summary"] and operation["description"], where
        assert set(operation["tags"]) <= set(TAGS), where
        statuses = set(operation["responses"])
        assert {"401", "403", "429"} <= statuses, where
        assert ("404" in statuses) == ("{" in path), where
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= statuses, where
        if method == "post":
            assert {"$ref": "#/components/parameters/IdempotencyKey"} in operation["parameters"], where
            assert {"409", "422"} <= statuses, where
        for parameter in operation["parameters"]:
            if "$ref" not in parameter:
                assert parameter["description"] and "example" in parameter, f"{where} {parameter['name']}"
    assert document["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_every_example_is_what_its_schema_says(document: dict[str, Any]) -> None:
    seen = 0

    def fits(schema: dict[str, Any], example: Any, where: str) -> None:
        nonlocal seen
        seen += 1
        whole = {**schema, "components": document["components"]}
        errors = [str(error) for error in jsonschema_rs.Draft202012Validator(whole).iter_errors(example)]
        assert errors == [], where

    for path, method, operation in _operations(document):
        for parameter in operation["parameters"]:
            if "$ref" not in parameter:
                fits(parameter["schema"], parameter["example"], f"{method} {path} {parameter['name']}")
        for answer in [operation.get("requestBody", {}), *operation["responses"].values()]:
            for content in answer.get("content", {}).values():
                fits(content["schema"], content["example"], f"{method} {path}")
    for status, answer in document["components"]["responses"].items():
        for content in answer["content"].values():
            fits(content["schema"], content["example"], status)
    assert seen > 100


def test_the_example_of_every_body_is_taken(
    document: dict[str, Any], client: FlaskClient, ours: Made, running: Process
) -> None:
    with running.database.unit() as session:
        session.add(Contact(id=2, account_id=ours.account_id, name="Whom an example compares with"))
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    for path, method, operation in _operations(document):
        if "requestBody" not in operation:
            continue
        body = operation["requestBody"]["content"]["application/json"]["example"]
        url = re.sub(r"\{([a-z_]+)\}", lambda name: str(ours.ids[name.group(1)]), path)
        answer = client.open(url, method=method.upper(), json=body, headers=headers)
        assert answer.status_code < 300, (method, path, answer.text)


def test_the_page_shows_the_document_without_a_script_of_its_own(client: FlaskClient) -> None:
    page = client.get("/api/docs")
    assert page.status_code == 200
    assert 'data-openapi="/api/openapi.json"' in page.text
    assert "<script>" not in page.text


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
@pytest.mark.parametrize("examples", EXAMPLES)
def test_the_api_does_what_its_document_says(
    app: Flask, ours: Made, theirs: Made, mode: GenerationMode, examples: int
) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app)
    schema.config.generation.update(allow_x00=False)
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def holds(case: schemathesis.Case) -> None:
            nonlocal asked
            asked += 1
            excluded = []
            if mode is GenerationMode.POSITIVE:
                if case.path_parameters and asked % 2:  # half of the calls are about a row that there is
                    case.path_parameters = {name: ours.ids[name] for name in case.path_parameters}
                if case.query and case.query.get("cursor"):
                    case.query["cursor"] = "aWQ6MTAw"  # no schema says which cursors are ours
                if case.method in ("POST", "PATCH", "PUT"):
                    excluded.append(positive_data_acceptance)  # nor which addresses take mail, which recipes there are
            elif case.meta is not None and case.meta.is_negative_at(ParameterLocation.HEADER):
                excluded.append(negative_data_rejection)  # the wrong token that it made up is replaced by ours
            case.call_and_validate(headers=headers, excluded_checks=excluded)

        holds()
    assert asked > 100


def test_the_documentation_names_every_path(document: dict[str, Any]) -> None:
    """docs/api.md is for people: every address stands in its table, with its methods."""
    written = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text()
    for path, method, _ in _operations(document):
        spoken = path.replace("/{", "/<").replace("}", ">")
        spoken = re.sub(r"<[a-z_]+>", "<id>", spoken)
        short = (spoken.removesuffix("/<id>"), "…/<id>") if spoken.endswith("/<id>") else (spoken,)
        rows = [row for row in written.splitlines() if row.startswith("|")]
        named = [row for row in rows if spoken in row or all(part in row for part in short)]
        assert any(f"{method.upper()} " in row for row in named), f"{method.upper()} {spoken}"
