"""What tests in a browser share."""

from __future__ import annotations

import base64
import io

from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.factories.rows import PASSWORD


def sign_in(page: Page, url: str, email: str) -> None:
    """Sign in through the form; from then on the page is waited for patiently."""
    page.set_default_timeout(30_000)
    expect.set_options(timeout=30_000)
    page.goto(f"{url}/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/")


def lively(page: Page) -> None:
    """Wait until texts with merge variables have their editor: it comes with the first sign of somebody at work."""
    page.mouse.move(5, 5)
    expect(page.locator(".still-text")).to_have_count(0)


def text_field(page: Page, name: str) -> Locator:
    """A text with merge variables, once its editor is there."""
    lively(page)
    return page.get_by_role("textbox", name=name, exact=True).and_(page.locator(".cm-content"))


def png(width: int = 40) -> str:
    """A picture of one colour, 30 pixels high, as base64."""
    out = io.BytesIO()
    Image.new("RGB", (width, 30), "#0f766e").save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


GIVE = """
([event, where, name, kind, content, size]) => {
    const bytes = size ? new Uint8Array(size) : Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, { type: kind }));
    const how = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
    const made = event === "paste" ? new ClipboardEvent(event, how) : new DragEvent(event, how);
    document.querySelector(where).dispatchEvent(made);
}
"""
"""Drops or pastes a file: event, where, its name, kind and content in base64, or how many bytes of nothing."""
