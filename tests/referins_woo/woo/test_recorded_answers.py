"""Every recorded answer of the folders site-states, auth and errors, replayed to the real client over a socket."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from referins_woo import config as configuration
from referins_woo.safe_http import SafeHttp
from referins_woo.woo.client import Answer, WooClient
from referins_woo.woo.errors import BadReply, Gone, RateLimited, Refused, Unauthorized, Unavailable, WooError
from tests.referins_woo.woo.canned import RECORDINGS, Canned, recorded_answer, recording, serving

pytestmark = pytest.mark.usefixtures("shared")

FERNET = "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtISE="
SETTINGS = {
    "SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests",
    "ENCRYPTION_KEYS": FERNET,
    "REFERINS_ALLOW_PRIVATE_STORES": "1",
}
FOLDERS = ("site-states", "auth", "errors", "order-refunds", "older-version", "index")


def _http() -> SafeHttp:
    return SafeHttp(configuration.load(SETTINGS))


def _ask(client: WooClient, method: str) -> Answer:
    if method in ("POST", "PUT"):
        return client._ask(method, "orders/1", None, {"status": "completed"})
    return client._ask(method, "orders/1", {"per_page": 1})


def _outcome(canned: Canned, method: str) -> Answer | WooError:
    with serving(canned) as server:
        client = WooClient(server.origin, "ck_x", "cs_x", http=_http())
        try:
            return _ask(client, method)
        except WooError as error:
            return error


def _exchanges() -> list[str]:
    names = []
    for folder in FOLDERS:
        for path in sorted((RECORDINGS / folder).glob("*.json")):
            exchange = json.loads(path.read_text(encoding="utf-8"))
            is_rest = "response" in exchange and exchange["request"]["method"] in ("GET", "POST", "PUT", "DELETE")
            if is_rest:
                names.append(f"{folder}/{path.stem}")
    return names


def _expected(name: str) -> str:
    """The class by the rules of reliability.md and the facts, from what was recorded."""
    response, method = recording(name)["response"], recording(name)["request"]["method"]
    status, body = response["status"], response["body"]
    code = body.get("code", "") if isinstance(body, dict) else ""
    if name == "errors/jsonp" or status == 301:
        return "BadReply"
    if 200 <= status < 300:
        return "BadReply" if isinstance(body, str) and body.startswith("<!doctype") else "Answer"
    by_status = {401: "Unauthorized", 403: "Unauthorized", 404: "Gone", 429: "RateLimited"}
    if status in by_status:
        return by_status[status]
    if status == 400:
        return "Gone" if method == "PUT" and code.endswith("_invalid_id") else "Refused"
    if status >= 500:
        return "Refused" if code.startswith("woocommerce_") else "Unavailable"
    return "Refused"


@pytest.mark.parametrize("name", _exchanges())
def test_each_recorded_answer_is_told_apart(name: str) -> None:
    exchange = recording(name)
    outcome = _outcome(recorded_answer(exchange), exchange["request"]["method"])
    assert type(outcome).__name__ == _expected(name)


@pytest.mark.parametrize(
    ("name", "kind", "facts"),
    [
        ("auth/https-basic-unknown-key", Unauthorized, {"firewall": False, "lacks_permission": "", "status": 401}),
        ("auth/key-of-editor-lists-orders", Unauthorized, {"firewall": False, "status": 403}),
        ("auth/read-key-used-for-put", Unauthorized, {"lacks_permission": "write", "firewall": False}),
        ("auth/write-key-used-for-get", Unauthorized, {"lacks_permission": "read", "firewall": False}),
        ("auth/https-basic-wrong-secret", Unauthorized, {"lacks_permission": "", "firewall": False}),
        ("site-states/rest-closed-by-plugin-wp-json-index", Unauthorized, {"code": "rest_login_required"}),
        ("site-states/woocommerce-deactivated-get-orders", Gone, {"kind": "route", "code": "rest_no_route"}),
        ("errors/wp-json-misspelt-html-404", Gone, {"kind": "route", "is_html": True, "code": ""}),
        ("errors/put-unknown-order", Gone, {"kind": "record"}),
        ("errors/delete-unknown-order", Gone, {"kind": "record"}),
        ("orders/single-404", Gone, {"kind": "record"}),
        ("variations/put-404", Gone, {"kind": "record"}),
        ("customers/single-404", Gone, {"kind": "record"}),
        ("products/put-variation-id-via-products", Gone, {"kind": "record"}),
        ("orders/create-for-unknown-customer", Refused, {"status": 400}),
        ("orders/delete-again-already-trashed", Refused, {"status": 410}),
        ("customers/delete-without-force", Refused, {"status": 501}),
        ("order-refunds/create-amount-too-high", Refused, {"status": 500}),
        ("errors/very-long-url", Refused, {"status": 414, "code": ""}),
        ("site-states/maintenance-mode-get-orders", Unavailable, {"after_seconds": 600.0, "status": 503}),
        ("site-states/maintenance-mode-get-orders-accept-any", Unavailable, {"after_seconds": 600.0}),
        ("site-states/php-down-502-get-orders", Unavailable, {"status": 502, "after_seconds": None}),
        ("site-states/plain-permalinks-get-orders", BadReply, {"redirect_by_wordpress": True, "status": 301}),
        ("site-states/plain-permalinks-put-product-stock", BadReply, {"is_html": True, "status": 200}),
        ("site-states/plain-permalinks-wp-json-index", BadReply, {"is_html": True}),
    ],
)
def test_what_the_door_must_know_is_in_the_error(name: str, kind: type[WooError], facts: dict[str, object]) -> None:
    exchange = recording(name)
    outcome = _outcome(recorded_answer(exchange), exchange["request"]["method"])
    assert isinstance(outcome, kind)
    assert {key: getattr(outcome, key) for key in facts} == facts


@pytest.mark.parametrize(
    "name",
    [
        "bom-before-json-get-orders",
        "php-warning-printed-before-json-get-orders",
        "php-warning-while-preparing-orders-get-orders",
    ],
)
def test_text_in_front_of_the_json_is_overlooked_and_noted(name: str) -> None:
    outcome = _outcome(recorded_answer(recording(f"site-states/{name}")), "GET")
    assert isinstance(outcome, Answer)
    assert [row["id"] for row in outcome.rows()] == [250, 315]
    assert (outcome.total, outcome.total_pages) == (173, 87)
    assert outcome.note
    assert outcome.date.isoformat().startswith("2026-11-22T11:")


def test_a_put_answered_with_the_home_page_is_no_success() -> None:
    canned = recorded_answer(recording("site-states/plain-permalinks-put-product-stock"))
    assert canned.status == 200
    with serving(canned) as server:
        client = WooClient(server.origin, "ck_x", "cs_x", http=_http())
        with pytest.raises(BadReply):
            client.put("products/11", {"stock_quantity": 1})
        assert len(server.seen) == 1


def _status(status: int, body: bytes = b"{}", **headers: str) -> Canned:
    return Canned(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("canned", "firewall"),
    [
        (
            _status(403, b"<html><title>Just a moment...</title>", Content_Type="text/html", cf_mitigated="challenge"),
            True,
        ),
        (_status(403, b"<html><body>Forbidden</body></html>", Content_Type="text/html"), True),
        (_status(455, b"<html>missing agent</html>"), True),
        (_status(406, b"<html>Not Acceptable! Mod_Security</html>"), True),
        (_status(503, b"<html><title>Just a moment...</title>"), True),
        (_status(429, b"", cf_mitigated="challenge"), True),
        (_status(403, b""), True),
        (_status(403, b'{"code":"woocommerce_rest_cannot_view","message":"no"}'), False),
    ],
)
def test_a_firewall_is_not_taken_for_a_revoked_key(canned: Canned, firewall: bool) -> None:
    outcome = _outcome(canned, "GET")
    assert isinstance(outcome, Unauthorized)
    assert outcome.firewall is firewall


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("1000000000", 3600.0),
        ("99999999999999999999999999", 3600.0),
        ("-1", None),
        ("soon", None),
        ("Sun, 22 Nov 2026 11:58:00 GMT", 120.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2027 11:58:00 GMT", 3600.0),
    ],
)
def test_retry_after_is_obeyed_up_to_an_hour(value: str, seconds: float | None) -> None:
    headers = {"Retry_After": value, "Date": "Sun, 22 Nov 2026 11:56:00 GMT"}
    limited = _outcome(_status(429, b"", **headers), "GET")
    assert isinstance(limited, RateLimited)
    assert limited.after_seconds == seconds
    down = _outcome(_status(503, b"", **headers), "GET")
    assert isinstance(down, Unavailable)
    assert down.after_seconds == seconds


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 520, 521, 522, 524, 526, 530])
def test_a_failing_host_is_unavailable(status: int) -> None:
    assert isinstance(_outcome(_status(status, b"<html>error</html>"), "GET"), Unavailable)


def test_the_recordings_are_there() -> None:
    assert Path(RECORDINGS).is_dir()
    assert len(_exchanges()) > 150
