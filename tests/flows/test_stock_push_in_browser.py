"""Quantities kept from here in a real browser: the dry run, on, told, changed there, taken over, off, beside a shop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

import referins_woo.writeback.jobs  # noqa: F401  (answers the bells)
from referins_woo import queues
from referins_woo.accounts.users import create_user
from referins_woo.practice_store import PracticeStore, StoreOptions
from referins_woo.process import Process
from tests.conftest import LiveServer
from tests.factories.rows import PASSWORD
from tests.flows.browsing import sign_in
from tests.flows.test_live_changes import Merchant
from tests.flows.test_stock import ALL, WHO
from tests.flows.test_stock_push import Pushing
from tests.referins_woo.web.test_in_browser import CROSS, RULES


@pytest.fixture
def backend() -> str:
    """What is clicked is the same on both databases."""
    return "sqlite"


@pytest.fixture
def shop(running: Process, bells: queues.MemoryBells) -> Iterator[Pushing]:
    """A shop that is imported, and not counted yet."""
    with running.database.unit() as session:
        create_user(session, WHO, PASSWORD)
    with PracticeStore(StoreOptions(size=20, webhook_delay=None)) as practice:
        made = Pushing(Merchant(running, bells, practice))
        made.merchant.connect(elements=ALL)
        yield made


@pytest.fixture
def at_stock(page: Page, live_server: LiveServer, shop: Pushing) -> Page:
    """Signed in, on the tab."""
    sign_in(page, live_server.url, WHO)
    page.goto(f"{live_server.url}/settings/integrations/woocommerce/{shop.merchant.store_id}")
    page.get_by_role("link", name="Stock", exact=True).last.click()
    return page


def _judge(page: Page) -> None:
    """The tab as it is now: accessible, and no wider than a phone."""
    found = []
    for width, scheme in CROSS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        for one in Axe().run(page, options=RULES).response["violations"]:
            found += [(width, scheme, one["id"], node["html"][:140]) for node in one["nodes"][:4]]
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append((width, scheme, "scrolls sideways", ""))
    page.set_viewport_size({"width": 1440, "height": 900})
    assert not found


def test_the_story_of_quantities_that_are_kept_from_here(
    at_stock: Page, shop: Pushing, live_server: LiveServer
) -> None:
    page, bells = at_stock, shop.merchant.bells
    page.get_by_role("button", name="Look at the opening stock").click()
    expect(page.locator("#opening-waits")).to_contain_text("It is shown here before anything is written")
    bells.drain()
    page.get_by_label("On hand of BAG").fill("41")  # the page shows it by itself
    _judge(page)
    assert shop.adjustments() == [], "nothing is written before it is confirmed"
    page.get_by_label("On hand of BAG").fill("40")
    page.get_by_role("button", name="Confirm the opening stock").click()
    expect(page.locator("#opening-waits")).to_contain_text("Confirmed")
    bells.drain()
    expect(page.get_by_text("which can be corrected line by line")).to_be_visible()
    shop.add(5)  # before it is told anything: the dry run shows it
    shop.add(-30, "SHIRT")

    page.get_by_role("button", name="Look at what would change").click()
    expect(page.locator("#comparing")).to_contain_text("Comparing quantities with WooCommerce")
    bells.drain()
    expect(page.locator("#dry-run")).to_have_text("2 change, 1 of them to zero")
    row = page.get_by_role("table", name="What would change").get_by_role("row", name="BAG")
    expect(row.get_by_role("cell")).to_have_text(["40", "45", "0", "0", "45"])
    _judge(page)
    assert shop.writes() == [], "nothing was told before it is turned on"

    page.get_by_label("Buffer in pieces").fill("a few")
    page.get_by_role("button", name="Save terms").click()
    expect(page.locator("#e-stock_buffer")).to_contain_text("Give a whole number")
    expect(page.get_by_label("Buffer in pieces")).to_have_value("a few")
    page.get_by_label("Buffer in pieces").fill("0")
    page.get_by_role("button", name="Save terms").click()

    page.get_by_role("button", name="Turn on and change 2").click()
    expect(page.locator("#push")).to_contain_text("On since")
    bells.drain()
    assert (shop.woo(shop.bag), shop.woo(shop.shirt)) == (45, 0)
    page.reload()
    told = page.locator("#told").get_by_role("row", name="BAG")
    expect(told).to_contain_text("on hand 45 − committed 0 − buffer 0")
    expect(told).to_contain_text("Done")

    page.goto(f"{live_server.url}/stock/adjustments/new")
    page.get_by_label("Lines").fill("BAG, 2")
    page.get_by_role("button", name="Enter the adjustment").click()
    bells.drain()
    assert shop.woo(shop.bag) == 47

    shop.set_there(shop.bag, 33)
    shop.practice.delete_product(shop.cup)
    shop.night()
    page.goto(f"{live_server.url}/")
    expect(page.get_by_text("1 quantity was changed in WooCommerce, and waits for your decision")).to_be_visible()
    page.get_by_role("link", name="Decide").click()
    row = page.locator("#changed").get_by_role("row", name="BAG")
    expect(row).to_contain_text("33")
    _judge(page)
    page.get_by_role("button", name="Take over picked rows").click()
    expect(page.get_by_text("Tick the rows first")).to_be_visible()
    page.get_by_label("Pick BAG").check()
    page.get_by_role("button", name="Take over picked rows").click()
    expect(page.get_by_text("Taken over by adjustment")).to_be_visible()
    bells.drain()
    assert (shop.woo(shop.bag), shop.figures("sku:BAG")) == (33, (33, 0, 33))

    page.get_by_role("link", name="All changes sent").click()
    expect(page.get_by_role("row", name="BAG Quantity 45 to 47 Done")).to_be_visible()
    page.get_by_role("link", name="Stock", exact=True).last.click()
    page.get_by_role("link", name="Turn off").click()
    page.get_by_role("button", name="Turn off").click()
    expect(page.get_by_role("button", name="Look at what would change")).to_be_visible()
    shop.add(1)
    assert shop.woo(shop.bag) == 33
