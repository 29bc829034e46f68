"""What may be wrong with a store's address, at more length than a form has room for: one entry for each problem.

`preflight` names the key; the page of help shows all of them, and each problem links to its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from referins_woo.stores.connection import CAUSES


@dataclass(frozen=True, slots=True)
class Help:
    """One problem: what it means, and what mends it, step by step."""

    key: str
    title: str
    meaning: str
    steps: tuple[str, ...]


def _of_cause(key: str) -> Help:
    cause = CAUSES[key]
    return Help(key, cause.title, cause.sentence, tuple(step for step in cause.steps if "Test again" not in step))


_ASK_THE_HOST: Final = "Ask the company that hosts the store: they see in their logs what happened to our request."

HELP: Final[dict[str, Help]] = {
    each.key: each
    for each in (
        Help(
            "url",
            "The address cannot be read",
            "We need the address under which customers see your shop, and nothing else.",
            (
                "Open your shop in a browser and copy the address of its home page, like https://yourstore.com.",
                "Leave out user names, passwords and ports, unless your shop really uses one.",
            ),
        ),
        Help(
            "dns",
            "No host of this name",
            "The internet's directory of names knows no host of this name.",
            (
                "Check the spelling, and the ending: .com, .shop, .co.uk.",
                "Was the domain registered or moved today? It may take a few hours until all of the internet knows.",
            ),
        ),
        Help(
            "refused",
            "The connection is refused",
            "There is a host of this name, but no web server takes calls at this address.",
            ("Does the shop open in a browser? If not, the site is down.", _ASK_THE_HOST),
        ),
        Help(
            "timeout",
            "No answer in time",
            "The store did not answer within ten seconds.",
            (
                "Try again: a shop that nobody visited for a while can be slow at first.",
                "Open yourstore.com/wp-json/ in a browser. If that takes long too, a plugin or the host is slow.",
                _ASK_THE_HOST,
            ),
        ),
        Help(
            "tls",
            "No secure connection",
            "The certificate of the store has run out, was made for another name, or is not trusted. We never connect "
            "without a valid one: your customers' data would travel in the open.",
            (
                "Open the shop in a browser: does it warn of the connection?",
                "Ask the store's host to renew the certificate, with all its intermediate certificates.",
            ),
        ),
        Help(
            "reset",
            "The connection breaks off",
            "The store took our call and hung up before it had answered.",
            (
                "Try again in a minute.",
                "A firewall may cut the connection: allow the User-Agent Referins.",
                _ASK_THE_HOST,
            ),
        ),
        Help(
            "private_address",
            "A private address",
            "The name leads to an address inside a private network. From the internet nobody can reach it, and for "
            "safety we never call such addresses.",
            (
                "Is this the address of a copy on your own computer? Use that of the public shop.",
                "Whoever runs Referins themselves may allow it: REFERINS_ALLOW_PRIVATE_STORES in the settings.",
            ),
        ),
        Help("bad_url", "Not an address", "This cannot be called as an address.", ("Copy it from your browser.",)),
        Help(
            "not_wordpress",
            "No WordPress here",
            "The site answers, but WordPress's REST API (/wp-json/) is not there.",
            (
                "Is WordPress in a folder, like yourstore.com/shop? Then give that address.",
                "Does a security plugin hide or rename /wp-json/? Allow it.",
            ),
        ),
        Help(
            "html",
            "A web page instead of data",
            "The site shows a page where WordPress would answer with data.",
            (
                "Is a “coming soon” or maintenance plugin on? Let requests to /wp-json/ through.",
                "Is your shop built with WooCommerce? Other shop systems cannot be connected.",
            ),
        ),
        Help(
            "not_json",
            "The answer cannot be read",
            "WordPress answers, but what it sends is cut short or mixed with other text.",
            ("Switch off the output of PHP errors (WP_DEBUG_DISPLAY).", _ASK_THE_HOST),
        ),
        Help(
            "moved",
            "The site has moved",
            "The address leads on to another one. Keys are never sent along: connect the address it leads to.",
            ("Open the shop in a browser and copy the address that it ends at.",),
        ),
        Help(
            "down",
            "The site is down",
            "The store answers with an error of its own, or is in maintenance.",
            ("Wait for the maintenance to end, then try again.", _ASK_THE_HOST),
        ),
        Help(
            "closed",
            "The store does not let us look",
            "The store answered, but refuses to show its REST API.",
            ("Does a plugin close the REST API? Allow /wp-json/wc/v3/.", _ASK_THE_HOST),
        ),
        _of_cause("plugin_off"),
        _of_cause("plain_permalinks"),
        _of_cause("blocked"),
        Help(
            "already_connected",
            "Connected already",
            "This store is one of your account's. Its settings can be changed, and it can be imported again, on its "
            "own page.",
            ("Open Settings > Integrations > WooCommerce and choose the store.",),
        ),
    )
}
