"""The door of the REST API: who is asking, which route, which answer, with the headers of the recordings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import orjson

from referins_woo.practice_store import (
    coupons,
    customers,
    data,
    notes,
    orders,
    products,
    reports,
    reviews,
    settings,
    status,
    terms,
    trade,
    webhooks,
)
from referins_woo.practice_store.auth import Authenticator, Identity, check_permissions
from referins_woo.practice_store.call import Answer, Call, Routes, refusal
from referins_woo.practice_store.exchange import UNCACHED, Incoming, Reply, json_reply
from referins_woo.practice_store.fault_answers import BROKEN
from referins_woo.practice_store.faults import Faults
from referins_woo.practice_store.params import Query, parse, single
from referins_woo.practice_store.rest_errors import RestError, no_route
from referins_woo.practice_store.rights import may_manage
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

_USUAL = [
    ("X-Robots-Tag", "noindex"),
    ("X-Content-Type-Options", "nosniff"),
    ("Access-Control-Expose-Headers", "X-WP-Total, X-WP-TotalPages, Link"),
    ("Access-Control-Allow-Headers", "Authorization, X-WP-Nonce, Content-Disposition, Content-MD5, Content-Type"),
]


class RestApi:
    """REST v3 of one shop."""

    def __init__(self, shop: Shop, faults: Faults) -> None:
        self._shop = shop
        self._faults = faults
        self._authenticator = Authenticator(shop)
        self._routes = Routes()
        rooms = (orders, notes, terms, reviews, products, customers, coupons, webhooks)
        for room in (*rooms, settings, status, trade, data, reports):
            room.register(self._routes)

    def reply(self, incoming: Incoming, path: str, *, keys_count: bool = True) -> Reply:
        """Answer a request whose path after /wp-json is `path`.

        `keys_count` is false for `?rest_route=`: keys are not looked at there (fact 67).
        """
        plain = self._faults.state("plain_permalinks", incoming)
        headers = [*_USUAL, _api(self._shop.site.home, plain=plain)]
        clean = path.rstrip("/") or "/"
        second = clean.startswith("/wc/v2/")  # answers as v3 does; its links name v2
        clean = clean.replace("/wc/v2/", "/wc/v3/", 1) if second else clean
        query = parse(incoming.raw_query)
        method = _method(incoming, query)
        identity: Identity | None = None
        try:
            off = self._faults.state("plugin_off", incoming)
            if clean.startswith("/wc/") and clean.count("/") > 2 and keys_count and not off:
                identity = self._identity(incoming)
                self._check(identity, incoming, method)
            if identity is None and self._faults.state("rest_closed", incoming):
                raise RestError(
                    401, "rest_login_required", "REST API restricted to authenticated users.", shows_methods=False
                )
            answer = self._answer(incoming, method, clean, query, identity)
            allowed = (answer.methods or self._routes.methods(clean) or ["GET"]) if answer.shows_methods else []
            if identity is None and method in ("GET", "HEAD"):
                headers.append(("Vary", "Origin"))
        except RestError as error:
            answer = Answer(error.body(), error.status)
            allowed = self._routes.methods(clean) if error.shows_methods else []
            if identity is None and method in ("GET", "HEAD"):
                headers.append(("Vary", "Origin"))
        if any(name == "Link" for name, _ in answer.headers):
            headers = [row for row in headers if row[0] != "Link"]  # pages take the place of the API's own link
        headers += answer.headers
        if allowed:
            headers.append(("Allow", ", ".join(allowed)))
        if identity is not None:
            headers += UNCACHED
        reply = _shaped(answer, headers, query, self._shop.site.home)
        if second:
            reply.body = reply.body.replace(b"/wp-json/wc/v3/", b"/wp-json/wc/v2/")
            reply.headers = [
                (name, value.replace("/wp-json/wc/v3/", "/wp-json/wc/v2/")) for name, value in reply.headers
            ]
        return reply

    def _identity(self, incoming: Incoming) -> Identity | None:
        state = self._faults.state
        return self._authenticator.identify(
            incoming,
            deaf=state("strip_authorization", incoming),
            revoked=state("keys_revoked", incoming),
        )

    def _check(self, identity: Identity | None, incoming: Incoming, method: str) -> None:
        if identity is not None:
            check_permissions(identity, method, read_only=self._faults.state("keys_read_only", incoming))

    def _answer(self, incoming: Incoming, method: str, path: str, query: Query, identity: Identity | None) -> Answer:
        woocommerce = not self._faults.state("plugin_off", incoming)
        if path == "/" and method in ("GET", "HEAD"):
            return Answer(settings.index(self._shop, woocommerce=woocommerce))
        if path in ("/wc/v2", "/wc/v3") and method in ("GET", "HEAD") and woocommerce:
            up = [{"href": f"{self._shop.site.home}/wp-json/"}]
            return Answer({"namespace": path[1:], "routes": {}, "_links": {"up": up}})
        if path == "/wc/v1/orders" and method in ("GET", "HEAD") and woocommerce and identity:
            empty = [("X-WP-Total", "0"), ("X-WP-TotalPages", "0")]
            return Answer([], 200, empty if self._shop.site.version.order_tables else [])  # fact 44
        found = None
        if woocommerce:
            found = self._routes.find("GET" if method == "HEAD" else method, path)
            if method == "OPTIONS" and (methods := self._routes.methods(path)):
                return Answer(
                    {
                        "namespace": "wc/v3",
                        "methods": methods,
                        "endpoints": [{"methods": [one], "args": {}} for one in methods],
                        "schema": {},
                        "_links": {"self": [{"href": f"{self._shop.site.home}/wp-json{path}"}]},
                    }
                )
        if found is None:
            raise no_route()
        route, ids = found
        body = _body(incoming, method)
        user = identity.user_id if identity else 0
        if not user or not may_manage(self._shop, user):
            raise refusal(route.action, known_user=bool(user))
        if path.startswith("/wc/v3/orders") and self._faults.state("order_breaks", incoming):
            return Answer(BROKEN, 500, shows_methods=False)
        raw = incoming.raw_query
        if self._faults.state("repeat_page", incoming):
            query = {name: value for name, value in query.items() if name not in ("page", "offset")}
        if self._faults.state("no_filter", incoming):
            query = {name: value for name, value in query.items() if name != "modified_after"}
        call = Call(self._shop, method, f"{path}", raw, query, body, user)
        return route.handler(call, **ids)


def _api(home: str, *, plain: bool = False) -> tuple[str, str]:
    """Return where the API is; with plain permalinks it is reached by its query (fact 67)."""
    return "Link", f'<{home}/{"index.php?rest_route=/" if plain else "wp-json/"}>; rel="https://api.w.org/"'


def _method(incoming: Incoming, query: Query) -> str:
    """Return the method that is meant: a POST may name another one."""
    override = incoming.headers.get("x-http-method-override") or single(query, "_method")
    return override.upper() if override and incoming.method == "POST" else incoming.method


def _body(incoming: Incoming, method: str) -> Json:
    """Read a body as JSON or as a form; any other type is 200 and ignored (fact 69)."""
    if method in ("GET", "HEAD") or not incoming.body:
        return {}
    kind = incoming.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            data = orjson.loads(incoming.body)
        except orjson.JSONDecodeError:
            raise RestError(
                *(400, "rest_invalid_json", "Invalid JSON body passed."),
                {"status": 400, "json_error_code": 4, "json_error_message": "Syntax error"},
            ) from None
        return data if isinstance(data, dict) else {}
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(incoming.body.decode("utf-8", "replace"), keep_blank_values=True))
    return {}


def _shaped(answer: Answer, headers: list[tuple[str, str]], query: Query, home: str) -> Reply:
    """Return the answer with `_fields`, `_envelope` and `_jsonp` applied (fact 9)."""
    data = answer.data
    fields = single(query, "_fields")
    if fields and answer.status < 400:
        chosen = _chooser([name.strip() for name in fields.split(",")])
        links = data.get("_links", {}) if isinstance(data, dict) else {}
        kept = {"_links": links} if links and "help" not in links else {}  # a single object keeps them in any case
        data = [chosen(row) for row in data] if isinstance(data, list) else {**chosen(data), **kept}
    if "_envelope" in query:
        inside = {name: value for name, value in headers if name in ("X-WP-Total", "X-WP-TotalPages", "Link", "Allow")}
        numbers = {name: int(value) if value.isdigit() else value for name, value in inside.items()}
        outside = [row for row in headers if row[0] not in inside]
        return json_reply(200, {"body": data, "status": answer.status, "headers": numbers}, [*outside, _api(home)])
    reply = json_reply(answer.status, data, headers)
    function = single(query, "_jsonp")
    if function and function.replace("_", "").isalnum():
        reply.body = b"/**/" + function.encode() + b"(" + reply.body + b")"
        reply.headers = [("Content-Type", "application/javascript; charset=UTF-8"), *reply.without("Content-Type")]
    return reply


def _chooser(names: list[str]) -> Callable[[Any], Any]:
    """Return what keeps the named fields of an object, dotted names too."""
    plain = {name for name in names if "." not in name}
    dotted: dict[str, set[str]] = {}
    for outer, _, inner in (name.partition(".") for name in names if "." in name):
        dotted.setdefault(outer, set()).add(inner)

    def chosen(row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        made = {}
        for name, value in row.items():
            if name in plain:
                made[name] = value
            elif name in dotted and isinstance(value, list):
                made[name] = []  # names do not reach into lists, as in a batch (fact 9)
            elif name in dotted and isinstance(value, dict):
                made[name] = {inner: value[inner] for inner in value if inner in dotted[name]}
        return made

    return chosen
