"""Every ready-made e-mail with every sample, as readers see it: nothing runs out of a phone, by day and in the dark.

Pictures of all of them are left in `test-artifacts/emails`.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from automations.recipes import Email, all_emails
from referins_woo.mail import samples
from referins_woo.mail.brand import Brand
from referins_woo.mail.compose import Footer, compose
from tests.conftest import ROOT

ARTIFACTS = ROOT / "test-artifacts" / "emails"
FOOTER = Footer("Example Shop", "1 Example Street · Exampletown", "https://x.example/u/1", "https://x.example/p/1")
_BACKGROUNDS = """
() => [document.body, document.querySelector('.card')].map(one => getComputedStyle(one).backgroundColor)
"""


@pytest.mark.storm
@pytest.mark.parametrize("email", all_emails(), ids=lambda one: one.key)
def test_it_fits_on_every_screen_and_is_dark_in_the_dark(email: Email, browser: Browser) -> None:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for dark in (False, True):
        page = browser.new_page(color_scheme="dark" if dark else "light")
        for sample in samples.SAMPLES:
            facts = samples.facts_of(sample, frozenset(samples.usual()))
            made = compose({**email.document, "brand": Brand(accent="#0f766e").to_json()}, facts, FOOTER)
            for width in (600, 375):
                page.set_viewport_size({"width": width, "height": 700})
                page.set_content(made.html)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (sample, width)
                name = f"{email.key}-{sample}-{width}{'-dark' if dark else ''}.png"
                page.screenshot(path=ARTIFACTS / name, full_page=True)
            if dark:
                assert page.evaluate(_BACKGROUNDS) == ["rgb(22, 32, 44)", "rgb(29, 41, 55)"], sample
        page.close()
