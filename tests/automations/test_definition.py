"""The document: what parses, what is refused with its place and a remedy, what comes back out of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automations.blocks import BLOCKS, CODE
from automations.definition import Definition, parse, purpose_of, to_json
from automations.fields import Problem, parse_period, period_words, to_period
from automations.steps import STEPS

BODY = [{"kind": "text", "text": "Hello"}]


def email(**settings: Any) -> dict[str, Any]:
    """A valid step, changed by `settings`."""
    return {"id": "mail", "kind": "send_email", "subject": "Hello", "body": BODY, **settings}


def document(*steps: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A valid document of these steps."""
    return {"trigger": "order_submitted", "steps": list(steps) or [email()], **parts}


def refused(raw: Any) -> list[tuple[str, str]]:
    """Place and field of every problem of a document that must not parse."""
    found = parse(raw)
    assert isinstance(found, list), found
    assert all(isinstance(one, Problem) and one.message for one in found)
    return [(one.path, one.field) for one in found]


@pytest.mark.parametrize(
    ("raw", "places"),
    [
        (None, [("", "definition")]),
        ({"trigger": []}, [("trigger", "trigger")]),
        ({"trigger": "order_vanished", "steps": [email()]}, [("trigger", "trigger")]),
        ({"trigger": "order_submitted", "steps": []}, [("steps", "steps")]),
        (document(colour="red"), [("", "colour")]),
        (document({"id": "a", "kind": []}), [("steps[0]", "kind")]),
        (document({"id": "a", "kind": "add_tga", "tag": "x"}), [("steps[0]", "kind")]),
        (document({"id": "a", "kind": "add_tag"}), [("steps[0]", "tag")]),
        (document({"id": "a", "kind": "wait_until"}), [("steps[0]", "time")]),
        (document({"id": "a", "kind": "wait_until", "time": "24:00"}), [("steps[0]", "time")]),
        (document({"id": "a", "kind": "wait_until", "date": "24.12.2026"}), [("steps[0]", "date")]),
        (document({"id": "a", "kind": "wait_until", "weekdays": ["Monday"]}), [("steps[0]", "weekdays")]),
        (
            document({"id": "a", "kind": "wait_until", "date": "2026-12-24", "weekdays": ["mon"]}),
            [("steps[0]", "weekdays")],
        ),
        (document({"id": "a", "kind": "wait_for", "event": "paid"}), [("steps[0]", "timeout")]),
        (document({"id": "a", "kind": "wait_for", "event": "on_hold", "timeout": "1h"}), [("steps[0]", "event")]),
        (document({"id": "a", "kind": "wait_for", "event": "tag", "timeout": "1h"}), [("steps[0]", "tags")]),
        (document({"id": "a", "kind": "update_field", "field": "email", "value": "x"}), [("steps[0]", "field")]),
        (
            document({"id": "a", "kind": "update_field", "field": "phone", "value": "{{ order.nubmer }}"}),
            [("steps[0]", "value")],
        ),
        (document({"id": "a", "kind": "notify", "subject": "S", "text": "{% if x %}"}), [("steps[0]", "text")]),
        (document({"id": "a", "kind": "call_webhook", "url": "ftp://example.com"}), [("steps[0]", "url")]),
        (document({"id": "a", "kind": "call_webhook", "url": "https://me:pw@example.com"}), [("steps[0]", "url")]),
        (document(email(note=5)), [("steps[0]", "note")]),
        (document(trigger_settings={"from": ["pending"]}), [("trigger_settings", "from")]),
        (
            {**document(trigger_settings={"refund": "half"}), "trigger": "order_refunded"},
            [("trigger_settings", "refund")],
        ),
        (
            document(filters={"field": "refund.amount", "operator": "at_least", "value": "1"}),
            [("filters", "field")],
        ),
        (document(exit_on=["tag"]), [("exit_tags", "exit_tags")]),
        (document(exit_tags=["vip"]), [("exit_tags", "exit_tags")]),
        (document(settings={"quiet_hours": "own", "quiet_from": "21:00"}), [("settings", "quiet_to")]),
        (document(settings={"quiet_from": "21:00"}), [("settings", "quiet_from")]),
        (document(settings={"on_cap": "shout"}), [("settings", "on_cap")]),
        (document(email(id="end")), [("steps[0]", "id")]),
        (document(email(id="a:b")), [("steps[0]", "id")]),
        (document(email(), email()), [("steps[1]", "id")]),
        (document({"id": "w", "kind": "wait", "perod": "1h"}), [("steps[0]", "perod"), ("steps[0]", "period")]),
        (document({"id": "w", "kind": "wait", "period": "2y"}), [("steps[0]", "period")]),
        (document({"id": "w", "kind": "wait", "period": "400d"}), [("steps[0]", "period")]),
        (document(email(unless="it_rains")), [("steps[0]", "unless")]),
        (document(email(subject="Hello\nBcc: all@example.com")), [("steps[0]", "subject")]),
        (document(email(subject="x" * 201)), [("steps[0]", "subject")]),
        (document(email(subject="Order {{ order.number")), [("steps[0]", "subject")]),
        (document(email(subject="{% if x %}")), [("steps[0]", "subject")]),
        (document(email(subject="{{ transaction.amount }}")), [("steps[0]", "subject")]),
        (document(email(body="Hello")), [("steps[0].body", "body")]),
        (document(email(body=[])), [("steps[0]", "body")]),
        (document(email(body=[{"kind": "banner"}])), [("steps[0].body[0]", "kind")]),
        (document(email(body=[{"kind": "text"}])), [("steps[0].body[0]", "text")]),
        (document(email(body=[{"kind": "divider", "text": "x"}])), [("steps[0].body[0]", "text")]),
        (
            document(email(body=[{"kind": "button", "text": "Go", "url": "javascript:alert(1)"}])),
            [("steps[0].body[0]", "url")],
        ),
        (document(exit_on=["raining"]), [("exit_on", "exit_on")]),
        (document(exit_on=[{}]), [("exit_on", "exit_on")]),
        ({**document(exit_on=["paid"]), "trigger": "payment_received"}, [("exit_on", "exit_on")]),
        (document(settings={"lateness_limit": "2d"}), [("settings", "lateness_limit")]),
        (document(settings={"reentry": "once_in"}), [("settings", "reentry_period")]),
        (document(settings={"reentry_period": "30d"}), [("settings", "reentry_period")]),
        (
            document({"id": "s", "kind": "split", "condition": {"field": "x"}, "yes": [email(subject="")]}),
            [("steps[0].condition", "field"), ("steps[0].yes[0]", "subject")],
        ),
    ],
)
def test_what_could_not_run_is_refused_with_its_place(raw: Any, places: list[tuple[str, str]]) -> None:
    assert refused(raw) == places


