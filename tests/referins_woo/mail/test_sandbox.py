"""Merchants' texts: what is refused, how fast, and that store data is never parsed."""

from __future__ import annotations

from typing import Any

import pytest

from referins_woo.mail import sandbox
from referins_woo.mail.compose import compose, problem_of
from referins_woo.mail.sandbox import TemplateFault

LINES = [{"name": f"Product {number}", "quantity": "1"} for number in range(100)]
FACTS: dict[str, Any] = {
    "contact": {"first_name": "Ada", "tags": ["a"] * 100},
    "order": {"number": "7", "total": "10.00", "currency": "EUR", "lines": LINES, "customer_note": "x" * 5_000},
    "store": {"name": "Shop", "url": "https://shop.example.com"},
}

ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ order|attr('__class__') }}",
    "{{ order['__class__'] }}",
    "{{ '%s'.format(1) }}",
    "{{ '{0.__class__}'.format(order) }}",
    "{{ '%1000000000d'|format(1) }}",
    "{{ self }}",
    "{{ self.__init__ }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ _links }}",
    "{{ _budget }}",
    "{{ order.items() }}",
    "{{ namespace() }}",
    "{% set x = 1 %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% include 'emails/layout.html' %}",
    "{% import 'emails/layout.html' as x %}",
    "{% extends 'emails/layout.html' %}",
    "{% block b %}{% endblock %}",
    "{% filter upper %}x{% endfilter %}",
    "{% call x() %}{% endcall %}",
    "{% autoescape false %}{{ x }}{% endautoescape %}",
    "{{ order.customer_note|safe }}",
    "{{ order|tojson }}",
    "{{ x is callable }}",
    "{{ order.lines[0:5] }}",
    "{{ order.lines[order.number] }}",
    "{{ x|default(*order.lines) }}",
]
BOMBS = [
    "{{ 10**100000000 > 1 }}",
    "{{ 'a'*10**9 }}",
    "{{ -order.total }}",
    "{{ 1 + 1 }}",
    "{{ 'a' ~ 'b' }}",
    "{{ 'a'|center(1000000000) }}",
    "{{ 'a'.ljust(1000000000) }}",
    "{{ 'aaaa'|replace('a', 'aaaaaaaaaa') }}",
    "{{ lipsum(n=100000) }}",
    "{% for a in range(1000000000) %}x{% endfor %}",
    "{% for a in [1]*1000000000 %}x{% endfor %}",
    "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "{{ " + "not " * 5_000 + "1 }}",
    "{{ x" + ".a" * 5_000 + " }}",
    "{{ x" + "|upper" * 2_000 + " }}",
    "{{ 'a'" + "|join('bbbbbbbbbb')" * 200 + " }}",
    "{% if a %}" * 200 + "{% endif %}" * 200,
    "{% if a %}x" + "{% elif a %}x" * 1_500 + "{% endif %}",
    "{{ 0x" + "f" * 15_000 + " }}",
    "{{ " + "9" * 10_000 + " }}",
    "{% for a in order.lines recursive %}{{ loop(order.lines) }}{% endfor %}",
    "{% for a in order.lines %}{% for b in order.lines %}{% for c in order.lines %}x{% endfor %}" + "{% endfor %}" * 2,
    "{{ [" + "1," * 5_000 + "] }}",
    "x" * 30_000,
    "{{ unclosed",
    "{% for a in order.lines %}",
    "{% endif %}",
    "{# never closed",
]
RENDERING_BOMBS = [
    "{% for a in order.lines %}{% for b in order.lines %}{{ a.name }}{{ b.name }}{{ a.sku }}{% endfor %}{% endfor %}",
    "{% for a in order.lines %}{% for b in order.lines %}" + "y" * 5_000 + "{% endfor %}{% endfor %}",
    "{% for a in order.lines %}" + "z" * 15_000 + "{% endfor %}",
    "{% if order.total < 5 %}x{% endif %}",
]


def template(text: str) -> dict[str, Any]:
    return {"subject": "S", "preheader": "", "body": [{"kind": "text", "text": text}]}


