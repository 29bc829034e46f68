"""Blocks beyond plain text: columns, cards, coupons, conditions, brands, languages, tests; each sample with each."""

from __future__ import annotations

from typing import Any

import pytest
from babel import Locale

from automations import blocks as declared
from automations.recipes import all_recipes
from referins_woo.mail import samples, words
from referins_woo.mail.brand import Brand, contrast
from referins_woo.mail.compose import Composed, Footer, compose

FACTS = samples.usual()
EVERYTHING: list[dict[str, Any]] = [
    {"kind": "heading", "text": "Hello {{ contact.first_name|default('there') }}", "align": "center"},
    {
        "kind": "columns",
        "left": [{"kind": "text", "text": "Left"}, {"kind": "image", "url": "https://x.example/a.png", "alt": "A"}],
        "right": [{"kind": "button", "text": "Press", "url": "{{ store.url }}"}],
    },
    {"kind": "coupon", "text": "Ten percent", "code": "TEN", "until": "Until Sunday"},
    {"kind": "product_cards", "source": "order", "button": "See {{ store.name }}"},
    {"kind": "order_items"},
    {"kind": "divider"},
    {"kind": "footer", "text": "Foot"},
]
FOOTER = Footer("Shop", "Street", "https://x.example/u/1", "https://x.example/p/1", "https://x.example/view/1")
MAILS = {
    f"{recipe.key}:{step['id']}": step
    for recipe in all_recipes()
    for step in recipe.definition["steps"]
    if step["kind"] == "send_email"
} | {"everything": {"subject": "S", "preheader": "P", "body": EVERYTHING}}


def mail(*body: dict[str, Any], facts: dict[str, Any] = FACTS, **more: Any) -> Composed:
    return compose({"subject": "S", "preheader": "", "body": list(body), **more}, facts)


@pytest.mark.parametrize("sample", samples.SAMPLES)
@pytest.mark.parametrize("name", MAILS)
def test_every_email_is_whole_with_every_sample(name: str, sample: str) -> None:
    template = {key: MAILS[name].get(key, "") for key in ("subject", "preheader", "body")}
    made = compose(template, samples.facts_of(sample, frozenset(FACTS)), FOOTER)
    for trace in ("{{", "{%", "SLOT", "None", "Undefined", "nan"):
        assert trace not in made.subject + made.html + made.text, trace
    assert made.subject.strip() and made.text.strip()
    for tag in ("table", "div", "td"):
        assert made.html.count(f"<{tag}") == made.html.count(f"</{tag}>"), tag
    assert len(made.html.encode()) < 102_000, "Gmail cuts what is longer"
    is_arabic = sample == "right_to_left"
    assert ('dir="rtl"' in made.html) == is_arabic
    assert ("إلغاء الاشتراك" in made.html) == is_arabic


def test_currencies_have_their_decimals() -> None:
    def total(sample: str) -> str:
        return mail(
            {"kind": "text", "text": "{{ order.total }}"}, facts=samples.facts_of(sample, frozenset(FACTS))
        ).text

    assert total("yen").strip() == "JP¥12,800"
    assert total("dinar").strip() == "KWD\xa018.125"
    assert total("free").strip() == "€0.00"


def test_a_block_is_shown_where_its_condition_holds_in_both_parts() -> None:
    rich = {"field": "order.total", "operator": "greater_than", "value": "50"}
    rare = {"all": [rich, {"field": "order.currency", "operator": "is", "value": "CHF"}]}
    shown = mail(
        {"kind": "text", "text": "Shown", "show_if": rich},
        {"kind": "text", "text": "Hidden", "show_if": rare},
        {"kind": "columns", "show_if": rare, "left": [{"kind": "text", "text": "Secret"}], "right": []},
        {"kind": "columns", "show_if": rich, "left": [{"kind": "text", "text": "Open"}], "right": []},
    )
    for part in (shown.html, shown.text):
        assert "Shown" in part and "Open" in part
        assert "Hidden" not in part and "Secret" not in part


def test_columns_stand_side_by_side_and_hold_no_columns() -> None:
    made = mail(EVERYTHING[1])
    assert made.html.count('class="mj-outlook-group-fix mj-column-per-50') == 2
    assert made.text.index("Left") < made.text.index("Press")
    nested = [{"kind": "columns", "left": [{"kind": "columns"}], "right": [{"kind": "code"}]}]
    found = declared.problems(nested, "body", "order_submitted")
    assert [(one.path, one.field) for one in found] == [("body[0].left[0]", "kind"), ("body[0].right[0]", "kind")]


