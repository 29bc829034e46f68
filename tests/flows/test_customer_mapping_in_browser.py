"""The mapping of customers in a real browser: suggested, applied, undone, typed, ticked and pushed, beside a shop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

import referins_woo.customer_mapping.jobs
import referins_woo.writeback.jobs  # noqa: F401  (answers the bells)
from referins_woo import queues
from referins_woo.accounts.users import create_user
from referins_woo.practice_store import PracticeStore, StoreOptions
from referins_woo.process import Process
from tests.conftest import LiveServer
from tests.factories.rows import PASSWORD
from tests.flows.browsing import sign_in
from tests.flows.test_customer_mapping import WHO, Mapper


@pytest.fixture
def backend() -> str:
    """What is clicked is the same on both databases."""
    return "sqlite"


@pytest.fixture
def merchant(running: Process, bells: queues.MemoryBells) -> Iterator[Mapper]:
    """A merchant with a store, contacts of his own and customers there."""
    with running.database.unit() as session:
        create_user(session, WHO, PASSWORD)
    with PracticeStore(StoreOptions(size=30, webhook_delay=None)) as practice:
        made = Mapper(running, bells, practice)
        made.connect()
        practice.create_customer("ann@there.example", first_name="Ann", last_name="Smith")
        for number in (1, 2):
            practice.create_customer(f"kim{number}@there.example", first_name="Alex", last_name="Kim-Lee")
        made.contact(name="Ann Smith", email="ann@here.example")
        made.contact(name="Alex Kim-Lee", email="kim@here.example")
        made.contact(name="Zoë Новак", email="zoe@here.example", phone="+49 30 901820")
        yield made


@pytest.fixture
def at_customers(page: Page, live_server: LiveServer, merchant: Mapper) -> Page:
    """Signed in, on the tab."""
    sign_in(page, live_server.url, WHO)
    page.goto(f"{live_server.url}/settings/integrations/woocommerce/{merchant.store_id}")
    page.get_by_role("link", name="Customers", exact=True).click()
    return page


def test_the_story_of_a_mapping(at_customers: Page, merchant: Mapper) -> None:
    page = at_customers
    expect(page.get_by_role("heading", level=1)).to_contain_text("Webstore customer mapping")
    page.get_by_role("button", name="Suggest mapping").click()
    expect(page.locator("#suggesting")).to_contain_text("Reading the store’s customers")
    merchant.bells.drain()
    page.get_by_role("button", name="Apply the suggestion").wait_for()
    expect(page.locator("tr", has_text="Ann Smith")).to_contain_text("Identical name, one to one.")
    expect(page.locator("tr", has_text="Alex Kim-Lee")).to_contain_text("2 customers there have this name")
    page.get_by_role("button", name="Apply the suggestion").click()
    expect(page.locator("tr", has_text="Ann Smith")).to_contain_text("Mapped")
    page.get_by_role("button", name="Undo the last 1").click()
    expect(page.locator("tr", has_text="Ann Smith")).to_contain_text("Suggested")

    page.get_by_label("Webstore ID of Alex Kim-Lee").fill("999999")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("There is no customer 999999 in this store.")).to_be_visible()
    expect(page.get_by_label("Webstore ID of Alex Kim-Lee")).to_have_value("999999")
    page.get_by_label("Webstore ID of Alex Kim-Lee").fill("1")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("only customers and subscribers can be mapped")).to_be_visible()
    page.get_by_label("Webstore ID of Alex Kim-Lee").fill("")

    page.get_by_label("Off: nothing is written to WooCommerce").check()
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_role("button", name="Push picked rows")).to_have_count(0)
    page.get_by_label("Ticked contacts, by hand").check()
    page.get_by_role("button", name="Save settings").click()
    page.get_by_label("Zoë Новак is a webstore customer").check()
    page.get_by_label("User name of Zoë Новак").fill("zoe.n")
    page.get_by_label("Pick Zoë Новак").check()
    page.get_by_role("button", name="Push picked rows").click()
    expect(page.get_by_text("1 on the way to WooCommerce.")).to_be_visible()
    merchant.bells.drain()
    page.reload()
    row = page.locator("tr", has_text="Zoë Новак")
    expect(row).to_contain_text("Mapped")
    expect(row).to_contain_text("zoe.n")
    assert [method for method, _ in merchant.sent()] == ["POST"]
    page.get_by_role("link", name="Changes sent").click()
    expect(page.get_by_text("Make the customer")).to_be_visible()
