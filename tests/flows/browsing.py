"""What tests in a browser share."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.factories.rows import PASSWORD, Made


def sign_in(page: Page, url: str, made: Made) -> None:
    """Sign the user of `made` in, through the form at `url`."""
    page.goto(f"{url}/sign-in")
    page.get_by_label("E-mail").fill(made.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/")
