"""The builder in a real browser: with the mouse, by the keyboard alone, and while the server is away."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from automations import editing
from referins_woo.process import Process
from referins_woo.runs.models import Automation
from tests.conftest import LiveServer
from tests.factories.rows import Made
from tests.flows.browsing import GIVE, png, sign_in, text_field
from tests.referins_woo.web.test_in_browser import CROSS, RULES, TOO_SMALL, Scheme, _complain, _signed_in


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


def _open(page: Page, step: str) -> None:
    page.locator(f"#card-{step}").click()
    expect(page.locator("#drawer-title")).to_be_focused()


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
    _open(page, "confirm")
    text_field(page, "Subject").fill("Before")
    _saved(page)
    page.route("**/build", lambda route: route.abort())
    text_field(page, "Subject").fill("While it was away")
    expect(page.locator("#builder-saved")).to_contain_text("Not saved")
    assert editing.find(_draft(running, ours), "confirm")["subject"] == "Before"
    page.unroute("**/build")
    expect(page.locator("#builder-saved")).to_have_text(re.compile("^Saved "), timeout=15_000)
    assert editing.find(_draft(running, ours), "confirm")["subject"] == "While it was away"
    expect(text_field(page, "Subject")).to_have_text("While it was away")


def test_texts_of_the_drawer_take_variables_as_chips(at_builder: Page, running: Process, ours: Made) -> None:
    page, keys = at_builder, at_builder.keyboard
    picker = page.get_by_role("dialog")
    _open(page, "confirm")
    subject = text_field(page, "Subject")
    subject.focus()
    keys.press("ControlOrMeta+a")
    keys.type("Dear {{")
    expect(picker.get_by_label("Search")).to_be_focused()
    keys.press("Escape")
    expect(picker).to_be_hidden()
    expect(subject).to_be_focused()
    expect(page.locator("#drawer-title")).to_be_visible()
    keys.press("Control+Space")
    keys.type("first name")
    expect(picker.get_by_role("status")).to_have_text("Reads “Ana”")
    keys.press("Enter")
    expect(subject.locator(".merge-chip")).to_have_text("First name")
    expect(page.locator("#card-confirm")).to_contain_text("Dear [contact.first_name]")
    _saved(page)
    assert editing.find(_draft(running, ours), "confirm")["subject"] == "Dear {{ contact.first_name }}"
    keys.press("ControlOrMeta+z")
    expect(subject).to_have_text("Dear {{")
    assert page.locator("#card-confirm").count() == 1, "what is undone is the text, not the step"
    keys.press("ControlOrMeta+y")
    _saved(page)
    body = text_field(page, "Text")
    texts = body.count()
    page.get_by_role("button", name="Add text").click()
    expect(body).to_have_count(texts + 1)
    body.last.fill("Total: {{ order.total }}")
    expect(body.last.locator(".merge-chip")).to_have_text("Total")
    _saved(page)
    keys.press("Escape")
    expect(page.locator("#card-confirm")).to_be_focused()


def test_what_can_be_picked_follows_the_trigger(at_builder: Page, running: Process, ours: Made) -> None:
    page = at_builder
    page.get_by_role("link", name="Order Submitted").click()
    expect(page.locator("#variable-picker")).not_to_contain_text("Amount refunded")
    page.get_by_label("Starts on").select_option("order_refunded")
    expect(page.locator("#variable-picker")).to_contain_text("Amount refunded")
    _open(page, "confirm")
    text_field(page, "Subject").fill("Back: {{ refund.amount }}")
    expect(text_field(page, "Subject").locator(".merge-chip")).to_have_text("Amount refunded")


def test_a_text_is_written_plainly_where_its_editor_cannot_be_had_and_goes_on_when_it_can(
    at_builder: Page, running: Process, ours: Made
) -> None:
    page = at_builder
    page.route(re.compile(r"/chips-\w+\.js$"), lambda route: route.abort())
    _open(page, "confirm")
    plain = page.locator("input#f-subject")
    plain.fill("Plain {{ order.number }}")
    _saved(page)
    assert editing.find(_draft(running, ours), "confirm")["subject"] == "Plain {{ order.number }}"
    page.wait_for_timeout(3_500)
    expect(plain).to_be_focused()
    expect(plain).to_be_visible()


def test_a_picture_dropped_on_an_e_mail_becomes_a_block(at_builder: Page, running: Process, ours: Made) -> None:
    page = at_builder
    _open(page, "confirm")
    text_field(page, "Subject")
    page.evaluate(GIVE, ["drop", "#drawer-form [data-picture-add] legend", "cup.png", "image/png", png(), 0])
    expect(page.locator("[data-picture-drop] [data-said]")).to_contain_text("“cup.png” is here")
    _saved(page)
    image = next(one for one in editing.find(_draft(running, ours), "confirm")["body"] if one["kind"] == "image")
    assert "/pictures/" in image["url"]


@pytest.mark.parametrize(("width", "scheme"), CROSS)
def test_the_drawer_of_an_e_mail_is_accessible(
    browser: Browser, live_server: LiveServer, ours: Made, width: int, scheme: Scheme
) -> None:
    complaints: list[str] = []
    page = _signed_in(browser, live_server, ours, width, scheme, complaints)
    page.goto(f"{live_server.url}/automations/{ours.ids['automation_id']}/build?step=confirm")
    text_field(page, "Subject").wait_for()
    page.get_by_role("button", name="Add image").click()
    page.locator("[data-picture-drop]").wait_for()
    _complain(page, "drawer", RULES, complaints)
    complaints += [one for one in page.evaluate(TOO_SMALL) if "visually-hidden" not in one]
    page.get_by_role("button", name="Insert a variable into Subject").click()
    page.get_by_role("dialog").wait_for()
    _complain(page, "picker", RULES, complaints)
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.context.close()
    assert not complaints, "\n".join(complaints)
