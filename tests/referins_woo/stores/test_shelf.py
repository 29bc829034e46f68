"""Quantities of a store, read and set: what a real store answered (batch, variations), replayed over a socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from referins_woo import config as configuration
from referins_woo.safe_http import SafeHttp
from referins_woo.stores.door.shelf import Shelf, Shown
from referins_woo.woo.client import WooClient
from tests.referins_woo.woo.canned import recorded_answer, recording, serving
from tests.referins_woo.woo.test_recorded_answers import SETTINGS

pytestmark = pytest.mark.usefixtures("shared")


class Straight:
    """Asks the client, and keeps no books."""

    def __init__(self, client: WooClient) -> None:
        self.client = client

    def call(self, resource: str, ask: Callable[[WooClient], Any], *, write: bool = False) -> Any:
        """Return what `ask` brings."""
        assert resource == "products"
        return ask(self.client)


def replayed(name: str, ask: Callable[[Shelf], Any]) -> Any:
    with serving(recorded_answer(recording(name))) as server:
        http = SafeHttp(configuration.load(SETTINGS))
        return ask(Shelf(Straight(WooClient(server.origin, "ck_x", "cs_x", http=http))))  # type: ignore[arg-type]


def test_a_row_that_fails_leaves_its_words_and_harms_no_other() -> None:
    told = replayed("batch/products-one-unknown-id", lambda shelf: shelf.tell(0, {11: 22, 999999: 4, 14: 1})).answers
    assert told[11] == Shown(22, is_managed=True, backorders=False)
    assert isinstance(told[999999], str)
    assert told[999999]


def test_a_variation_among_products_and_one_of_another_parent_are_refused() -> None:
    for name in ("batch/products-batch-with-variation-id", "batch/variations-of-another-parent"):
        answers = replayed(name, lambda shelf: shelf.tell(46, {1: 1})).answers
        assert any(isinstance(one, str) for one in answers.values()), name


def test_variations_are_told_by_their_own_endpoint() -> None:
    told = replayed("batch/variations-update-two", lambda shelf: shelf.tell(46, {48: 5, 50: 0})).answers
    assert told[48] == Shown(5, is_managed=True, backorders=False)
    assert set(told) == {48, 50}
    assert isinstance(told[50], Shown)


def test_goods_whose_stock_is_not_managed_by_themselves_are_told_apart() -> None:
    looked = replayed("variations/list-per-page-100", lambda shelf: shelf.look(46, [48])).shown
    assert looked[48].is_managed
