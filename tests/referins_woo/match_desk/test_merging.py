"""What two contacts make together, and what undoing gives back: every branch, pure."""

from __future__ import annotations

from typing import Any

import pytest

from referins_woo.commerce.merging import changed_since, evidence, merged, taken_back

MONDAY, TUESDAY = "2026-11-23T10:00:00+00:00", "2026-11-24T10:00:00+00:00"


def contact(**columns: Any) -> dict[str, Any]:
    """Columns of a contact."""
    empty = {
        **dict.fromkeys(("name", "name_key", "first_name", "last_name", "email", "email_key", "phone", "comments"), ""),
        "billing": {},
        "shipping": {},
        "is_guest": False,
        "tags": [],
        "erased_in_store_at": None,
        "consent": "unknown",
        "consent_at": None,
        "consent_source": "",
        "created_at": TUESDAY,
    }
    return {**empty, **columns}


ADA = contact(
    name="Ada Lane", name_key="ada lane", first_name="Ada", last_name="Lane", email="a@x.eu", email_key="a@x.eu"
)


@pytest.mark.parametrize(
    ("kept", "gone", "expected"),
    [
        (contact(phone="1"), contact(phone="2"), {"phone": "1"}),
        (contact(), contact(phone="2"), {"phone": "2"}),
        (contact(), ADA, {"name": "Ada Lane", "name_key": "ada lane", "first_name": "Ada", "email_key": "a@x.eu"}),
        (contact(name="Bo", first_name="", last_name="Bo"), ADA, {"name": "Bo", "first_name": "", "last_name": "Bo"}),
        (contact(billing={"city": "Ulm"}), contact(billing={"city": "Bonn"}), {"billing": {"city": "Ulm"}}),
        (contact(), contact(billing={"city": "Bonn"}), {"billing": {"city": "Bonn"}}),
        (contact(comments="a"), contact(comments="b"), {"comments": "a\nb"}),
        (contact(is_guest=True), contact(is_guest=True), {"is_guest": True}),
        (contact(is_guest=True), contact(is_guest=False), {"is_guest": False}),
        (contact(tags=["VIP"]), contact(tags=["vip", "shoes"]), {"tags": ["VIP", "shoes"]}),
        (contact(created_at=TUESDAY), contact(created_at=MONDAY), {"created_at": MONDAY}),
        (contact(), contact(erased_in_store_at=MONDAY), {"erased_in_store_at": MONDAY}),
    ],
)
def test_the_kept_one_keeps_its_values_and_takes_what_it_lacks(
    kept: dict[str, Any], gone: dict[str, Any], expected: dict[str, Any]
) -> None:
    after = merged(kept, gone)
    assert {key: after[key] for key in expected} == expected


def said(state: str, at: str | None, email: str = "a@x.eu") -> dict[str, Any]:
    return contact(email=email, email_key=email, consent=state, consent_at=at, consent_source="form")


@pytest.mark.parametrize(
    ("kept", "gone", "state"),
    [
        (said("unknown", None), said("subscribed", MONDAY), "subscribed"),
        (said("unknown", None), said("subscribed", MONDAY, "b@x.eu"), "unknown"),
        (said("unknown", None), said("bounced", MONDAY, "b@x.eu"), "unknown"),
        (said("unknown", None), said("unsubscribed", MONDAY, "b@x.eu"), "unsubscribed"),
        (said("subscribed", MONDAY), said("unsubscribed", TUESDAY, "b@x.eu"), "unsubscribed"),
        (said("subscribed", TUESDAY), said("complained", MONDAY, "b@x.eu"), "subscribed"),
        (said("unsubscribed", TUESDAY), said("subscribed", MONDAY), "unsubscribed"),
        (said("unsubscribed", MONDAY), said("subscribed", TUESDAY), "subscribed"),
        (said("subscribed", None), said("unsubscribed", MONDAY), "unsubscribed"),
        (said("subscribed", MONDAY), said("unknown", None), "subscribed"),
        (said("unknown", None, ""), said("subscribed", MONDAY, "b@x.eu"), "subscribed"),
    ],
)
def test_consent_is_the_newer_word_and_never_raised_for_another_address(
    kept: dict[str, Any], gone: dict[str, Any], state: str
) -> None:
    after = merged(kept, gone)
    assert after["consent"] == state
    assert (after["consent_source"], after["consent_at"]) in [
        (one["consent_source"], one["consent_at"]) for one in (kept, gone)
    ]


def test_undoing_gives_back_what_was_and_keeps_what_was_changed_since() -> None:
    before, gone = contact(phone="", tags=["old"]), contact(phone="2", tags=["shoes"], name="Bo", name_key="bo")
    after = merged(before, gone)
    assert taken_back(before, after, after) == before
    now = {**after, "phone": "3", "tags": ["old", "shoes", "new"]}
    back = taken_back(before, after, now)
    assert (back["phone"], back["tags"], back["name"]) == ("3", ["old", "new"], "")
    assert changed_since(after, now)
    assert not changed_since(after, after)


def test_evidence_says_what_is_the_same_what_differs_and_what_only_one_says() -> None:
    older = contact(name="José  Núñez", email="J@x.eu", phone="+49 (30) 90", billing={"city": "Ulm"})
    newer = contact(name="jose\u0301 nu\u0301n\u0303ez", email="j@x.eu", phone="+493091", shipping={"city": "Bonn"})
    found = {one.field: (one.verdict, one.older, one.newer) for one in evidence(older, newer)}
    assert found["Name"][0] == "same"
    assert found["E-mail"] == ("same", "J@x.eu", "j@x.eu")
    assert found["Phone"][0] == "different"
    assert found["Billing address"] == ("one_sided", "Ulm", "")
    assert found["Shipping address"] == ("one_sided", "", "Bonn")
    assert evidence(contact(), contact()) == []
