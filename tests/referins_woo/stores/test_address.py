"""What people type as their store's address, and what becomes of it (C2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from referins_woo.config import Config
from referins_woo.errors import InvalidInput
from referins_woo.stores import links
from referins_woo.stores.address import normalise_url
from referins_woo.stores.connection import CAUSES, STATE_WORDS, may_become, state_with_keys


@pytest.fixture
def backend() -> str:
    return "sqlite"


@pytest.fixture
def public(config: Config) -> Config:
    """Settings of a server on the internet: no private stores."""
    return replace(config, allow_any_private_store=False, public_url="https://app.referins.example.com")


@pytest.mark.parametrize(
    ("typed", "url", "note"),
    [
        ("https://yourstore.com", "https://yourstore.com", ""),
        ("https://yourstore.com/", "https://yourstore.com", "slash at the end"),
        ("yourstore.com", "https://yourstore.com", "https:// in front"),
        ("  YourStore.COM  ", "https://yourstore.com", "small letters"),
        ("HTTPS://YourStore.com/Shop/", "https://yourstore.com/Shop", "small letters"),
        ("https://yourstore.com/shop//", "https://yourstore.com/shop", "slash at the end"),
        ("https://yourstore.com/wp-admin/index.php", "https://yourstore.com", "WordPress itself"),
        ("https://yourstore.com/shop/wp-json/wc/v3", "https://yourstore.com/shop", "WordPress itself"),
        ("https://yourstore.com/?utm=1#top", "https://yourstore.com", "after ? or #"),
        ("https://yourstore.com:443", "https://yourstore.com", ""),
        ("https://yourstore.com:8443/shop", "https://yourstore.com:8443/shop", ""),
        ("http://yourstore.com", "http://yourstore.com", ""),
        ("yourstore.com:8080", "https://yourstore.com:8080", "https:// in front"),
        ("https://müller-läden.de", "https://xn--mller-lden-v5a1n.de", ""),
        ("https://8.8.8.8", "https://8.8.8.8", ""),
    ],
)
def test_an_address_is_brought_into_one_form_and_the_change_is_said(
    public: Config, typed: str, url: str, note: str
) -> None:
    found = normalise_url(typed, public)
    if "müller" in typed:
        assert found.url.startswith("https://xn--")
    else:
        assert found.url == url
    assert note in " ".join(found.notes)
    assert normalise_url(found.url, public).notes == (), "what we made needs no change"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Type in the address"),
        ("https://", "no host name"),
        ("ftp://yourstore.com", "begins with ftp://"),
        ("file:///etc/passwd", "begins with file://"),
        ("javascript:alert(1)", "must begin with https://"),
        ("https://user:pass@yourstore.com", "user name or password"),
        ("https://yourstore.com@evil.com", "user name or password"),
        ("https://yourstore.com\\@evil.com", "no address has"),
        ("https://your store.com", "a space"),
        ("https://yourstore.com/<script>", "no address has"),
        ("https://yourstore.com:22", "Port 22"),
        ("https://yourstore.com:6379", "Port 6379"),
        ("https://yourstore.com:99999", "check the name and the port"),
        ("https://yourstore.com/../x", "/../"),
        ("https://localhost", "private network"),
        ("http://127.0.0.1:8090", "private network"),
        ("https://10.1.2.3", "private network"),
        ("https://192.168.1.1", "private network"),
        ("https://169.254.169.254", "private network"),
        ("https://[::1]", "private network"),
        ("https://[::ffff:10.0.0.1]", "private network"),
        ("https://shop", "no ending like .com"),
        ("https://shop.local", "private network"),
        ("https://2130706433", "Numbers alone"),
        ("https://0x7f.1", "Numbers alone"),
        ("https://-.com", "not a name that a host can have"),
        ("https://a" + "b" * 600 + ".com", "too long"),
    ],
)
def test_row_37_what_cannot_be_used_gets_its_own_sentence(public: Config, typed: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        normalise_url(typed, public)
    assert caught.value.field == "url"
    assert sentence in caught.value.message


def test_only_the_allowed_origin_may_be_private(public: Config) -> None:
    practice = replace(public, allowed_store_origins=("http://127.0.0.1:8090",))
    assert normalise_url("http://127.0.0.1:8090/", practice).url == "http://127.0.0.1:8090"
    for other in ("http://127.0.0.1:8091", "http://127.0.0.1", "http://localhost:8090"):
        with pytest.raises(InvalidInput):
            normalise_url(other, practice)


@pytest.mark.parametrize(
    ("ours", "store", "reached"),
    [
        ("https://app.example.com", "https://yourstore.com", True),
        ("http://app.example.com", "https://yourstore.com", False),
        ("http://127.0.0.1:8080", "https://yourstore.com", False),
        ("https://192.168.1.5", "https://yourstore.com", False),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8090", True),
        ("http://127.0.0.1:8080", "http://192.168.1.5", False),
        ("http://192.168.1.5", "http://127.0.0.1:8090", True),
        ("https://app.example.com", "http://127.0.0.1:8090", True),
        ("http://localhost:8080", "https://store.localhost:8443", True),
    ],
)
def test_who_can_reach_whom(public: Config, ours: str, store: str, reached: bool) -> None:
    assert links.reaches_us(replace(public, public_url=ours), store) is reached


def test_every_cause_of_the_interface_has_words_and_steps() -> None:
    refused = ["key_revoked", "key_rights", "read_only_key", "write_only_key", "rest_closed", "blocked"]
    keys = ["ok", "unreachable", "plain_permalinks", "plugin_off", "moved", *refused]
    assert sorted(CAUSES) == sorted(keys)
    for cause in CAUSES.values():
        assert cause.sentence.endswith(".")
        assert cause.steps or cause.key == "ok"


def test_states_follow_each_other_as_the_table_says() -> None:
    assert sorted(STATE_WORDS) == ["connected", "connecting", "disconnected", "mapping_needed", "needs_reconnect"]
    assert may_become("connected", "needs_reconnect")
    assert may_become("mapping_needed", "needs_reconnect")
    assert not may_become("disconnected", "needs_reconnect")
    assert not may_become("connecting", "needs_reconnect")
    assert (state_with_keys(7), state_with_keys(None)) == ("connected", "mapping_needed")
