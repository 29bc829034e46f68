"""Lists and details: search, filters, order, paging, all in the address, without script."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy
from sqlalchemy import update

from referins_woo.commerce.models import Contact, Order, Product
from referins_woo.events.models import Event
from referins_woo.mail.models import ConsentEvent, Suppression
from referins_woo.process import Process
from referins_woo.reports import contacts as reports
from referins_woo.reports import runs as reports_runs
from referins_woo.reports.listing import Wanted
from referins_woo.runs.models import Run
from referins_woo.web import list_state
from tests.factories.rows import PLACED, Made
from tests.referins_woo.web.conftest import Visitor


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """What lists ask is asked of both databases."""
    return str(request.param)


@pytest.fixture
def many_orders(running: Process, ours: Made) -> None:
    """Sixty more orders, a day apart."""
    with running.database.unit() as session:
        session.add_all(
            Order(
                account_id=ours.account_id,
                store_id=ours.ids["store_id"],
                woo_id=100 + n,
                number=str(100 + n),
                status="Completed" if n % 2 else "Pending",
                woo_status="completed" if n % 2 else "processing",
                payment_state="paid" if n % 2 else "unpaid",
                currency="EUR",
                total=n * 10_000,
                email=f"guest{n}@example.com",
                email_key=f"guest{n}@example.com",
                placed_at=datetime(2026, 6, 1, tzinfo=UTC) + timedelta(days=n),
                delivery_date=date(2026, 7, 1),
                content_hash="x",
            )
            for n in range(60)
        )


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/orders?q=4812", "WC-4812"),
        ("/orders?q=%23WC-48", "WC-4812"),
        ("/orders?q=wc-48", "WC-4812"),
        ("/orders?q=PETROVA", "WC-4812"),
        ("/orders?q=ana%40ours", "WC-4812"),
        ("/contacts?q=petrova", "Ana Petrova"),
        ("/products?q=hood-red", "Hoodie"),
        ("/products?q=HOODIE", "Hoodie"),
        ("/collections?q=hood", "Hoodies"),
        ("/transactions?q=ch_1", "€147.37"),
        ("/runs?q=petrova", "Order confirmation"),
        ("/messages?q=ana", "We have your order"),
        ("/messages?q=WE+HAVE", "We have your order"),
        ("/dev/mail?q=ana", "We have your order"),
    ],
)
def test_search_finds(merchant: Visitor, path: str, words: str) -> None:
    assert words in merchant.get(path).text


@pytest.mark.parametrize("name", ["orders", "contacts", "products", "collections", "transactions", "runs", "messages"])
def test_a_search_without_results_is_not_an_empty_list(merchant: Visitor, name: str) -> None:
    text = merchant.get(f"/{name}?q=zzz%25_zzz").text
    assert "match</h2>" in text
    assert "Clear filters" in text


def test_a_new_account_is_told_what_to_do(visitor: Visitor) -> None:
    visitor.get("/sign-up")
    visitor.post("/sign-up", {"email": "new@example.com", "password": "correct horse"})
    for name in ("orders", "contacts", "products", "collections", "transactions"):
        text = visitor.get(f"/{name}").text
        assert "yet</h2>" in text
        assert "Connect a store" in text
    assert "Connect your WooCommerce store" in visitor.get("/").text


def test_the_percent_sign_is_no_wildcard(merchant: Visitor) -> None:
    assert "WC-4812" not in merchant.get("/orders?q=%25").text


def test_orders_show_subtype_mapped_and_raw_status_and_money_with_its_currency(merchant: Visitor) -> None:
    text = merchant.get("/orders").text
    assert ">WooCommerce<" in text
    assert "Pending</span>" in text
    assert ">on-hold</span>" in text
    assert "€147.37" in text
    assert '<span class="money-code">EUR</span>' in text


@pytest.mark.parametrize(
    "path", ["/", "/orders", "/products", "/transactions", "/automations", "/settings/integrations"]
)
def test_a_page_is_whole(merchant: Visitor, path: str) -> None:
    answer = merchant.get(path)
    assert answer.status_code == 200
    assert "</html>" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/contacts/{contact_id}",
        "/products/{product_id}",
        "/collections/{collection_id}",
        "/runs/{run_id}",
        "/messages/{message_id}",
        "/automations/{automation_id}/build",
        "/settings/integrations/woocommerce/{store_id}",
        "/settings/integrations/woocommerce/{store_id}/imports/{import_id}",
        "/settings/integrations/woocommerce/{store_id}/disconnect",
    ],
)
def test_a_page_of_one_thing_is_whole(merchant: Visitor, ours: Made, path: str) -> None:
    answer = merchant.get(path.format(**ours.ids))
    assert answer.status_code == 200
    assert "</html>" in answer.text


def test_times_are_of_the_account_and_tell_utc(merchant: Visitor) -> None:
    assert (
        '<time datetime="2026-11-20T14:03:11Z" title="2026-11-20 14:03:11 UTC">20 Nov 2026, 15:03</time>'
        in merchant.get("/orders").text
    )


@pytest.mark.usefixtures("many_orders")
def test_pages_sizes_and_order_lie_in_the_address(merchant: Visitor) -> None:
    first = merchant.get("/orders").text
    assert "1–25 of 61" in first
    assert 'href="/orders?page=2"' in first
    assert "51–61 of 61" in merchant.get("/orders?page=3").text
    assert "51–61 of 61" in merchant.get("/orders?page=2&size=50").text
    by_total = merchant.get("/orders?sort=total")
    assert by_total.text.index("#100<") < by_total.text.index("#101<")
    assert 'aria-sort="ascending"' in by_total.text
    assert 'href="/orders?sort=-total"' in by_total.text
    assert "past the end" in merchant.get("/orders?page=99").text


@pytest.mark.usefixtures("many_orders")
def test_filters_stand_as_chips_that_can_be_taken_off(merchant: Visitor) -> None:
    text = merchant.get("/orders?status=Completed&payment=paid&from=2026-06-10&to=2026-06-12").text
    assert "1–2 of 2" in text
    assert "Status: Completed" in text
    assert "Remove filter Payment: Paid" in text
    assert 'href="/orders?payment=paid&amp;from=2026-06-10&amp;to=2026-06-12"' in text


def test_contacts_are_told_apart_by_what_they_are_to_the_stores(
    merchant: Visitor, ours: Made, running: Process
) -> None:
    with running.database.unit() as session:
        session.add(Contact(account_id=ours.account_id, name="Made Here", name_key="made here"))
        session.add(Contact(account_id=ours.account_id, name="Only Guest", name_key="only guest", is_guest=True))
    found = {kind: merchant.get(f"/contacts?kind={kind}&cols=kind").text for kind in ("customer", "guest", "other")}
    assert {kind: "Made Here" in page for kind, page in found.items()} == {
        "customer": False,
        "guest": False,
        "other": True,
    }
    assert "Only Guest" in found["guest"] and "Ana Petrova" in found["customer"]
    for kind, words in reports.KINDS.items():
        assert f"<td>{words}</td>" in found[kind]


@pytest.mark.parametrize(
    "query",
    ["page=-3", "page=abc", "size=7", "sort=evil", "status=none", "from=yesterday", "store=x", "q=%00%F0%9F%92"],
)
def test_nonsense_in_the_address_is_passed_over(merchant: Visitor, query: str) -> None:
    assert merchant.get(f"/orders?{query}").status_code == 200


def test_the_order_page_shows_lines_money_and_what_it_started(merchant: Visitor, ours: Made) -> None:
    text = merchant.get(f"/orders/{ours.ids['order_id']}").text
    for words in ("HOOD-RED", "€37.82", "37.815126", "19%", "−€", "ch_1", "-€12.34", "Order confirmation", "Sent"):
        assert words in text or words == "−€", words
    assert "https://ours.example.com/wp-admin/post.php?post=4812" in text


def test_what_is_gone_in_the_store_says_so_and_stays(merchant: Visitor, ours: Made, running: Process) -> None:
    with running.database.unit() as session:
        session.execute(update(Order).values(gone_at=datetime(2026, 11, 22, tzinfo=UTC)))
    assert "no longer in WooCommerce" in merchant.get("/orders").text
    assert "no longer in WooCommerce" in merchant.get(f"/orders/{ours.ids['order_id']}").text


def test_the_merchants_off_is_kept_and_on_again_needs_a_published_product(
    merchant: Visitor, ours: Made, running: Process
) -> None:
    path = f"/products/{ours.ids['product_id']}"

    def row() -> Product:
        with running.database.reading() as session:
            return session.get_one(Product, ours.ids["product_id"])

    merchant.get(path)
    merchant.post(f"{path}/online-store", {})
    assert (row().include_in_online_store, row().switched_off_here) == (False, True)
    merchant.get(path)
    merchant.post(f"{path}/online-store", {"include": "1"})
    assert (row().include_in_online_store, row().switched_off_here) == (True, False)
    with running.database.unit() as session:
        session.execute(update(Product).values(woo_status="draft", include_in_online_store=False))
    page = merchant.get(path).text
    assert "Only published products can be in the online store" in page
    assert "disabled" in page
    refused = merchant.post(f"{path}/online-store", {"include": "1"})
    assert "Only published products" in merchant.follow(refused).text
    assert not row().include_in_online_store


def test_stock_is_shown_as_the_store_counts_it(merchant: Visitor, ours: Made) -> None:
    assert "25 in stock" in merchant.get(f"/products/{ours.ids['product_id']}").text


@pytest.mark.usefixtures("many_orders")
@pytest.mark.parametrize("sort", ["-placed", "placed", "number", "-total", "customer", "-customer"])
def test_far_pages_are_found_by_their_neighbour_in_every_order(
    merchant: Visitor, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    def numbers(text: str) -> list[str]:
        return re.findall(r'class="row-link" href="/orders/\d+">#([^<]+)<', text)

    def address(text: str, rel: str) -> str:
        found = re.search(rf'rel="{rel}" href="([^"]+)"', text)
        return found[1].replace("&amp;", "&") if found else ""

    by_count = [numbers(merchant.get(f"/orders?sort={sort}&page={page}").text) for page in (1, 2, 3)]
    monkeypatch.setattr(list_state, "COUNTED_PAGES", 1)
    first = merchant.get(f"/orders?sort={sort}").text
    second = merchant.get(address(first, "next")).text
    third = merchant.get(address(second, "next")).text
    assert "after=" in address(second, "next")
    assert [numbers(first), numbers(second), numbers(third)] == by_count
    assert "51–61 of 61" in third
    assert address(third, "next") == ""
    assert "before=" in address(third, "prev")
    assert numbers(merchant.get(address(third, "prev")).text) == by_count[1]


def test_rows_without_a_value_come_last_and_are_paged_too(merchant: Visitor, ours: Made, running: Process) -> None:
    with running.database.reading() as session:
        for descending in (False, True):
            whole = [
                row.run.id
                for rows, _ in reports_runs.RUNS.pages(
                    session, ours.account_id, Wanted(sort="due", descending=descending, size=1)
                )
                for row in rows
            ]
            assert whole == [ours.ids["run_id"]]


@pytest.mark.parametrize("mark", ["after=x", "after=WzEsMV0", "before=%00", "after=WyJhIiwibiJd", "before=bnVsbA"])
def test_a_mark_that_is_none_is_passed_over(merchant: Visitor, mark: str) -> None:
    assert merchant.get(f"/orders?{mark}").status_code == 200


def test_links_from_elsewhere_narrow_a_list_and_can_be_taken_off(merchant: Visitor, ours: Made, theirs: Made) -> None:
    text = merchant.get(f"/orders?contact={ours.ids['contact_id']}").text
    assert "Contact: Ana Petrova" in text
    assert "1 order<" in text
    assert "Contact: " not in merchant.get(f"/orders?contact={theirs.ids['contact_id']}").text


def test_a_contacts_page_tells_what_happened_and_what_goes_on(merchant: Visitor, ours: Made, running: Process) -> None:
    path = f"/contacts/{ours.ids['contact_id']}"
    with running.database.unit() as session:
        session.execute(update(Run).where(Run.id == ours.ids["run_id"]).values(state="waiting"))
        consent = {"account_id": ours.account_id, "contact_id": ours.ids["contact_id"], "email_key": "ana@x.org"}
        session.add(ConsentEvent(**consent, state="subscribed", source="checkout box", occurred_at=PLACED))
        key = session.get_one(Contact, ours.ids["contact_id"]).email_key
        session.add(Suppression(account_id=ours.account_id, email_key=key, reason="bounced"))
    merchant.get(path)
    merchant.post(
        "/lists/contacts/changes", {"act": "add_tag", "value": "vip", "id": ours.ids["contact_id"], "back": path}
    )
    text = merchant.get(path).text
    timeline = text.partition('id="timeline-title"')[2]
    for words in ("Order #WC-4812", "We have your order WC-4812", "Entered “Order confirmation”", "Tagged “vip”"):
        assert words in timeline, words
    assert "ours@example.com" in timeline, "who gave the tag"
    assert "Subscribed to marketing" in timeline
    assert "checkout box" in timeline
    assert "In automations now" in text
    assert text.count("Do not contact") == 2, "on top, and at the run"
    assert text.index("In automations now") < text.index('id="timeline-title"')
    back = merchant.post(
        "/lists/contacts/changes", {"act": "remove_tag", "value": "VIP", "id": ours.ids["contact_id"], "back": path}
    )
    assert back.headers["Location"] == path
    assert "Lost the tag “vip”" in merchant.follow(back).text


def test_an_orders_page_tells_its_history_and_why_nothing_started(
    merchant: Visitor, ours: Made, running: Process
) -> None:
    with running.database.unit() as session:
        common = {"account_id": ours.account_id, "store_id": ours.ids["store_id"], "subject": 4812}
        session.add_all(
            [
                Event(
                    **common,
                    kind="order_status_changed",
                    occurrence="1",
                    occurred_at=PLACED,
                    data={"from": "pending", "to": "on-hold"},
                ),
                Event(**common, kind="payment_received", occurred_at=PLACED, state="suppressed", reason="too_late"),
            ]
        )
    text = merchant.get(f"/orders/{ours.ids['order_id']}").text
    history = text.partition('id="history-title"')[2]
    for words in (
        "Placed",
        "Status: pending → on-hold",
        "Payment Received: started nothing",
        "Refund",
        "Order Submitted",
    ):
        assert words in history, words
    assert "Payment Received started nothing: It reached us later than automations allow." in text


@pytest.mark.usefixtures("many_orders")
@pytest.mark.parametrize(
    "path", ["/orders", "/contacts", "/transactions", "/products", "/collections", "/runs", "/messages"]
)
def test_more_rows_need_no_more_queries(merchant: Visitor, running: Process, path: str) -> None:
    asked: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    def queries(query: str) -> int:
        asked.clear()
        assert merchant.get(path + query).status_code == 200
        return len(asked)

    merchant.get(path)
    sqlalchemy.event.listen(running.database.engine, "before_cursor_execute", count)
    try:
        few, many = queries("?size=25&q=zzz-nothing"), queries("?size=100")
        assert many <= 25
        assert many - few <= 3, "a page with rows asks for what belongs to them all at once"
    finally:
        sqlalchemy.event.remove(running.database.engine, "before_cursor_execute", count)
