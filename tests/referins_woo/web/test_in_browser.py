"""Main pages in a real browser: accessible (axe), no sideways scrolling, nothing that the policy refuses."""

from __future__ import annotations

from datetime import date
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.accounts.models import Membership, User
from referins_woo.commerce import batch_book, ledger, order_stock
from referins_woo.commerce.batch_book import Line
from referins_woo.commerce.batches import Named
from referins_woo.commerce.ledger import Goods
from referins_woo.commerce.models import Contact, Location, Order, OrderLine, StockItem
from referins_woo.commerce.stock import SCALE
from referins_woo.mail.models import Message
from referins_woo.process import Process
from referins_woo.stores import links
from referins_woo.stores.models import Store
from tests.conftest import LiveServer
from tests.factories.rows import PASSWORD, Made, account_with_everything
from tests.services.inside import wait_until

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
HUB = "/settings/integrations/woocommerce"
PAGES = (
    "/",
    "/contacts",
    "/contacts/{contact_id}",
    "/contacts/matches",
    "/contacts/matches?show=decided",
    "/contacts/matches/{match_id}",
    "/contacts/{contact_id}/merge",
    "/sales-orders",
    "/settings/currency-rates",
    "/stock",
    "/stock/{item_id}",
    "/stock/adjustments",
    "/stock/adjustments/new",
    "/stock/adjustments/{adjustment_id}",
    HUB + "/{store_id}/stock",
    HUB + "/{store_id}/stock/off",
    "/settings/locations",
    "/settings/locations/{location_id}/delete",
    "/contacts/{contact_id}/erase",
    "/contacts/import",
    "/contacts/import/{file_id}",
    "/orders",
    "/orders/{order_id}",
    "/transactions",
    "/products",
    "/products/{product_id}",
    "/collections",
    "/collections/{collection_id}",
    "/automations",
    "/automations/new",
    "/automations/{automation_id}/build",
    "/automations/{automation_id}/build?step=confirm",
    "/automations/{automation_id}/build?step=trigger",
    "/automations/{automation_id}/build?step=settings",
    "/automations/{automation_id}/build?add=start",
    "/automations/{automation_id}/build/test",
    "/automations/{automation_id}/build/test?sample=usual",
    "/automations/{automation_id}/build/test?q=nobody@example.com",
    "/automations/{automation_id}/build/runs/{run_id}",
    "/automations/{automation_id}/preview",
    "/automations/{automation_id}/rehearsal",
    "/automations/{automation_id}/rehearsals/{rehearsal_id}",
    "/automations/{automation_id}/past-orders",
    "/automations/{automation_id}/build?stats=30",
    "/settings/quiet-hours",
    "/automations/{automation_id}/publish",
    "/automations/{automation_id}/versions",
    "/runs",
    "/runs/{run_id}",
    "/runs/why",
    "/runs/why?q=WC-4812",
    "/templates",
    "/templates?archived=1",
    "/templates/new",
    "/templates/{template_id}/edit",
    "/templates/{template_id}/edit?mode=phone&sample=right_to_left",
    "/templates/{template_id}/edit?mode=text&order={order_id}",
    "/templates/{template_id}/versions",
    "/settings/brand",
    "/settings/brand/pictures",
    "/messages",
    "/messages/{message_id}",
    "/messages/report",
    "/settings/integrations",
    HUB,
    HUB + "/connect",
    HUB + "/{store_id}",
    HUB + "/{store_id}/writes",
    HUB + "/{store_id}/customers",
    HUB + "/{store_id}/disconnect",
    HUB + "/{store_id}/health",
    HUB + "/{store_id}/sync",
    HUB + "/{store_id}/deliveries",
    HUB + "/{store_id}/log",
    HUB + "/{store_id}/deletion",
    HUB + "/{store_id}/imports/again",
    HUB + "/help",
    HUB + "/{store_id}/imports/{import_id}",
    HUB + "/{store_id}/imports/skipped",
    HUB + "/{pending_store_id}/location",
    HUB + "/{pending_store_id}/import-elements",
    HUB + "/{pending_store_id}/sync-settings",
    HUB + "/{pending_store_id}/authorize",
    "/settings/general",
    "/settings/team",
    "/settings/team/{user_id}/remove",
    "/settings/sending-domain",
    "/settings/api-keys",
    "/settings/api-keys/{token_id}/revoke",
    "/settings/audit",
    "/settings/webhooks",
    "/settings/webhooks/{endpoint_id}",
    "/settings/webhooks/calls/{call_id}",
    "/settings/security",
    "/settings/security/two-step",
    "/accounts",
    "/accounts/{account_id}/leave",
    "/forgot-password",
    "/reset-password/none",
    "/confirm-email/none",
    "/invitations/none",
    "/reconnect/{reconnect}",
    "/reconnect/none",
    "/callbacks/woocommerce/{grant_state}/return",
    "/suppressions",
    "/confirm/{letter}",
    "/u/{letter}",
    "/preferences/{letter}",
    "/api/docs",
    "/dev/mail",
    "/dev/mail/{mail_id}",
    "/dev/ui",
    "/search",
    "/search?q=petrova",
    "/orders?status=Cancelled",
    "/orders?cols=customer,store,method,paid,delivery,delivery_status,country,items,tax,refunded,total",
    "/lists/orders/views/new?status=Pending",
    "/lists/orders/export",
    "/views/{view_id}",
    "/tasks/{task_id}",
    "/?from=2026-11-01&to=2026-11-20",
    "/nothing-here",
)
WAYS_IN = ("/sign-in", "/sign-up", "/sign-in/code", "/accounts/none")
"""Pages that who is signed in does not see."""
NO_PAGES = {
    "static": "the bundle",
    "health.alive": "for machines",
    "health.ready": "for machines",
    "health.measured": "for machines",
    "api_docs.document": "for machines",
    "settings.index": "leads to /settings/general",
    "automations.page": "leads to the builder",
    "views.tabs": "part of each list, which is looked at with it",
    "store_health.progress": "part of the store's page",
    "customers.progress": "part of the store's page of customers",
    "customers.csv": "a file",
    "stock_push.progress": "part of the store's page of stock",
    "store_stock.opening_progress": "part of the store's page of stock",
    "callbacks.progress": "part of the page of the return",
    "callbacks.caught_up": "part of the page of the return",
    "reconnect.progress": "part of the page after a repair",
    "messages.html": "an e-mail in its frame",
    "view_online.page": "an e-mail as it was sent",
    "trying.mail": "an e-mail in its frame",
    "template_editor.preview": "an e-mail in its frame",
    "brand.preview": "an e-mail in its frame",
    "templates.page": "leads to the editor",
    "picture_files.show": "a picture",
    "rehearsals.file": "a file",
    "rehearsals.asked_file": "a file",
    "dev_mail.html": "an e-mail in its frame",
    "dev_mail.source": "an e-mail as it was sent",
    "measured.opened": "a picture of one pixel",
    "measured.clicked": "leads on to where a link goes",
    "privacy.personal_data": "a file",
    "contact_files.sample": "a file",
    "contact_files.problems": "a file",
    "exports.csv": "a file",
    "suppressions.csv": "a file",
    "exports.file": "a file",
    "imports.skipped_csv": "a file",
    "stock_adjustments.lines_file": "a file",
    "stock_adjustments.all_lines_file": "a file",
    "imports.failed_csv": "a file",
    "imports.skipped_csv_of": "a file",
    "imports.failed_csv_of": "a file",
}
"""What answers to GET and is no page of its own, and why it is not looked at."""


