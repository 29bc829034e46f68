"""What tests in a browser share."""

from __future__ import annotations

from playwright.sync_api import Page, expect

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
