"""The document of the API (OpenAPI 3.1, `/api/openapi.json`) and the page that shows it (`/api/docs`).

spectree gives paths, models and parameters; what holds for every operation (problems, limits, keys, ETags, examples) is
added here, so that no view repeats it. Both addresses are open: they say nothing about any account.
"""

from __future__ import annotations

import copy
from typing import Any, Final

import orjson
from flask import Blueprint, Flask, Response, current_app, render_template

from referins_woo.accounts.idempotency import LONGEST
from referins_woo.outbound.catalogue import EVENT_TYPES, EventType
from referins_woo.web.api import answers
from referins_woo.web.api.contract import OPERATIONS, Operation, key_of, spec
from referins_woo.web.api.documents import LARGEST_ID
from referins_woo.web.api.problems import KINDS, MIMETYPE

pages = Blueprint("api_docs", __name__, url_prefix="/api")

TAGS: Final[dict[str, str]] = {
    "Account": "The account itself.",
    "Stores": "Connected shops, their imports and what was set aside.",
    "Contacts": "People.",
    "Orders": "Orders, and the payments and refunds that belong to them.",
    "Catalogue": "Products with their variants, and collections.",
    "Stock": "What is on hand, committed and available by location, and the adjustments that made it.",
    "Automations": "Automations, who goes through them, and what happened that they wait for.",
    "Templates": "E-mails that automations follow, with their versions; the brand and the pictures in them.",
    "Messages": "E-mails.",
    "Webhooks": "What stores sent us, and what we send to you.",
}
"""Groups of operations, in the order in which the page shows them."""

_DESCRIPTION: Final = """\
Reads and changes one account of Referins. Send your token with every call: `Authorization: Bearer TOKEN`.

Money is a decimal string, times are RFC 3339 in UTC, ids are whole numbers. Lists answer
`{"data": [...], "next_cursor": …}`; errors are RFC 9457 problems whose `detail` says what to do. New fields may appear
in answers: ignore what you do not know.
"""

_EVERYWHERE: Final = (401, 403, 429, 500, 503)
_WITH_BODY: Final = (400, 413, 415, 422)

_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457.",
    "required": ["type", "title", "status", "request_id"],
    "properties": {
        "type": {
            "type": "string",
            "description": "The kind of problem, for programs.",
            "examples": ["urn:referins:problem:invalid-input"],
        },
        "title": {"type": "string", "examples": ["Invalid input"]},
        "status": {"type": "integer", "examples": [422]},
        "detail": {
            "type": "string",
            "description": "What to do.",
            "examples": ["limit is too large. Give at most 500."],
        },
        "request_id": {
            "type": "string",
            "description": "What our logs call this call.",
            "examples": ["5f0c2f9a1be04d77"],
        },
        "errors": {
            "type": "array",
            "description": "The fields that are wrong.",
            "items": {
                "type": "object",
                "required": ["field", "message", "remedy"],
                "properties": {
                    "path": {"type": "string", "examples": ["steps[0]"]},
                    "field": {"type": "string", "examples": ["limit"]},
                    "message": {"type": "string", "examples": ["limit is too large."]},
                    "remedy": {"type": "string", "examples": ["Give at most 500."]},
                },
            },
        },
    },
}

_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "RateLimit": {"description": "What the token has left, and for how many seconds.", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "What a token may.", "schema": {"type": "string"}},
    "RateLimit-Limit": {"description": "Calls in a window.", "schema": {"type": "string"}},
    "RateLimit-Remaining": {"description": "Calls left.", "schema": {"type": "string"}},
    "RateLimit-Reset": {"description": "Seconds until the window ends.", "schema": {"type": "string"}},
    "X-Request-Id": {"description": "What our logs call this call.", "schema": {"type": "string"}},
    "ETag": {"description": "The name of this state of the record.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}},
    "Idempotent-Replayed": {
        "description": "`true` where this is the kept answer of a call that was done before.",
        "schema": {"type": "string"},
    },
}
_OF_EVERY_ANSWER: Final = (
    *("X-Request-Id", "RateLimit", "RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
)

_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A name of your choice for this call, like a UUID. Sent again within 24 hours it is not done "
        "again: you get the first answer. 409 while the first is under way, 422 with another body.",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": r"^[\x21-\x7e]+$"},
        "example": "0b0f2a4e-5a3c-4c8c-9a53-6f1b0c1f6d2e",
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag that you have: 304 without a body where nothing has changed.",
        "schema": {"type": "string"},
        "example": '"0123456789abcdef01234567"',
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag of the record that you are changing: 412 where it has changed meanwhile.",
        "schema": {"type": "string"},
        "example": '"0123456789abcdef01234567"',
    },
}


