"""How many rows a store is asked for at once: fewer where it cannot give more, and more again after a while.

A shop that ran out of memory last night may be well today. So a larger page is tried again, carefully (what fails is
read in pieces, nothing is lost), first after minutes, and ever more seldom where it keeps failing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.ingest.piecewise import SIZES
from referins_woo.stores.models import Store

LARGEST: Final = 100
SMALLEST: Final = 10
FIRST_PAUSE: Final = timedelta(minutes=5)
LONGEST_PAUSE: Final = timedelta(days=1)


def pause(shrinks: int) -> timedelta:
    """Return how long a size is kept that was found the `shrinks`-th time in a row."""
    return min(FIRST_PAUSE * 2.0 ** min(max(shrinks - 1, 0), 12), LONGEST_PAUSE)


def larger(size: int) -> int:
    """Return the next larger size."""
    return min((each for each in (LARGEST, *SIZES) if each > size), default=LARGEST)


def shrink(session: Session, store_id: int, size: int) -> None:
    """Note that the store gives `size` rows at once and not more."""
    store = session.get_one(Store, store_id, with_for_update=True, populate_existing=True)
    store.page_size = max(size, SMALLEST)
    store.page_shrinks += 1
    store.page_grows_at = clock.now() + pause(store.page_shrinks)


def grow(session: Session, store_id: int, now: datetime) -> bool:
    """Ask the store for larger pages again, if it is time; returns whether they are being tried now."""
    store = session.get_one(Store, store_id, with_for_update=True, populate_existing=True)
    if store.page_size >= LARGEST or store.page_grows_at is None or store.page_grows_at > now:
        return False
    store.page_size = larger(store.page_size)
    store.page_grows_at = now + FIRST_PAUSE
    if store.page_size == LARGEST:
        store.page_shrinks = max(0, store.page_shrinks - 1)  # as long as it fails soon again, it is tried more seldom
    return True
