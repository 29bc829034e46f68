"""E-mails of the recipes in a real browser: readable in light and in dark mail programs."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from automations.blocks import BLOCK_KINDS
from referins_woo.mail.compose import compose
from tests.referins_woo.mail.test_compose import FACTS

TEXTS = {
    "heading": {"text": "Thank you"},
    "text": {"text": "Hello {{ contact.first_name }}, [a link](https://shop.example.com)"},
    "button": {"text": "Pay now", "link": "https://shop.example.com/pay"},
    "footer": {"text": "{{ store.name }}"},
    "order_items": {},
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 800])
def test_every_word_stands_out_from_its_ground(browser: Browser, scheme: str, width: int) -> None:
    assert set(TEXTS) <= set(BLOCK_KINDS)
    body = [{"kind": kind, **more} for kind, more in TEXTS.items()]
    mail = compose({"subject": "S", "preheader": "P", "body": body}, FACTS)
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.set_content(mail.html)
    found = Axe().run(page, options={"runOnly": {"type": "rule", "values": ["color-contrast"]}})
    context.close()
    faint = [node["html"] for violation in found.response["violations"] for node in violation["nodes"]]
    assert not faint, "\n".join(faint)
