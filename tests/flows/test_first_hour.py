"""The first hour of a merchant: connect the practice store in a browser, import, sell, and see the right e-mails.

Pictures of every step, at 1440 and 375 pixels, are left in test-artifacts/.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from referins_woo.run import settings
from referins_woo.run.settings import DEMO_EMAIL
from tests.conftest import ROOT, ClockHand
from tests.services import rest_totals
from tests.services.instance import Instance

ARTIFACTS = ROOT / "test-artifacts" / "first-hour"
HUB = "/settings/integrations/woocommerce"
RECIPES = ("Order confirmation", "Thank-you on payment", "Pending-payment reminder")


@pytest.fixture
def running_instance(instance: Instance, clock: ClockHand) -> Instance:
    instance.environ |= clock.environ
    instance.start()
    instance.wait_for_all()
    return instance


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """What the browser said against our pages: errors, refused resources, the content policy."""
    found: list[str] = []

    def heard(said: ConsoleMessage) -> None:
        if said.location.get("url", "").endswith("/favicon.ico"):
            return  # the shop has none
        if said.type == "error" or "Content Security Policy" in said.text:
            found.append(f"{said.text} ({said.location.get('url')})")

    page.on("console", heard)
    yield found
    assert not found, "\n".join(found)


class Camera:
    """Takes pictures of a page at both widths, and measures that nothing is wider than the screen."""

    def __init__(self, page: Page, folder: Path) -> None:
        self._page, self._folder, self._number = page, folder, 0
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, name: str) -> None:
        self._number += 1
        self._page.wait_for_load_state()  # a click that leads elsewhere does not wait for its page
        for width in (375, 1440):
            self._page.set_viewport_size({"width": width, "height": 900})
            wide = self._page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            self._page.screenshot(path=self._folder / f"{self._number:02}-{name}-{width}.png", full_page=True)
            assert wide <= 0, f"{name} is {wide} px too wide at {width} px"


def password_of(instance: Instance) -> str:
    return settings.read(instance.data_dir / settings.SETTINGS_FILE)["DEMO_PASSWORD"]


def sign_in(page: Page, instance: Instance) -> None:
    page.goto(f"{instance.url}/sign-in")
    page.get_by_label("E-mail").fill(DEMO_EMAIL)
    page.get_by_label("Password").fill(password_of(instance))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{instance.url}/")


def import_rows(page: Page) -> dict[str, tuple[int, int, int, int]]:
    """Read the import page: (came in, total, skipped, failed) by element."""
    found = {}
    for row in page.locator(".import-row:not(.import-whole)").all():
        words = row.inner_text()
        numbers = re.search(r"([\d,]+) of ([\d,]+)", words)
        assert numbers, words
        skipped, failed = re.search(r"([\d,]+) skipped", words), re.search(r"([\d,]+) failed", words)
        parts = (numbers[1], numbers[2], skipped[1] if skipped else "0", failed[1] if failed else "0")
        done, total, left_out, broken = (int(part.replace(",", "")) for part in parts)
        found[row.locator("strong").first.inner_text()] = (done, total, left_out, broken)
    return found


def expected_totals(store_url: str) -> dict[str, int]:
    """What the store itself says it has: of each element, as many as must be imported or skipped with a reason."""
    state = rest_totals.practice_state(store_url)
    keys = (store_url, state["consumer_key"], state["consumer_secret"])
    orders = rest_totals.rows(*keys, "orders", status="any")
    return {
        "Contacts": rest_totals.total(*keys, "customers", role="all"),
        "Products": rest_totals.total(*keys, "products", status="any"),
        "Collections": rest_totals.total(*keys, "products/categories"),
        "Orders": len(orders),
    }


def wait_for_mail(page: Page, instance: Instance, to_email: str, subject: str, count: int = 1) -> None:
    """Look into the dev mailbox until `count` e-mails of that subject to that address lie there, and no more."""
    mails = page.locator("#rows tbody tr").filter(has_text=subject)
    for _ in range(60):
        page.goto(f"{instance.url}/dev/mail?q={to_email}")
        if mails.count() >= count:
            break
        page.wait_for_timeout(500)
    expect(mails).to_have_count(count)


def buy(page: Page, instance: Instance, email: str, payment: str, product: int = 0) -> int:
    """Buy as a guest in the shop; returns the order's number."""
    page.goto(instance.practice_url)
    page.locator("ul.goods a").nth(product).click()
    page.get_by_label("Buy as").select_option("guest")
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Last name").fill("Guest")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label(payment).check()
    page.get_by_role("button", name="Place order").click()
    page.wait_for_url(re.compile(r"/order/\d+/"))
    return int(page.url.rstrip("/").rsplit("/", 1)[-1])


