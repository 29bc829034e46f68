"""What the client sends, what it reads, and what it makes of a bad wire."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import threading
import traceback
from urllib.parse import parse_qs, urlsplit

import pytest

from referins_woo import config as configuration
from referins_woo import safe_http
from referins_woo.safe_http import SafeHttp
from referins_woo.woo import auth
from referins_woo.woo.client import WooClient
from referins_woo.woo.errors import BadReply, Unavailable
from tests.referins_woo.woo.canned import Canned, Seen, Server, serving

SETTINGS = {
    "SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests",
    "ENCRYPTION_KEYS": "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtISE=",
    "REFERINS_ALLOW_PRIVATE_STORES": "1",
}

TOO_DEEP = b"[" * 900 + b'"\\u0000"' + b"]" * 900


def _client(server: Server, mode: auth.AuthMode = "basic", key: str = "ck_a") -> WooClient:
    http = SafeHttp(configuration.load(SETTINGS))
    return WooClient(server.origin, key, "cs_b", auth_mode=mode, http=http)


def test_a_request_says_who_we_are_and_what_we_take() -> None:
    with serving(Canned()) as server:
        _client(server).get("orders", {"per_page": 100, "status": ["a", "b"], "dates_are_gmt": True, "x": None})
    seen = server.seen[0]
    assert urlsplit(seen.target).path == "/wp-json/wc/v3/orders"
    assert parse_qs(urlsplit(seen.target).query) == {"per_page": ["100"], "status": ["a,b"], "dates_are_gmt": ["true"]}
    assert seen.headers["accept"] == "application/json"
    assert seen.headers["user-agent"].startswith("Referins/")
    assert seen.headers["authorization"] == "Basic " + base64.b64encode(b"ck_a:cs_b").decode()


def test_keys_go_into_the_query_only_when_asked_and_never_into_what_is_shown() -> None:
    with serving(Canned()) as server:
        answer = _client(server, "query").get("orders", {"page": 2})
    query = parse_qs(urlsplit(server.seen[0].target).query)
    assert (query["consumer_key"], query["consumer_secret"]) == (["ck_a"], ["cs_b"])
    assert "authorization" not in server.seen[0].headers
    assert answer.url_without_keys == f"{server.origin}/wp-json/wc/v3/orders?page=2"
    assert "cs_b" not in repr(_client(server))


def test_an_oauth_request_is_signed_over_the_query_it_sends() -> None:
    with serving(Canned()) as server:
        _client(server, "oauth1").get("orders", {"_fields": "id,total"})
    query = {name: values[0] for name, values in parse_qs(urlsplit(server.seen[0].target).query).items()}
    signature = query.pop("oauth_signature")
    assert auth.sign("GET", f"{server.origin}/wp-json/wc/v3/orders", list(query.items()), "cs_b") == signature


def test_the_index_is_read_without_keys() -> None:
    with serving(Canned(body=b'{"name":"Shop"}')) as server:
        client = _client(server, "query")
        assert client.index().record()["name"] == "Shop"
        client.index(plain=True)
    assert [urlsplit(seen.target).path for seen in server.seen] == ["/wp-json/", "/"]
    assert parse_qs(urlsplit(server.seen[1].target).query)["rest_route"] == ["/"]
    assert not any("ck_a" in seen.target or "authorization" in seen.headers for seen in server.seen)


def test_a_write_goes_out_as_json() -> None:
    with serving(Canned(201, body=b'{"id":5}')) as server:
        assert _client(server).post("webhooks", {"topic": "order.created"}).record()["id"] == 5
        _client(server).put("orders/1", {"status": "completed"})
        _client(server).delete("webhooks/5", {"force": True})
    assert server.seen[0].headers["content-type"] == "application/json"
    assert json.loads(server.seen[0].body) == {"topic": "order.created"}
    assert [seen.method for seen in server.seen] == ["POST", "PUT", "DELETE"]
    assert server.seen[2].target.endswith("?force=true")


def test_claims_about_totals_are_hints_and_may_be_missing() -> None:
    with serving(Canned(headers={"x-wp-total": "7", "X-WP-TotalPages": "many"})) as server:
        answer = _client(server).get("orders")
    assert (answer.total, answer.total_pages) == (7, None)
    assert answer.date.tzinfo is not None


def test_a_list_with_gaps_comes_as_an_object_and_is_read_as_a_list() -> None:
    with serving(Canned(body=b'{"0":{"id":1},"2":{"id":3}}')) as server:
        assert [row["id"] for row in _client(server).get("orders").rows()] == [1, 3]


@pytest.mark.parametrize("body", [b'{"id":1}', b"{}", b"[1,2]", b'"x"', b"7", b'{"code":"c","message":"m"}'])
def test_another_shape_than_a_list_is_a_bad_reply(body: bytes) -> None:
    with serving(Canned(body=body)) as server, pytest.raises(BadReply):
        _client(server).get("orders").rows()


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"code":"c","message":"m","data":{"status":403}}'])
def test_another_shape_than_a_record_is_a_bad_reply(body: bytes) -> None:
    with serving(Canned(body=body)) as server, pytest.raises(BadReply):
        _client(server).get("orders/1").record()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b'[{"id":1},{"id":',
        b'[{"id":1}',
        b"<html></html>",
        b"[" * 100_000,
        TOO_DEEP,
        b"\xef\xbb\xbf",
        b"oops\n",
    ],
)
def test_no_json_is_never_an_empty_page(body: bytes) -> None:
    with serving(Canned(body=body)) as server, pytest.raises(BadReply) as caught:
        _client(server).get("orders")
    assert caught.value.is_html is (body[:1] == b"<")


def test_a_truncated_record_is_not_mistaken_for_its_last_inner_object() -> None:
    for body in (b'{"id":1,"line_items":[{"id":2}', b'\n[{"id":1},\n{"id":2}', b'<br />\n{"id":1,"a":\n{"id":2}'):
        with serving(Canned(body=body)) as server:
            try:
                answer = _client(server).get("orders/1")
            except BadReply:
                continue
        pytest.fail(f"{body!r} was read as {answer.data!r}")


@pytest.mark.parametrize("header", ["gzip", "", "deflate"])
@pytest.mark.parametrize("packed", [True, False])
def test_packing_is_told_by_the_bytes_not_by_the_header(header: str, packed: bool) -> None:
    body = b'[{"id":1}]'
    headers = {"Content-Encoding": header} if header else {}
    with serving(Canned(headers=headers, body=gzip.compress(body) if packed else body)) as server:
        assert _client(server).get("orders").rows() == [{"id": 1}]


def test_a_packed_bomb_and_a_cut_pack_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_http, "MAX_BODY", 1_000_000)
    bomb, whole = gzip.compress(b" " * 3_000_000), gzip.compress(b"[" + b"1," * 1000 + b"1]")
    with serving(Canned(body=bomb)) as server, pytest.raises(BadReply, match="64 MiB"):
        _client(server).get("orders")
    with serving(Canned(body=whole[:-20])) as server, pytest.raises(Unavailable):
        _client(server).get("orders")
    with serving(Canned(body=b"\x1f\x8b" + b"x" * 50)) as server, pytest.raises(BadReply, match="unpacked"):
        _client(server).get("orders")
    with serving(Canned(body=b" " * 1_000_001)) as server, pytest.raises(BadReply, match="64 MiB"):
        _client(server).get("orders")


def test_characters_that_cannot_be_stored_are_read_and_taken_out() -> None:
    body = b'[{"id":1,"a":"x\\u0000y","b":"\\ud83d!","c":"caf\xe9","d":"a\tb","e":NaN,"f":"\\ud83d\\ude00"}]'
    with serving(Canned(body=body)) as server:
        row = _client(server).get("orders").rows()[0]
    assert row == {"id": 1, "a": "xy", "b": "!", "c": "caf\ufffd", "d": "a\tb", "e": None, "f": "😀"}


def test_a_get_is_tried_twice_when_its_connection_breaks_and_a_write_never_is() -> None:
    tries: dict[str, int] = {}

    def breaks_once(seen: Seen) -> Canned:
        tries[seen.method] = tries.get(seen.method, 0) + 1
        return Canned(body=b"[]") if tries[seen.method] > 1 else Canned(body=b"[", promised_length=50)

    with serving(breaks_once) as server:
        assert _client(server).get("orders").rows() == []
        for write in (_client(server).post, _client(server).put):
            with pytest.raises(Unavailable) as caught:
                write("orders/1", {})
            assert (caught.value.kind, caught.value.status) == ("reset", None)
    assert tries == {"GET": 2, "POST": 1, "PUT": 1}


def test_a_connection_is_used_again_and_by_several_threads() -> None:
    with serving(Canned()) as server:
        client = _client(server)
        for _ in range(5):
            client.get("orders")
        assert server.connections == 1

        def walk() -> None:
            for _ in range(5):
                client.get("orders")

        threads = [threading.Thread(target=walk) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.connections <= 4
        assert len(server.seen) == 25


def test_cookies_of_a_store_are_not_kept() -> None:
    with serving(Canned(headers={"Set-Cookie": "a=b; Path=/"})) as server:
        client = _client(server)
        client.get("orders")
        client.get("orders")
    assert "cookie" not in server.seen[1].headers


def test_keys_are_in_no_log_and_in_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    broken = Canned(headers={"Broken header\r\n without colon": "x"}, promised_length=99)
    with serving(broken) as server:
        client = _client(server, "query")
        client.get("orders")
    with pytest.raises(Unavailable) as caught:
        client.post("orders", {})
    assert "cs_b" not in caplog.text
    assert "cs_b" not in "".join(traceback.format_exception(caught.value))
