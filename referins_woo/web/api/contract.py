"""What each operation of the API takes and answers: said once, beside its view, checked there and drawn into OpenAPI.

    @api.get("/orders")
    @operation(Page[Order], tag="Orders")
    def orders(query: OrderFilters) -> Response:

The view's `query` (Filters) and `json` (Input) are checked before it runs; what does not fit is a problem that names
the field and the remedy. spectree keeps the models and finds the routes; `web.api.openapi` completes its document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar, get_args

import flask
from flask import Response
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from spectree import Response as Answers
from spectree import SpecTree
from spectree.models import SecureType, SecurityScheme, SecuritySchemeData
from spectree.plugins.base import Context
from spectree.plugins.flask_plugin import FlaskPlugin
from werkzeug.datastructures import MultiDict

from referins_woo.web.api.documents import Document, Filters, Input
from referins_woo.web.api.problems import Rejected, field_error

_View = TypeVar("_View", bound=Callable[..., Any])
JSON: Final = "application/json"


class _Backend(FlaskPlugin):
    """Checks requests in our words. Answers are documents already: they need no second look."""

    def request_validation(self, request: Any, query: Any, json: Any, form: Any, headers: Any, cookies: Any) -> None:
        """Read the query string and the body into their models. Raises Rejected."""
        request.context = Context(
            read_query(query, request.args) if query else None,
            read_body(json, request) if json else None,
            None,
            None,
            None,
        )

    def validate_response(
        self, resp: Any, resp_model: Any, skip_validation: bool, force_resp_serialize: bool
    ) -> tuple[Response, None]:
        """Take the answer as it is."""
        return flask.make_response(resp), None


_models: dict[str, type[Any]] = {}


def component_name(model: type[Any]) -> str:
    """Return the name of a model in the document: `Order`, `OrderPage`. Raises TypeError where another has it."""
    name = _name(model)
    if _models.setdefault(name, model) is not model:
        raise TypeError(f"two documents of the API are called {name}: {_models[name].__module__}, {model.__module__}")
    return name


def _name(model: type[Any]) -> str:
    held = [argument.__name__ for argument in get_args(model)] or [
        argument.__name__ for argument in getattr(model, "__pydantic_generic_metadata__", {}).get("args", ())
    ]
    if held:
        return f"{held[0]}Page"
    return str(model.__name__)


def _nested_name(_parent: str, child: str) -> str:
    return child


spec: Final = SpecTree(
    "flask",
    backend=_Backend,
    title="Referins for WooCommerce",
    version="1",
    openapi_version="3.1.0",
    mode="strict",
    path="api/unused",
    page_templates={},
    naming_strategy=component_name,
    nested_naming_strategy=_nested_name,
    security_schemes=[
        SecurityScheme(
            name="token",
            data=SecuritySchemeData(
                type=SecureType.HTTP,
                scheme="bearer",
                description="A token of this account: Settings > API keys makes one, and so does "
                "`bin/referins token create EMAIL`.",
            ),
        )
    ],
    security={"token": []},
)


class Nothing(Document):
    """An answer without a body."""


class Operation:
    """What `operation` was told and spectree has no place for."""

    def __init__(self, status: int, problems: tuple[int, ...], matches: bool, accepts: bool) -> None:
        self.statuses = (status, 202) if accepts else (status,)
        self.problems, self.matches = problems, matches


OPERATIONS: Final[dict[str, Operation]] = {}
"""By the name of the view's module and function."""


def key_of(view: Callable[..., Any]) -> str:
    """Return the name under which OPERATIONS knows a view."""
    return f"{view.__module__}.{view.__name__}"


def operation(
    answers: type[BaseModel],
    *,
    tag: str,
    status: int = 200,
    problems: Iterable[int] = (),
    matches: bool = False,
    accepts: bool = False,
) -> Callable[[_View], _View]:
    """Describe a view: what it answers with `status`, and which problems beside those of every operation.

    `matches`: it takes `If-Match`. `accepts`: it may answer the same with 202, where that goes on in the background.
    The summary and description are the docstring's.
    """

    def describe(view: _View) -> _View:
        code = f"HTTP_{status}"
        codes = [code, *(["HTTP_202"] if accepts else [])]
        response = Answers(code) if answers is Nothing else Answers(**dict.fromkeys(codes, answers))
        OPERATIONS[key_of(view)] = Operation(status, tuple(problems), matches, accepts)
        described: _View = spec.validate(resp=response, tags=[tag], operation_id=view.__name__)(view)
        return described

    return describe


