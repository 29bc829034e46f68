"""Talks to the REST API v3 of one store: a request in, a parsed answer or one of `woo.errors` out.

It holds no state but the keys, never logs or shows them, and decides nothing: probes, waiting and reconnecting are
the door's (`stores.door` is its only caller). A GET is tried a second time at once when a kept connection turns out
to be closed; a write never is.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from referins_woo import clock
from referins_woo.safe_http import Reply, SafeHttp, Unreachable
from referins_woo.woo import auth
from referins_woo.woo.errors import BadReply, Unauthorized, Unavailable, from_answer, http_date
from referins_woo.woo.reading import NotJsonError, read

Scalar = str | int | bool | None
Params = Mapping[str, Scalar | Iterable[str | int]]

_BACK_TO_BACK_SECONDS = 10.0
"""A GET that lost its connection later than this is not repeated at once: the store is in trouble, not the pool."""
_SIGNED_FOR = timedelta(minutes=10)
"""WooCommerce takes a signature whose time is at most a quarter of an hour from its own clock (65)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer.

    `total` and `total_pages` are the store's claims, None where it made none: hints only (facts 2-4). `date` is the
    store's clock (ours where it sent none). `note` says what had to be overlooked to read it.
    """

    data: Any
    total: int | None
    total_pages: int | None
    date: datetime
    seconds: float
    url_without_keys: str
    note: str = ""
    status: int = 200

    def rows(self) -> list[dict[str, Any]]:
        """Return the data as a list of objects. An object whose keys are numbers is a PHP list with gaps.

        Raises BadReply for another shape.
        """
        data = self.data
        if isinstance(data, dict) and data and all(key.isdigit() for key in data):
            data = list(data.values())
        if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
            raise BadReply("The store answered with something else than a list.")
        return data

    def record(self) -> dict[str, Any]:
        """Return the data as one object. Raises BadReply for another shape, and for an error sent as a success."""
        if not isinstance(self.data, dict) or ({"code", "message"} <= self.data.keys() and "id" not in self.data):
            raise BadReply("The store answered with something else than the record.")
        return self.data


@dataclass(frozen=True, slots=True)
class WooClient:
    """One store with one pair of keys. Thread-safe.

    `base_url` without a slash at the end. With an empty `key` requests go out without keys.
    """

    base_url: str
    key: str = field(repr=False)
    secret: str = field(repr=False)
    auth_mode: auth.AuthMode = field(default="basic", kw_only=True)
    http: SafeHttp = field(kw_only=True, repr=False)
    connections: int = field(default=4, kw_only=True)
    skew: timedelta = field(default=timedelta(), kw_only=True)
    """The store's clock minus ours, where it is known: requests are signed with the store's time."""

    def get(self, path: str, params: Params | None = None) -> Answer:
        """Read `path` ("orders", "orders/12"; under wp-json/wc/v3). Raises `woo.errors`."""
        return self._ask("GET", path, params)

    def post(self, path: str, body: Any, params: Params | None = None) -> Answer:
        """Create. Raises `woo.errors`; after Unavailable without status it may have happened all the same."""
        return self._ask("POST", path, params, body)

    def put(self, path: str, body: Any, params: Params | None = None) -> Answer:
        """Change. As `post`."""
        return self._ask("PUT", path, params, body)

    def delete(self, path: str, params: Params | None = None) -> Answer:
        """Remove; `params={"force": True}` where the resource knows no trash. As `post`."""
        return self._ask("DELETE", path, params)

    def index(self, *, plain: bool = False) -> Answer:
        """Read the index of the REST API, always without keys (core routes take none: fact 67).

        `plain`: by `/?rest_route=/`, which answers even with plain permalinks.
        """
        url, query = f"{self.base_url}/wp-json/", [("_fields", _INDEX_FIELDS)]
        if plain:
            url, query = f"{self.base_url}/", [("rest_route", "/"), *query]
        return self._send("GET", url, query, {}, None, url_without_keys=url)

    def _ask(self, method: str, path: str, params: Params | None, body: Any = None) -> Answer:
        signed_at = clock.now() + self.skew
        try:
            return self._ask_at(signed_at, method, path, params, body)
        except Unauthorized as error:
            # Refused before anything was done: a store whose clock is wrong takes no signature of the right time.
            its_time = error.date if self.key and self.auth_mode == "oauth1" else None
            if its_time is None or abs(its_time - signed_at) < _SIGNED_FOR:
                raise
        return self._ask_at(its_time, method, path, params, body)

    def _ask_at(self, now: datetime, method: str, path: str, params: Params | None, body: Any) -> Answer:
        url = f"{self.base_url}/wp-json/wc/v3/{path.strip('/')}"
        query = flat_params(params or {})
        shown = f"{url}?{auth.query_string(query)}" if query else url
        headers: dict[str, str] = {}
        if self.key and self.auth_mode == "basic":
            headers["Authorization"] = auth.basic_header(self.key, self.secret)
        elif self.key and self.auth_mode == "query":
            query = query + auth.query_params(self.key, self.secret)
        elif self.key:
            query = query + auth.oauth1_params(method, url, query, self.key, self.secret, now=now)
        content = None
        if body is not None:
            content = orjson.dumps(body)
            # As text/plain Woo would answer 200 and ignore it (fact 69).
            headers["Content-Type"] = "application/json"
        return self._send(method, url, query, headers, content, url_without_keys=shown)

    def _send(
        self,
        method: str,
        url: str,
        query: auth.Params,
        headers: dict[str, str],
        content: bytes | None,
        *,
        url_without_keys: str,
    ) -> Answer:
        # Without this Accept, errors of WordPress itself come as pages (fact 70).
        headers["Accept"] = "application/json"
        target = f"{url}?{auth.query_string(query)}" if query else url
        reply = self._reply(method, target, headers, content)
        try:
            document = read(reply.body)
        except NotJsonError as fault:
            if not 200 <= reply.status < 300:
                raise from_answer(method, reply.status, reply.headers, reply.body, None, url) from None
            what = "nothing" if fault.is_empty else "a web page" if fault.is_html else "broken JSON"
            raise BadReply(f"The store answered with {what}.", is_html=fault.is_html, status=reply.status) from None
        if not 200 <= reply.status < 300:
            raise from_answer(method, reply.status, reply.headers, reply.body, document.value, url)
        return Answer(
            data=document.value,
            total=_count(reply.headers.get("x-wp-total")),
            total_pages=_count(reply.headers.get("x-wp-totalpages")),
            date=http_date(reply.headers.get("date", "")) or clock.now(),
            seconds=reply.seconds,
            url_without_keys=url_without_keys,
            note=document.note,
            status=reply.status,
        )

    def _reply(self, method: str, url: str, headers: dict[str, str], content: bytes | None) -> Reply:
        started = time.monotonic()
        try:
            return self.http.send(method, url, headers=headers, body=content, connections=self.connections)
        except Unreachable as error:
            again = method == "GET" and error.kind == "reset"
            # A signed request counts once: its nonce is used up (fact 65).
            if not again or self.auth_mode == "oauth1" or time.monotonic() - started > _BACK_TO_BACK_SECONDS:
                raise _unavailable(error) from error
        try:
            return self.http.send(method, url, headers=headers, body=content, connections=self.connections)
        except Unreachable as error:
            raise _unavailable(error) from error


_INDEX_FIELDS = "name,description,url,home,gmt_offset,timezone_string,namespaces,authentication"


def flat_params(params: Params) -> list[tuple[str, str]]:
    """Return query parameters as Woo reads them: lists parted by commas, true and false as words, None left out."""
    return [(name, _text(value)) for name, value in params.items() if value is not None]


def _text(value: Scalar | Iterable[str | int]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    return ",".join(str(each) for each in value or ())


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _unavailable(error: Unreachable) -> Unavailable | BadReply:
    if error.kind in ("too_large", "broken_gzip"):
        return BadReply(str(error))
    return Unavailable(None, str(error), kind=error.kind)