def test_product_cards_show_what_was_looked_up_and_never_parse_it() -> None:
    nasty = {
        "name": "{{ 7*7 }} <b>Mug</b>",
        "price": "16",
        "currency": "JPY",
        "url": "javascript:x",
        "image_url": "http://x/",
    }
    made = mail({"kind": "product_cards", "products": ["1"], "cards": [nasty, {**nasty, "url": "https://s.example/m"}]})
    assert "{{ 7*7 }} &lt;b&gt;Mug&lt;/b&gt;" in made.html
    assert "JP¥16" in made.text
    assert "javascript" not in made.html
    assert made.html.count('href="https://s.example/m"') == 1
    assert "<img" not in made.html
    seven = mail({"kind": "product_cards", "products": ["1"], "cards": [nasty] * 9})
    assert seven.text.count("Mug") == 6


def test_coupons_and_cards_make_an_email_marketing_wherever_they_stand() -> None:
    inside = [{"kind": "columns", "left": [{"kind": "coupon", "text": "Ten", "code": "TEN"}], "right": []}]
    assert declared.is_promotional(inside)
    assert [one.path for one in declared.promotional_problems(inside, "steps[0].body")] == ["steps[0].body[0].left[0]"]
    assert not declared.is_promotional([{"kind": "columns", "left": [{"kind": "divider"}]}])


def test_the_brand_colours_the_email_and_stays_readable() -> None:
    brand = Brand(
        accent="#ffd400", background="#101418", logo="https://x.example/l.png", social={"x": "https://x.com/a"}
    )
    made = mail({"kind": "button", "text": "Go", "url": "https://s.example/"}, brand=brand.to_json())
    assert "#ffd400" in made.html and "https://x.example/l.png" in made.html and ">X</a>" in made.html
    assert 'alt="Example Shop"' in made.html
    assert contrast(brand.accent, brand.on_accent) > 4.5
    assert contrast(brand.background, brand.below) > 4.5
    assert brand.link != brand.accent, "yellow on white cannot be read"
    assert Brand.of({"accent": "red;}</style>"}) == Brand()
    assert Brand.of({"language": "xx_YY"}) == Brand()


def test_the_language_of_the_brand_gives_words_dates_and_money() -> None:
    german = {"language": "de_DE"}
    made = mail({"kind": "order_items"}, {"kind": "text", "text": "{{ order.placed_at }}"}, brand=german)
    assert "Versand" in made.text and "59,90\xa0€" in made.text and "21. November 2026" in made.text
    assert 'lang="de-DE"' in made.html
    for locale, name in words.LANGUAGES.items():
        assert words.of(locale)["total"]
        assert name == Locale.parse(locale).get_display_name("en_GB")


def test_a_test_says_so_and_its_links_lead_nowhere() -> None:
    made = compose({"subject": "S", "preheader": "", "body": EVERYTHING, "test": True}, FACTS, FOOTER)
    assert made.subject == "[Test] S"
    assert {part.split('"')[0] for part in made.html.split('href="')[1:]} == {"#"}
    assert "://" not in made.text
    assert "[link: shop.example.com]" in made.text
    assert "[Test]" not in compose({"subject": "S", "preheader": "", "body": EVERYTHING}, FACTS).subject


def test_words_of_a_block_may_hold_variables() -> None:
    assert "For Ada: €59.90" in mail({"kind": "order_items", "total_label": "For {{ contact.first_name }}"}).text
    assert "See Example Shop" in mail(EVERYTHING[3]).html


def test_below_marketing_stands_the_way_to_the_email_on_the_web_in_its_language() -> None:
    facts = {**FACTS, "store": {**FACTS["store"], "locale": "de_DE"}}
    made = compose({"subject": "S", "body": [{"kind": "coupon", "text": "Ten", "code": "TEN"}]}, facts, FOOTER)
    assert 'href="https://x.example/view/1"' in made.html and ">Im Browser ansehen</a>" in made.html
    assert "Im Browser ansehen: https://x.example/view/1" in made.text
