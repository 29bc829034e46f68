"""Arithmetic of stock: it never drifts, whatever happens to orders, in whatever order (K1, K2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from referins_woo.commerce import stock

QUANTITY = st.integers(min_value=0, max_value=5).map(lambda whole: whole * stock.SCALE)


@dataclass
class Row:
    """A row of an order, as both sides know it."""

    ordered: int
    reduced: int = 0
    delivered: int = 0
    closed: bool = False
    taken: int = 0


@dataclass
class Books:
    """A store's quantity of some goods, and ours."""

    woo: int
    on_hand: int = 0
    rows: list[Row] = field(default_factory=list)

    @property
    def committed(self) -> int:
        return sum(stock.committed(row.reduced, row.taken) for row in self.rows)

    def settle(self, row: Row) -> None:
        """Follow one row, as the ledger does."""
        after = stock.taken(row.reduced, row.ordered, row.delivered, closed=row.closed, before=row.taken)
        self.on_hand += row.taken - after
        row.taken = after


CHANGES = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(("reduce", "put_back", "deliver", "undo", "close", "open")), QUANTITY),
    max_size=40,
)


@given(woo=st.integers(-5, 50), rows=st.lists(QUANTITY, min_size=4, max_size=4), changes=CHANGES)
@settings(max_examples=300, deadline=None)
def test_on_hand_less_committed_moves_exactly_as_the_stores_own_quantity(
    woo: int, rows: list[int], changes: list[tuple[int, str, int]]
) -> None:
    books = Books(woo * stock.SCALE, rows=[Row(ordered) for ordered in rows])
    books.on_hand = stock.opening(books.woo, books.committed)
    for number, what, quantity in changes:
        row = books.rows[number]
        if what == "reduce":
            more = min(quantity, row.ordered - row.reduced)
            row.reduced, books.woo = row.reduced + more, books.woo - more
        elif what == "put_back":
            back = min(quantity, row.reduced)
            row.reduced, books.woo = row.reduced - back, books.woo + back
        elif what == "deliver":
            row.delivered = min(row.ordered, row.delivered + quantity)
        elif what == "undo":
            row.delivered = 0
        else:
            row.closed = what == "close"
        books.settle(row)
        assert 0 <= row.taken <= row.reduced
        assert books.on_hand - books.committed == books.woo
        assert books.committed >= 0


@given(
    woo=st.integers(0, 50),
    reduced=QUANTITY,
    ordered=QUANTITY,
    delivered=QUANTITY,
    closed=st.booleans(),
    since=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_an_order_seen_late_leaves_them_equal_whether_placed_before_the_count_or_after(
    woo: int, reduced: int, ordered: int, delivered: int, closed: bool, since: bool
) -> None:
    counted = woo * stock.SCALE  # the order was not known when this was counted
    taken = stock.taken_at_first_sight(reduced, ordered, delivered, closed=closed)
    on_hand = counted + stock.change_at_first_sight(reduced, taken, since_opening=since)
    shown = counted - reduced if since else counted
    assert on_hand - stock.committed(reduced, taken) == shown


@given(first=QUANTITY, second=QUANTITY, delivered=QUANTITY)
def test_settling_twice_changes_nothing_more(first: int, second: int, delivered: int) -> None:
    once = stock.taken(second, 30_000, delivered, closed=False, before=first)
    assert stock.taken(second, 30_000, delivered, closed=False, before=once) == once


def test_what_is_delivered_has_left_and_what_is_put_back_comes_back() -> None:
    assert stock.taken(20_000, 20_000, 0, closed=False, before=0) == 0, "committed"
    assert stock.taken(20_000, 20_000, 20_000, closed=False, before=0) == 20_000, "delivered"
    assert stock.taken(10_000, 20_000, 20_000, closed=False, before=20_000) == 10_000, "one was restocked"
    assert stock.taken(20_000, 20_000, 10_000, closed=False, before=0) == 10_000, "half of it"
    assert stock.taken(0, 20_000, 20_000, closed=True, before=20_000) == 0, "cancelled: all is back"
    assert stock.taken(20_000, 20_000, 0, closed=True, before=0) == 0, "refunded without restocking stays committed"
    assert stock.taken_at_first_sight(20_000, 20_000, 0, closed=True) == 20_000, "history is not committed"
    assert stock.taken(-20_000, 20_000, 0, closed=False, before=0) == 0, "a plugin's nonsense holds nothing"


def test_goods_are_counted_by_their_sku_and_else_by_their_stores_numbers() -> None:
    assert stock.key_of("HOOD", 1, 5, 6) == stock.key_of("HOOD", 2, 9, 0)
    assert stock.key_of("HOOD", 1, 5, 6) != stock.key_of("hood", 1, 5, 6)
    assert len({stock.key_of("", 1, 5, 6), stock.key_of("", 1, 5, 0), stock.key_of("", 2, 5, 6)}) == 3


def test_an_opening_shows_what_was_counted_before() -> None:
    shown = {"sku:B": ("B", "Bag", 50_000), "sku:A": ("A", "Axe", 30_000)}
    first, second = stock.propose(shown, {"sku:A": 20_000}, {"sku:B": 70_000})
    assert (first.sku, first.on_hand, first.counted) == ("A", 50_000, None)
    assert (second.sku, second.on_hand, second.counted) == ("B", 50_000, 70_000)
