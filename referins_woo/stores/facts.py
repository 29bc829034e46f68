"""What a store says about itself is asked anew every night: its currency, its zone, and whether it is still the same.

A copy of the site, or another site at its address, must not touch the live connection (C13): the first is shown with a
question, the second is the end of the connection.
"""

from __future__ import annotations

from typing import Final

from referins_woo import clock
from referins_woo.errors import InvalidInput, StoreMustReconnect
from referins_woo.process import Process
from referins_woo.stores import connect, connection, reconnect, settings
from referins_woo.stores.door import Door
from referins_woo.stores.models import Store, StoreLog

MOVED: Final = "moved"
COPY: Final = "copy"


def refresh(process: Process, door: Door) -> None:
    """Read the store's facts and write down what has changed. Raises what the door raises.

    Raises StoreMustReconnect where another store answers at this address.
    """
    found = door.facts()
    now = clock.now()
    with process.database.unit() as session:
        store = session.get_one(Store, door.store.id, with_for_update=True)
        if store.identity and found.identity and not settings.same_identity(store.identity, found.identity):
            detail = f"Another store answers at this address: {found.name or found.home_url}"
            reconnect.lose(session, process.config, store.id, MOVED, detail, now)
            raise_after = StoreMustReconnect(connection.words_for(MOVED).sentence, MOVED)
        else:
            raise_after = None
            home = store.home_url
            if home and found.home_url and found.home_url.lower() != home.lower():
                _note_other_site(store, found.home_url)
            connect.take_facts(store, found)
            store.home_url, store.facts_at = home or found.home_url[:500], now
    if raise_after is not None:
        raise raise_after


def _note_other_site(store: Store, site: str) -> None:
    if site != store.known_copy:
        store.other_site, store.other_site_at = site[:500], clock.now()


def settle_other_site(store: Store, choice: str) -> str:
    """Somebody says what the other site is: the store itself, which has moved, or a copy of it. Returns its address.

    Raises InvalidInput. What it sent meanwhile is for the caller to take in.
    """
    site = store.other_site.rstrip("/")
    if not site or choice not in (MOVED, COPY):
        raise InvalidInput("choice", "Say whether the store has moved there, or whether that site is a copy.")
    if choice == MOVED:
        store.home_url = site
        text = f"The store is now at {site}."
    else:
        store.known_copy = store.other_site
        text = f"{site} is a copy: what it sends is ignored."
    store.other_site, store.other_site_at = "", None
    return text


def log_of(store: Store, text: str) -> StoreLog:
    """Return the entry of the store's log that says so."""
    return StoreLog(account_id=store.account_id, store_id=store.id, at=clock.now(), kind="other_site", text=text)