def pay(page: Page, instance: Instance, order: int) -> None:
    page.goto(f"{instance.practice_url}/order/{order}/")
    page.get_by_role("button", name=f"Pay now order {order}").click()
    expect(page.locator(".badge.processing")).to_be_visible()


def read_mail(page: Page, subject: str) -> str:
    """Open the e-mail of that subject from the list that is shown, and return its plain text."""
    page.get_by_role("link", name=re.compile(re.escape(subject))).first.click()
    page.get_by_role("heading", level=1, name=re.compile(re.escape(subject))).wait_for()
    return page.locator("details pre.plain").inner_text()


def test_from_a_fresh_start_to_the_reminder_that_stops_when_paid(
    running_instance: Instance, page: Page, clock: ClockHand, complaints: list[str]
) -> None:
    instance, shop = running_instance, running_instance.practice_url
    shot = Camera(page, ARTIFACTS)
    page.goto(f"{instance.url}/sign-in")
    shot("sign-in")
    sign_in(page, instance)
    shot("dashboard-empty")

    # Connect: address, data, sync settings, the store's permission page, and back.
    page.get_by_role("link", name="Integrations").click()
    shot("integrations")
    page.locator("#main").get_by_role("link", name="Set up").click()
    shot("woocommerce-empty")
    page.get_by_role("link", name="Connect").click()
    shot("connect")
    page.get_by_label("Store URL").fill(shop)
    page.locator("#connect-form").get_by_role("button", name="Connect").click()
    page.get_by_role("heading", name="Import elements").wait_for()
    shot("choose-data")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="Sync settings").wait_for()
    shot("sync-settings")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="Approve access in WooCommerce").wait_for()
    shot("approve")
    expected = expected_totals(shop)
    page.get_by_role("button", name="Continue to").click()
    page.wait_for_url(f"{shop}/wc-auth/v1/login/**")
    shot("store-login")
    page.get_by_label("Username or email address").fill("admin")
    page.get_by_label("Password").fill(rest_totals.practice_state(shop)["password"])
    page.get_by_role("button", name="Login").click()
    page.get_by_role("link", name="Approve").wait_for()
    shot("store-approve")
    page.get_by_role("link", name="Approve").click()
    page.wait_for_url(f"{instance.url}/**")

    # The import is watched to its end; every element of the store is counted.
    page.wait_for_url(re.compile(r"/imports/\d+"), timeout=30_000)
    page.get_by_role("heading", name="Your store is imported").wait_for(timeout=30_000)
    shot("imported")
    rows = import_rows(page)
    assert set(rows) == {"Contacts", "Products", "Collections", "Orders", "Transactions"}
    for element, (came_in, total, skipped, failed) in rows.items():
        assert (came_in + skipped, failed) == (total, 0), element
        if element in expected:
            assert total == expected[element], element
    assert (rows["Orders"][0], rows["Orders"][2]) == (expected["Orders"], 0)
    page.goto(f"{instance.url}{HUB}")
    expect(page.get_by_text("Connected", exact=True)).to_be_visible()
    shot("woocommerce-connected")
    page.goto(f"{instance.url}/orders")
    shot("orders")
    page.goto(f"{instance.url}/dev/mail")
    # History mails nobody but the merchant, who is told that the import is done.
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text(DEMO_EMAIL)

    # Three ready-made automations: each is a draft first, and is published.
    for name in RECIPES:
        page.goto(f"{instance.url}/automations/new")
        if name == RECIPES[0]:
            shot("recipes")
        page.get_by_role("button", name=f"Use: {name}").click()
        expect(page.get_by_text("nothing is sent until you publish it")).to_be_visible()
        page.get_by_role("link", name="Publish…").click()
        if name == RECIPES[0]:
            shot("publish")
        page.get_by_role("button", name="Publish").click()
        expect(page.get_by_text("Live", exact=True).first).to_be_visible()
    shot("automation")
    page.goto(f"{instance.url}/automations")
    shot("automations")

    # A guest buys: confirmation; pays: thank-you.
    first = buy(page, instance, "ada@example.com", "Card, payment left open")
    shot("shop-order")
    wait_for_mail(page, instance, "ada@example.com", str(first))
    shot("dev-mailbox")
    assert "Ada" in read_mail(page, str(first))
    shot("confirmation")
    pay(page, instance, first)
    wait_for_mail(page, instance, "ada@example.com", f"Your payment for order {first} has arrived")
    read_mail(page, "Your payment")
    shot("thank-you")
    page.goto(f"{instance.url}/orders?q={first}")
    page.locator("table").get_by_role("link", name=re.compile(str(first))).first.click()
    page.wait_for_url(re.compile(r"/orders/\d+$"))
    shot("order")

    # Another leaves the order unpaid: the reminder comes after its wait, and no second one once it is paid.
    second = buy(page, instance, "bob@example.com", "Card, payment left open", product=1)
    wait_for_mail(page, instance, "bob@example.com", str(second))
    clock.advance(minutes=29)
    page.wait_for_timeout(6_000)
    wait_for_mail(page, instance, "bob@example.com", "waiting for its payment", count=0)
    clock.advance(minutes=2)
    wait_for_mail(page, instance, "bob@example.com", f"Your order {second} is waiting for its payment")
    assert f"/order-pay/{second}/" in read_mail(page, "waiting for its payment")
    shot("reminder")
    pay(page, instance, second)
    wait_for_mail(page, instance, "bob@example.com", f"Your payment for order {second} has arrived")
    clock.advance(hours=25)
    page.wait_for_timeout(7_000)  # longer than the clock's sweeps of due runs
    page.goto(f"{instance.url}/dev/mail?q=bob@example.com")
    expect(page.locator("#rows tbody tr")).to_have_count(3)
    page.goto(f"{instance.url}/dev/mail?q=ada@example.com")
    expect(page.locator("#rows tbody tr")).to_have_count(2)
    page.goto(f"{instance.url}/runs")
    shot("runs")
    page.goto(instance.url)
    shot("dashboard")


