"""The editor of e-mails in a real browser: what is typed is saved and seen, blocks are moved by mouse and keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from referins_woo.mail.design.models import EmailTemplate
from referins_woo.process import Process
from tests.conftest import LiveServer
from tests.factories.rows import Made
from tests.flows.browsing import sign_in


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


def test_what_is_typed_is_saved_and_seen(at_editor: Page, running: Process, ours: Made) -> None:
    page = at_editor
    shown = page.frame_locator("#preview-frame")
    page.locator("#b-0-text").fill("Hello ")
    page.get_by_text("Merge variables", exact=True).click()
    page.locator("#b-0-text").focus()
    page.keyboard.press("End")
    page.get_by_label("If empty").fill("there")
    page.locator("#b-0-text").focus()
    page.get_by_role("button", name="First name", exact=True).click()
    expect(page.locator("#b-0-text")).to_have_value("Hello {{ contact.first_name|default('there') }}")
    expect(shown.locator("body")).to_contain_text("Hello Ada")
    page.get_by_label("Subject").fill("For {{ order.number }}")
    expect(page.locator("#inbox-subject")).to_have_text("For 1042")
    _saved(page)
    assert _document(running, ours)["subject"] == "For {{ order.number }}"
    page.get_by_label("Sample").select_option("no_name")
    expect(shown.locator("body")).to_contain_text("Hello there")
    page.get_by_label("Subject").fill("For {{ order.numbr }}")
    expect(page.locator("#editor-state")).to_contain_text("Did you mean {{ order.number }}?")


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
    page.get_by_label("Preview text").fill("Mine")
    expect(page.locator("#editor-state")).to_contain_text("Somebody else has changed this template meanwhile")
    expect(page.get_by_label("Preview text")).to_have_value("Mine")
    assert "preheader" not in _document(running, ours)