def test_a_misspelt_variable_gets_a_suggestion() -> None:
    found = parse(document(email(subject="Order {{ order.nubmer }} of {{ x|default(contact.frist_name) }}")))
    assert isinstance(found, list)
    assert [one.remedy for one in found] == [
        "Did you mean {{ order.number }}?",
        "Choose a variable from the list.",
        "Did you mean {{ contact.first_name }}?",
    ]


@pytest.mark.parametrize(
    "url", ["https://shop.example.com/a?b={{ order.number }}", "{{ order.pay_link }}", "mailto:a@example.com"]
)
def test_links_to_pages_mail_and_link_variables_are_taken(url: str) -> None:
    assert isinstance(parse(document(email(body=[{"kind": "button", "text": "Go", "url": url}]))), Definition)


@pytest.mark.parametrize(
    "url", ["www.example.com", "data:text/html,x", "{{ order.number }}", "{{ order.pay_link|default('javascript:x') }}"]
)
def test_what_may_not_be_a_link_is_refused(url: str) -> None:
    assert refused(document(email(body=[{"kind": "button", "text": "Go", "url": url}])))


def test_every_block_is_taken_with_what_it_declares() -> None:
    samples: dict[str, Any] = {"text": "Text", "lines": "Two\nlines", "link": "https://shop.example.com/x.png"}
    samples |= {"names": ["7"], "number": 300}
    body = [
        {"kind": kind.key, **{field.key: samples.get(field.kind, field.default) for field in kind.fields}}
        for kind in BLOCKS.values()
        if kind.key != CODE
    ]
    assert isinstance(parse(document(email(body=body))), Definition)


