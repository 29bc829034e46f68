"""Tries a pair of keys before it is kept (C6): may it read and write, whose shop is it, and what is the time there?

Nothing is changed in the store. Whether a key may write is seen from a PUT to an order that cannot exist: a read key is
refused (401), one that may write only learns that there is no such order (400).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from referins_woo.errors import InvalidInput, RetryLater
from referins_woo.process import Process
from referins_woo.stores import confirm, settings
from referins_woo.stores.connection import words_for
from referins_woo.stores.door import ClientProbes, reach, try_write
from referins_woo.woo.auth import AuthMode
from referins_woo.woo.errors import Unauthorized, WooError

_FUTURE_PAGES: Final = 20
"""Pages of 100 ids: a shop with more orders dated in the future than these has an impossible clock."""

SENTENCES: Final[dict[str, str]] = {
    "key_revoked": "The store does not accept these keys. Check that both were copied whole, and that the key was not "
    "revoked in WooCommerce > Settings > Advanced > REST API.",
    "key_rights": "The keys are valid, but their WordPress user may not manage the shop. Make the key for a user with "
    "the role Administrator or Shop manager.",
    "read_only_key": "This key may only read. In WooCommerce > Settings > Advanced > REST API give it the permission "
    "Read/Write.",
    "write_only_key": "This key may only write. In WooCommerce > Settings > Advanced > REST API give it the permission "
    "Read/Write.",
}


class KeysRefused(InvalidInput):
    """The store does not take these keys for what we need; `cause` is one of `stores.connection`."""

    def __init__(self, cause: str, detail: str = "") -> None:
        words = words_for(cause)
        super().__init__("key", SENTENCES.get(cause) or " ".join((words.sentence, *words.steps[:1])))
        self.cause, self.detail = cause, detail


@dataclass(frozen=True, slots=True)
class Probe:
    """What trying a pair of keys showed. `date` is T0: the store's clock at the first answer that the keys passed."""

    url: str
    key: str
    secret: str
    auth_mode: AuthMode
    facts: settings.StoreFacts
    date: datetime
    skew_seconds: int
    history_order_ids: tuple[int, ...]
    """Orders that the store already had, dated in its future: they are history too (triggers.md)."""


def try_keys(process: Process, url: str, key: str, secret: str) -> Probe:
    """Try keys at `url`. Raises InvalidInput (KeysRefused) with a sentence for each kind of refusal, and RetryLater
    where the store is in trouble of its own.
    """
    key, secret = _typed(key, secret)
    probes = ClientProbes(reach(process.config, url, key, secret, _first_mode(url)))
    finding = confirm.examine(probes)
    if finding.kind == "lost":
        raise KeysRefused(finding.cause, finding.detail)
    if finding.kind == "falters" or probes.passed_at is None:
        raise RetryLater(f"The store does not answer as it should: {finding.error} Try again in a minute.")
    client = reach(process.config, url, key, secret, finding.mode)
    try:
        later = _orders_after(client, probes.passed_at)
        _must_write(client)
        facts = settings.read(client)
    except Unauthorized as error:
        raise KeysRefused("blocked" if error.firewall else "key_rights", str(error)) from error
    except WooError as error:
        raise RetryLater(f"The store does not answer as it should: {error} Try again in a minute.") from error
    return Probe(url, key, secret, finding.mode, facts, probes.passed_at, probes.skew_seconds, later)


def _typed(key: str, secret: str) -> tuple[str, str]:
    # A space behind the secret is not forgiven (62).
    key, secret = key.strip(), secret.strip()
    if not key:
        raise InvalidInput("key", "Type in the consumer key: it begins with ck_.")
    if not secret:
        raise InvalidInput("secret", "Type in the consumer secret: it begins with cs_.")
    if key.startswith("cs_") and secret.startswith("ck_"):
        raise InvalidInput("key", "Key and secret are swapped: the key begins with ck_, the secret with cs_.")
    if any(not (33 <= ord(each) <= 126) for each in key + secret):
        raise InvalidInput("key", "The keys hold a character that no key has: copy them again.")
    return key, secret


def _first_mode(url: str) -> AuthMode:
    return "basic" if url.startswith("https://") else "oauth1"


def _must_write(client: Any) -> None:
    try:
        try_write(client)
    except Unauthorized as error:
        if error.firewall:
            raise
        raise KeysRefused("read_only_key" if error.status == 401 else "key_rights", str(error)) from error


def _orders_after(client: Any, moment: datetime) -> tuple[int, ...]:
    """Return the ids of the orders dated after the answer that shows them; one placed this very moment is not."""
    found: list[int] = []
    asked = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    for page in range(_FUTURE_PAGES):
        params = {"after": asked, "dates_are_gmt": True, "orderby": "id", "order": "asc", "per_page": 100}
        answer = client.get("orders", params | {"offset": page * 100 or None, "_fields": "id,date_created_gmt"})
        rows = answer.rows()
        found += [row["id"] for row in rows if _gmt(row.get("date_created_gmt")) > answer.date]
        if len(rows) < 100:
            break
    return tuple(found)


def _gmt(text: object) -> datetime:
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