@pytest.fixture
def parts(ours: Made, running: Process) -> dict[str, object]:
    """What fills the places in addresses: ids of ours, a link of each kind that mails carry."""
    lost = account_with_everything(running.database, "lost@example.com", store_state="needs_reconnect")
    with running.database.unit() as session:
        session.get_one(Store, lost.ids["store_id"]).reconnect_episode = 1
        session.get_one(Message, ours.ids["message_id"]).link_token = "a-token-of-the-letter"
        _deliver_of_batches(session, ours)
    link = links.make_reconnect_link(running.config, lost.ids["store_id"], 1, clock.now())
    return {
        **ours.ids,
        "grant_state": ours.grant_state,
        "letter": "a-token-of-the-letter",
        "reconnect": link.rpartition("/")[2],
    }


def _deliver_of_batches(session: Session, ours: Made) -> None:
    """Goods in batches, one of them expired and with a long number, and an order for which they are too few."""
    item = session.get_one(StockItem, ours.ids["item_id"])
    place = session.get_one(Location, ours.ids["location_id"])
    batch_book.track(session, item, clock.now())
    for number, quantity, expires in (("L" * 100, 1, date(2025, 6, 30)), ("LOT-8", 2, None)):
        line = Line(quantity * SCALE, Named(number, date(2025, 1, 2), expires))
        words = {"kind": "by_hand", "reason": "Received", "by": ours.email}
        goods = Goods(item.stock_key, item.sku, item.name)
        ledger.enter_lines(session, place, [(goods, line)], now=clock.now(), today=date(2026, 11, 30), **words)
    row = session.scalars(select(OrderLine).where(OrderLine.order_id == ours.ids["order_id"])).one()
    row.stock_key, row.quantity, row.reduced_stock, row.quantity_delivered = item.stock_key, *[5 * SCALE] * 3
    session.get_one(Order, ours.ids["order_id"]).location_id = place.id
    session.flush()
    order_stock.settle(session, [ours.ids["order_id"]], {}, clock.now(), "test")
    goods = Goods(item.stock_key, item.sku, item.name)
    for number in ("LOT-9", "M" * 100):
        line = Line(SCALE, Named(number, date(2026, 11, 1), date(2026, 11, 2)))
        ledger.enter_lines(session, place, [(goods, line)], now=clock.now(), today=date(2026, 11, 30), **words)


