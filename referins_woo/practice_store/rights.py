"""API keys and what their users may do."""

from __future__ import annotations

import secrets
from hmac import compare_digest

from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

MANAGERS = ("administrator", "shop_manager")
PERMISSIONS = ("read", "write", "read_write")


def may_manage(shop: Shop, user_id: int) -> bool:
    """Whether a user may manage the shop; a shop manager may do all that was tried (fact 64)."""
    user = shop.get("customer", user_id)
    return user is not None and any(role in MANAGERS for role in user["roles"])


def ready_key(shop: Shop) -> Json:
    """Return the read/write key pair for typing in; the same for one data folder until it is revoked."""
    with shop.lock:
        number = int(shop.overlay.fact_or("ready key", 1))
        known = shop.get("key", number)
        if known is not None:
            return known
        number = shop.new_id("key")
        purpose = "" if number == 1 else f" {number}"
        key, secret = f"ck_{shop.derived(f'consumer key{purpose}')}", f"cs_{shop.derived(f'consumer secret{purpose}')}"
        doc = {"id": number, "user_id": 1, "key": key, "secret": secret}
        doc |= {"permissions": "read_write", "description": "Ready-made key"}
        shop.save("key", doc)
        shop.overlay.set_fact("ready key", number)
        return doc


def new_key(shop: Shop, user_id: int, permissions: str, description: str) -> Json:
    """Make and keep a key pair."""
    with shop.lock:
        doc = {
            "id": shop.new_id("key"),
            "user_id": user_id,
            "key": f"ck_{secrets.token_hex(20)}",
            "secret": f"cs_{secrets.token_hex(20)}",
            "permissions": permissions,
            "description": description,
        }
        shop.save("key", doc)
        return doc


def find_key(shop: Shop, consumer_key: str) -> Json | None:
    """Return the key pair by its consumer key, or None."""
    for doc in shop.changed("key").values():
        if doc is not None and compare_digest(doc["key"], consumer_key):
            return doc
    return None


def revoke(shop: Shop, key_id: int) -> None:
    """Take a key back: from now on it is unknown."""
    shop.remove("key", key_id)


def set_permissions(shop: Shop, key_id: int, permissions: str) -> None:
    """Change what a key may do."""
    with shop.lock:
        doc = shop.get("key", key_id)
        if doc is not None:
            shop.save("key", {**doc, "permissions": permissions})