def read_query(model: type[Filters], arguments: MultiDict[str, str]) -> Filters:
    """Return the query string as `model`. Raises Rejected (422)."""
    twice = sorted(name for name in arguments if len(arguments.getlist(name)) > 1)
    if twice:
        raise _invalid([field_error(twice[0], f"{twice[0]} is there twice.", "Give it once.")])
    try:
        return model.model_validate(arguments.to_dict())
    except ValidationError as error:
        raise _invalid(in_our_words(error, model)) from None


def read_body(model: type[Input], request: flask.Request) -> Input:
    """Return the JSON body as `model`. Raises Rejected (400, 415 or 422)."""
    if request.mimetype != JSON:
        raise Rejected(415, "Send the body as JSON, with Content-Type: application/json.", headers={"Accept": JSON})
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        found = error.errors(include_url=False)
        if any(one["type"] == "json_invalid" for one in found):
            raise Rejected(400, f"The body cannot be read as JSON: {found[0]['msg'].partition(': ')[2]}.") from None
        raise _invalid(in_our_words(error, model)) from None


def _invalid(errors: list[dict[str, str]]) -> Rejected:
    first = errors[0]
    return Rejected(422, f"{first['message']} {first['remedy']}".strip(), errors)


def in_our_words(error: ValidationError, model: type[BaseModel]) -> list[dict[str, str]]:
    """Return what pydantic found as `errors`: the field, what is wrong with it, and what to do."""
    return [_in_our_words(one, model) for one in error.errors(include_url=False)[:20]]


def _in_our_words(one: ErrorDetails, model: type[BaseModel]) -> dict[str, str]:
    path = [str(part) for part in one["loc"]]
    field = ".".join(path) or "body"
    kind, context = one["type"], one.get("ctx", {})
    known = ", ".join(model.model_fields) or "none"
    message, remedy = _WORDS.get(kind, ("", ""))
    if kind == "value_error":
        message, remedy = f"{field}: {context.get('error', one['msg'])}.", "Change it and send it again."
    elif not message:
        message, remedy = f"{field}: {one['msg'][:1].lower()}{one['msg'][1:]}.", "Change it and send it again."
    names: Mapping[str, object] = {"field": field, "known": known, **context}
    return field_error(field, message.format_map(names), remedy.format_map(names))


_WORDS: Final[dict[str, tuple[str, str]]] = {
    "missing": ("{field} is missing.", "Add it."),
    "extra_forbidden": ("There is no field {field} here.", "Leave it out; there are: {known}."),
    "int_type": ("{field} must be a whole number.", "Give it as a number, without quotes."),
    "int_parsing": ("{field} must be a whole number.", "Give digits only."),
    "string_type": ("{field} must be text.", "Give it in quotes."),
    "bool_type": ("{field} must be true or false.", "Give it without quotes."),
    "list_type": ("{field} must be a list.", "Give it in brackets: [ … ]."),
    "dict_type": ("{field} must be an object.", "Give it in braces: {{ … }}."),
    "model_type": ("The body must be a JSON object.", "Send {{ … }} with: {known}."),
    "literal_error": ("{field} is none of the words that it can be.", "Choose among {expected}."),
    "greater_than_equal": ("{field} is too small.", "Give at least {ge}."),
    "less_than_equal": ("{field} is too large.", "Give at most {le}."),
    "string_too_long": ("{field} is too long.", "Give at most {max_length} characters."),
    "string_too_short": ("{field} is too short.", "Give at least {min_length} character(s)."),
    "too_long": ("{field} holds too many.", "Give at most {max_length}."),
    "too_short": ("{field} holds too few.", "Give at least {min_length}."),
    "string_pattern_mismatch": ("{field} holds a character that cannot be kept.", "Leave it out."),
}
