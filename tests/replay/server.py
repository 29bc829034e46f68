"""The shop itself: plain HTTP on the loopback, OAuth 1.0a as WooCommerce takes it there, one thread a connection."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tests.replay import lists
from tests.replay.lists import BadParameter, NeverRecorded
from tests.replay.shelf import KEY, SECRET, Raw, Shelf

_API = "/wp-json/wc/v3/"
_OAUTH = ("oauth_consumer_key", "oauth_nonce", "oauth_signature_method", "oauth_timestamp", "oauth_signature")


@dataclass
class Request:
    """One request as it came."""

    method: str
    path: str
    """Below wc/v3 ("orders/12"), or the whole path with a slash in front."""
    query: dict[str, str]
    body: Any


@dataclass
class Reply:
    """An answer on its way out; faults change it."""

    status: int
    content: bytes
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """Close the connection after so many bytes of the body; -1: without any answer."""


Fault = Callable[[Request, Reply], Reply]
"""What happens to an answer on its way: returns it, changed or not."""


class Replay:
    """A store that answers from its shelf. `unknown` holds what was asked for and never recorded."""

    def __init__(self, shelf: Shelf, now: Callable[[], datetime] | None = None) -> None:
        """`now` is the store's clock (its `Date` header)."""
        self.shelf = shelf
        self.now = now or (lambda: datetime.now(UTC))
        self.fault: Fault | None = None
        self.asked: list[Request] = []
        self.unknown: list[str] = []
        self.webhooks: dict[int, Raw] = {}
        self._nonces: set[str] = set()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the shop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def answer(self, method: str, target: str, content: bytes) -> Reply:
        """Return the answer to a request as it came."""
        parts = urlsplit(target)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        path = parts.path.removeprefix(_API).rstrip("/") if parts.path.startswith(_API) else parts.path
        body = json.loads(content) if content else None
        query = {name: value for name, value in pairs if name not in _OAUTH}
        request = Request(method, path, query, body)
        with self._lock:
            self.asked.append(request)
        try:
            refusal = None if path.startswith("/") else self._refusal(method, f"{self.url}{parts.path}", pairs)
            reply = refusal or self._route(request)
        except BadParameter as bad:
            reply = _error(400, "rest_invalid_param", f"Invalid parameter(s): {bad}")
        except NeverRecorded as strange:
            self.unknown.append(f"{method} {path} {query}: {strange}")
            reply = _error(500, "internal_server_error", f"Never recorded: {strange}")
        reply.headers.setdefault("Date", format_datetime(self.now().astimezone(UTC), usegmt=True))
        reply.headers.setdefault("Content-Type", "application/json; charset=UTF-8")
        return self.fault(request, reply) if self.fault else reply

    def _refusal(self, method: str, url: str, pairs: list[tuple[str, str]]) -> Reply | None:
        """OAuth 1.0a, a nonce counts once (fact 65); anything else is as no key at all."""
        given = dict(pairs)
        if given.get("oauth_consumer_key") != KEY:
            return _error(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
        signed = sorted((quote(k, safe="~"), quote(v, safe="~")) for k, v in pairs if k != "oauth_signature")
        text = "&".join((method, quote(url, safe="~"), quote("&".join(f"{k}={v}" for k, v in signed), safe="~")))
        digest = {"HMAC-SHA256": hashlib.sha256, "HMAC-SHA1": hashlib.sha1}[given["oauth_signature_method"]]
        expected = base64.b64encode(hmac.new(f"{SECRET}&".encode(), text.encode(), digest).digest()).decode()
        with self._lock:
            is_new = given["oauth_nonce"] not in self._nonces
            self._nonces.add(given["oauth_nonce"])
        if given["oauth_signature"] != expected or not is_new:
            return _error(401, "woocommerce_rest_authentication_error", "Invalid signature or nonce.")
        return None

    def _route(self, request: Request) -> Reply:
        shelf, query = self.shelf, request.query
        if request.path.startswith("/"):
            return self._root(request)
        if request.path in shelf.gone and request.method == "GET":
            return _gone(request.path.split("/")[0])
        if request.path.startswith("webhooks"):
            return self._webhooks(request)
        if request.method == "PUT" and re.fullmatch(r"orders/\d+", request.path):
            if int(request.path[7:]) in shelf.orders:
                raise NeverRecorded("a change of a recorded order")
            return _json(400, shelf.unknown_order)
        if request.method != "GET":
            raise NeverRecorded("a write")
        if request.path == "system_status":
            return _json(200, lists.only(shelf.system_status, query.get("_fields")))
        if request.path == "settings/products":
            return _json(200, [lists.only(raw, query.get("_fields")) for raw in shelf.settings_products])
        found = self._list(request)
        if found is not None:
            return self._page(request, found)
        return self._single(request)

    def _root(self, request: Request) -> Reply:
        if request.method != "GET" or request.path not in ("/wp-json/", "/wp-json"):
            raise NeverRecorded("a path outside of the REST API")
        return _json(200, lists.only(self.shelf.index, request.query.get("_fields")))

    def _list(self, request: Request) -> list[Raw] | None:
        shelf, query = self.shelf, request.query
        if request.path == "orders":
            return lists.orders(shelf, query)
        if request.path == "customers":
            return lists.customers(shelf, query)
        if request.path == "products":
            return lists.products(shelf, query)
        if request.path == "products/categories":
            return lists.rows_of(shelf.categories, query, shelf)
        if request.path == "refunds":
            return lists.refunds(shelf, query)
        if request.path == "variations":
            return lists.variations(shelf, query)
        if found := re.fullmatch(r"products/(\d+)/variations", request.path):
            return lists.variations(shelf, query, int(found[1]))
        if found := re.fullmatch(r"orders/(\d+)/refunds", request.path):
            return lists.refunds(shelf, query, int(found[1]))
        return None

    def _page(self, request: Request, found: list[Raw]) -> Reply:
        shown, total, pages = lists.page(found, request.query)
        if request.path == "orders" and not shown and not self.shelf.keeps_totals:
            total = pages = 0  # fact 2: with order tables an orders page past the end has lost its totals
        rows = [lists.only(raw, request.query.get("_fields")) for raw in shown]
        return _json(200, rows, {"X-WP-Total": str(total), "X-WP-TotalPages": str(pages)})

    def _single(self, request: Request) -> Reply:
        kind, _, number = request.path.rpartition("/")
        rows = {
            "orders": self.shelf.orders,
            "customers": self.shelf.users,
            "products": self.shelf.products,
            "products/categories": self.shelf.categories,
        }.get(kind)
        if rows is None or not number.isdigit():
            raise NeverRecorded("a route")
        if int(number) in rows:
            return _json(200, lists.only(rows[int(number)], request.query.get("_fields")))
        # A variation can be read as a product (fact 54).
        for variations in self.shelf.variations.values() if kind == "products" else ():
            if int(number) in variations:
                return _json(200, variations[int(number)])
        whole = max(rows, default=0) if kind == "products/categories" else self.shelf.whole.get(kind, 0)
        if int(number) <= whole:
            return _gone(kind)
        raise NeverRecorded(f"{kind} {number}")

    def _webhooks(self, request: Request) -> Reply:
        number = request.path.partition("/")[2]
        with self._lock:
            if request.method == "GET" and not number:
                return self._page(request, lists.rows_of(self.webhooks, request.query, self.shelf))
            if request.method == "POST" and not number:
                # As recorded (webhooks/create-order-created), the secret is never shown.
                raw = {"id": max(self.webhooks, default=0) + 1, "status": "active"} | {
                    name: value for name, value in request.body.items() if name != "secret"
                }
                self.webhooks[raw["id"]] = raw
                return _json(201, raw)
            if request.method == "DELETE" and int(number) in self.webhooks:
                return _json(200, self.webhooks.pop(int(number)))
        raise NeverRecorded("this about webhooks")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up, or spoke TLS, is no error of the shop."""


def _handler(shop: Replay) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "nginx", ""
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            reply = shop.answer(self.command, self.path, content)
            if reply.cut_after == -1:
                self._hang_up()
                return
            lines = [f"HTTP/1.1 {reply.status} {self.responses.get(reply.status, ('', ''))[0] or 'Status'}"]
            headers = {"Content-Length": str(len(reply.content)), **reply.headers}
            lines += [f"{name}: {value}" for name, value in headers.items()]
            head = "\r\n".join([*lines, "", ""]).encode("latin-1")
            if reply.cut_after is None:
                self.connection.sendall(head + reply.content)
                return
            self.connection.sendall(head + reply.content[: reply.cut_after])
            self._hang_up()

        def _hang_up(self) -> None:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            self.connection.close()

        do_GET = do_POST = do_PUT = do_DELETE = _answer

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler


def _json(status: int, value: Any, headers: dict[str, str] | None = None) -> Reply:
    # As PHP writes it: slashes and everything beyond ASCII escaped (fact 90).
    return Reply(status, json.dumps(value).replace("/", "\\/").encode(), headers or {})


def _gone(kind: str) -> Reply:
    codes = {"orders": "woocommerce_rest_shop_order_invalid_id", "customers": "wc_user_invalid_id"}
    return _error(404, codes.get(kind, "woocommerce_rest_product_invalid_id"), "Invalid ID.")


def _error(status: int, code: str, message: str) -> Reply:
    return _json(status, {"code": code, "message": unquote(message), "data": {"status": status}})
