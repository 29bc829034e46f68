"""The connection to a store: its states, how they may follow each other, and the causes of trouble in words.

Pure. The names are those that merchants' scripts and the API read; the words are shown by pages and mails alike, so
that a mail and the page behind its link never disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

State = Literal["connecting", "connected", "needs_reconnect", "mapping_needed", "disconnected"]

STATE_WORDS: Final[dict[str, str]] = {
    "connecting": "Connecting",
    "connected": "Connected",
    "needs_reconnect": "Needs reconnection",
    "mapping_needed": "Needs a location",
    "disconnected": "Disconnected",
}

_MAY_BECOME: Final[dict[str, frozenset[str]]] = {
    "connecting": frozenset({"connected", "mapping_needed", "disconnected"}),
    "connected": frozenset({"needs_reconnect", "mapping_needed", "disconnected"}),
    "mapping_needed": frozenset({"connected", "needs_reconnect", "disconnected"}),
    "needs_reconnect": frozenset({"connected", "mapping_needed", "disconnected"}),
    "disconnected": frozenset({"connected", "mapping_needed"}),
}

LIVE_STATES: Final = ("connected", "mapping_needed")
"""The store accepts our keys. In `mapping_needed` it is read, but makes no orders yet (L2)."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a store is in trouble: a title, a sentence on what happened, and what mends it, step by step."""

    key: str
    title: str
    sentence: str
    steps: tuple[str, ...]
    mends_itself: bool = False
    """The keys may still be good: once the store is mended, trying them again is enough."""
    admin: tuple[str, str] = ("", "")
    """Where in WordPress the mending is done: the menu's words, and the path below the store's address."""


_KEYS_PAGE = (
    "WooCommerce > Settings > Advanced > REST API",
    "/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys",
)
_PLUGINS_PAGE = ("Plugins", "/wp-admin/plugins.php")
_CONNECT_ANEW = "Reconnect the store: approve access in WooCommerce, or type in a new pair of keys."

CAUSES: Final[dict[str, Cause]] = {
    cause.key: cause
    for cause in (
        Cause("ok", "All is well", "The store answers and accepts our keys.", ()),
        Cause(
            "key_revoked",
            "The keys were revoked",
            "The store answers, but no longer accepts the keys that it once gave us.",
            (
                "In WordPress, open WooCommerce > Settings > Advanced > REST API: is the key still there?",
                "If it is, the host may have begun to drop the Authorization header, or WordPress no longer sees that "
                "it is asked over https: ask the host, then press Test again.",
                _CONNECT_ANEW,
            ),
            admin=_KEYS_PAGE,
        ),
        Cause(
            "key_rights",
            "The key's user lost the rights",
            "The keys are valid, but the WordPress user whom they belong to may no longer read what we need.",
            (
                "In WordPress, open Users and give that user the role Shop manager or Administrator,",
                "or reconnect the store as a user who has one of these roles.",
            ),
            mends_itself=True,
            admin=("Users", "/wp-admin/users.php"),
        ),
        Cause(
            "read_only_key",
            "The key may only read",
            "The store refused a change: the key has the permission Read. Reading goes on, changes are held.",
            (
                "In WordPress, open WooCommerce > Settings > Advanced > REST API, edit the key and choose Read/Write,",
                "or reconnect the store and approve read and write access.",
            ),
            mends_itself=True,
            admin=_KEYS_PAGE,
        ),
        Cause(
            "write_only_key",
            "The key may only write",
            "The store refuses to be read: the key has the permission Write.",
            (
                "In WordPress, open WooCommerce > Settings > Advanced > REST API, edit the key and choose Read/Write,",
                "or reconnect the store and approve read and write access.",
            ),
            mends_itself=True,
            admin=_KEYS_PAGE,
        ),
        Cause(
            "blocked",
            "A firewall is in the way",
            "Something in front of the store (a firewall or bot protection) turns our requests away with a page of "
            "its own. The keys may still be good.",
            (
                "In the firewall (Cloudflare, Sucuri, Wordfence, or the host's own) allow requests to /wp-json/wc/v3/ "
                "whose User-Agent begins with Referins/.",
                "Then press Test again.",
            ),
            mends_itself=True,
        ),
        Cause(
            "plain_permalinks",
            "Permalinks are set to Plain",
            "WordPress is set to plain permalinks. WooCommerce's keys do not work then.",
            (
                "In WordPress, open Settings > Permalinks, choose Post name (anything but Plain) and save.",
                "Then press Test again.",
            ),
            mends_itself=True,
            admin=("Settings > Permalinks", "/wp-admin/options-permalink.php"),
        ),
        Cause(
            "plugin_off",
            "WooCommerce is switched off",
            "WordPress answers, but WooCommerce's interface is gone: the plugin is deactivated or was removed.",
            ("In WordPress, open Plugins and activate WooCommerce.", "Then press Test again."),
            mends_itself=True,
            admin=_PLUGINS_PAGE,
        ),
        Cause(
            "rest_closed",
            "The REST API is closed",
            "A plugin of the store lets nobody use its REST API, not even with keys.",
            (
                "In the security plugin, switch off “Disable REST API”, or allow /wp-json/wc/v3/.",
                "Then press Test again.",
            ),
            mends_itself=True,
            admin=_PLUGINS_PAGE,
        ),
        Cause(
            "moved",
            "The store is not at this address any more",
            "At the store's address there is no WordPress with a REST API any more, or another store.",
            (
                "Open the store's address in a browser: has it moved, or is another site there now?",
                "If it has moved, sign in and give its new address on the store's page: that it is the same store is "
                "seen from its identity, and nothing doubles.",
            ),
            mends_itself=True,
        ),
        Cause(
            "unreachable",
            "The store does not answer",
            "The store has not answered for more than a day. We keep trying, less and less often.",
            (
                "Open the store in a browser. If it does not open either, ask its host.",
                "Nothing needs to be done here: work goes on as soon as it answers.",
            ),
            mends_itself=True,
        ),
    )
}


def may_become(state: str, new: str) -> bool:
    """Whether a store in `state` may go over to `new`."""
    return new in _MAY_BECOME.get(state, frozenset())


def state_with_keys(location_id: int | None) -> State:
    """Return the state of a store whose keys were just accepted (C11)."""
    return "connected" if location_id is not None else "mapping_needed"


def can_read(state: str, cause: str) -> bool:
    """Whether jobs may read from the store. With a read-only key reading goes on (C15)."""
    return state in LIVE_STATES or (state == "needs_reconnect" and cause == "read_only_key")


def needs_location(state: str, location_id: int | None) -> bool:
    """Whether the store's orders have no place to go, so that none is made (L2)."""
    return state == "mapping_needed" or (state == "needs_reconnect" and location_id is None)


def can_write(state: str) -> bool:
    """Whether jobs may change something in the store."""
    return state in LIVE_STATES


def words_for(cause: str) -> Cause:
    """Return the words for `cause`; an unknown one (written by a newer version) gets its bare name."""
    return CAUSES.get(cause) or Cause(cause, cause.replace("_", " ").capitalize(), "The connection has a fault.", ())
