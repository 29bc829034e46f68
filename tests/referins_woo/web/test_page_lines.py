"""Promises of the pages that no other test holds: what one sees in the first minute, and what only a keyboard meets.

`tests/house/test_page_lines.py` is the index of all such promises with their tests.
"""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Route
from sqlalchemy import update

from referins_woo import clock
from referins_woo.ingest.models import Import, ImportElement
from referins_woo.process import Process
from referins_woo.stores.models import Store
from tests.conftest import LiveServer
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor
from tests.referins_woo.web.test_in_browser import HUB, _signed_in

COVERED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return "";
  const box = one.getBoundingClientRect();
  if (!box.width || !box.height) return "";
  const label = one.closest("label") ?? one;
  const style = getComputedStyle(one);
  const around = getComputedStyle(label);
  const drawn = (it) => (it.outlineStyle !== "none" && parseFloat(it.outlineWidth) > 0) || it.boxShadow !== "none";
  const ring = drawn(style) || drawn(around);
  const name = one.outerHTML.slice(0, 100);
  if (!ring) return `no ring: ${name}`;
  const x = Math.min(Math.max(box.x + box.width / 2, 1), innerWidth - 1);
  const y = Math.min(Math.max(box.y + box.height / 2, 1), innerHeight - 1);
  const top = document.elementFromPoint(x, y);
  if (top && !label.contains(top) && !top.contains(one)) return `hidden by ${top.outerHTML.slice(0, 80)}: ${name}`;
  return "";
}"""


@pytest.fixture
def desk(browser: Browser, live_server: LiveServer, ours: Made) -> Page:
    """A page of somebody signed in, 1440 pixels wide."""
    return _signed_in(browser, live_server, ours, 1440, "light", [])


@pytest.mark.parametrize("width", [1440, 375])
def test_the_focus_is_seen_wherever_the_tab_key_leads(
    browser: Browser, live_server: LiveServer, ours: Made, width: int
) -> None:
    """It has a ring, and no bar that stays in place lies over it (WCAG 2.4.7, 2.4.11)."""
    page = _signed_in(browser, live_server, ours, width, "light", [])
    complaints = []
    for path in ("/orders", f"/orders/{ours.ids['order_id']}", f"{HUB}/{ours.ids['pending_store_id']}/import-elements"):
        page.goto(live_server.url + path)
        for _ in range(60):
            page.keyboard.press("Tab")
            if wrong := page.evaluate(COVERED):
                complaints.append(f"{path}: {wrong}")
    page.context.close()
    assert not complaints, "\n".join(complaints)


def test_the_first_tab_offers_to_skip_to_the_content(desk: Page, live_server: LiveServer) -> None:
    desk.goto(f"{live_server.url}/orders")
    desk.keyboard.press("Tab")
    assert desk.evaluate("document.activeElement.textContent") == "Skip to content"
    desk.keyboard.press("Enter")
    assert desk.evaluate("document.activeElement.id") == "main"
    for role, name in (("main", None), ("navigation", "Main"), ("complementary", "Sidebar")):
        assert desk.get_by_role(role, name=name).count() == 1, role  # type: ignore[arg-type]
    assert desk.locator("[aria-label=Main] [aria-current=page]").inner_text() == "Orders"
    assert desk.title() == "Orders · Referins"
    desk.context.close()


def test_a_password_can_be_pasted_and_filled_in_by_a_manager(page: Page, live_server: LiveServer, ours: Made) -> None:
    page.goto(f"{live_server.url}/sign-in")
    email, password = page.get_by_label("E-mail"), page.get_by_label("Password")
    assert email.get_attribute("autocomplete") == "username"
    assert password.get_attribute("autocomplete") == "current-password"
    for field in (email, password):
        refused = field.evaluate(
            "(one) => !one.dispatchEvent(new ClipboardEvent('paste', {bubbles: true, cancelable: true}))"
        )
        assert not refused, "nothing keeps a paste away"
    page.goto(f"{live_server.url}/sign-up")
    assert page.get_by_label("Password").get_attribute("autocomplete") == "new-password"


def test_a_notice_of_success_stays_seven_seconds_or_while_it_is_pointed_at_and_an_error_until_it_is_closed(
    desk: Page, live_server: LiveServer, ours: Made
) -> None:
    desk.clock.install()
    desk.goto(f"{live_server.url}/contacts")
    desk.get_by_label("Tick Ana Petrova").check()
    desk.get_by_role("button", name="Add tag").click()
    dialog = desk.get_by_role("dialog", name="Add a tag to 1 contact?")
    dialog.get_by_label("Tag").fill("vip")
    dialog.get_by_role("button", name="Add tag: 1 contact").click()
    toast = desk.locator("[data-toast=success]")
    toast.wait_for()
    assert toast.get_attribute("role") == "status"
    desk.clock.run_for(6_000)
    assert toast.is_visible()
    toast.hover()
    desk.clock.run_for(20_000)
    assert toast.is_visible(), "it waits while it is pointed at"
    desk.mouse.move(5, 5)
    desk.clock.run_for(7_100)
    assert toast.count() == 0
    desk.goto(f"{live_server.url}/callbacks/woocommerce/{ours.grant_state}/return?success=0")
    error = desk.locator("[data-toast=error]")
    error.wait_for()
    assert error.get_attribute("role") == "alert"
    desk.clock.run_for(120_000)
    assert error.is_visible()
    error.get_by_role("button", name="Close this notice").click()
    assert error.count() == 0
    desk.context.close()


def test_of_many_notices_three_are_shown(desk: Page, live_server: LiveServer, app: Flask) -> None:
    token = _token(desk, live_server)
    for name in ("One", "Two", "Three", "Four", "Five"):
        desk.request.post(
            f"{live_server.url}/lists/orders/views",
            form={"name": name, "query": "status=Pending", "csrf_token": token},
            max_redirects=0,
        )
    desk.goto(f"{live_server.url}/orders")
    toasts = desk.locator("[data-toast]")
    assert toasts.count() == 3
    assert "Five" in toasts.last.inner_text()
    desk.context.close()


def _token(page: Page, server: LiveServer) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.request.get(f"{server.url}/settings/general").text())
    assert found
    return found[1]


def test_a_button_that_was_pressed_shows_that_it_works_and_takes_no_second_press(
    desk: Page, live_server: LiveServer, ours: Made
) -> None:
    desk.goto(f"{live_server.url}{HUB}/{ours.ids['pending_store_id']}/sync-settings")
    sent: list[Route] = []

    def take(route: Route) -> None:
        sent.append(route)
        route.fulfill(status=204)  # leaves the browser where it is

    desk.route("**/sync-settings", take)
    button = desk.get_by_role("button", name="Save")
    button.click()
    desk.locator("button.is-busy[aria-disabled=true]").wait_for()
    button.dispatch_event("click")
    assert len(sent) == 1
    desk.goto(f"{live_server.url}{HUB}/connect")
    held: list[Route] = []
    desk.route("**/connect", lambda route: held.append(route))
    desk.get_by_label("Store URL").fill("shop.example.com")
    desk.locator("#connect-form").get_by_role("button", name="Connect").click()
    busy = desk.locator("#connect-form.htmx-request button:disabled")
    busy.wait_for()
    assert busy.evaluate("(one) => getComputedStyle(one, '::after').borderTopStyle") == "solid", "it turns"
    held[0].abort()
    desk.context.close()


def test_nothing_moves_for_who_asked_for_no_motion(desk: Page, live_server: LiveServer, running: Process) -> None:
    with running.database.unit() as session:
        session.execute(update(Import).values(state="running", started_at=clock.now()))
        session.execute(update(ImportElement).values(state="running"))
    desk.goto(f"{live_server.url}/dev/ui")
    moving = (
        "[...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).animationName !== 'none').length"
    )
    assert desk.evaluate(moving) == 0
    desk.context.close()


def test_a_page_that_is_not_there_says_what_to_do_and_names_the_request(merchant: Visitor) -> None:
    answer = merchant.get("/orders/999999")
    assert answer.status_code == 404
    assert f"<code>{answer.headers['X-Request-Id']}</code>" in answer.text
    assert "To the dashboard" in answer.text


def test_the_steps_of_the_wizard_say_what_each_choice_brings(merchant: Visitor, ours: Made) -> None:
    base = f"{HUB}/{ours.ids['pending_store_id']}"
    elements = merchant.get(f"{base}/import-elements").text
    for label in ("Contacts", "Orders", "Transactions", "Products", "Collections", "Select all"):
        assert label in elements
    for words in (
        "customer or subscriber",
        "contacts even if Contacts is off",
        "Needs Products",
        "Needs Orders",
        "published and have a price above zero",
        "never changed afterwards",
        "Import as not subscribed; nobody is mailed.",
        "Past orders never start automations.",
    ):
        assert words in re.sub(r"\s+", " ", elements), words
    sync = merchant.get(f"{base}/sync-settings").text
    for label in ("Order Submitted triggers", "Payment Received triggers", *("Contacts", "Orders", "Transactions")):
        assert label in sync
    assert sync.count('class="direction"') == 7
    assert "Deletions are not synced" in sync
    assert "One way, all of it" in sync
    assert f'href="{base}/import-elements"' in sync, "a finished step is a link"
    approve = merchant.get(f"{base}/authorize").text
    for label in ("Connect", "Choose data", "Sync settings", "Approve", "Import"):
        assert label in approve
    assert f'href="{base}/sync-settings"' in approve
    assert 'name="key"' in approve, "keys can be typed by hand"


def test_the_permission_is_explained_before_the_merchant_leaves(
    merchant: Visitor, ours: Made, running: Process
) -> None:
    with running.database.unit() as session:
        session.get_one(Store, ours.ids["pending_store_id"]).url = "http://127.0.0.1:8090"
    shown = merchant.get(f"{HUB}/{ours.ids['pending_store_id']}/authorize").text
    for words in ("Read/Write", "to create the webhooks", "Administrator", "Shop manager", "manage_woocommerce"):
        assert words in shown


def test_a_running_import_tells_counts_rate_time_left_and_when_it_got_on_last(
    merchant: Visitor, ours: Made, running: Process
) -> None:
    base = f"{HUB}/{ours.ids['store_id']}/imports/{ours.ids['import_id']}"
    now = clock.now()

    def put(done: int, silent: int, state: str = "running") -> str:
        with running.database.unit() as session:
            session.execute(
                update(Import).values(
                    state=state,
                    started_at=now - timedelta(minutes=2),
                    heartbeat_at=clock.now() - timedelta(seconds=silent),
                )
            )
            session.execute(
                update(ImportElement).values(state="running", total=10_000, done=done, skipped=0, active_ms=60_000)
            )
        return merchant.get(base).text

    early = put(300, 2)
    assert "300 of 10,000" in early
    assert " left</span>" not in early and "Running</span>" in early, "no guess before a twentieth is done"
    later = put(2_600, 2)
    assert re.search(r"about [\w ]+ left", later)
    assert "43 records a second" in later
    assert re.search(r"Updated \d s(econds)? ago|Updated \d+ s ago|Updated 2 s", later)
    assert 'data-announce="Import 25 percent"' in later
    assert 'data-announce="Import 25 percent"' in put(4_900, 2), "announced at quarters only"
    assert "You can close this page" in later
    assert 'id="badge-integrations"' in merchant.get("/orders").text, "every page knows that an import runs"
    slow = put(4_900, 75)
    assert "The store is answering slowly." in slow and "text-yellow" in slow
    with running.database.unit() as session:
        session.execute(update(Import).values(retry_at=clock.now() + timedelta(seconds=30), retries=2, note="503."))
    waiting = merchant.get(base).text
    assert "Trying again" in waiting and "(try 3)" in waiting
    stopped = put(10_000, 2, state="cancelled")
    assert "100 %" not in stopped, "what was stopped is never whole"
    assert "every 2s" not in stopped


def test_what_was_set_aside_is_grouped_filtered_and_leads_to_the_store(
    merchant: Visitor, ours: Made, running: Process
) -> None:
    page = merchant.get(f"{HUB}/{ours.ids['store_id']}/imports/skipped").text
    assert "Only customers and subscribers come in" in page
    assert "user-edit.php?user_id=1" in page, "each leads to its place in wp-admin"
    assert "kind=failed" in page
    assert "skipped.csv" in page and "failed.csv" in page


def test_numbers_stand_to_the_right_and_each_row_has_its_heading(merchant: Visitor) -> None:
    orders = merchant.get("/orders").text
    assert '<th scope="row"' in orders
    assert re.search(r'<th scope="col" class="[^"]*(num|text-end)', orders)
    assert "Open in WooCommerce" in merchant.get("/orders/1").text


def test_on_a_phone_rows_are_cards(browser: Browser, live_server: LiveServer, ours: Made) -> None:
    page = _signed_in(browser, live_server, ours, 600, "light", [])
    for path in ("/orders", "/contacts", "/transactions", "/products", "/collections", "/runs"):
        page.goto(live_server.url + path)
        assert page.locator("tbody tr").first.evaluate("(one) => getComputedStyle(one).display") in ("grid", "flex"), (
            path
        )
    page.set_viewport_size({"width": 375, "height": 800})
    page.goto(f"{live_server.url}/orders")
    page.locator("details.sorting summary").click()
    page.get_by_role("link", name="Total").click()
    page.wait_for_url("**/orders?sort=total")
    page.set_viewport_size({"width": 700, "height": 800})
    page.goto(f"{live_server.url}/orders")
    assert not page.locator("details.sorting").is_visible()
    assert page.locator("tbody tr").first.evaluate("(one) => getComputedStyle(one).display") == "table-row"
    page.context.close()
