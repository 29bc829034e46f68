"""E-mails that merchants write as code: checked with line numbers, cleaned, inlined, filled in for each message."""

from __future__ import annotations

from typing import Any

import pytest

from automations.blocks import problems
from referins_woo.mail import samples
from referins_woo.mail.compose import Composed, Footer, compose, problem_of
from referins_woo.mail.sandbox import TemplateFault

FACTS = samples.usual()
FOOTER = Footer("Example Shop", "1 Example Street", "https://x.example/u/1", "https://x.example/p/1")


def template(code: str, language: str = "html", **more: Any) -> dict[str, Any]:
    return {"subject": "S", "preheader": "", "body": [{"kind": "code", "language": language, "code": code}], **more}


def mail(code: str, language: str = "html", facts: dict[str, Any] = FACTS, footer: Footer | None = None) -> Composed:
    return compose(template(code, language), facts, footer)


def mjml(inside: str, head: str = "") -> str:
    return f"<mjml>{head}<mj-body>{inside}</mj-body></mjml>"


def test_mjml_is_laid_out_and_its_variables_are_filled_in() -> None:
    made = mail(
        mjml("<mj-section><mj-column><mj-text>Hello {{ contact.first_name }}</mj-text></mj-column></mj-section>"),
        "mjml",
    )
    assert "Hello Ada" in made.html
    assert "<mj-" not in made.html
    assert made.text == "Hello Ada\n"


def test_a_condition_between_sections_is_kept_whole() -> None:
    section = "<mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section>"
    code = mjml("{% if order.customer_note %}" + section.format("Note") + "{% endif %}" + section.format("End"), "")
    assert "Note" in mail(code, "mjml").html
    without = mail(code, "mjml", {**FACTS, "order": {**FACTS["order"], "customer_note": ""}})
    assert "Note" not in without.html + without.text
    assert without.html.count("<table") == without.html.count("</table")


def test_a_loop_of_rows_gives_a_row_a_line_and_its_links_are_looked_at_each_time() -> None:
    row = '<tr><td><a href="{{ line.url }}">{{ line.name }}</a></td></tr>'
    made = mail("<table>{% for line in order.lines %}" + row + "{% endfor %}</table>")
    assert made.html.count("<tr>") == 3
    assert made.html.count('href="https://shop.example.com/product/') == 3
    assert "[Spoon](https://shop.example.com/product/spoon)" in made.text
    bad = {**FACTS, "order": {**FACTS["order"], "lines": [{"name": "X", "url": 'javascript:alert("1")'}]}}
    assert 'href=""' in mail("{% for line in order.lines %}" + row + "{% endfor %}", facts=bad).html


def test_styles_are_inlined_and_what_depends_on_the_screen_stays() -> None:
    head = (
        "<style>p{color:#123456} @media (max-width:400px){p{color:red}} @import url(https://x.example/a.css);</style>"
    )
    made = mail(f"<html><head>{head}</head><body style='margin:0'><p class='big'>A</p></body></html>")
    assert '<p class="big" style="color: #123456;">' in made.html
    assert "@media (max-width:400px)" in made.html
    assert "@import" not in made.html


@pytest.mark.parametrize(
    "bad",
    [
        '<p onclick="x()">a</p>',
        '<a href="javascript:alert(1)">a</a>',
        '<a href="{{ contact.first_name }}javascript:alert(1)">a</a>',
        '<a href="data:text/html,x">a</a>',
        '<a href="/relative">a</a>',
        '<img src="cid:1" onerror="x()">',
        '<p style="background:url(javascript:alert(1))">a</p>',
        '<p style="width:expression(alert(1))">a</p>',
        "<style>p{background:url(http://x.example/i.png)}</style><p>a</p>",
        "<meta http-equiv=refresh content=0><p>a</p>",
        "<!--[if mso]><p onload=x()>a</p><![endif]--><p>a</p>",
        "<p>&lt;script&gt;</p><noscript><p title='</noscript><img src=x onerror=alert(1)>'>a</p></noscript>",
    ],
)
def test_what_mailboxes_must_not_get_is_taken_out(bad: str) -> None:
    html = mail(bad).html.lower()
    for trace in ("onclick", "javascript:", "data:text", "/relative", "cid:", "onerror=", "expression(", "url(http:"):
        assert trace not in html.replace("title=", "")
    assert "refresh" not in html and "onload" not in html


@pytest.mark.parametrize(
    ("code", "language", "said"),
    [
        ("<p>\n{{ contact.first_name", "html", "Line 2"),
        ("<p>\n\n{{ 9**9 }}", "html", "Line 3: Pow is not available"),
        ("a\n<script>x</script>", "html", "Line 2: <script> is not shown"),
        ("a\n<IFRAME src=x>", "html", "Line 2: <iframe>"),
        (mjml("\n<mj-section><mj-column></mj-section>"), "mjml", "Line 2: </mj-section> closes nothing"),
        (mjml("\n<mj-sektion></mj-sektion>"), "mjml", "Did you mean <mj-section>?"),
        (mjml("\n<mj-include path='/etc/passwd'/>"), "mjml", "Line 2: there is no <mj-include>"),
        ("<mjml><mj-body>", "mjml", "is never closed"),
        ("<mj-section></mj-section>", "mjml", "MJML needs"),
        ("<style>p{color:{{ order.number }}}</style>", "html", "cannot stand in <style>"),
        ("x" * 100_001, "html", "too long"),
    ],
)
def test_a_fault_names_its_line(code: str, language: str, said: str) -> None:
    found = problem_of(template(code, language))
    assert found is not None
    assert said in found
    with pytest.raises(TemplateFault):
        compose(template(code, language), FACTS)


def test_what_a_customer_typed_never_becomes_markup() -> None:
    nasty = '"><img src=x onerror=alert(1)> {{ 7*7 }} CODE0EDOC SLOT0TOLS'
    facts = {**FACTS, "order": {**FACTS["order"], "customer_note": nasty}}
    made = mail('<p title="{{ order.customer_note }}">{{ order.customer_note }}</p>', facts=facts)
    assert "<img" not in made.html
    assert "{{ 7*7 }} CODE0EDOC SLOT0TOLS" in made.html
    assert nasty in made.text


def test_a_marketing_email_in_code_has_the_way_out_in_both_parts() -> None:
    made = mail("<p>News</p>", footer=FOOTER)
    assert 'href="https://x.example/u/1"' in made.html
    assert "https://x.example/u/1" in made.text
    own = compose(template("<p>News</p>", plain="My own words"), FACTS, FOOTER)
    assert own.text.startswith("My own words\n")
    assert "https://x.example/u/1" in own.text


def test_names_that_the_trigger_does_not_supply_are_told_with_their_line() -> None:
    code = "<p>\n{{ transaction.amount }}{% for line in order.lines %}{{ line.name }}{{ loop.index }}{% endfor %}"
    found = problems([{"kind": "code", "language": "html", "code": code}], "body", "order_submitted")
    assert [one.message for one in found] == ["Line 2: {{ transaction.amount }} is not known to Order Submitted."]
    beside = [{"kind": "code", "language": "html", "code": "a"}, {"kind": "divider"}]
    assert problems(beside, "body", "order_submitted")[0].message == "Code stands beside other blocks."
