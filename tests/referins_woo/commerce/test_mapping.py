"""Which contact is which customer, and what of a contact goes to the store: the rules as tables."""

from __future__ import annotations

from typing import Any

import pytest

from referins_woo.commerce import mapping
from referins_woo.commerce.mapping import Suggestion


@pytest.mark.parametrize(
    ("kept", "is_linked", "state"),
    [
        ("", False, "unmapped"),
        ("", True, "mapped"),
        ("suggested", False, "suggested"),
        ("suggested", True, "mapped"),
        ("conflict", False, "conflict"),
        ("conflict", True, "conflict"),
    ],
)
def test_the_state_is_told_by_the_link_and_by_what_was_said(kept: str, is_linked: bool, state: str) -> None:
    assert mapping.shown_state(kept, is_linked) == state


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ana Petrova", " Ana  Petrova ", True),
        ("Smith &amp; Sons", "Smith & Sons", True),
        ("Jose\u0301", "José", True),
        ("Ana Petrova", "ana petrova", False),
        ("Straße", "Strasse", False),
        ("Ana\u00a0Petrova", "Ana Petrova", True),
    ],
)
def test_names_are_identical_decoded_composed_and_with_single_spaces(one: str, other: str, same: bool) -> None:
    assert (mapping.name_hash(one) == mapping.name_hash(other)) is same


@pytest.mark.parametrize(
    ("here", "there", "linked", "found"),
    [
        ({"a": [1]}, {"a": [10]}, ([], []), [Suggestion(1, 10, 1, 1)]),
        ({"a": [1, 2]}, {"a": [10]}, ([], []), [Suggestion(1, None, 2, 1), Suggestion(2, None, 2, 1)]),
        ({"a": [1]}, {"a": [10, 11]}, ([], []), [Suggestion(1, None, 1, 2)]),
        ({"a": [1, 2]}, {"a": [10, 11]}, ([1], [10]), [Suggestion(2, None, 2, 2)]),
        ({"a": [1]}, {"a": [10]}, ([1], []), []),
        ({"a": [1]}, {"a": [10]}, ([], [10]), []),
        ({"a": [1]}, {"b": [10]}, ([], []), []),
        ({"": [1]}, {"": [10]}, ([], []), []),
    ],
)
def test_only_a_name_that_nobody_shares_is_suggested(here: Any, there: Any, linked: Any, found: Any) -> None:
    assert mapping.suggest(here, there, *linked) == found


OURS = {"first_name": "Ana", "email": "a@x.eu", "billing.phone": "1", "billing.city": "Berlin"}


def _pulled(**changes: str) -> str:
    return mapping.marks({**OURS, **{key.replace("__", "."): value for key, value in changes.items()}})


@pytest.mark.parametrize(
    ("theirs", "pulled", "options", "send", "both"),
    [
        (OURS, _pulled(), {}, {}, ()),
        ({**OURS, "first_name": "Anna"}, _pulled(), {}, {}, ()),  # changed there alone: the next pull brings it
        ({**OURS, "first_name": "Anna"}, _pulled(first_name="Anna"), {}, {"first_name": "Ana"}, ()),
        ({**OURS, "first_name": "Anne"}, _pulled(first_name="Anna"), {}, {}, ("first_name",)),
        ({**OURS, "first_name": "Anne"}, _pulled(first_name="Anna"), {"overwrite": True}, {"first_name": "Ana"}, ()),
        ({**OURS, "email": "b@x.eu"}, _pulled(email="b@x.eu"), {}, {}, ()),
        ({**OURS, "email": "b@x.eu"}, _pulled(email="b@x.eu"), {"with_email": True}, {"email": "a@x.eu"}, ()),
        ({**OURS, "billing.city": ""}, _pulled(billing__city=""), {}, {"billing.city": "Berlin"}, ()),
        ({**OURS, "last_name": "Kept"}, _pulled(last_name="Kept"), {}, {}, ()),  # empty here erases nothing
    ],
)
def test_what_was_changed_here_since_the_last_pull_is_sent(
    theirs: dict[str, str], pulled: str, options: dict[str, bool], send: dict[str, str], both: tuple[str, ...]
) -> None:
    found = mapping.difference(OURS, theirs, pulled, **{"with_email": False, **options})
    assert (found.send, found.both) == (send, both)


def test_before_the_first_pull_woos_values_stand_and_what_is_empty_there_is_filled() -> None:
    theirs = {"first_name": "Anna", "billing.phone": "1"}
    found = mapping.difference(OURS, theirs, mapping.first_marks(OURS, theirs), with_email=False)
    assert (found.send, found.both) == ({"billing.city": "Berlin"}, ())


def test_the_store_is_asked_only_where_something_may_have_changed() -> None:
    assert not mapping.may_differ(OURS, _pulled(), with_email=False)
    assert not mapping.may_differ(OURS, _pulled(email="b@x.eu"), with_email=False)
    assert mapping.may_differ(OURS, _pulled(email="b@x.eu"), with_email=True)
    assert mapping.may_differ(OURS, "", with_email=False)
    after = mapping.marks_after(_pulled(first_name="Anna"), OURS, ["first_name"])
    assert not mapping.may_differ(OURS, after, with_email=False)


def test_fields_are_sent_as_woocommerce_takes_them() -> None:
    assert mapping.body_of({"first_name": "Ana", "billing.city": "Berlin", "billing.phone": "1"}) == {
        "first_name": "Ana",
        "billing": {"city": "Berlin", "phone": "1"},
    }


@pytest.mark.parametrize("username", ["", "ana", "Ana P. @x-1_"])
def test_user_names_that_woocommerce_takes(username: str) -> None:
    assert mapping.username_fault(username) == ""


@pytest.mark.parametrize("username", ["añã", "a!", "a" * 61, "a\nb"])
def test_user_names_that_it_does_not(username: str) -> None:
    assert mapping.username_fault(username)
