"""What is found at an address before anybody leaves for it; each fault has its own sentence (C2, C12, C14)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from referins_woo.process import Process
from referins_woo.safe_http import Reply
from referins_woo.stores.preflight import preflight
from tests.referins_woo.stores.conftest import SHOP, Call, RecordedShop, raising, reply

PAGE = "<!doctype html><html><body>Hello</body></html>"


@pytest.fixture
def public(ready: Process) -> Process:
    return Process(
        replace(ready.config, allow_any_private_store=False, public_url="https://app.example.com"),
        ready.database,
        ready.vault,
    )


def test_a_woocommerce_store_is_recognised(shop: RecordedShop, public: Process) -> None:
    found = preflight(public, SHOP)
    assert found.ok
    assert (found.url, found.name, found.permission_page) == (SHOP, "Larkspur Outfitters", True)
    assert not any("Authorization" in call.headers for call in shop.calls), "no keys leave yet"


@pytest.mark.parametrize(
    ("answer", "key", "words"),
    [
        (raising("dns"), "dns", "check the spelling"),
        (raising("refused"), "refused", "refuses the connection"),
        (raising("timeout"), "timeout", "in time"),
        (raising("tls"), "tls", "certificate"),
        (raising("private_address"), "private_address", "private network"),
        (lambda call: reply(200, PAGE), "html", "web page"),
        (lambda call: reply(200, ""), "not_json", "nothing"),
        (lambda call: reply(200, {"hello": 1}), "not_wordpress", "no WordPress"),
        (lambda call: reply(404, PAGE), "not_wordpress", "no WordPress"),
        (lambda call: reply(503, {"code": "wp_die", "message": "x"}), "down", "(503)"),
        (lambda call: reply(403, PAGE, {"cf-mitigated": "challenge"}), "blocked", "firewall"),
        (lambda call: reply(301, "", {"Location": "https://other.example/wp-json/"}), "moved", "other.example"),
    ],
)
def test_every_fault_has_its_own_sentence(
    shop: RecordedShop, public: Process, answer: Callable[[Call], Reply], key: str, words: str
) -> None:
    shop.does("GET", "/wp-json/", answer)
    shop.does("GET", "/?rest_route=/", lambda call: reply(200, PAGE))
    found = preflight(public, "https://yourstore.com")
    assert found.problem is not None
    assert found.problem.key == key
    assert words in found.problem.sentence
    assert found.url == "https://yourstore.com", "the value is kept"


def test_a_wordpress_without_woocommerce_is_named(shop: RecordedShop, public: Process) -> None:
    shop.plays("GET", "/wp-json/", "site-states/woocommerce-deactivated-wp-json-index")
    found = preflight(public, "https://yourstore.com")
    assert found.problem is not None
    assert found.problem.key == "plugin_off"
    assert "activate WooCommerce" in " ".join(found.problem.steps)


@pytest.mark.parametrize("index", ["site-states/plain-permalinks-wp-json-index", "errors/wp-json-misspelt-html-404"])
def test_plain_permalinks_are_named_with_the_step_that_mends_them(
    shop: RecordedShop, public: Process, index: str
) -> None:
    shop.plays("GET", "/wp-json/", index)
    shop.plays("GET", "/?rest_route=/", "site-states/plain-permalinks-rest-route-index")
    found = preflight(public, "https://yourstore.com")
    assert found.problem is not None
    assert found.problem.key == "plain_permalinks"
    assert "Settings > Permalinks" in found.problem.steps[0]


def test_a_rest_api_closed_to_visitors_is_no_obstacle(shop: RecordedShop, public: Process) -> None:
    shop.plays("GET", "/wp-json/", "site-states/rest-closed-by-plugin-wp-json-index")
    found = preflight(public, "https://yourstore.com")
    assert found.ok
    assert "closed to visitors" in found.notes[0]


def test_warnings_and_marks_in_front_of_the_json_do_not_hide_the_store(shop: RecordedShop, public: Process) -> None:
    for name in ("php-warning-printed-before-json-wp-json-index", "bom-before-json-wp-json-index"):
        shop.plays("GET", "/wp-json/", f"site-states/{name}")
        assert preflight(public, "https://yourstore.com").ok


def test_a_path_is_kept_where_it_answers_and_dropped_aloud_where_not(shop: RecordedShop, public: Process) -> None:
    shop.plays("GET", "/shop/wp-json/", "settings/wp-root-index")
    assert preflight(public, "https://yourstore.com/shop").url == "https://yourstore.com/shop"
    shop.does("GET", "/shop/wp-json/", lambda call: reply(404, PAGE))
    shop.does("GET", "/shop/?rest_route=/", lambda call: reply(404, PAGE))
    found = preflight(public, "https://yourstore.com/shop")
    assert (found.ok, found.url) == (True, "https://yourstore.com")
    assert "/shop" in found.notes[0]


def test_a_www_redirect_of_the_same_site_is_taken_over_and_said(shop: RecordedShop, public: Process) -> None:
    index = shop.recorded("settings/wp-root-index")
    onward = reply(301, "", {"Location": "https://www.yourstore.com/wp-json/"})
    shop.does("GET", "/wp-json/", lambda call: index if "//www." in call.url else onward)
    found = preflight(public, "https://yourstore.com")
    assert (found.ok, found.url) == (True, "https://www.yourstore.com")
    assert "www.yourstore.com" in found.notes[0]


def test_http_is_upgraded_and_kept_only_where_private_stores_are_allowed(
    shop: RecordedShop, public: Process, ready: Process
) -> None:
    assert preflight(public, "http://yourstore.com").url == "https://yourstore.com"
    index = shop.recorded("settings/wp-root-index")

    def plain_only(call: Call) -> Reply:
        return index if call.url.startswith("http://") else raising("tls")(call)

    shop.does("GET", "/wp-json/", plain_only)
    refused = preflight(public, "http://yourstore.com")
    assert refused.problem is not None
    assert refused.problem.key == "tls"
    found = preflight(ready, "http://127.0.0.1:8090")
    assert (found.ok, found.url, found.permission_page) == (True, "http://127.0.0.1:8090", True)


def test_where_woocommerce_cannot_reach_us_the_permission_page_is_not_offered(
    shop: RecordedShop, ready: Process
) -> None:
    found = preflight(ready, "https://yourstore.com")  # PUBLIC_URL is http on the loopback
    assert found.ok
    assert not found.permission_page
    assert "Type the keys in" in found.no_permission_page


def test_a_store_connected_already_is_recognised_by_its_address(
    shop: RecordedShop, public: Process, store_id: int, account_id: int
) -> None:
    found = preflight(public, SHOP, account_id=account_id)
    assert found.problem is not None
    assert found.problem.key == "already_connected"
    assert preflight(public, SHOP, account_id=account_id + 1).ok, "another account's stores are unknown to us"