def _signed_in(
    browser: Browser, server: LiveServer, made: Made, width: int, scheme: str, complaints: list[str]
) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        locale="en-GB",
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(f"{server.url}/sign-in")
    page.get_by_label("E-mail").fill(made.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{server.url}/")
    return page


Scheme = Literal["light", "dark"]
CROSS = ((1440, "light"), (375, "dark"), (1440, "dark"), (375, "light"))
"""Windows and colours in which a page must be usable."""


def _judge(page: Page, base: str, path: str, complaints: list[str]) -> None:
    page.goto(base + path)
    if page.locator("[hx-trigger=load]").count():
        page.locator("[hx-trigger=load]").wait_for(state="detached")
    _complain(page, path, RULES, complaints)


def _complain(page: Page, path: str, rules: dict[str, object], complaints: list[str]) -> None:
    for violation in Axe().run(page, options=rules).response["violations"]:
        nodes = "; ".join(node["html"][:140] + " " + str(node["target"]) for node in violation["nodes"][:4])
        complaints.append(f"{path}: {violation['id']}: {nodes}")


def _judge_in(scheme: Scheme, page: Page, path: str, complaints: list[str]) -> None:
    """Judge the colours of a page that is open in others: nothing but they changes by the scheme."""
    page.emulate_media(color_scheme=scheme)
    page.locator(f"html[data-bs-theme={scheme}]").wait_for(state="attached")
    _complain(page, f"{path} ({scheme})", {"runOnly": {"type": "rule", "values": ["color-contrast"]}}, complaints)


@pytest.mark.brief
@pytest.mark.timeout(600)
@pytest.mark.parametrize("turn", range(len(CROSS)))
def test_each_page_is_accessible(
    browser: Browser, live_server: LiveServer, ours: Made, parts: dict[str, object], turn: int
) -> None:
    """Each page in one window and colour, in turns; the storm looks at all of them in each."""
    complaints: list[str] = []
    page = _signed_in(browser, live_server, ours, *CROSS[turn], complaints)
    for path in PAGES[turn :: len(CROSS)]:
        _judge(page, live_server.url, path.format(**parts), complaints)
    page.context.close()
    assert not complaints, "\n".join(complaints)


@pytest.mark.storm
@pytest.mark.timeout(600)
@pytest.mark.parametrize("third", range(3))
@pytest.mark.parametrize(("width", "scheme", "other"), [(1440, "light", "dark"), (375, "dark", "light")])
def test_every_page_is_accessible_everywhere(
    browser: Browser,
    live_server: LiveServer,
    ours: Made,
    parts: dict[str, object],
    width: int,
    scheme: Scheme,
    other: Scheme,
    third: int,
) -> None:
    complaints: list[str] = []
    page = _signed_in(browser, live_server, ours, width, scheme, complaints)
    for path in PAGES[third::3]:
        page.emulate_media(color_scheme=scheme)
        _judge(page, live_server.url, path.format(**parts), complaints)
        _judge_in(other, page, path, complaints)
    page.context.close()
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize(("width", "scheme"), CROSS[:2])
def test_the_ways_in_are_accessible(
    browser: Browser, live_server: LiveServer, ours: Made, running: Process, width: int, scheme: str
) -> None:
    """Sign-in, its second step, sign-up, and the page of who belongs to no account any more."""
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()

    def enter() -> None:
        page.goto(f"{live_server.url}/sign-in")
        page.get_by_label("E-mail").fill(ours.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()

    def narrow() -> None:
        page.set_viewport_size({"width": 320, "height": 900})
        if page.evaluate("document.documentElement.scrollWidth - window.innerWidth") > 0:
            complaints.append(f"{page.url} is too wide at 320 px")
        page.set_viewport_size({"width": width, "height": 900})

    for path in ("/sign-in", "/sign-up"):
        _judge(page, live_server.url, path, complaints)
        narrow()
    with running.database.unit() as session:
        user = session.get_one(User, ours.user_id)
        user.totp_locked, user.totp_since = running.vault.lock("JBSWY3DPEHPK3PXP"), clock.now()
    enter()
    page.get_by_label("Code").wait_for()
    _judge(page, live_server.url, "/sign-in/code", complaints)
    narrow()
    with running.database.unit() as session:
        user = session.get_one(User, ours.user_id)
        user.totp_locked = user.totp_since = None
        session.execute(delete(Membership).where(Membership.user_id == ours.user_id))
    context.clear_cookies()
    enter()
    page.wait_for_url("**/accounts/none")
    _judge(page, live_server.url, "/accounts/none", complaints)
    narrow()
    context.close()
    assert not complaints, "\n".join(complaints)


def test_what_opens_is_accessible_too(browser: Browser, live_server: LiveServer, ours: Made) -> None:
    """Dialogs, menus and the bar of ticked rows, in the dark and on a phone."""
    complaints: list[str] = []
    page = _signed_in(browser, live_server, ours, 375, "dark", complaints)

    def look(what: str) -> None:
        for violation in Axe().run(page, options=RULES).response["violations"]:
            complaints.append(f"{what}: {violation['id']}: {[node['html'][:140] for node in violation['nodes'][:3]]}")

    page.goto(f"{live_server.url}/contacts?kind=customer")
    page.get_by_label("Tick Ana Petrova").check()
    page.get_by_text("1 contact selected").first.wait_for()
    look("bulk bar")
    page.get_by_role("button", name="Add tag").click()
    page.get_by_role("dialog", name="Add a tag to 1 contact?").wait_for()
    look("dialog of a change")
    page.keyboard.press("Escape")
    for menu in ("Sort", "Columns"):
        page.locator("details.menu summary", has_text=menu).click()
        look(menu)
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.textContent.trim()") == menu
    page.keyboard.press("Control+k")
    page.get_by_role("dialog", name="Search everything").get_by_text("Dashboard").wait_for()
    look("palette")
    page.context.close()
    assert not complaints, "\n".join(complaints)


def test_no_page_scrolls_sideways_on_the_narrowest_phone(
    browser: Browser, live_server: LiveServer, ours: Made, parts: dict[str, object]
) -> None:
    complaints: list[str] = []
    page = _signed_in(browser, live_server, ours, 320, "light", complaints)
    for path in PAGES:
        page.goto(live_server.url + path.format(**parts))
        too_wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if too_wide > 0:
            complaints.append(f"{path}: {too_wide} px too wide")
    page.context.close()
    assert not complaints, "\n".join(complaints)


def test_the_search_answers_while_typing_and_the_address_follows(
    browser: Browser, live_server: LiveServer, ours: Made
) -> None:
    complaints: list[str] = []
    page = _signed_in(browser, live_server, ours, 1440, "light", complaints)
    page.goto(f"{live_server.url}/orders")
    page.get_by_label("Order number, name or e-mail").fill("nobody")
    page.get_by_role("heading", name="No orders match").wait_for()
    assert page.url.startswith(f"{live_server.url}/orders?q=nobody")
    assert page.locator("#announcer").inner_text() == "0 results"
    page.get_by_role("combobox", name="Status").select_option("Pending")
    page.get_by_label("Remove filter Status: Pending").wait_for()
    page.evaluate("history.go(-2)")
    page.get_by_role("link", name="#WC-4812").wait_for()
    page.context.close()
    assert not complaints


def test_the_modal_says_what_is_wrong_without_leaving_the_page(
    browser: Browser, live_server: LiveServer, ours: Made
) -> None:
    complaints: list[str] = []
    page = _signed_in(browser, live_server, ours, 1440, "light", complaints)
    page.goto(live_server.url + HUB)
    opener = page.get_by_role("link", name="Connect", exact=True)
    opener.click()
    dialog = page.get_by_role("dialog", name="Connect a WooCommerce store")
    field = dialog.get_by_label("Store URL")
    field.fill("https://user:pw@shop.example.com")
    dialog.get_by_role("button", name="Connect").click()
    dialog.get_by_text("leave them out").wait_for()
    assert field.input_value() == "https://user:pw@shop.example.com"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Connect"
    page.context.close()
    assert not complaints


TOO_SMALL = """() => {
  const targets = "main a, main button, main input:not([type=hidden]), main select, main summary";
  const inSentences = "p, dd, .timeline-words, .alert";
  return [...document.querySelectorAll(targets)]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest(inSentences))
    .map((one) => [one, (one.closest("label") ?? one).getBoundingClientRect()])
    .filter(([, box]) => box.width > 0 && (Math.round(box.width) < 24 || Math.round(box.height) < 24))
    .map(([one, box]) => `${one.outerHTML.slice(0, 90)} ${Math.round(box.width)}x${Math.round(box.height)}`);
}"""


def test_targets_are_large_enough_for_a_finger(browser: Browser, live_server: LiveServer, ours: Made) -> None:
    """24 by 24 CSS pixels, but for links inside sentences (WCAG 2.5.8)."""
    complaints: list[str] = []
    page = _signed_in(browser, live_server, ours, 375, "light", complaints)
    for path in ("/", "/contacts", "/orders?status=Pending", "/orders/{order_id}", "/products", "/runs", "/messages"):
        page.goto(live_server.url + path.format(**ours.ids))
        complaints += [f"{path}: {one}" for one in page.evaluate(TOO_SMALL)]
    page.context.close()
    assert not complaints, "\n".join(complaints)


def test_ticked_rows_are_changed_and_taken_back(browser: Browser, live_server: LiveServer, ours: Made) -> None:
    complaints: list[str] = []
    page = _signed_in(browser, live_server, ours, 1440, "light", complaints)
    page.goto(f"{live_server.url}/contacts")
    assert not page.get_by_role("button", name="Add tag").is_visible(), "nothing is ticked yet"
    page.get_by_label("Tick all contacts on this page").check()
    page.get_by_text("1 contact selected").first.wait_for()
    page.get_by_role("button", name="Add tag").click()
    dialog = page.get_by_role("dialog", name="Add a tag to 1 contact?")
    dialog.get_by_label("Tag").fill("vip")
    dialog.get_by_role("button", name="Add tag: 1 contact").click()
    toast = page.get_by_role("status").filter(has_text="Tagged 1 contact “vip”.")
    toast.wait_for()
    assert page.locator("td.tags-cell").inner_text() == "vip"
    toast.get_by_role("button", name="Undo").click()
    page.get_by_role("status").filter(has_text="Undone.").wait_for()
    assert "vip" not in page.locator("td.tags-cell").inner_text()
    page.goto(f"{live_server.url}/orders")
    page.get_by_label("Tick order #WC-4812").check()
    opener = page.get_by_role("button", name="Delete here")
    opener.click()
    dialog = page.get_by_role("dialog", name="Delete 1 order here?")
    dialog.wait_for()
    assert page.evaluate("document.activeElement.textContent.trim()") == "Cancel"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.value") == "delete", "the focus goes back to what opened it"
    page.context.close()
    assert not complaints


def test_an_answer_that_does_not_come_leaves_the_rows_and_says_so(
    browser: Browser, live_server: LiveServer, ours: Made
) -> None:
    complaints: list[str] = []
    page = _signed_in(browser, live_server, ours, 1440, "light", complaints)
    page.goto(f"{live_server.url}/orders")
    page.route("**/orders?*", lambda route: route.fulfill(status=500, body="broken"))
    page.get_by_label("Order number, name or e-mail").fill("anything")
    page.locator("#rows [role=alert]").get_by_text("could not be loaded").wait_for()
    assert page.get_by_role("link", name="#WC-4812").is_visible()
    page.unroute("**/orders?*")
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("link", name="#WC-4812").wait_for()
    page.context.close()
    assert not complaints


def test_while_an_answer_is_awaited_the_list_is_busy(browser: Browser, live_server: LiveServer, ours: Made) -> None:
    complaints: list[str] = []
    page = _signed_in(browser, live_server, ours, 1440, "light", complaints)
    page.goto(f"{live_server.url}/orders")
    held: list[Route] = []
    page.route("**/orders?*", lambda route: held.append(route))
    page.get_by_label("Order number, name or e-mail").fill("nobody")
    page.locator("#rows[aria-busy=true]").wait_for()
    held[0].continue_()
    page.get_by_role("heading", name="No orders match").wait_for()
    assert page.locator("[aria-busy=true]").count() == 0
    page.context.close()
    assert not complaints


def test_keys_lead_everywhere_and_can_be_switched_off(browser: Browser, live_server: LiveServer, ours: Made) -> None:
    complaints: list[str] = []
    page = _signed_in(browser, live_server, ours, 1440, "light", complaints)
    for key, path in (("o", "/orders"), ("c", "/contacts"), ("a", "/automations")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(f"{live_server.url}{path}")
    page.goto(f"{live_server.url}/orders")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Search everything")
    palette.get_by_label("Search everything").fill("hood")
    palette.get_by_role("link", name="Hoodie").wait_for()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent").startswith("Hoodie")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live_server.url}/products/{ours.ids['product_id']}")
    page.keyboard.press("?")
    page.get_by_label("Single-key shortcuts are on in this browser").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.keyboard.press("?")
    assert page.url.endswith(f"/products/{ours.ids['product_id']}")
    assert not page.get_by_role("dialog", name="Keyboard shortcuts").is_visible()
    page.context.close()
    assert not complaints


def test_the_colours_follow_the_system_until_one_is_chosen(
    browser: Browser, live_server: LiveServer, ours: Made
) -> None:
    complaints: list[str] = []
    page = _signed_in(browser, live_server, ours, 1440, "dark", complaints)
    theme = "document.documentElement.dataset.bsTheme"
    assert page.evaluate(theme) == "dark"
    page.get_by_role("button", name="Change between light and dark").click()
    assert page.evaluate(theme) == "light"
    page.reload()
    assert page.evaluate(theme) == "light"
    page.context.close()
    assert not complaints


def test_without_script_lists_are_searched_filtered_changed_and_exported(
    browser: Browser, live_server: LiveServer, ours: Made, parts: dict[str, object]
) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB", viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{live_server.url}/sign-in")
    page.get_by_label("E-mail").fill(ours.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{live_server.url}/orders")
    page.get_by_role("combobox", name="Status").select_option("Pending")
    page.get_by_label("Order number, name or e-mail").fill("petrova")
    page.get_by_role("button", name="Search", exact=True).click()
    assert "status=Pending" in page.url
    assert page.get_by_role("link", name="#WC-4812").is_visible()
    page.get_by_role("link", name="Save view").click()
    page.get_by_label("Name").fill("Ana's")
    page.get_by_role("button", name="Save view").click()
    assert page.get_by_role("link", name="Ana's", exact=True).is_visible()
    page.goto(f"{live_server.url}/contacts")
    page.get_by_label("Tick Ana Petrova").check()
    page.get_by_role("button", name="Add tag").click()
    page.get_by_role("combobox", name="Tag").or_(page.get_by_role("textbox", name="Tag")).fill("vip")
    page.get_by_role("button", name="Add tag: 1 contact").click()
    page.get_by_role("button", name="Undo").click()
    assert page.get_by_text("Undone.").is_visible()
    page.get_by_role("link", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename.startswith("contacts-")
    page.goto(f"{live_server.url}/search?q=hood")
    assert page.get_by_role("link", name="Hoodie").is_visible()
    for path in PAGES:
        page.goto(live_server.url + path.format(**parts))
        assert page.get_by_role("heading", level=1).is_visible(), path
    context.close()


def test_a_header_stays_while_the_rows_pass(
    browser: Browser, live_server: LiveServer, ours: Made, running: Process
) -> None:
    with running.database.unit() as session:
        session.add_all(
            Contact(account_id=ours.account_id, name=f"Contact {n}", email=f"c{n}@example.com") for n in range(60)
        )
    complaints: list[str] = []
    page = _signed_in(browser, live_server, ours, 1440, "light", complaints)
    page.goto(f"{live_server.url}/contacts?size=50")
    page.mouse.wheel(0, 1_500)
    wait_until(lambda: page.evaluate("window.scrollY > 1000"), 10, "it does not scroll")
    top = page.locator("thead th").nth(1).bounding_box()
    assert top is not None
    assert 0 <= top["y"] < 5
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.locator("thead").evaluate("(one) => getComputedStyle(one).position") == "absolute", "cards instead"
    page.context.close()
    assert not complaints
