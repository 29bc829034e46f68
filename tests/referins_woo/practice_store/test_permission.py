"""The permission pages beyond what test_contract.py replays: what the callback gets, what a refusal undoes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests

from referins_woo.practice_store import PracticeStore, StoreOptions
from tests.referins_woo.practice_store.receiver import Receiver


@pytest.fixture
def browser_of(shop: PracticeStore) -> Any:
    """Return a maker of browsers: signed in as a user, or nobody."""

    def make(user: str | None) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.verify = str(shop.ca_file)
        if user:
            params = {
                "app_name": "x",
                "scope": "read",
                "user_id": "1",
                "return_url": "https://a.example.com",
                "callback_url": "https://a.example.com",
            }
            form = {"username": user, "password": shop.admin_password}
            answer = session.post(f"{shop.url}/wc-auth/v1/login/", params=params, data=form, allow_redirects=False)
            assert answer.status_code == 302, answer.text
        return session

    return make


def test_the_callback_brings_the_keys_as_recorded(
    shop: PracticeStore, receiver: Receiver, browser_of: Any, shared: Path
) -> None:
    recorded = json.loads((shared / "woocommerce/recordings/wc-auth/flow-6-callback-post-received.json").read_text())[
        "request"
    ]
    session = browser_of("admin")
    params = {
        "app_name": "Referins",
        "scope": "read_write",
        "user_id": "acct_7f3a/é|1",
        "return_url": "https://app.example.com/back?shop=7",
        "callback_url": f"{receiver.url}/ok/cb?state=abc",
    }
    page = session.get(f"{shop.url}/wc-auth/v1/authorize", params=params).text
    approve = re.search(r'class="primary" href="([^"]+)"', page)
    assert approve
    answer = session.get(approve[1].replace("&amp;", "&"), allow_redirects=False)

    came = receiver.got[-1]
    data = json.loads(came.body)
    assert came.path == "/ok/cb?state=abc"
    assert data.keys() == json.loads(recorded["body_text"]).keys()
    assert data["user_id"] == "acct_7f3a/é|1"
    assert {name for name, _ in came.headers} == {name for name, _ in recorded["headers"]}
    assert came.body == came.body.decode().encode("ascii")
    assert answer.headers["Location"] == "https://app.example.com/back?shop=7&success=1&user_id=acct_7f3a/%C3%A91"
    key = next(key for key in shop.keys if key["key"] == data["consumer_key"])
    assert (key["id"], key["secret"], key["permissions"]) == (
        data["key_id"],
        data["consumer_secret"],
        "read_write",
    )


def test_a_refused_callback_takes_the_key_back(shop: PracticeStore, receiver: Receiver, browser_of: Any) -> None:
    before = len(shop.keys)
    session = browser_of("admin")
    params = {
        "app_name": "Referins",
        "scope": "read_write",
        "user_id": "1",
        "return_url": "https://app.example.com/",
        "callback_url": f"{receiver.url}/status/204/cb",
    }
    page = session.get(f"{shop.url}/wc-auth/v1/authorize", params=params).text
    found = re.search(r"wc_auth_nonce=(\w+)", page)
    assert found
    answer = session.get(f"{shop.url}/wc-auth/v1/access_granted/", params={**params, "wc_auth_nonce": found[1]})
    assert answer.status_code == 401
    assert len(shop.keys) == before


def test_a_strict_store_refuses_http_callbacks() -> None:
    with PracticeStore(StoreOptions(strict=True)) as strict:
        params = {
            "app_name": "Referins",
            "scope": "read",
            "user_id": "1",
            "return_url": "http://127.0.0.1/",
            "callback_url": "http://127.0.0.1:9/cb",
        }
        answer = requests.get(f"{strict.url}/wc-auth/v1/authorize", params=params)
        assert answer.status_code == 401
        assert "The callback_url needs to be over SSL" in answer.text
