"""Everything that a practice store answers: the REST API, and the pages around it."""

from __future__ import annotations

import io
import time
from collections import deque
from html import escape
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from flask import Flask
from werkzeug.wrappers import Response

from referins_woo.practice_store import control, pages, permission
from referins_woo.practice_store.delivery import Dispatcher
from referins_woo.practice_store.exchange import UNCACHED, Incoming, Logged, Reply, html_reply, json_reply
from referins_woo.practice_store.faults import Faults
from referins_woo.practice_store.params import parse, single
from referins_woo.practice_store.rest import RestApi
from referins_woo.practice_store.shop import Shop

_HIDDEN = {"consumer_key", "consumer_secret", "oauth_signature", "oauth_consumer_key", "wc_auth_nonce"}
_ALWAYS = ("/practice", "/wc-auth/")
_SOON = (
    '<!doctype html><html lang="en"><head><title>{0}</title></head><body><main><h1>Great things are on the horizon</h1>'
    "<p>{0} opens soon.</p></main></body></html>"
)


class Application:
    """One shop's answers, under its faults, with a log of the requests."""

    def __init__(self, shop: Shop, faults: Faults, dispatcher: Dispatcher) -> None:
        self.shop = shop
        self.faults = faults
        self.dispatcher = dispatcher
        self.rest = RestApi(shop, faults)
        self.requests: deque[Logged] = deque(maxlen=shop.options.remember_requests)
        self._flask = Flask("practice_store", template_folder=None, static_folder=None)
        self._flask.secret_key = shop.derived("session key")
        self._flask.config["SESSION_COOKIE_NAME"] = f"practice_store_{urlsplit(shop.site.home).port or 0}"
        pages.register(self._flask, shop)
        permission.register(self._flask, shop)
        control.register(self._flask, shop, faults, dispatcher, self.requests)

    def answer(self, incoming: Incoming) -> Reply:
        """Answer one request."""
        began = time.monotonic()
        reply = self.faults.instead(incoming)
        if reply is None:
            reply = self._routed(incoming)
        reply = self.faults.change(incoming, reply)
        reply.clock_skew = self.shop.clock_skew()
        self.faults.state("clock_skew", incoming)  # uses a counted one up
        self.requests.append(
            Logged(
                incoming.method,
                incoming.path,
                _without_secrets(incoming.raw_query),
                reply.status,
                incoming.headers.get("user-agent", ""),
                time.monotonic() - began,
            )
        )
        return reply

    def _routed(self, incoming: Incoming) -> Reply:
        path = incoming.path.removeprefix("/index.php")
        query = parse(incoming.raw_query)
        if path in ("", "/") and "rest_route" in query:
            return self.rest.reply(incoming, single(query, "rest_route") or "/", keys_count=False)
        if self.faults.state("plain_permalinks", incoming) and path.startswith(("/wp-json", "/wc-auth/")):
            return self._elsewhere(incoming, path, f"{self.shop.site.home}/index.php?rest_route=/")
        if path == "/wp-json" or path.startswith("/wp-json/"):
            return self.rest.reply(incoming, path.removeprefix("/wp-json") or "/")
        if path.startswith("/wc-api/"):
            body = {"code": "woocommerce_api_disabled", "message": "The WooCommerce API is disabled on this site"}
            return json_reply(404, {"errors": body})
        if path.startswith("/wc-auth/") and self.faults.state("plugin_off", incoming):
            return self._elsewhere(incoming, path, f"{self.shop.site.home}/wp-json/")
        if not path.startswith(_ALWAYS) and self.faults.state("coming_soon", incoming):
            return html_reply(200, _SOON.format(escape(self.shop.site.name)))
        if path in ("", "/") and single(query, "wc-auth-version") == "1":
            path = f"/wc-auth/v1/{single(query, 'wc-auth-route')}"
        return self._page(incoming, path)

    def _elsewhere(self, incoming: Incoming, path: str, api: str) -> Reply:
        """Answer as for an address that nobody serves: a GET is sent on to it with a slash, and that is a page.

        So it is with plain permalinks, where a PUT even is 200 (fact 67), and for wc-auth without WooCommerce.
        """
        cached: list[tuple[str, str]] = UNCACHED if "/wc/" in path else []
        if incoming.method in ("GET", "HEAD") and not path.endswith("/"):
            query = f"?{incoming.raw_query}" if incoming.raw_query else ""
            target = f"{self.shop.site.home}{path}/{query}"
            return html_reply(301, "", [("Location", target), ("X-Redirect-By", "WordPress"), *cached])
        page = f"<!doctype html><html><head><title>{self.shop.site.name}</title></head></html>"
        return html_reply(200, page, [("Link", f'<{api}>; rel="https://api.w.org/"'), *cached])

    def _page(self, incoming: Incoming, path: str) -> Reply:
        """Have Flask answer."""
        home = urlsplit(self.shop.site.home)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": incoming.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path.encode().decode("latin-1"),
            "QUERY_STRING": incoming.raw_query,
            "SERVER_NAME": home.hostname or "localhost",
            "SERVER_PORT": str(home.port or (443 if incoming.secure else 80)),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_TYPE": incoming.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(incoming.body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if incoming.secure else "http",
            "wsgi.input": io.BytesIO(incoming.body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in incoming.headers.items()}
        response = Response.from_app(self._flask, environ, buffered=True)
        headers = [
            (name, value.replace("utf-8", "UTF-8") if name == "Content-Type" else value)
            for name, value in response.headers.items()
            if name.lower() not in ("content-length", "vary")
        ]
        if path.startswith("/wc-auth/v1/") and response.status_code in (301, 302):
            headers.append(("X-Redirect-By", "WordPress"))
        if not path.startswith("/wc-auth/v1/"):
            headers.append(("Link", f'<{self.shop.site.home}/wp-json/>; rel="https://api.w.org/"'))
        if response.status_code == 404:
            headers += UNCACHED
        return Reply(response.status_code, headers, response.get_data())


def _without_secrets(raw_query: str) -> str:
    if not any(name in raw_query for name in _HIDDEN):
        return raw_query
    pairs = [(name, "…" if name in _HIDDEN else value) for name, value in parse_qsl(raw_query, keep_blank_values=True)]
    return urlencode(pairs, quote_via=quote)
