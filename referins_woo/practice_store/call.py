"""One request to the REST API, and the table of routes it is matched against."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from referins_woo.practice_store.params import ListParams, ListSchema, Query, check_list, paging_links, single, truthy
from referins_woo.practice_store.rest_errors import RestError
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

LIST, VIEW, CREATE, EDIT, DELETE, BATCH = "list", "view", "create", "edit", "delete", "batch"

_REFUSALS = {
    LIST: ("cannot_view", "Sorry, you cannot list resources."),
    VIEW: ("cannot_view", "Sorry, you cannot view this resource."),
    CREATE: ("cannot_create", "Sorry, you are not allowed to create resources."),
    EDIT: ("cannot_edit", "Sorry, you are not allowed to edit this resource."),
    DELETE: ("cannot_delete", "Sorry, you are not allowed to delete this resource."),
    BATCH: ("cannot_batch", "Sorry, you are not allowed to batch manipulate this resource."),
}


def refusal(action: str, *, known_user: bool) -> RestError:
    """Return what somebody without the right gets: 401 where nobody is known, 403 else (facts 62 and 64)."""
    code, message = _REFUSALS[action]
    return RestError(403 if known_user else 401, f"woocommerce_rest_{code}", message, shows_methods=False)


@dataclass(slots=True)
class Answer:
    """What a handler returns: status, JSON and headers beyond the usual ones.

    `shows_methods` says whether the answer names the `Allow`ed methods: what is gone has none. `methods` are those
    of this one record, where it knows fewer than its route.
    """

    data: Any
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    shows_methods: bool = True
    methods: list[str] | None = None


@dataclass(slots=True)
class Call:
    """A request as handlers see it. `path` begins after /wp-json; `body` is {} where none was understood.

    `loose` marks a row of a batch, which is not checked against the schema (fact 58).
    """

    shop: Shop
    method: str
    path: str
    raw_query: str
    query: Query
    body: Json
    user_id: int = 0
    loose: bool = False

    @property
    def force(self) -> bool:
        """Whether a deletion is meant for good."""
        given = single(self.query, "force")
        return truthy(given) if given is not None else bool(self.body.get("force"))

    @property
    def digits(self) -> int | None:
        """The digits after the point that `dp` asks for."""
        given = single(self.query, "dp")
        return min(int(given), 12) if given and given.isdigit() else None

    def listing(self, schema: ListSchema) -> ListParams:
        """Check and read the parameters of a list."""
        return check_list(self.query, schema, self.shop.site)

    def page(
        self,
        params: ListParams,
        rows: list[Json],
        total: int,
        extra: tuple[tuple[str, str], ...] = (),
        *,
        by_offset: bool = False,
    ) -> Answer:
        """Return one page with its totals and links; with `by_offset` an `offset` counts for the page's number."""
        pages = -(-total // params.per_page)
        page = -(-params.offset // params.per_page) + 1 if by_offset else params.page
        headers = [("X-WP-Total", str(total)), ("X-WP-TotalPages", str(pages))]
        links = paging_links(self.shop.site, f"/wp-json{self.path}", self.raw_query, page, pages, extra)
        if links:
            headers.append(("Link", links))
        return Answer(rows, 200, headers)

    def created(self, data: Json, path: str) -> Answer:
        """Return the answer to a creation."""
        return Answer(data, 201, [("Location", self.shop.site.api(path))])


Handler = Callable[..., Answer]
"""Takes the call, and the ids of the path by name."""


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of the table: which methods on which path do what, and which right they ask for."""

    methods: tuple[str, ...]
    pattern: re.Pattern[str]
    action: str
    handler: Handler


class Routes:
    """The table of the REST API. Paths are written like `orders/{id}`; an id is digits."""

    def __init__(self) -> None:
        self._routes: list[Route] = []

    def add(self, methods: str, path: str, action: str, handler: Handler) -> None:
        """Enter a route; `methods` are parted by blanks."""
        pattern = re.sub(r"\{(\w+):text\}", r"(?P<\1>[\\w-]+)", path)
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>\\d+)", pattern)
        self._routes.append(Route(tuple(methods.split()), re.compile(f"^/wc/v3/{pattern}$"), action, handler))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, Any]] | None:
        """Return the route of a request and the ids in its path."""
        for route in self._routes:
            found = route.pattern.match(path)
            if found and method in route.methods:
                given = found.groupdict()
                return route, {name: int(text) if text.isdigit() else text for name, text in given.items()}
        return None

    def methods(self, path: str) -> list[str]:
        """Return the methods that a path knows, in the order of the `Allow` header."""
        first = next((route.pattern for route in self._routes if route.pattern.match(path)), None)
        if path == "/wc/v1/orders":
            return ["GET", "POST"]
        known = {method for route in self._routes if route.pattern == first for method in route.methods}
        return [method for method in ("GET", "POST", "PUT", "PATCH", "DELETE") if method in known]


def in_batch(call: Call, handlers: Mapping[str, Handler], **parents: int) -> Answer:
    """Answer a batch: rows are done one by one, a failed one leaves its error in its place (fact 59).

    `handlers` has create(call), update(call, id) and delete(call, id).
    """
    rows = {kind: call.body.get(kind) for kind in ("create", "update", "delete") if kind in call.body}
    counted = sum(len(given) for given in rows.values() if isinstance(given, list | dict))
    if counted > 100:
        raise RestError(
            413,
            "woocommerce_rest_request_entity_too_large",
            "Unable to accept more than 100 items for this request.",
        )
    done: Json = {}
    for kind, given in rows.items():
        values = list(given.values()) if isinstance(given, dict) else given if isinstance(given, list) else []
        done[kind] = [_row(call, kind, handlers, row, parents) for row in values]
    shown = {kind: rows for kind, rows in done.items() if rows}
    return Answer(shown or [])  # PHP knows no empty object


def _row(call: Call, kind: str, handlers: Mapping[str, Handler], row: Any, parents: dict[str, int]) -> Json:
    body = row if isinstance(row, dict) else {}
    given = row if kind == "delete" else body.get("id")
    one = Call(call.shop, "POST", call.path, "", {"force": "true"}, body, call.user_id, loose=True)
    try:
        if kind == "create":
            return dict(handlers[kind](one, **parents).data)
        named = isinstance(given, str) and not given.isdigit()
        number = given if isinstance(given, int) or named else int(str(given)) if str(given).isdigit() else 0
        return dict(handlers[kind](one, id=number, **parents).data)
    except RestError as error:
        shown: Json = {"code": error.code, "message": str(error), "data": error.data}
        return {"id": 0 if kind == "create" else given, "error": shown}