@pages.get("/openapi.json")
def document() -> Response:
    """The API, described for programs."""
    return answers.conditional(Response(orjson.dumps(of(current_app)), mimetype="application/json"))


@pages.get("/docs")
def page() -> str:
    """The API, described for people."""
    return render_template("pages/api_docs.html")


def of(app: Flask) -> dict[str, Any]:
    """Return the document of the application's API; made once."""
    found: dict[str, Any] | None = app.extensions.get("api_document")
    if found is None:
        with app.test_request_context():
            found = app.extensions["api_document"] = _complete(app, copy.deepcopy(spec.spec))
    return found


def _complete(app: Flask, made: dict[str, Any]) -> dict[str, Any]:
    views = {
        view.__name__: OPERATIONS[key_of(view)]
        for endpoint, view in app.view_functions.items()
        if endpoint.startswith("api.") and key_of(view) in OPERATIONS
    }
    schemas = made["components"]["schemas"]
    used: dict[str, Any] = {}
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            _complete_operation(operation, method, path, views[operation["operationId"]])
            for parameter in operation["parameters"]:
                _complete_parameter(parameter)
            for name in _references(operation):
                used[name] = None
    todo = list(used)
    while todo:
        for name in _references(schemas.get(todo.pop(), {})):
            if name not in used:
                used[name] = None
                todo.append(name)
    # Query strings are written as parameters; their models are no use beside them.
    made["components"]["schemas"] = {name: schema for name, schema in schemas.items() if name in used}
    made["components"]["schemas"]["Problem"] = _PROBLEM
    made["components"]["headers"] = _HEADERS
    made["components"]["parameters"] = _PARAMETERS
    made["components"]["responses"] = {str(status): _problem_response(status) for status, _ in KINDS.values()}
    made["info"]["description"] = _DESCRIPTION
    made["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    made["servers"] = [{"url": "/", "description": "This installation"}]
    made["tags"] = [{"name": name, "description": words} for name, words in TAGS.items()]
    made["paths"] = dict(sorted(made["paths"].items()))
    made["webhooks"] = {name: _webhook(name, told) for name, told in EVENT_TYPES.items()}
    _give_examples(made)
    return made


def _webhook(name: str, told: EventType) -> dict[str, Any]:
    """Describe a call that we make."""
    example = {"type": name, "timestamp": "2026-11-20T14:03:11Z", "data": told.example}
    schema = {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"type": "string", "const": name},
            "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
            "data": {"type": "object"},
        },
    }
    operation = {
        "summary": told.label,
        "description": f"{told.words} Signed by Standard Webhooks; docs/api.md shows how to verify it.",
        "operationId": name.replace(".", "_"),
        "tags": ["Webhooks"],
        "security": [],
        "requestBody": {"content": {"application/json": {"schema": schema, "example": example}}},
        "responses": {
            "2XX": {"description": "Taken."},
            "410": {"description": "The endpoint wants no more calls: it is switched off."},
            "default": {"description": "Tried again, for three days."},
        },
    }
    return {"post": operation}


