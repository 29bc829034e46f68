"""Fixtures of the practice store's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from referins_woo.practice_store import PracticeStore, StoreOptions
from tests.referins_woo.practice_store.receiver import Receiver


@pytest.fixture
def shop() -> Iterator[PracticeStore]:
    """A shop of 100 orders over https that delivers when told."""
    with PracticeStore(StoreOptions(tls=True, webhook_delay=None)) as running:
        yield running


@pytest.fixture
def api(shop: PracticeStore) -> requests.Session:
    """A client of its REST API with a read/write key: paths are given whole."""
    session = requests.Session()
    session.trust_env = False
    session.verify = str(shop.ca_file)
    session.auth = (shop.consumer_key, shop.consumer_secret)
    return session


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody who takes webhooks."""
    made = Receiver()
    yield made
    made.stop()
