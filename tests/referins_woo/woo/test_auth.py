"""OAuth 1.0a against signatures that a real store took, and refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from referins_woo.woo import auth
from tests.referins_woo.woo.canned import recording

pytestmark = pytest.mark.usefixtures("shared")
LINK = re.compile(r"consumer_key=(ck_\w+)&consumer_secret=(cs_\w+)")


def _keys() -> tuple[str, str]:
    """The pair that signed the recorded requests: the store repeats keys from a query in its Link header (fact 66)."""
    found = LINK.search(recording("auth/https-query-string-ok")["response"]["headers"]["Link"])
    assert found
    return found[1], found[2]


def _signed(name: str) -> tuple[dict[str, Any], list[tuple[str, str]], str, str]:
    request = recording(f"auth/{name}")["request"]
    query = dict(request["query"])
    signature = query.pop("oauth_signature")
    query["oauth_consumer_key"] = _keys()[0]
    return (
        request,
        list(query.items()),
        signature,
        f"{request['scheme']}://{request['headers']['Host']}{request['path']}",
    )


@pytest.mark.parametrize("name", ["http-oauth1-sha256-ok", "https-oauth1-also-works", "http-oauth1-nonce-first-use"])
def test_we_sign_as_requests_were_signed_that_a_store_took(name: str) -> None:
    request, query, signature, url = _signed(name)
    assert auth.sign(request["method"], url, query, _keys()[1]) == signature


def test_a_signature_whose_secret_lacks_its_ampersand_was_refused_and_is_not_ours() -> None:
    request, query, signature, url = _signed("http-oauth1-secret-without-ampersand")
    assert auth.sign(request["method"], url, query, _keys()[1]) != signature


def test_the_parameters_carry_a_nonce_of_their_own_and_the_time() -> None:
    now = datetime(2026, 11, 22, 11, 36, 26, tzinfo=UTC)
    made = [dict(auth.oauth1_params("GET", "http://s/x", [], "ck", "cs", now=now)) for _ in range(2)]
    assert made[0]["oauth_nonce"] != made[1]["oauth_nonce"]
    assert made[0]["oauth_timestamp"] == "1795347386"
    assert made[0]["oauth_signature_method"] == "HMAC-SHA256"


def test_the_order_of_parameters_does_not_matter_and_their_text_does() -> None:
    params = [("b", "2 & 3"), ("a", "ü~"), ("a10", "x"), ("a1", "[]")]
    first = auth.sign("get", "http://s/x", params, "cs")
    assert auth.sign("GET", "http://s/x", params[::-1], "cs") == first
    assert auth.sign("GET", "http://s/x", [*params[1:], ("b", "2+&+3")], "cs") != first


def test_the_query_is_sent_as_it_was_signed() -> None:
    assert auth.query_string([("a b", "~ü"), ("_fields", "id,total")]) == "a%20b=~%C3%BC&_fields=id%2Ctotal"