@pytest.mark.parametrize("text", [*ESCAPES, *BOMBS], ids=lambda text: text[:40])
def test_a_text_outside_the_white_list_is_refused_when_it_is_written(text: str) -> None:
    assert problem_of(template(text)) is not None
    with pytest.raises(TemplateFault):
        compose(template(text), FACTS)


@pytest.mark.parametrize("text", RENDERING_BOMBS, ids=lambda text: text[:40])
def test_a_text_that_grows_past_its_limits_ends_with_a_sentence(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "MOST_SECONDS", 1_000.0)  # the size alone must stop it
    problem_of(template(text))
    with pytest.raises(TemplateFault) as told:
        compose(template(text), FACTS)
    assert str(told.value).endswith(".") or "compare" in str(told.value)


def test_it_refuses_in_the_subject_and_in_addresses_as_in_texts() -> None:
    assert problem_of({"subject": "{{ 9**9 }}", "body": []}) is not None
    assert problem_of({"subject": "", "preheader": "{{ a.b() }}", "body": []}) is not None
    button = {"kind": "button", "text": "Pay", "url": "{{ order.__class__ }}"}
    assert problem_of({"subject": "", "body": [button]}) is not None


def test_a_text_cannot_close_what_the_next_one_opens() -> None:
    halves = [{"kind": "text", "text": "{% if order %}"}, {"kind": "text", "text": "{% endif %}"}]
    assert problem_of({"subject": "", "body": halves}) is not None
    seam = [{"kind": "text", "text": "{"}, {"kind": "text", "text": "{ order.number }}"}]
    mail = compose({"subject": "", "body": seam}, FACTS)
    assert "{ order.number }}" in mail.html
    assert "7" not in mail.text


def test_what_a_customer_typed_is_shown_and_never_run() -> None:
    nasty = "{{ 7*7 }} {% for x in y %} <script>alert(1)</script> SLOT0TOLS <!--SLOT1TOLS--> &amp;"
    facts = {**FACTS, "order": {**FACTS["order"], "customer_note": nasty, "lines": [{"name": nasty, "total": "1"}]}}
    body = [{"kind": "text", "text": "Note: {{ order.customer_note }}"}, {"kind": "order_items"}]
    mail = compose(
        {"subject": "{{ order.customer_note }}", "preheader": "{{ order.customer_note }}", "body": body}, facts
    )
    assert "<script>" not in mail.html
    assert "{{ 7*7 }} {% for x in y %} &lt;script&gt;" in mail.html
    assert "49" not in mail.text
    assert nasty in mail.text
    assert mail.html.count("SLOT0TOLS") == 3  # preview, note, line: as text only
    assert "<!--SLOT" not in mail.html


def test_a_value_in_an_attribute_cannot_leave_it() -> None:
    facts = {**FACTS, "order": {**FACTS["order"], "pay_link": 'https://x.example/"onload="a', "number": '"><img>'}}
    body = [
        {"kind": "button", "text": "Pay", "url": "{{ order.pay_link }}"},
        {"kind": "image", "url": "https://x.example/a.png", "alt": "{{ order.number }}"},
        {"kind": "button", "text": "Go", "url": "https://shop.example.com/?q={{ order.number }}"},
    ]
    mail = compose({"subject": "", "body": body}, facts)
    assert "onload" not in mail.html
    assert "><img>" not in mail.html
    assert 'alt="&#34;&gt;&lt;img&gt;"' in mail.html
    assert "Go" not in mail.text  # an address with a quotation mark is none, and its button is left out


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        " java\nscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//x.example",
        "/relative",
        "ftp://x.example",
        "https://",
        "",
        "https://x.example/ a",
        "https://x.example/<b>",
    ],
)
def test_only_web_and_mail_addresses_become_links(url: str) -> None:
    facts = {**FACTS, "order": {**FACTS["order"], "pay_link": url, "lines": [{"name": "Mug", "url": url}]}}
    body = [{"kind": "button", "text": "Pay now", "url": "{{ order.pay_link }}"}, {"kind": "order_items"}]
    mail = compose({"subject": "", "body": body}, facts)
    assert "Pay now" not in mail.html
    assert "Pay now" not in mail.text
    assert "<a " not in mail.html
    assert "Mug" in mail.html
