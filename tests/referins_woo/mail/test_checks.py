"""What is worth a look before an e-mail goes out: each thing told where it is so, and where it is not."""

from __future__ import annotations

from typing import Any

from referins_woo.mail import samples
from referins_woo.mail.compose import compose
from referins_woo.mail.design.checks import CLIPPED, checks

GOOD: dict[str, Any] = {
    "subject": "We have your order {{ order.number }}",
    "preheader": "Thank you",
    "body": [
        {"kind": "text", "text": "Hello {{ contact.first_name }}, we have your order and pack it."},
        {"kind": "button", "text": "Pay", "url": "{{ order.pay_link }}"},
        {"kind": "image", "url": "https://x.example/a.png", "alt": "Our shop"},
    ],
}


def _bad(
    document: dict[str, Any], sample: str = "usual", *, marketing: bool = False, address: bool = True
) -> list[str]:
    facts = samples.facts_of(sample, frozenset(samples.usual()))
    found = checks(document, compose(document, facts), facts, marketing=marketing, has_address=address)
    assert all(one.good or one.text for one in found)
    return [one.text for one in found if not one.good]


def test_a_good_email_passes_every_check() -> None:
    assert _bad(GOOD, marketing=True) == []


def test_the_subject_is_counted_as_it_is_read() -> None:
    assert (
        _bad({**GOOD, "subject": "{{ contact.first_name|default('a very long text for whoever has no name here')}}"})
        == []
    )
    assert _bad({**GOOD, "subject": "x" * 61}) == ["The subject has at most 60 characters"]


def test_what_is_missing_is_told() -> None:
    assert _bad({**GOOD, "preheader": ""}) == ["A preview text stands beside the subject in the inbox"]
    image = {"kind": "image", "url": "https://x.example/a.png"}
    column = {"kind": "columns", "left": [image], "right": []}
    assert _bad({**GOOD, "body": [*GOOD["body"], column]}) == ["Every image says what it shows"]


def test_a_button_that_is_left_out_for_this_order_is_told() -> None:
    said = "Every button, image and link has an address here, so that none is left out"
    assert _bad(GOOD, "free") == [said], "a free order has nothing to pay"
    code = {
        "kind": "code",
        "language": "html",
        "code": '<p>Pay the order that you made a while ago, please: <a href="{{ order.pay_link }}">here</a>.</p>',
    }
    assert _bad({**GOOD, "body": [code]}, "free") == ["Every link leads somewhere"]


def test_what_gmail_would_hide_is_told() -> None:
    long = {**GOOD, "body": [{"kind": "text", "text": "word " * 2_000} for _ in range(12)]}
    assert _bad(long)[0].endswith(f"KB: Gmail hides what is beyond {CLIPPED // 1000} KB")


def test_without_a_postal_address_marketing_names_the_page_that_mends_it() -> None:
    facts = samples.usual()
    found = checks(GOOD, compose(GOOD, facts), facts, marketing=True, has_address=False)
    wrong = [(one.text, one.mended_at) for one in found if not one.good]
    assert wrong == [("Your postal address stands below it; without one it is not published", "general")]


def test_what_cannot_be_written_is_checked_as_far_as_that_goes() -> None:
    found = checks({"subject": "x" * 61}, None, samples.usual(), marketing=False, has_address=False)
    assert [one.text for one in found if not one.good] == [
        "A preview text stands beside the subject in the inbox",
        "The subject has at most 60 characters",
    ]
