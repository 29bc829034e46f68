"""A connected store in an empty database, and the settings with which any process of ours works on it."""

from __future__ import annotations

import base64
import tempfile
from datetime import timedelta

from referins_woo import clock, config, process
from referins_woo.accounts.models import Account
from referins_woo.commerce.models import Location
from referins_woo.crypto import new_token
from referins_woo.process import Process
from referins_woo.stores.models import Store

HOOK_SECRET = "a secret of the benchmarks"
ELEMENTS = ["contacts", "orders", "transactions", "products", "collections"]


def environ(database_url: str, **more: str) -> dict[str, str]:
    """Return the settings of a process; `more` is added to them."""
    return {
        "DATABASE_URL": database_url,
        "SECRET_KEY": "a key for a benchmark, nothing else",
        "ENCRYPTION_KEYS": base64.urlsafe_b64encode(b"for a benchmark and nothing else").decode(),
        "REFERINS_ALLOW_PRIVATE_STORES": "1",
        "REFERINS_DATA": tempfile.gettempdir(),
        **more,
    }


def start(database_url: str, *, synchronous: str = "FULL") -> Process:
    """Make this process one of ours."""
    return process.start(config.load(environ(database_url)), synchronous=synchronous)


def connect(running: Process, port: int, connections: int = 4) -> Store:
    """Write an account with the store on `port`, connected an hour ago; returns it."""
    hour_ago = clock.now() - timedelta(hours=1)
    with running.database.unit() as session:
        account = Account(name="Bench")
        session.add(account)
        session.flush()
        location = Location(account_id=account.id, name="Main")
        session.add(location)
        session.flush()
        store = Store(
            account_id=account.id,
            location_id=location.id,
            url=f"http://127.0.0.1:{port}",
            hook_token=new_token(),
            hook_secret_locked=running.vault.lock(HOOK_SECRET),
            key_locked=running.vault.lock("ck_bench"),
            secret_locked=running.vault.lock("cs_bench"),
            auth_mode="oauth1",
            state="connected",
            currency="EUR",
            connected_at=hour_ago,
            live_since=hour_ago,
            connections=connections,
            import_elements=ELEMENTS,
        )
        session.add(store)
        session.flush()
    return store
