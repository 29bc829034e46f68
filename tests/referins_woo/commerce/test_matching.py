"""Who is who: every branch of M2-M6."""

from __future__ import annotations

import pytest

from referins_woo.commerce.matching import (
    Candidate,
    Match,
    email_key,
    match_customer,
    match_guest,
    name_key,
    usable_email,
)

ADA, BOB = Candidate(1, "ada@example.com"), Candidate(2, "ada@example.com")
NAMED, NAMED_TOO, NAMELESS = Candidate(3, "other@example.com"), Candidate(4, ""), Candidate(5, "")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (" Ada@Example.com ", "ada@example.com", True),
        ("A\u030anna@example.com", "\u00c5nna@example.com", True),
        ("straße@example.com", "strasse@example.com", False),
        ("ada+shop@example.com", "ada@example.com", False),
        ("a.da@example.com", "ada@example.com", False),
    ],
)
def test_emails_compare_trimmed_composed_and_lower_cased(one: str, other: str, same: bool) -> None:
    assert (email_key(one) == email_key(other)) is same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Smith &amp; Sons", "smith & sons", True),
        ("  Alex   Kim ", "ALEX KIM", True),
        ("Zoe\u0301", "Zoé", True),
        ("Alex Kim", "Kim Alex", False),
    ],
)
def test_names_compare_decoded_with_single_spaces_and_without_case(one: str, other: str, same: bool) -> None:
    assert (name_key(one) == name_key(other)) is same


@pytest.mark.parametrize(
    ("text", "usable"),
    [
        ("ada@example.com", True),
        ("o'neil+tag@mail.example.co.uk", True),
        ("用户@例子.广告", True),
        ("", False),
        ("   ", False),
        ("ada@example", False),
        ("ada example.com", False),
        ("deleted@site.invalid", False),
        ("ada@@example.com", False),
        (".ada@example.com", False),
    ],
)
def test_an_email_is_usable_when_mail_could_be_sent_to_it(text: str, usable: bool) -> None:
    assert usable_email(text) is usable


@pytest.mark.parametrize(
    ("email", "name", "by_email", "by_name", "expected"),
    [
        ("ada@example.com", "ada", [ADA], [NAMED], Match(1, "email")),
        ("ada@example.com", "ada", [ADA, BOB], [], Match(None, "ambiguous_email", (1, 2))),
        ("ada@example.com", "ada", [], [NAMED_TOO], Match(4, "name_fills_email")),
        ("ada@example.com", "ada", [], [NAMED], Match(None, "same_name", (3,))),
        ("ada@example.com", "ada", [], [NAMED_TOO, NAMELESS], Match(None, "new")),
        ("ada@example.com", "ada", [], [], Match(None, "new")),
        ("", "ada", [], [NAMED], Match(3, "name")),
        ("", "ada", [], [NAMED, NAMED_TOO], Match(None, "new")),
        ("", "", [], [NAMELESS], Match(None, "new")),
        ("", "", [NAMELESS], [NAMELESS], Match(None, "new")),
    ],
)
def test_a_customer_matches_by_email_then_by_name(
    email: str, name: str, by_email: list[Candidate], by_name: list[Candidate], expected: Match
) -> None:
    assert match_customer(email, name, by_email, by_name) == expected


@pytest.mark.parametrize(
    ("by_email", "earlier", "expected"),
    [
        ([ADA], None, Match(1, "email")),
        ([ADA, BOB], 2, Match(2, "earlier_guest_order", (1, 2))),
        ([ADA, BOB], None, Match(None, "ambiguous_email", (1, 2))),
        ([ADA, BOB], 9, Match(None, "ambiguous_email", (1, 2))),
        ([], None, Match(None, "new")),
    ],
)
def test_a_guest_matches_by_email_alone(by_email: list[Candidate], earlier: int | None, expected: Match) -> None:
    assert match_guest(by_email, earlier) == expected