def test_the_same_way_without_script(running_instance: Instance, browser: Browser) -> None:
    instance, shop = running_instance, running_instance.practice_url
    context = browser.new_context(viewport={"width": 375, "height": 800}, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, instance)
    page.goto(f"{instance.url}{HUB}")
    page.get_by_role("link", name="Connect").click()
    page.get_by_label("Store URL").fill(shop)
    page.get_by_role("button", name="Connect").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Save").click()
    page.locator("summary").filter(has_text="Type the keys in by hand").click()
    state = rest_totals.practice_state(shop)
    page.get_by_label("Consumer key").fill(state["consumer_key"])
    page.get_by_label("Consumer secret").fill(state["consumer_secret"])
    page.get_by_role("button", name="Try the keys and connect").click()
    page.wait_for_url(re.compile(r"/imports/\d+"))
    reload_until(page, lambda: page.get_by_role("heading", name="Your store is imported").count() == 1)
    rows = import_rows(page)
    page.get_by_role("link", name="See the orders").click()
    expect(page.get_by_role("heading", level=1, name="Orders")).to_be_visible()
    expect(page.locator("tbody tr").first).to_be_visible()
    assert str(rows["Orders"][0]) in page.locator("#main").inner_text()
    context.close()


def reload_until(page: Page, condition: Callable[[], bool]) -> None:
    for _ in range(60):
        if condition():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(page.locator("#main").inner_text())