@pytest.mark.parametrize(
    ("settings", "lateness", "reentry"),
    [
        ({}, timedelta(hours=24), timedelta(0)),
        ({"lateness_limit": "6h"}, timedelta(hours=6), timedelta(0)),
        ({"reentry": "once"}, timedelta(hours=24), None),
        ({"reentry": "once_in", "reentry_period": "30d"}, timedelta(hours=24), timedelta(days=30)),
        (
            {"quiet_hours": "own", "quiet_from": "21:00", "quiet_to": "08:00", "on_cap": "delay"},
            timedelta(hours=24),
            timedelta(0),
        ),
    ],
)
def test_settings_come_back_as_they_went_in(
    settings: dict[str, Any], lateness: timedelta, reentry: timedelta | None
) -> None:
    definition = parse(document(settings=settings))
    assert isinstance(definition, Definition)
    assert (definition.lateness_limit, definition.reentry) == (lateness, reentry)
    assert parse(to_json(definition)) == definition


def test_too_many_steps_and_too_deep_ones_are_refused() -> None:
    assert ("steps", "steps") in refused(document(*(email(id=f"m{number}") for number in range(101))))
    deep = [email(id="last")]
    for number in range(12):
        condition = {"field": "order.paid", "operator": "is_true"}
        deep = [{"id": f"s{number}", "kind": "split", "condition": condition, "yes": deep}]
    assert [field for _, field in refused(document(*deep))] == ["steps"]


def test_a_promotional_block_makes_an_email_marketing_wherever_it_stands() -> None:
    plain, promoting = email(id="plain"), email(id="promoting", body=[{**BODY[0], "promotional": True}])
    definition = parse(document(plain, promoting))
    assert isinstance(definition, Definition)
    assert [purpose_of(step, definition) for step in definition.walk()] == ["transactional", "marketing"]


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.floats()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)
keys = (
    *("id", "subject", "preheader", "body", "reread", "unless", "period", "condition", "yes", "no", "disabled"),
    "note",
    *(
        "time",
        "weekdays",
        "date",
        "zone",
        "event",
        "tags",
        "timeout",
        "tag",
        "field",
        "value",
        "how",
        "text",
        "to",
        "url",
    ),
)
loose_steps = st.lists(
    st.fixed_dictionaries(
        {"kind": st.one_of(st.sampled_from(list(STEPS)), anything)},
        optional={key: st.one_of(anything, st.just("{{ order.number }}")) for key in keys},
    ),
    max_size=3,
)


@given(
    st.one_of(
        anything,
        st.fixed_dictionaries(
            {"trigger": st.one_of(st.just("order_submitted"), anything)},
            optional={
                "steps": st.one_of(loose_steps, anything),
                **dict.fromkeys(
                    ("filters", "exit_on", "exit_tags", "excluded_sources", "settings", "trigger_settings"), anything
                ),
            },
        ),
    )
)
def test_nothing_makes_parse_raise(raw: Any) -> None:
    parsed = parse(raw)
    if isinstance(parsed, Definition):
        assert parse(to_json(parsed)) == parsed
    else:
        assert parsed


@given(st.integers(1, 50_000))
def test_periods_are_written_as_they_are_read(minutes: int) -> None:
    period = timedelta(minutes=minutes)
    assert parse_period(to_period(period)) == period


@pytest.mark.parametrize(
    ("minutes", "words"), [(1, "1 minute"), (90, "90 minutes"), (60, "1 hour"), (2880, "2 days"), (20160, "2 weeks")]
)
def test_periods_in_words(minutes: int, words: str) -> None:
    assert period_words(timedelta(minutes=minutes)) == words


def test_a_step_that_stays_about_the_order_refuses_what_is_promotional() -> None:
    coupon = {"kind": "coupon", "text": "Ten percent", "code": "TEN"}
    step = email(body=[{"kind": "columns", "left": [coupon], "right": []}])
    assert isinstance(parse(document(step)), Definition), "it is marketing"
    found = refused(document({**step, "transactional": True}))
    assert found == [("steps[0].body[0].left[0]", "kind")]


def test_what_a_block_is_shown_under_is_checked_and_asked_for() -> None:
    nth = {"field": "order.nth_order", "operator": "is", "value": "1"}
    block = {"kind": "text", "text": "First!", "show_if": nth}
    parsed = parse(document(email(body=[block])))
    assert isinstance(parsed, Definition)
    assert "order.nth_order" in parsed.asks, "the facts for it are looked up only where something asks"
    found = refused(document(email(body=[{**block, "show_if": {**nth, "field": "order.colour"}}])))
    assert found == [("steps[0].body[0].show_if", "field")]
