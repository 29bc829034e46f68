"""Recorded requests sent to a practice store, and its answers held against the recorded ones, value by value.

The store holds the recorded records under their recorded ids (`Recorded.load`), and the clock stands where the
recording's stood, so that answers can be compared as they are. What a request makes gets the id that the recorded
request got: the counters are set before each.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import quote

import requests

from referins_woo.practice_store import PracticeStore
from referins_woo.practice_store.site import now
from tests.referins_woo.practice_store.receiver import Receiver
from tests.referins_woo.practice_store.recorded import Exchange, Json, objects

HEADERS = (
    *("Content-Type", "Allow", "Link", "Location", "X-WP-Total", "X-WP-TotalPages", "Vary", "Retry-After"),
    *("Cache-Control", "Expires", "X-Robots-Tag", "X-Content-Type-Options", "X-Redirect-By"),
    *("Access-Control-Expose-Headers", "Access-Control-Allow-Headers"),
)
"""The headers that a client may act upon."""

RECEIVERS = ("https://hooks.localhost:9443", "http://127.0.0.1:9099")
"""Who took webhooks and callbacks in the recordings: a receiver of the test plays them."""

UNTRUSTED = "https://hooks.localhost:9098"
"""Served with a certificate that no authority vouches for: our store plays it."""

COUNTERS = {
    **dict.fromkeys(("order", "refund", "product", "variation", "coupon"), "next_post"),
    "customer": "next_user",
    "category": "next_term",
}
ITEMS = ("line_items", "shipping_lines", "fee_lines", "coupon_lines", "tax_lines")
ROLES = ("customer", "editor", "shop_manager", "subscriber")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")
Difference = tuple[str, Any, Any]


@dataclass
class Replay:
    """One store, and who asks it."""

    store: PracticeStore
    recorded_homes: tuple[str, ...]
    receiver: Receiver
    session: requests.Session = field(default_factory=requests.Session)
    browsers: dict[str, requests.Session] = field(default_factory=dict)
    nonces: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._prepare(self.session)
        self.keys = {name: self.store.new_key(name) for name in ("read", "write", "read_write")}
        self.keys |= {role: self.store.new_key("read_write", self._user(role)) for role in ROLES}

    def send(self, one: Exchange) -> requests.Response:
        """Send one recorded request as whoever sent it."""
        self._prime(one)
        if one.folder == "auth":
            return self._signed(one)
        if one.path.startswith("/wc-auth/") or "wc-auth-version" in one.query:
            return self._browsed(one)
        found = re.match(r"\(basic auth, (.+?)(?: key)?\)$", one.auth)
        return self._request(self.session, one, auth=self._pair(found[1]) if found else None)

    def _prepare(self, session: requests.Session) -> requests.Session:
        session.trust_env = False
        session.verify = str(self.store.ca_file) if self.store.ca_file else True
        return session

    def _user(self, role: str) -> int:
        docs = self.store.shop.changed("customer").values()
        return next((doc["id"] for doc in docs if doc and doc["roles"][:1] == [role]), 0)

    def _request(self, session: requests.Session, one: Exchange, **more: Any) -> requests.Response:
        headers = {n: v for n, v in one.headers.items() if n not in ("Authorization", "Host", "Cookie")}
        body = self._ours(one.body)
        if isinstance(body, dict | list):
            headers.pop("Content-Type", None)
        given: Json = {"json": body} if isinstance(body, dict | list) else {"data": body.encode() if body else None}
        given = {"params": self._ours(one.query), **given, **more}
        given["headers"] = headers | more.get("headers", {})
        home = self.store.url if one.scheme == "https" else self.store.http_url
        return session.request(one.method, home + one.path, allow_redirects=False, **given)

    def _pair(self, who: str) -> tuple[str, str]:
        """Return the key pair that a recording names."""
        key, secret = self.keys["read"]
        if who == "revoked":
            gone = self.store.new_key("read_write")
            self.store.revoke_key(gone[0])
            return gone
        if who.startswith("granted"):
            wanted = {"granted read": "read", "granted write": "write"}.get(who, "read_write")
            calls = [json.loads(one.body) for one in self.receiver.got if b"consumer_key" in one.body]
            sent = next(one for one in reversed(calls) if one["key_permissions"] == wanted)
            return sent["consumer_key"], sent["consumer_secret"]
        special = {
            "wrong-secret": (key, "cs_wrong"),
            "unknown": ("ck_" + "0" * 40, secret),
            "swapped": (secret, key),
            "key with a trailing space": (f"{key} ", secret),
            "secret with a trailing space": (key, f"{secret} "),
            "WordPress login, not an API": ("admin", self.store.admin_password),
        }
        return special.get(who) or self.keys[who]

    def _signed(self, one: Exchange) -> requests.Response:
        """Send a request of the folder auth: its keys, signatures and tokens are our store's."""
        key, secret = self.keys["read_write" if one.method != "GET" else "read"]
        url = (self.store.url if one.scheme == "https" else self.store.http_url) + one.path
        params, headers = dict(one.query), {"Accept": "application/json"}
        auth: tuple[str, str] | None = None
        if "oauth" in one.name:
            fixed = self.nonces.setdefault("fixed", secrets.token_hex(8))
            signed = oauth(one, url, key, secret, fixed if "nonce" in one.name else secrets.token_hex(8))
            if "in-authorization-header" in one.name:
                given = {name: value for name, value in signed.items() if name.startswith("oauth_")}
                pairs = [f'{name}="{quote(value, safe="")}"' for name, value in given.items()]
                headers["Authorization"] = "OAuth " + ", ".join(pairs)
            else:
                params = signed
        elif "consumer_key" in params:
            params["consumer_key"] = key
            if "consumer_secret" in params:
                params["consumer_secret"] = "cs_bad" if "wrong-secret" in one.name else secret
        elif found := re.match(r"\(basic auth, (.+?)(?: key)?\)$", one.auth):
            auth = self._pair(found[1]) if one.name != "key-before-revocation" else self.store.new_key("read_write")
            if one.name == "write-key-changed-to-read-then-put":
                auth = self.store.new_key("write")
                self.store.set_permissions("read", auth[0])
        elif one.auth:
            headers["Authorization"] = one.auth
        return self.session.request(
            one.method, url, params=params, headers=headers, auth=auth, json=one.body, allow_redirects=False
        )

    def _browsed(self, one: Exchange) -> requests.Response:
        """Send a request of the permission pages, signed in as the user whom the recording's name tells."""
        found = re.match(r"authorize-as-(\w[\w-]*)", one.name)
        who = found[1].replace("-", "_") if found else "administrator"
        signed_out = re.search("not-logged-in|flow-1|flow-2|flow-3|wrong-password|over-plain-http", one.name)
        session = self._prepare(requests.Session()) if signed_out else self._browser(who)
        more: Json = {}
        query = self._ours(one.query)
        if "wc_auth_nonce" in query and "wrong-nonce" not in one.name:
            page = session.get(f"{self.store.url}/wc-auth/v1/authorize", params=query).text
            nonce = re.search(r"wc_auth_nonce=(\w+)", page)
            more["params"] = {**query, "wc_auth_nonce": nonce[1] if nonce else "0"}
        if isinstance(one.body, dict):
            form = self._ours(one.body)
            if "password" in form and "wrong" not in one.name:
                form["password"] = self.store.admin_password
            more |= {"data": form, "json": None}
        return self._request(session, one, **more)

    def _browser(self, role: str) -> requests.Session:
        if role not in self.browsers:
            session = self._prepare(requests.Session())
            user = self.store.shop.get("customer", self._user(role)) or {}
            url = "https://a.example.com"
            asked = {"app_name": "x", "scope": "read", "user_id": "1", "return_url": url, "callback_url": url}
            form = {"username": user["username"], "password": self.store.admin_password}
            answer = session.post(f"{self.store.url}/wc-auth/v1/login/", params=asked, data=form, allow_redirects=False)
            assert answer.status_code == 302, answer.text
            self.browsers[role] = session
        return self.browsers[role]

    def _ours(self, value: Any) -> Any:
        """Return a recorded value with the receiver of the test in the recorded one's place."""
        if isinstance(value, str):
            for theirs in RECEIVERS:
                value = value.replace(theirs, self.receiver.url)
            return value.replace(UNTRUSTED, self.store.url)
        if isinstance(value, list):
            return [self._ours(inner) for inner in value]
        return {name: self._ours(inner) for name, inner in value.items()} if isinstance(value, dict) else value

    def _prime(self, one: Exchange) -> None:
        """Let the next ids be those that the recorded answer shows."""
        overlay = self.store.shop.overlay
        lowest: dict[str, int] = {}

        def at_most(counter: str, numbers: list[int]) -> None:
            if numbers:
                lowest[counter] = min([*numbers, *([lowest[counter]] if counter in lowest else [])])

        for kind, made in objects(one.answer):
            known = overlay.get(kind, int(made["id"])) or {}
            if not known and (one.status == 201 or one.path.endswith("/batch")):
                at_most(COUNTERS.get(kind, f"next_{kind}"), [int(made["id"])])
            before = {row["id"] for name in ITEMS for row in known.get(name, [])}
            at_most("next_item", [r["id"] for n in ITEMS for r in made.get(n, []) if r["id"] not in before])
            for name, counter in (("meta_data", "next_meta"), ("refunds", "next_post")):
                old = {row["id"] for row in known.get(name, [])}
                at_most(counter, [row["id"] for row in made.get(name, []) if row["id"] not in old])
        data = one.answer.get("data") if isinstance(one.answer, dict) else None
        if isinstance(data, dict) and "new_draft_order_id" in data:
            lowest["next_post"] = data["new_draft_order_id"]
        for counter, number in lowest.items():
            overlay.set_fact(counter, number)

    def differences(self, one: Exchange, answer: requests.Response, like: Callable[..., Any]) -> list[Difference]:
        """Return (path, recorded, ours) of everything that differs; `like` compares the JSON."""
        if answer.status_code != one.status:
            return [("status", one.status, f"{answer.status_code} {answer.text[:160]}")]
        found: list[Difference] = []
        for name in HEADERS:
            theirs, ours = one.answer_headers.get(name), answer.headers.get(name)
            if self.plain(theirs) != self.plain(ours):
                found.append((f"header {name}", self.plain(theirs), self.plain(ours)))
        if isinstance(one.answer, dict | list):
            try:
                data = answer.json()
            except ValueError:
                return [*found, ("body", "JSON", answer.text[:80])]
            theirs, ours = self.plain(one.answer), self.plain(data)
            if one.name == "list-per-page-100" and one.folder == "webhooks":  # rows of one second come in no order
                theirs, ours = (sorted(rows, key=lambda row: int(row["id"])) for rows in (theirs, ours))
            found += like(theirs, ours, "")
            if "_fields" in one.query:  # names are chosen, their order follows the request in some resources
                found = [row for row in found if not row[0].endswith(".order")]
        elif one.answer:
            found += self._pages(one, answer)
        return found

    def _pages(self, one: Exchange, answer: requests.Response) -> Iterator[Difference]:
        """Yield what differs between two pages, or two answers that only look like JSON."""
        if "json" in one.answer_headers.get("Content-Type", ""):
            if parses(answer.content):
                yield "body", "does not parse", answer.text[:80]
            rest = [re.sub(r"^.*?(?=[\[{])", "", text, flags=re.S) for text in (one.answer, answer.text)]
            if parses(rest[1].encode()):
                yield from unlike(self.plain(json.loads(rest[0])), self.plain(json.loads(rest[1])), "")
            return
        said = re.search(r"Error: .*?(?=self-signed|$)", words(one.answer))
        if one.status == 401 and said and said[0].strip() not in words(answer.text):
            yield "page", said[0], words(answer.text)[-160:]

    def plain(self, value: Any) -> Any:
        """Return a value with the addresses of both shops and both receivers made equal."""
        if isinstance(value, str):
            for home in (*self.recorded_homes, self.store.url, self.store.http_url):
                value = value.replace(home, "HOME").replace(quote(home, safe=""), "HOME")
            for receiver in (*RECEIVERS, self.receiver.url):
                value = value.replace(receiver, "RECEIVER").replace(quote(receiver, safe=""), "RECEIVER")
            value = value.replace(UNTRUSTED, "HOME")
            value = re.sub("ck_[0-9a-f]{40}", "KEY", re.sub("cs_[0-9a-f]{40}", "SECRET", value))
            return re.sub(r"oauth_\w+=[^&>]*&?|wc_auth_nonce=\w+", "", value)
        if isinstance(value, list):
            return [self.plain(inner) for inner in value]
        if isinstance(value, dict):
            made = {name: self.plain(inner) for name, inner in value.items()}
            for name in ("meta_data", "refunds"):  # the recorded store itself lists them in changing orders
                if isinstance(made.get(name), list):
                    made[name] = sorted(made[name], key=_name_of)
            return made
        return value