def _complete_operation(operation: dict[str, Any], method: str, path: str, told: Operation) -> None:
    operation.pop("deprecated", None)
    if not operation.get("description"):
        operation["description"] = operation["summary"]
    responses = operation["responses"]
    has_body = "requestBody" in operation
    refused = [*_EVERYWHERE, *told.problems]
    refused += [404] if "{" in path else []
    refused += _WITH_BODY if has_body else [422] if operation["parameters"] and _asks(operation) else []
    names = [*_OF_EVERY_ANSWER]
    if method == "get":
        operation["parameters"].append({"$ref": "#/components/parameters/IfNoneMatch"})
        responses["304"] = {"description": "Nothing has changed."}
        names.append("ETag")
    if method == "post":
        operation["parameters"].append({"$ref": "#/components/parameters/IdempotencyKey"})
        names.append("Idempotent-Replayed")
        refused += [409, 422]
    if told.matches:
        operation["parameters"].append({"$ref": "#/components/parameters/IfMatch"})
        refused.append(412)
    responses.pop("422", None)
    for status in told.statuses:
        responses[str(status)]["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    for status in sorted(set(refused)):
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    operation["responses"] = dict(sorted(responses.items()))


def _asks(operation: dict[str, Any]) -> bool:
    return any(one.get("in") == "query" for one in operation["parameters"])


def _complete_parameter(parameter: dict[str, Any]) -> None:
    schema = parameter.get("schema")
    if schema is None:
        return
    if parameter["in"] == "path":
        parameter["schema"] = {"type": "integer", "format": "int64", "minimum": 1, "maximum": LARGEST_ID}
        parameter["description"] = f"Id of the {parameter['name'].removesuffix('_id').replace('_', ' ')}."
        parameter["example"] = 17
        return
    nullable = schema.pop("anyOf", None)
    if nullable:  # a filter that was not given is None for us and absent for the caller
        schema = next(one for one in nullable if one.get("type") != "null") | schema
    schema.pop("title", None)
    if schema.get("default", 0) is None:
        del schema["default"]
    name = parameter["name"]
    told = None if "enum" in schema else _EXAMPLES.get(name)
    examples = schema.pop("examples", None) or [told or _of_schema(schema, {})]
    parameter["example"] = examples[0]
    parameter["description"] = schema.pop("description", "") or _spoken(name, schema)
    parameter["schema"] = schema


_EXAMPLES: Final[dict[str, Any]] = {
    "cursor": "aWQ6MTAw",
    "email": "ana@example.com",
    "kind": "order_submitted",
    "number": "WC-4812",
    "reason_code": "role",
    "recipe": "order_confirmation",
    "sku": "HOOD-RED",
    "topic": "order.created",
    "trigger": "order_submitted",
    "woo_status": "on-hold",
}
"""Of parameters whose type says too little."""


def _spoken(name: str, schema: dict[str, Any]) -> str:
    words = name.removesuffix("_id").removeprefix("is_").replace("_", " ")
    if schema.get("type") == "boolean":
        return f"`true`: only those that are {words}; `false`: only the others."
    return f"Only those of this {words}." if name.endswith("_id") else f"Only those with this {words}."


def _problem_response(status: int) -> dict[str, Any]:
    kind, (_, title) = next((kind, found) for kind, found in KINDS.items() if found[0] == status)
    example: dict[str, Any] = {
        "type": f"urn:referins:problem:{kind}",
        "title": title,
        "status": status,
        "request_id": "5f0c2f9a1be04d77",
    }
    if status == 422:
        error = {"field": "limit", "message": "limit is too large.", "remedy": "Give at most 500."}
        example |= {"detail": "limit is too large. Give at most 500.", "errors": [error]}
    headers = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}
    if status in (429, 409, 503):
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    return {
        "description": title,
        "headers": headers,
        "content": {MIMETYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
    }


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"].rpartition("/")[2]] if "/schemas/" in str(node.get("$ref", "")) else []
        return own + [name for value in node.values() for name in _references(value)]
    if isinstance(node, list):
        return [name for value in node for name in _references(value)]
    return []


def _give_examples(made: dict[str, Any]) -> None:
    """Write an example of every body, composed of the examples of its fields."""
    schemas = made["components"]["schemas"]
    for operations in made["paths"].values():
        for operation in operations.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for body in bodies:
                for content in body.get("content", {}).values():
                    content.setdefault("example", _of_schema(content["schema"], schemas))


def _of_schema(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _of_schema(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if schema.get("examples"):
        return schema["examples"][0]
    if "anyOf" in schema:
        return _of_schema(schema["anyOf"][0], schemas)
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties")
        if properties is None and isinstance(schema.get("additionalProperties"), dict):
            return {"orders": _of_schema(schema["additionalProperties"], schemas)}
        return {name: _of_schema(each, schemas) for name, each in (properties or {}).items()}
    if kind == "array":
        return [_of_schema(schema["items"], schemas)] if schema.get("items") else []
    if "default" in schema:
        return schema["default"]
    return {"integer": 1, "number": 1, "boolean": True, "string": "text", "null": None}.get(str(kind))
