"""The editor of e-mails in a real browser: what is typed is saved and seen, blocks are moved by mouse and keyboard."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from referins_woo.mail.design.models import EmailTemplate
from referins_woo.process import Process
from tests.conftest import LiveServer
from tests.factories.rows import Made
from tests.flows.browsing import GIVE, png, sign_in, text_field
from tests.referins_woo.web.test_in_browser import CROSS, RULES, TOO_SMALL, Scheme, _complain, _signed_in


@pytest.fixture
def backend() -> str:
    """What is typed is the same on both databases."""
    return "sqlite"


@pytest.fixture
def at_editor(page: Page, live_server: LiveServer, ours: Made) -> Iterator[Page]:
    sign_in(page, live_server.url, ours.email)
    page.goto(f"{live_server.url}/templates/{ours.ids['template_id']}/edit")
    yield page


def _document(running: Process, ours: Made) -> dict[str, Any]:
    with running.database.reading() as session:
        return dict(session.get_one(EmailTemplate, ours.ids["template_id"]).document)


def _saved(page: Page) -> None:
    expect(page.locator("#editor-saved")).to_have_text(re.compile("^Saved "))


def test_the_editor_of_chips_comes_when_somebody_is_at_work_and_what_is_typed_meanwhile_waits(
    page: Page, live_server: LiveServer, running: Process, ours: Made
) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url.rpartition("/")[2].partition("-")[0]))
    late = page.context
    late.route(re.compile(r"/chips-\w+\.js$"), lambda route: (page.wait_for_timeout(1_000), route.continue_())[1])
    with running.database.unit() as session:
        template = session.get_one(EmailTemplate, ours.ids["template_id"])
        template.document = template.document | {"subject": "For {{ order.number }}"}
    sign_in(page, live_server.url, ours.email)
    page.goto(f"{live_server.url}/templates/{ours.ids['template_id']}/edit")
    subject = page.get_by_role("textbox", name="Subject", exact=True)
    expect(subject.locator(".merge-chip")).to_have_text("Order number")
    expect(subject).to_have_class("still-text")
    assert "editor" in loaded and "chips" not in loaded
    high = subject.bounding_box()
    subject.focus()
    page.keyboard.type(" now")
    expect(subject).not_to_have_class("still-text")
    expect(subject).to_be_focused()
    assert "chips" in loaded
    page.keyboard.type("!")
    now = subject.locator("xpath=ancestor::div[contains(@class, 'chips')]").bounding_box()
    page.keyboard.press("Tab")
    _saved(page)
    assert _document(running, ours)["subject"] == "For {{ order.number }} now!"
    assert high is not None and now is not None and abs(high["height"] - now["height"]) < 4, "nothing jumps"


def test_without_its_editor_a_field_is_plain_text(page: Page, live_server: LiveServer, ours: Made) -> None:
    page.route(re.compile(r"/chips-\w+\.js$"), lambda route: route.abort())
    sign_in(page, live_server.url, ours.email)
    page.goto(f"{live_server.url}/templates/{ours.ids['template_id']}/edit")
    page.mouse.move(5, 5)
    page.get_by_label("Subject", exact=True).fill("Plain")
    page.keyboard.press("Tab")
    _saved(page)


def test_what_is_typed_is_saved_and_seen(at_editor: Page, running: Process, ours: Made) -> None:
    page = at_editor
    shown = page.frame_locator("#preview-frame")
    text_field(page, "Text").fill("Hello {{ contact.first_name|default('there') }}")
    expect(text_field(page, "Text").locator(".merge-chip")).to_have_text("First name or “there”")
    expect(shown.locator("body")).to_contain_text("Hello Ada")
    text_field(page, "Subject").fill("For {{ order.number }}")
    expect(page.locator("#inbox-subject")).to_have_text("For 1042")
    expect(page.locator("#subject-count")).to_have_text("8")
    _saved(page)
    assert _document(running, ours)["subject"] == "For {{ order.number }}"
    page.get_by_label("Sample").select_option("no_name")
    expect(shown.locator("body")).to_contain_text("Hello there")
    text_field(page, "Subject").fill("For {{ order.numbr }}")
    expect(page.locator("#editor-state")).to_contain_text("Did you mean {{ order.number }}?")
    expect(text_field(page, "Subject").locator(".merge-chip.is-unknown")).to_have_text("order.numbr")


def test_a_variable_is_picked_changed_and_removed_by_the_keyboard_alone(
    at_editor: Page, running: Process, ours: Made
) -> None:
    page, keys = at_editor, at_editor.keyboard
    picker = page.get_by_role("dialog")
    subject = text_field(page, "Subject")
    subject.focus()
    keys.press("ControlOrMeta+a")
    keys.type("For {{")
    expect(picker.get_by_label("Search")).to_be_focused()
    expect(picker).to_contain_text("Ada Example")
    keys.type("first na")
    expect(picker.get_by_role("radio")).to_have_count(3)
    expect(picker.get_by_role("status")).to_have_text("Reads “Ada”")
    keys.press("Tab")
    keys.press("Tab")
    keys.type("there")
    picker.get_by_label("Format").select_option("upper")
    expect(picker.get_by_role("status")).to_have_text("Reads “ADA”")
    keys.press("Enter")
    expect(picker).to_be_hidden()
    expect(subject).to_be_focused()
    expect(subject.locator(".merge-chip")).to_have_text("First name or “there”, CAPITALS")
    expect(page.locator("#inbox-subject")).to_have_text("For ADA")
    assert _document(running, ours)["subject"] == "For {{ contact.first_name|default('there')|upper }}"
    keys.press("Shift+ArrowLeft")
    keys.press("Control+Space")
    expect(picker.get_by_role("radio", name="First name Ada", exact=True)).to_be_checked()
    picker.get_by_label("Where it is empty, write").fill("you")
    picker.get_by_label("Format").select_option("")
    keys.press("Enter")
    expect(subject.locator(".merge-chip")).to_have_text("First name or “you”")
    keys.press("Backspace")
    expect(subject.locator(".merge-chip")).to_have_count(0)
    keys.press("ControlOrMeta+z")
    expect(subject.locator(".merge-chip")).to_have_text("First name or “you”")
    keys.press("ControlOrMeta+y")
    expect(page.locator("#inbox-subject")).to_have_text("For")
    assert _document(running, ours)["subject"] == "For"


def test_a_click_on_a_chip_changes_it_and_filters_of_ones_own_stay(
    at_editor: Page, running: Process, ours: Made
) -> None:
    page = at_editor
    text = text_field(page, "Text")
    text.fill("{{ order.lines|join(' / ') }} {{ order.number }}")
    page.get_by_text("Products join(' / ')").click()
    picker = page.get_by_role("dialog")
    expect(picker.get_by_label("Format")).to_have_value("join(' / ')")
    picker.get_by_label("Where it is empty, write").fill("what you bought")
    picker.get_by_role("button", name="Change").click()
    expect(text.locator(".merge-chip").first).to_have_text("Products or “what you bought”, join(' / ')")
    expect(page.frame_locator("#preview-frame").locator("body")).to_contain_text("stoneware / 1 × Poster")
    _saved(page)
    written = "{{ order.lines|default('what you bought')|join(' / ') }} {{ order.number }}"
    assert _document(running, ours)["body"][0]["text"] == written
    text.get_by_text("Order number").click()
    picker.get_by_role("button", name="Remove").click()
    expect(text.locator(".merge-chip")).to_have_count(1)
    page.get_by_label("Written for").select_option("order_refunded")
    expect(page.locator("#variable-picker")).to_contain_text("Amount refunded")
    page.get_by_role("button", name="Insert a variable into Text").click()
    picker.get_by_label("Search").fill("amount refunded")
    expect(picker.get_by_role("radio")).to_have_count(1)
    picker.get_by_role("button", name="Insert").click()
    expect(text_field(page, "Text")).to_contain_text("Amount refunded")


def test_an_address_takes_only_variables_that_are_addresses(at_editor: Page) -> None:
    page = at_editor
    page.get_by_role("button", name="Add button").click()
    page.get_by_role("button", name="Insert a variable into Leads to").click()
    expect(page.get_by_role("dialog").get_by_role("radio")).to_have_count(2)
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Leads to").locator(".merge-chip")).to_have_text("Link to pay")


def test_pictures_are_dropped_pasted_and_chosen(at_editor: Page, running: Process, ours: Made) -> None:
    page = at_editor
    page.evaluate(GIVE, ["drop", "#blocks-title", "sea.png", "image/png", png(), 0])
    place = page.locator("[data-picture-drop]")
    expect(place).to_contain_text("“sea.png” is here, 40 × 30 pixels. Say below what it shows.")
    expect(page.frame_locator("#preview-frame").locator("img[src*='/pictures/']")).to_be_visible()
    _saved(page)
    first = _document(running, ours)["body"][1]["url"]
    page.evaluate(GIVE, ["paste", "#b-1-url", "hill.png", "image/png", png(50), 0])
    expect(place).to_contain_text("“hill.png” is here")
    page.get_by_label("Choose a picture").set_input_files(
        {"name": "lake.png", "mimeType": "image/png", "buffer": base64.b64decode(png(60))}
    )
    expect(place).to_contain_text("“lake.png” is here")
    _saved(page)
    assert _document(running, ours)["body"][1]["url"] != first


def test_what_is_no_picture_for_mailboxes_is_refused_with_the_remedy(at_editor: Page) -> None:
    page = at_editor
    page.get_by_role("button", name="Add image").click()
    place = page.locator("[data-picture-drop]")
    expect(place).to_be_visible()
    for name, kind, content, size, said in (
        ("logo.svg", "image/svg+xml", "", 9, "SVG is not shown by mailboxes. Save it as PNG or JPEG"),
        ("huge.jpg", "image/jpeg", "", 6_000_000, "6.0 MB is too large: 5 MB at most. Save it with 1,200 pixels"),
        ("broken.png", "image/png", "AAAA", 0, "This is no PNG, JPEG, GIF or WebP"),
    ):
        page.evaluate(GIVE, ["drop", "[data-picture-drop]", name, kind, content, size])
        expect(place).to_contain_text(said)
    expect(page.locator("#b-1-url")).to_have_value("")


def test_a_logo_is_dropped_onto_the_brand(page: Page, live_server: LiveServer, ours: Made) -> None:
    sign_in(page, live_server.url, ours.email)
    page.goto(f"{live_server.url}/settings/brand")
    page.evaluate(GIVE, ["drop", "[data-picture-drop]", "logo.png", "image/png", png(), 0])
    expect(page.locator("[data-picture-drop]")).to_contain_text("“logo.png” is here, 40 × 30 pixels. Save to use it.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The brand is saved")).to_be_visible()
    expect(page.frame_locator("iframe.mail").locator("img[src*='/pictures/']")).to_be_visible()


def test_code_has_numbered_lines_and_a_problem_leads_to_its_own(at_editor: Page, running: Process, ours: Made) -> None:
    page = at_editor
    page.get_by_role("button", name="Go on in code").click()
    expect(page.locator(".cm-lineNumbers")).to_contain_text("12")
    code = page.locator(".code-lines .cm-content")
    page.get_by_label("Language").select_option("html")
    code.fill("<p>One</p>\n<script>two</script>")
    page.get_by_role("button", name="Go there").click()
    expect(code).to_be_focused()
    page.keyboard.type("<p>{{ order.number }}</p>")
    expect(page.frame_locator("#preview-frame").locator("body")).to_contain_text("1042")
    assert _document(running, ours)["body"][0]["code"] == "<p>One</p>\n<p>{{ order.number }}</p>"


def test_blocks_are_moved_by_the_mouse_and_by_the_keyboard(at_editor: Page, running: Process, ours: Made) -> None:
    page = at_editor
    page.get_by_role("button", name="Add heading").click()
    expect(page.locator("#block-1")).to_be_focused()
    page.get_by_role("button", name="Move Heading up").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#block-0")).to_have_text("Heading")
    expect(page.locator("#block-0")).to_be_focused()
    page.locator("#block-1").drag_to(page.locator("#block-0"))
    expect(page.locator("#block-0")).to_have_text("Text")
    page.get_by_role("button", name="Duplicate Text").click()
    expect(page.locator("[data-blocks] > .b-block")).to_have_count(3)
    page.get_by_role("button", name="Remove Heading").click()
    expect(page.locator("[data-blocks] > .b-block")).to_have_count(2)
    assert [one["kind"] for one in _document(running, ours)["body"]] == ["text", "text"]


def test_another_persons_change_is_told_and_what_was_typed_stays(at_editor: Page, running: Process, ours: Made) -> None:
    page = at_editor
    with running.database.unit() as session:
        session.get_one(EmailTemplate, ours.ids["template_id"]).revision = 9
    text_field(page, "Preview text optional").fill("Mine")
    expect(page.locator("#editor-state")).to_contain_text("Somebody else has changed this template meanwhile")
    expect(text_field(page, "Preview text optional")).to_have_text("Mine")
    assert "preheader" not in _document(running, ours)


@pytest.mark.parametrize(("width", "scheme"), CROSS)
def test_chips_their_picker_pictures_and_code_are_accessible(
    browser: Browser, live_server: LiveServer, running: Process, ours: Made, width: int, scheme: Scheme
) -> None:
    complaints: list[str] = []
    with running.database.unit() as session:
        row = session.get_one(EmailTemplate, ours.ids["template_id"])
        text = "Hi {{ contact.first_name|default('there')|upper }}, {{ order.numbr }}"
        row.document = {**row.document, "body": [{"kind": "text", "text": text}, {"kind": "image"}]}
    page = _signed_in(browser, live_server, ours, width, scheme, complaints)
    page.goto(f"{live_server.url}/templates/{ours.ids['template_id']}/edit")
    text_field(page, "Text")
    _complain(page, "chips", RULES, complaints)
    complaints += [one for one in page.evaluate(TOO_SMALL) if "visually-hidden" not in one]
    page.get_by_role("button", name="Insert a variable into Text").click()
    page.get_by_role("dialog").wait_for()
    _complain(page, "picker", RULES, complaints)
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.set_viewport_size({"width": width, "height": 900})
    page.get_by_role("button", name="Go on in code").click()
    page.locator(".code-lines").wait_for()
    _complain(page, "code", RULES, complaints)
    page.context.close()
    assert not complaints, "\n".join(complaints)
