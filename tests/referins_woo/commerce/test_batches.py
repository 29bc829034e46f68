"""Arithmetic of batches: nothing is lost, no batch falls below zero, and taking is taken back exactly (O9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referins_woo.commerce import batches
from referins_woo.errors import InvalidInput

QUANTITY = st.integers(0, 30)
HOLDS = st.lists(QUANTITY, max_size=5)
TODAY = date(2026, 11, 30)


@dataclass
class Books:
    """One kind of goods, as entries of (order, batch) → quantity; order 0 is by hand."""

    holds: dict[int, int] = field(default_factory=dict)
    loose: int = 0
    out: dict[int, dict[int | None, int]] = field(default_factory=dict)

    @property
    def on_hand(self) -> int:
        return sum(self.holds.values()) + self.loose

    def move(self, order: int, split: batches.Split, sign: int) -> None:
        """Enter a split: −1 takes, +1 puts back."""
        mine = self.out.setdefault(order, {})
        for batch, part in split.items():
            assert part > 0
            mine[batch] = mine.get(batch, 0) - sign * part
            if batch is None:
                self.loose += sign * part
            else:
                self.holds[batch] += sign * part

    def take(self, order: int, quantity: int) -> None:
        self.move(order, batches.take(quantity, self.holds.items()), -1)

    def put_back(self, order: int, quantity: int) -> None:
        mine = self.out.get(order, {})
        taken = [(batch, out) for batch, out in mine.items() if batch is not None]
        self.move(order, batches.put_back(quantity, max(mine.get(None, 0), 0), taken), 1)

    def assign(self) -> int:
        """Give every order's rest to batches, an entry per order."""
        waiting = [(order, mine[None]) for order, mine in self.out.items() if mine.get(None, 0) > 0]
        moved = batches.assign(waiting, self.holds)
        for one in moved:
            self.move(one.entry, dict(one.to), -1)
            part = sum(one.to.values())
            self.out[one.entry][None] -= part
            self.loose += part
        return sum(part for one in moved for part in one.to.values())


@given(QUANTITY, HOLDS)
def test_taking_goes_first_in_first_out_as_far_as_batches_reach(quantity: int, holds: list[int]) -> None:
    left = list(enumerate(holds, start=1))
    split = batches.take(quantity, left)
    assert sum(split.values()) == quantity
    rest = quantity
    for batch, held in left:
        assert split.get(batch, 0) == min(held, rest), "a later batch gives only once the earlier are empty"
        rest -= split.get(batch, 0)
    assert split.get(None, 0) == rest


@given(QUANTITY, QUANTITY, HOLDS)
def test_putting_back_is_the_inverse_of_taking(taken: int, back: int, holds: list[int]) -> None:
    back = min(taken, back)
    both, less = (Books(dict(enumerate(holds, start=1))) for _ in range(2))
    both.take(1, taken)
    both.put_back(1, back)
    less.take(1, taken - back)
    assert (both.holds, both.loose) == (less.holds, less.loose)


ACTS = st.lists(
    st.tuples(st.sampled_from(("take", "back", "receive", "assign")), st.integers(1, 3), QUANTITY), max_size=40
)


@given(HOLDS, ACTS)
def test_batches_and_what_is_without_one_come_to_on_hand_whatever_happens(
    holds: list[int], acts: list[tuple[str, int, int]]
) -> None:
    books = Books(dict(enumerate(holds, start=1)))
    expected = books.on_hand
    for act, number, quantity in acts:
        if act == "take":
            books.take(number, quantity)
            expected -= quantity
        elif act == "back":
            books.put_back(number, quantity)
            expected += quantity
        elif act == "receive":
            books.holds[number] = books.holds.get(number, 0) + quantity
            expected += quantity
        else:
            books.assign()
            assert books.assign() == 0, "a second time changes nothing"
            unassigned = sum(max(mine.get(None, 0), 0) for mine in books.out.values())
            assert not (unassigned and sum(books.holds.values())), "as far as they reach"
        assert books.on_hand == expected
        assert all(quantity >= 0 for quantity in books.holds.values())


def test_a_batch_is_named_by_people() -> None:
    assert batches.name("  LOT 7/a ", TODAY, None).number == "LOT 7/a"
    for wrong in ("", "   ", "a\x00b", "a\nb", "x" * 101):
        with pytest.raises(InvalidInput):
            batches.name(wrong, None, None)
    assert batches.day(" 2026-11-30 ", "expires") == TODAY
    assert batches.day("", "expires") is None
    for typed in ("30.11.2026", "2026-02-30", "20261130", "tomorrow"):
        with pytest.raises(InvalidInput, match="like 2026-12-04"):
            batches.day(typed, "expires")


def test_a_batch_is_good_through_its_last_day() -> None:
    assert not batches.is_expired(TODAY, TODAY)
    assert batches.is_expired(TODAY, date(2026, 12, 1))
    assert not batches.is_expired(None, TODAY)