def oauth(one: Exchange, url: str, key: str, secret: str, nonce: str) -> dict[str, str]:
    """Sign as RFC 5849 says, wrongly where the recording's name says so."""
    method = {"http-oauth1-sha1-ok": "HMAC-SHA1", "http-oauth1-sha512": "HMAC-SHA512"}.get(one.name, "HMAC-SHA256")
    params = {name: value for name, value in one.query.items() if not name.startswith("oauth_")}
    params |= {"oauth_consumer_key": key, "oauth_nonce": nonce, "oauth_signature_method": method}
    params["oauth_timestamp"] = str(now() - (3600 if "old-timestamp" in one.name else 0))

    def escape(text: str) -> str:
        return quote(text, safe="-._~")

    pairs = sorted((escape(name), escape(value)) for name, value in params.items())
    base = "&".join((one.method, escape(url), escape("&".join(f"{name}={value}" for name, value in pairs))))
    signing = secret if "without-ampersand" in one.name else f"{secret}&"
    digest = {"HMAC-SHA1": "sha1", "HMAC-SHA256": "sha256", "HMAC-SHA512": "sha512"}[method]
    signature = base64.b64encode(hmac.digest(signing.encode(), base.encode(), digest)).decode()
    params["oauth_signature"] = base64.b64encode(bytes(32)).decode() if "bad-signature" in one.name else signature
    return params


