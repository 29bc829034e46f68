"""From an empty draft to the e-mail of a buyer, in a browser: once with the mouse, once by the keyboard alone.

Trigger, filter, wait, branch, two e-mails, a tag; the web process is killed while somebody types; tested, published;
then somebody buys in the practice store, and the run shows which way it went.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from referins_woo.run.settings import DEMO_EMAIL
from tests.conftest import ClockHand
from tests.flows.browsing import lively
from tests.flows.test_first_hour import buy, sign_in, wait_for_mail
from tests.services import rest_totals
from tests.services.instance import Instance


@pytest.fixture
def connected(instance: Instance, clock: ClockHand) -> Instance:
    """An instance with its practice store connected and imported."""
    instance.environ |= clock.environ
    instance.start()
    instance.wait_for_all()
    state = practice_state(instance)
    keys = ("--key", state["consumer_key"], "--secret", state["consumer_secret"])
    chosen = ("--import", "contacts,orders", "--sync", "contacts,orders,order-submitted,payment-received")
    done = instance.referins("store", "connect", instance.practice_url, "--email", DEMO_EMAIL, *keys, *chosen)
    assert done.returncode == 0, done.stderr
    assert instance.referins("import", "status", done.stdout.strip(), "--wait").returncode == 0
    return instance


def practice_state(instance: Instance) -> dict[str, Any]:
    """The practice store's keys, as soon as it answers."""
    for _ in range(300):
        try:
            return rest_totals.practice_state(instance.practice_url)
        except OSError:
            time.sleep(0.2)
    pytest.fail(instance.output())


def calm(page: Page) -> None:
    """Wait while the page is drawn anew: nothing can be pressed or typed then."""
    expect(page.locator("#builder[inert]")).to_have_count(0)


