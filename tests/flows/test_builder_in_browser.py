"""The builder in a real browser: with the mouse, by the keyboard alone, and while the server is away."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from automations import editing
from referins_woo.process import Process
from referins_woo.runs.models import Automation
from tests.conftest import LiveServer
from tests.factories.rows import Made
from tests.flows.browsing import sign_in


@pytest.fixture
def backend() -> str:
    """What is typed is the same on both databases."""
    return "sqlite"


@pytest.fixture
def at_builder(page: Page, live_server: LiveServer, ours: Made) -> Iterator[Page]:
    sign_in(page, live_server.url, ours.email)
    page.goto(f"{live_server.url}/automations/{ours.ids['automation_id']}/build")
    yield page


def _draft(running: Process, ours: Made) -> dict[str, object]:
    with running.database.reading() as session:
        return dict(session.get_one(Automation, ours.ids["automation_id"]).draft)


def _saved(page: Page) -> None:
    expect(page.locator("#builder-saved")).to_have_text(re.compile("^Saved "))


def test_with_the_mouse(at_builder: Page, running: Process, ours: Made) -> None:
    page = at_builder
    page.get_by_role("link", name="Order Submitted").click()
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("What is looked at").select_option("order.total_tax")
    expect(page.locator("#card-trigger")).to_contain_text("Only if Tax")
    page.get_by_label("How it is compared").select_option("at_least")
    expect(page.locator("#card-trigger")).to_contain_text("Only if Tax is at least")
    page.get_by_label("What it is compared with").fill("50")
    expect(page.locator("#card-trigger")).to_contain_text("Only if Tax is at least 50")
    expect(page.locator("#conditions-said")).to_have_text("Tax is at least 50.")
    page.get_by_label("Add a step after the trigger").click()
    page.get_by_label("Search steps").fill("if")
    page.get_by_role("button", name="If / else").click()
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("What is looked at").select_option("order.is_guest")
    expect(page.locator("#card-split")).to_contain_text("Guest order is true")
    page.get_by_label("Add a step after Yes of If / else").click()
    page.get_by_role("button", name="Add a tag").click()
    page.get_by_role("textbox", name="Tag").fill("guest")
    expect(page.locator("#card-add_tag")).to_contain_text("guest")
    _saved(page)
    page.get_by_label("Actions for Add a tag").click()
    page.get_by_role("button", name="Move down").click()
    expect(page.locator(".b-branch #card-add_tag")).to_have_count(0)
    page.get_by_role("button", name="Undo: Moved “Add a tag”").click()
    expect(page.locator(".b-branch #card-add_tag")).to_have_count(1)
    page.get_by_role("link", name="Publish…").click()
    expect(page.get_by_text("Nothing is missing")).to_be_visible()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Published: it starts for events from now on")).to_be_visible()
    assert editing.find(_draft(running, ours), "add_tag")["tag"] == "guest"


def test_by_the_keyboard_alone(at_builder: Page, running: Process, ours: Made) -> None:
    page = at_builder
    keys = page.keyboard

    def tab_to(name: str) -> None:
        for _ in range(120):
            keys.press("Tab")
            focused = page.evaluate(
                "(document.activeElement.getAttribute('aria-label') || document.activeElement.textContent || '').trim()"
            )
            if focused.startswith(name):
                return
        pytest.fail(f"{name} cannot be reached by Tab")

    tab_to("Add a step after the trigger")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Add a step")).to_be_focused()
    keys.press("Escape")
    expect(page.get_by_label("Add a step after the trigger")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Add a step")).to_be_focused()
    keys.press("Tab")
    keys.press("Tab")
    expect(page.get_by_label("Search steps")).to_be_focused()
    keys.type("wait")
    keys.press("ArrowDown")
    keys.press("Enter")
    heading = page.locator("#drawer-title")
    expect(heading).to_be_focused()
    kind = heading.inner_text()
    assert kind.startswith("Wait")
    keys.press("Escape")
    expect(heading).to_have_count(0)
    expect(page.locator(":focus")).to_have_attribute("id", re.compile("^card-wait"))
    keys.press("Enter")
    expect(heading).to_be_focused()
    keys.press("Control+z")
    expect(page.locator("[id^=card-wait]")).to_have_count(0)
    assert "wait" not in str([step["id"] for step, _ in editing.walk(_draft(running, ours))])


def test_what_was_typed_while_the_server_was_away_is_saved_when_it_is_back(
    at_builder: Page, running: Process, ours: Made
) -> None:
    page = at_builder
    page.locator("#card-confirm").click()
    page.get_by_label("Subject").fill("Before")
    _saved(page)
    page.route("**/build", lambda route: route.abort())
    page.get_by_label("Subject").fill("While it was away")
    expect(page.locator("#builder-saved")).to_contain_text("Not saved")
    assert editing.find(_draft(running, ours), "confirm")["subject"] == "Before"
    page.unroute("**/build")
    expect(page.locator("#builder-saved")).to_have_text(re.compile("^Saved "), timeout=15_000)
    assert editing.find(_draft(running, ours), "confirm")["subject"] == "While it was away"
    expect(page.get_by_label("Subject")).to_have_value("While it was away")