def unlike(theirs: Any, ours: Any, path: str) -> Iterator[Difference]:
    """Yield (path, recorded, ours) where two JSON values differ; places in lists are written `[]`."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        lost, more = [n for n in theirs if n not in ours], [n for n in ours if n not in theirs]
        if lost or more:
            yield f"{path}.*", f"lacks {lost}", f"has {more}"
        elif list(theirs) != list(ours):
            yield f"{path}.order", list(theirs), list(ours)
        for name in theirs:
            if name in ours:
                yield from unlike(theirs[name], ours[name], f"{path}.{name}")
    elif isinstance(theirs, list) and isinstance(ours, list):
        if len(theirs) != len(ours):
            yield f"{path}[] length", len(theirs), len(ours)
        for one, other in zip(theirs, ours, strict=False):
            yield from unlike(one, other, f"{path}[]")
    elif (theirs != ours or type(theirs) is not type(ours)) and not _same_moment(theirs, ours):
        yield path, theirs, ours


def unlike_in_kind(theirs: Any, ours: Any, path: str) -> Iterator[Difference]:
    """Yield what differs in type, or was never recorded: for resources that show a part of what WooCommerce shows."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        more = [name for name in ours if name not in theirs and not path.endswith((".options", ".settings"))]
        if more:
            yield f"{path}.*", "", f"has {more}"
        for name in theirs:
            if name in ours:
                yield from unlike_in_kind(theirs[name], ours[name], f"{path}.{name}")
    elif isinstance(theirs, list) and isinstance(ours, list):
        model = theirs[0] if theirs else None
        if isinstance(model, dict):  # what any of the recorded rows has
            model = {name: value for row in reversed(theirs) for name, value in row.items()}
        for inner in ours if theirs else ():
            yield from unlike_in_kind(model, inner, f"{path}[]")
    elif _kind(theirs) != _kind(ours) and None not in (theirs, ours):
        yield path, theirs, ours


def words(page: str) -> str:
    """Return the words of a page."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def parses(body: bytes) -> bool:
    """Whether bytes are JSON."""
    try:
        json.loads(body.decode())
    except ValueError:
        return False
    return True


def _kind(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _name_of(row: Any) -> str:
    return f"{row.get('key', '')} {row.get('value', row.get('id'))}" if isinstance(row, dict) else ""


def _same_moment(theirs: Any, ours: Any) -> bool:
    """Whether two dates are within the seconds that a recorded request took."""
    if not (isinstance(theirs, str) and isinstance(ours, str) and _DATE.match(theirs) and _DATE.match(ours)):
        return False
    return abs((datetime.fromisoformat(theirs) - datetime.fromisoformat(ours)).total_seconds()) <= 2
