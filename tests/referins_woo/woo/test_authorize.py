"""The permission page's address and the callback, as recorded."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from referins_woo.errors import InvalidInput
from referins_woo.woo.authorize import parse_callback, permission_url
from tests.referins_woo.woo.canned import recording

STATE = "Zm9vYmFy-_0123456789abcdef"


def test_the_address_carries_what_the_page_asks_for() -> None:
    url = permission_url(
        "https://shop.example/blog/",
        app_name="Referins & Co",
        state=STATE,
        return_url="https://app.example.com/woo/return",
        callback_url="https://app.example.com/hooks/keys/1",
    )
    parts = urlsplit(url)
    assert (parts.netloc, parts.path) == ("shop.example", "/blog/wc-auth/v1/authorize")
    assert parse_qs(parts.query) == {
        "app_name": ["Referins & Co"],
        "scope": ["read_write"],
        "user_id": [STATE],
        "return_url": ["https://app.example.com/woo/return"],
        "callback_url": ["https://app.example.com/hooks/keys/1"],
    }


@pytest.mark.parametrize(
    ("state", "return_url"),
    [("short", "https://a/b"), ("a|b" * 10, "https://a/b"), (STATE, "https://a/b?x=%20"), (STATE, "app.example.com")],
)
def test_what_the_shop_would_garble_is_refused(state: str, return_url: str) -> None:
    with pytest.raises(ValueError, match=r"must be|decodes"):
        permission_url("https://s", app_name="R", state=state, return_url=return_url, callback_url="https://a/c")


@pytest.mark.usefixtures("shared")
def test_a_recorded_callback_gives_the_keys() -> None:
    body = json.loads(recording("wc-auth/flow-6-callback-post-received")["request"]["body_text"])
    granted = parse_callback({**body, "user_id": STATE})
    assert (granted.state, granted.permissions, granted.key_id) == (STATE, "read_write", 9)
    assert (granted.key, granted.secret) == (body["consumer_key"], body["consumer_secret"])
    assert body["consumer_secret"] not in repr(granted)


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize(
    "name", ["granted-callback-with-query-callback-1", "callback-scope-read", "callback-scope-write"]
)
def test_the_state_comes_back_unchanged_and_the_scope_with_it(name: str) -> None:
    body = json.loads(recording(f"wc-auth/{name}")["request"]["body_text"])
    assert parse_callback({**body, "user_id": STATE}).permissions == body["key_permissions"]


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": ""},
        {"user_id": 5},
        {"user_id": STATE + "|"},
        {"consumer_key": None},
        {"consumer_key": "ck_a\nb" + "c" * 20},
        {"consumer_secret": "x" * 43},
        {"key_permissions": "admin"},
        {"key_permissions": None},
    ],
)
def test_anything_else_is_refused(changes: dict[str, Any]) -> None:
    good = {"key_id": 1, "user_id": STATE, "consumer_key": "ck_" + "a" * 40, "consumer_secret": "cs_" + "b" * 40}
    parse_callback({**good, "key_permissions": "read"})
    with pytest.raises(InvalidInput):
        parse_callback({**good, "key_permissions": "read", **changes})
    with pytest.raises(InvalidInput):
        parse_callback([good])
