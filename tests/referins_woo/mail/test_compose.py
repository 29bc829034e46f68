"""E-mails as merchants write them and customers read them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from automations.blocks import BLOCK_KINDS, CODE
from automations.variables import VARIABLES
from referins_woo import paths
from referins_woo.mail import blocks, shown
from referins_woo.mail.compose import compose, problem_of

RECIPES = sorted((Path(__file__).resolve().parents[3] / "automations" / "recipes").glob("*.toml"))
FACTS: dict[str, Any] = {
    "contact": {"first_name": "Ada", "last_name": "Example", "name": "Ada Example", "email": "ada@example.com"},
    "order": {
        "number": "1042",
        "total": "59.90",
        "shipping_total": "4.90",
        "discount_total": "0.00",
        "total_tax": "9.56",
        "currency": "EUR",
        "placed_at": "2026-11-21T23:30:00Z",
        "pay_link": "https://shop.example.com/checkout/order-pay/17/?pay_for_order=true&key=wc_order_x",
        "payment_method_title": "Bank transfer",
        "customer_note": "Please ring <twice>\n& wait",
        "billing": {"first_name": "Ada", "city": "Köln"},
        "lines": [
            {
                "name": "Mug & saucer",
                "quantity": "2",
                "total": "40.00",
                "url": "https://shop.example.com/mug",
                "sku": "M",
            },
            {"name": "Spoon", "quantity": "1", "total": "5.44", "image_url": "https://shop.example.com/s.png"},
        ],
    },
    "transaction": {"amount": "59.90", "currency": "EUR", "method": "Card", "occurred_at": "2026-11-21T23:31:00Z"},
    "store": {"name": "Café Exemple", "url": "https://shop.example.com", "time_zone": "Europe/Berlin"},
}


def mail_of(*body: dict[str, Any], facts: dict[str, Any] = FACTS, subject: str = "S", preheader: str = "") -> Any:
    return compose({"subject": subject, "preheader": preheader, "body": list(body)}, facts)


def text_of(text: str, facts: dict[str, Any] = FACTS) -> str:
    return str(mail_of({"kind": "text", "text": text}, facts=facts).text).strip()


def test_every_kind_of_block_that_automations_know_can_be_composed() -> None:
    assert set(blocks.BLOCKS) | {"columns", CODE} == set(BLOCK_KINDS)


def test_a_missing_or_empty_first_name_falls_back() -> None:
    text = "Hello {{ contact.first_name|default('there') }}!"
    assert text_of(text) == "Hello Ada!"
    for contact in ({"first_name": ""}, {"first_name": None}, {}):
        assert text_of(text, {**FACTS, "contact": contact}) == "Hello there!"
    assert text_of(text, {"store": {}}) == "Hello there!"


def test_money_dates_and_links_are_shown_as_people_write_them() -> None:
    assert text_of("{{ order.total }} on {{ order.placed_at }}") == "€59.90 on 22 November 2026"
    german = {**FACTS, "store": {**FACTS["store"], "locale": "de_DE_formal"}}
    assert text_of("{{ order.total }} {{ order.placed_at }}", german) == "59,90\xa0€ 22. November 2026"
    west = {**FACTS, "store": {**FACTS["store"], "time_zone": "-05:30"}}
    assert text_of("{{ order.placed_at }}", west) == "21 November 2026"


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("1234.5000", "JPY", "JP¥1,234"),
        ("1.2345", "KWD", "KWD\xa01.234"),
        ("-3.1", "EUR", "-€3.10"),
        ("5", "XYZ", "XYZ\xa05.00"),
        ("5.5", "", "5.5"),
        ("no", "EUR", ""),
        ("NaN", "EUR", ""),
        (None, "EUR", ""),
        ("1e30", "EUR", ""),
    ],
)
def test_money_has_the_decimals_of_its_currency(amount: Any, currency: str, expected: str) -> None:
    assert shown.money(amount, currency, "en_GB") == expected


def test_nonsense_in_facts_is_shown_as_nothing() -> None:
    odd = {
        "contact": None,
        "order": {"total": {}, "placed_at": "soon", "lines": "x", "pay_link": 7, "currency": 9, "number": None},
        "store": {"time_zone": "Mars/Base", "locale": "xx_YY"},
    }
    words = " ".join("{{ " + key + " }}" for key in VARIABLES)
    assert mail_of({"kind": "text", "text": words}, {"kind": "order_items"}, facts=odd).text


def test_line_breaks_and_signs_of_the_merchant_survive_in_both_parts() -> None:
    mail = mail_of({"kind": "text", "text": "A < B & C\n\n{{ order.customer_note }}"})
    assert "A &lt; B &amp; C<br><br>Please ring &lt;twice&gt;" in mail.html
    assert "A < B & C\n\nPlease ring <twice>" in mail.text


def test_the_items_of_an_order_are_listed_with_their_sums() -> None:
    mail = mail_of({"kind": "order_items", "total_label": "Gesamt"})
    assert "2 × Mug & saucer: €40.00\n1 × Spoon: €5.44\nShipping: €4.90\nTax: €9.56\nGesamt: €59.90" in mail.text
    for part in ("Mug &amp; saucer", 'href="https://shop.example.com/mug"', "s.png", "€5.44", "Gesamt"):
        assert part in mail.html


def test_sums_that_are_zero_are_left_out_and_very_long_orders_are_cut() -> None:
    order = {**FACTS["order"], "shipping_total": "0.00", "total_tax": "0", "lines": FACTS["order"]["lines"] * 500}
    mail = mail_of({"kind": "order_items"}, facts={**FACTS, "order": order})
    assert "Shipping" not in mail.html + mail.text
    assert "Tax" not in mail.html + mail.text
    assert mail.text.count(" × ") == 100
    assert "and more: 900" in mail.text


def test_a_button_leads_where_it_should_in_both_parts() -> None:
    mail = mail_of({"kind": "button", "text": "Pay {{ order.total }}", "url": "{{ order.pay_link }}"})
    assert f"Pay €59.90: {FACTS['order']['pay_link']}" in mail.text
    assert "order-pay/17/?pay_for_order=true&amp;key=wc_order_x" in mail.html


def test_an_image_shows_its_text_and_may_be_a_link() -> None:
    url, shop = "https://x.example/a.png", "{{ store.url }}"
    mail = mail_of({"kind": "image", "url": url, "alt": 'A "big"\nmug', "link": shop}, {"kind": "divider"})
    assert 'alt="A &quot;big&quot; mug"' in mail.html
    assert 'href="https://shop.example.com"' in mail.html
    assert '[A "big"' in mail.text


def test_the_subject_is_one_line_and_not_endless() -> None:
    facts = {**FACTS, "order": {**FACTS["order"], "number": "7\r\nBcc: all@example.com" + "x" * 9_999}}
    subject = mail_of(subject="Order {{ order.number }}", facts=facts).subject
    assert subject.startswith("Order 7 Bcc: all@example.com")
    assert "\n" not in subject
    assert len(subject) == 250


def test_preview_text_stands_before_everything_else() -> None:
    mail = mail_of({"kind": "heading", "text": "Title"}, preheader="Look, {{ contact.first_name }}")
    assert mail.preheader == "Look, Ada"
    assert mail.html.index("Look, Ada") < mail.html.index("Title")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
@pytest.mark.parametrize("empty", [False, True], ids=["full", "empty"])
def test_every_ready_made_email_renders_fully_and_with_nothing_known(path: Path, empty: bool) -> None:
    steps = tomllib.loads(path.read_text())["definition"]["steps"]
    for step in (one for one in steps if one["kind"] == "send_email"):
        template = {name: step[name] for name in ("subject", "preheader", "body")}
        assert problem_of(template) is None
        mail = compose(template, {} if empty else FACTS)
        assert mail.subject
        assert mail.text.strip()
        assert "<h1" in mail.html
        for trace in ("{{", "{%", "SLOT", "None", "Undefined"):
            assert trace not in mail.subject + mail.html + mail.text
        assert len(mail.html) < 60_000


def test_everything_rendered_is_a_whole_document_without_foreign_resources() -> None:
    mail = mail_of({"kind": "heading", "text": "A"}, {"kind": "text", "text": "B"}, {"kind": "footer", "text": "C"})
    assert mail.html.startswith("<!DOCTYPE html>")
    assert mail.html.rstrip().endswith("</html>")
    for foreign in ("<link", "@import", "googleapis", "<script"):
        assert foreign not in mail.html


def test_blocks_are_read_from_the_same_folder_as_templates() -> None:
    assert (paths.templates_dir() / "emails" / "blocks" / "order_items.html").is_file()


def test_fees_stand_among_the_rows_so_that_they_add_up() -> None:
    order = {
        **FACTS["order"],
        "fees": [{"name": "Gift <wrap>", "total": "3.00"}, {"name": "Voucher", "total": "-2.00"}],
    }
    shown = compose({"subject": "s", "preheader": "", "body": [{"kind": "order_items"}]}, {**FACTS, "order": order})
    assert "Gift &lt;wrap&gt;" in shown.html
    assert "Gift <wrap>: €3.00" in shown.text
    assert "Voucher: -€2.00" in shown.text
