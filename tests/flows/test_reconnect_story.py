"""The whole story of a lost store in a browser: from the mail's link to "caught up" (X1-X4, pages.md 3.5).

Pictures of every step, at 1440 and 375 pixels, are left in test-artifacts/reconnect.
"""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

import referins_woo.stores.jobs as store_jobs
from referins_woo import queues
from referins_woo.bells import LIVE
from referins_woo.process import Process
from tests.conftest import ROOT, ClockHand, LiveServer
from tests.flows.merchants import EMAIL, Merchant, merchant_of

ARTIFACTS = ROOT / "test-artifacts" / "reconnect"
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}


@pytest.fixture
def backend() -> str:
    """One database is enough to see pages."""
    return "sqlite"


def look(page: Page, name: str) -> None:
    """Take pictures at both widths; nothing is wider than the screen, and everybody can use it."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for width in (375, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=ARTIFACTS / f"{name}-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, (name, width)
        found = Axe().run(page, options=RULES).response["violations"]
        assert [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found] == [], (name, width)


def lose(merchant: Merchant) -> str:
    """Revoke the key and let it be noticed; returns the link of the mail."""
    merchant.practice.revoke_key()
    for _ in range(2):
        merchant.clock.advance(seconds=21)
        queues.ring("catch_up", merchant.store_id)
        store_jobs.ring_for_suspects()
        merchant.bells.drain()
    [mail] = merchant.mails()
    assert mail.to_email == EMAIL
    return str(mail.facts["link"])


def sign_in(page: Page, server: LiveServer) -> None:
    page.goto(f"{server.url}/sign-in")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{server.url}/")


def test_from_the_mail_s_link_to_caught_up(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, live_server: LiveServer, page: Page
) -> None:
    with merchant_of(running, bells, clock, size=20) as merchant:
        merchant.connect()
        link = lose(merchant)
        placed = [merchant.practice.create_order(email=f"ann{number}@example.com") for number in range(5)]

        page.goto(link)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Reconnect")
        for words in ("The keys were revoked", "Since", "WooCommerce > Settings > Advanced > REST API"):
            expect(page.get_by_text(words).first).to_be_visible()
        wp_admin = page.get_by_role("link", name="Open WooCommerce > Settings > Advanced > REST API")
        expect(wp_admin).to_have_attribute(
            "href", f"{merchant.practice.url}/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys"
        )
        look(page, "1-the-page-of-the-link")

        page.get_by_role("button", name="Test again").click()
        expect(page.get_by_role("alert")).to_contain_text("Not connected yet.")
        look(page, "2-not-yet")

        page.get_by_role("button", name="Reconnect through WooCommerce").click()
        page.get_by_label("Username or email address").fill("admin")
        page.get_by_label("Password").fill(merchant.practice.admin_password)
        page.get_by_role("button", name="Login").click()
        page.get_by_role("link", name="Approve").click()
        expect(page.get_by_role("heading", name="Trying the keys")).to_be_visible()
        bells.drain(LIVE)
        expect(page.get_by_role("heading", name="is connected")).to_be_visible()
        expect(page.locator("#catching-up")).to_contain_text("Catching up")
        look(page, "3-catching-up")
        bells.drain()
        expect(page.locator("#catching-up")).to_contain_text("Caught up")
        look(page, "4-caught-up")
        assert page.context.cookies() == [] or "/sign-in" in (page.goto(f"{live_server.url}/orders"), page.url)[1]

        assert merchant.store.state == "connected"
        assert all(merchant.events()[woo_id, "order_submitted"] == ("fired", "") for woo_id in placed)
        assert len(merchant.practice.webhooks()) == 10
        page.goto(link)
        expect(page.get_by_text("nothing is left to do here")).to_be_visible()
        look(page, "5-an-old-link")

        sign_in(page, live_server)
        base = f"{live_server.url}/settings/integrations/woocommerce/{merchant.store_id}"
        for _ in range(2):
            merchant.sweep(16)
        for name in ("", "health", "sync", "deliveries", "log"):
            page.goto(f"{base}/{name}".rstrip("/"))
            look(page, f"6-{name or 'overview'}")
        expect(page.get_by_text("Reconnected with the key")).to_be_visible()
        page.goto(f"{base}/health")
        expect(page.locator("#ledger-orders")).to_contain_text(", checked")
        page.get_by_role("button", name="Send test").click()
        expect(page.get_by_text("The store reached us")).to_be_visible()


def test_the_banner_stands_on_every_page_and_the_store_s_page_repairs_too(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, live_server: LiveServer, page: Page
) -> None:
    with merchant_of(running, bells, clock, size=5) as merchant:
        merchant.connect(elements=frozenset())
        lose(merchant)
        sign_in(page, live_server)
        look(page, "7-banner")
        for path in ("/orders", "/contacts", "/automations", "/settings/api-keys"):
            page.goto(live_server.url + path)
            expect(page.get_by_role("alert").first).to_contain_text("needs to be reconnected")
        page.get_by_role("link", name="Reconnect").first.click()
        look(page, "8-the-store-s-page")
        key, secret = merchant.practice.new_key()
        page.get_by_text("Type the keys in by hand").click()
        page.get_by_label("Consumer key").fill(key)
        page.get_by_label("Consumer secret").fill(secret)
        page.get_by_role("button", name="Try the keys and connect").click()
        expect(page.get_by_text("The store is connected again")).to_be_visible()
        assert merchant.store.state == "connected"