class Mouse:
    """Points and clicks."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, name: str) -> None:
        """Press what is called so, or begins with it."""
        calm(self.page)
        named = re.compile(f"^{re.escape(name)}")
        self.page.get_by_role("link", name=named).or_(self.page.get_by_role("button", name=named)).first.click()

    def fill(self, label: str, text: str) -> None:
        """Write into the field with this label."""
        self._field(label).fill(text)

    def choose(self, label: str, option: str) -> None:
        """Choose from a list."""
        self._field(label).select_option(label=option)

    def add(self, after: str, words: str) -> None:
        """Add the step that is found by `words`."""
        calm(self.page)
        self.page.get_by_label(f"Add a step after {after}", exact=True).click()
        self.page.get_by_label("Search steps").fill(words)
        self.page.locator(".b-picker .b-choice:not([hidden])").first.click()

    def _field(self, label: str) -> Locator:
        calm(self.page)
        lively(self.page)
        named = self.page.locator("#main").get_by_label(re.compile(f"^{re.escape(label)}( |$)"))
        return named.locator("visible=true").first


class Keyboard:
    """Never touches the mouse: Tab, Enter, Escape, letters."""

    def __init__(self, page: Page) -> None:
        self.page, self.keys = page, page.keyboard

    def press(self, name: str) -> None:
        self._to(name, "a, button, summary")
        self.keys.press("Enter")

    def fill(self, label: str, text: str) -> None:
        self._to(label, "input, textarea, [role=textbox]")
        self.keys.press("Control+a")
        self.keys.type(text)
        if "{{" in text:  # asked which variable: what was typed behind the braces has found it
            expect(self.page.locator("#variable-picker")).to_be_visible()
            self.keys.press("Enter")

    def choose(self, label: str, option: str) -> None:
        """Type what is wanted. A browser forgets the letters after a second: on a slow machine once more."""
        for _ in range(10):
            self._to(label, "select")
            self.keys.type(option)
            calm(self.page)
            chosen = self.page.locator("#main").get_by_label(label, exact=True).locator("option:checked").first
            if chosen.text_content() == option:
                return
            self.page.wait_for_timeout(1_100)
        pytest.fail(f"{option} cannot be chosen by its letters")

    def add(self, after: str, words: str) -> None:
        self.press(f"Add a step after {after}")
        expect(self.page.locator("#drawer-title")).to_be_focused()
        self._to("Search steps", "input")
        self.keys.type(words)
        self.keys.press("Enter")

    def _to(self, name: str, kinds: str) -> None:
        """Tab on until what has the focus is of these kinds, and is called so."""
        calm(self.page)
        for _ in range(250):
            self.keys.press("Tab")
            found = self.page.evaluate(
                "kinds => { const e = document.activeElement; return e.matches(kinds) ? (e.getAttribute('aria-label')"
                " || (e.labels && e.labels[0] && e.labels[0].textContent) || e.textContent || '') : '' }",
                kinds,
            )
            if " ".join(found.split()).startswith(name):
                return
        pytest.fail(f"{name} cannot be reached by Tab")


@pytest.mark.timeout(400)
@pytest.mark.parametrize("hand_of", [Mouse, Keyboard])
def test_an_automation_is_built_tested_published_and_mails_who_buys(
    connected: Instance, page: Page, clock: ClockHand, hand_of: Callable[[Page], Mouse | Keyboard]
) -> None:
    hand, saved = hand_of(page), page.locator("#builder-saved")
    sign_in(page, connected)
    page.goto(f"{connected.url}/automations/new")
    hand.fill("Name", "For guests")
    hand.press("Make a draft")
    expect(page.get_by_role("heading", level=1)).to_have_text("For guests")

    hand.press("Order Submitted")
    hand.press("Add a condition")
    hand.fill("What it is compared with", "1")
    expect(page.locator("#card-trigger")).to_contain_text("Total is greater than 1")
    expect(page.locator("#matches")).to_contain_text(re.compile(r"Matches [\d,]+ of [\d,]+"))
    hand.add("the trigger", "waits for a period")
    hand.fill("For", "1h")
    expect(page.locator("#card-wait")).to_contain_text("1 hour")
    hand.add("Wait", "goes one of two")
    hand.press("Add a condition")
    hand.choose("What is looked at", "Guest order")
    expect(page.locator("#card-split")).to_contain_text("Guest order is true")
    for way, card in (("Yes", "send_email"), ("No", "send_email_2")):
        hand.add(f"{way} of If / else", "sends one e-mail")
        hand.fill("Subject", f"{way}: order {{{{ order.number }}}}")
        expect(page.locator(f"#card-{card}")).to_contain_text(f"{way}: order")
        expect(saved).to_have_text(re.compile("^Saved "))
        hand.press("Add text")
        expect(page.locator(".b-block textarea")).to_have_count(1)
        connected.kill("web")
        hand.fill("Text", f"Hello {way}")
        expect(page.locator(f"#box-{card} .badge")).to_have_count(0)
        expect(saved).to_have_text(re.compile("^Saved "))
        page.reload()
        expect(page.locator(".b-block textarea")).to_have_value(f"Hello {way}")
    hand.add("If / else", "gives the contact a tag")
    hand.fill("Tag", "built")
    expect(page.locator("#card-add_tag")).to_contain_text("built")
    expect(saved).to_have_text(re.compile("^Saved "))

    hand.press("Test")
    expect(page.get_by_text("Nothing is sent, nothing is changed.")).to_be_visible()
    for card in ("trigger", "wait", "split", "add_tag"):
        expect(page.locator(f"#box-{card}.is-taken")).to_have_count(1)
    expect(page.locator(".b-way.is-taken")).to_have_count(1)
    expect(page.get_by_text("Waits 1 hour.").first).to_be_visible()
    hand.press("Publish…")
    expect(page.get_by_text("Nothing is missing")).to_be_visible()
    hand.press("Publish")
    expect(page.get_by_text("Published: it starts for events from now on")).to_be_visible()

    order = buy(page, connected, "gail@example.com", "Card, payment left open")
    wait_for_run(page, connected, "Waiting")
    clock.advance(hours=1, minutes=1)
    wait_for_mail(page, connected, "gail@example.com", f"Yes: order {order}")
    wait_for_run(page, connected, "Done")
    page.locator("tbody th a").first.click()
    for words in ("Waits 1 hour.", "The condition holds.", f"Yes: order {order}", "Tag added: built"):
        expect(page.get_by_text(words).first).to_be_visible()
    page.get_by_role("link", name="Show its way in the builder").click()
    for card, taken in (("wait", 1), ("send_email", 1), ("send_email_2", 0), ("add_tag", 1)):
        expect(page.locator(f"#box-{card}.is-taken")).to_have_count(taken)


def wait_for_run(page: Page, instance: Instance, state: str) -> None:
    """Look at the list of runs until its only one is in this state."""
    for _ in range(120):
        page.goto(f"{instance.url}/runs")
        if page.locator("tbody tr").filter(has_text=state).count() == 1:
            return
        page.wait_for_timeout(500)
    pytest.fail(page.locator("#main").inner_text())
