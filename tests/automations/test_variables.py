"""Merge variables: what may stand between braces, and what is suggested for what may not."""

from __future__ import annotations

import pytest

from automations.triggers import TRIGGERS
from automations.variables import (
    FORMATS,
    GROUPS,
    VARIABLES,
    leads_to_link,
    of_trigger,
    syntax_problems,
    unknown_variables,
)


@pytest.mark.parametrize(
    "text",
    [
        "no variable, 100 % plain { } text",
        "{{ order.number }}",
        "{{order.number}}",
        "{{- order.number -}}",
        "{{ contact.first_name|default('there') }}",
        '{{ contact.first_name | default("there") }}',
        "{{ transaction.amount|default(order.total)|default('0') }}",
        "{{ contact.first_name|trim|title|truncate(20)|d('there') }}",
        "{{ order.lines }} {{ order.lines|join(' and ') }} {{ order.lines|length }}",
    ],
)
def test_what_can_be_filled_in(text: str) -> None:
    assert syntax_problems(text) == []
    assert unknown_variables(text, "payment_received") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ }}", "{{ }} cannot be read."),
        ("{{ order.number + 1 }}", "{{ order.number + 1 }} cannot be read."),
        ("{{ order['number'] }}", "{{ order['number'] }} cannot be read."),
        ("{{ order.number|uper }}", "{{ order.number|uper }} cannot be read."),
        ("{{ order.number|upper('x') }}", "{{ order.number|upper('x') }} cannot be read."),
        ("{{ order.number|default }}", "{{ order.number|default }} cannot be read."),
        ("{{ order.number|_spend }}", "{{ order.number|_spend }} cannot be read."),
        ("{{ contact.first_name|default(there }}", "{{ contact.first_name|default(there }} cannot be read."),
        ("{{ order.number", "A pair of braces is not closed."),
        ("order.number }}", "A pair of braces is not closed."),
        ("{% set x = 1 %}", "Statements like {% … %} cannot be used."),
        ("{# note #}", "Statements like {% … %} cannot be used."),
    ],
)
def test_what_could_not_be_filled_in_is_a_problem(text: str, message: str) -> None:
    assert [found for found, _ in syntax_problems(text)] == [message]


def test_what_the_trigger_does_not_supply_is_unknown_to_it() -> None:
    assert "transaction.amount" in [variable.key for variable in of_trigger("payment_received")]
    assert [name for name, _ in unknown_variables("{{ transaction.amount }}", "order_submitted")] == [
        "transaction.amount"
    ]
    assert of_trigger("nothing") == []


def test_names_are_suggested_and_named_once() -> None:
    text = "{{ contact.frist_name }} {{ contact.frist_name }} {{ zzz }} {{ order.number|default(order.totl) }}"
    assert unknown_variables(text, "order_submitted") == [
        ("contact.frist_name", "contact.first_name"),
        ("zzz", ""),
        ("order.totl", "order.total"),
    ]


def test_only_variables_that_are_links_lead_somewhere() -> None:
    assert {key for key in VARIABLES if leads_to_link(f"{{{{ {key} }}}}")} == {"order.pay_link", "store.url"}
    assert not leads_to_link("{{ }}")
    assert not leads_to_link("")


def test_every_format_that_a_picker_offers_can_be_written() -> None:
    for form in FORMATS:
        text = "{{ contact.first_name|default('there')" + (f"|{form}" if form else "") + " }}"
        assert syntax_problems(text) == []
        assert unknown_variables(text, "order_submitted") == []


def test_every_variable_stands_in_a_group_that_has_a_name() -> None:
    assert {one.fact for trigger in TRIGGERS for one in of_trigger(trigger)} == set(GROUPS)
