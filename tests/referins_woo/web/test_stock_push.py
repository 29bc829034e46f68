"""The quantities of a store on its tab Stock and by the API: what is shown, refused, decided and kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from referins_woo import clock
from referins_woo.accounts.models import ApiToken, AuditEntry, Membership
from referins_woo.accounts.roles import MEMBER
from referins_woo.commerce.models import Product, StockAdjustment, StoreStock
from referins_woo.commerce.stock import SCALE
from referins_woo.process import Process
from referins_woo.queues import MemoryBells
from referins_woo.reports import store_stock as reports
from referins_woo.stores.models import Store
from referins_woo.web.api import store_stock as api
from referins_woo.writeback.models import StoreWrite
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor

pytestmark = pytest.mark.usefixtures("bells")


@pytest.fixture
def page(ours: Made) -> str:
    """The tab's address."""
    return f"/settings/integrations/woocommerce/{ours.ids['store_id']}/stock"


def _row(made: Made, **values: Any) -> StoreStock:
    """Goods of a store that shows 20 of them; our books have 25."""
    asked: dict[str, Any] = {
        "account_id": made.account_id,
        "store_id": made.ids["store_id"],
        "stock_key": "sku:HOOD-RED",
        "woo_product_id": 900,
        "label": "HOOD-RED",
        "expected": 20 * SCALE,
        "agreed_at": clock.now(),
        "looked_at": clock.now(),
    }
    return StoreStock(**{**asked, **values})


def _put(running: Process, *rows: StoreStock) -> list[int]:
    with running.database.unit() as session:
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def _compared(running: Process, made: Made, **values: Any) -> None:
    """The store was compared, and is as `values` say."""
    with running.database.unit() as session:
        store = session.get_one(Store, made.ids["store_id"])
        store.stock_asked_at = clock.now() - timedelta(minutes=2)
        store.stock_checked_at = clock.now() - timedelta(minutes=1)
        for name, value in values.items():
            setattr(store, name, value)


def _store(running: Process, made: Made) -> Store:
    with running.database.reading() as session:
        return session.get_one(Store, made.ids["store_id"])


def _states(running: Process, made: Made) -> dict[str, str]:
    with running.database.reading() as session:
        mine = select(StoreStock).where(StoreStock.store_id == made.ids["store_id"])
        return {row.label: row.state for row in session.scalars(mine)}


def test_a_dry_run_is_asked_for_seen_and_turned_on(
    merchant: Visitor, running: Process, ours: Made, page: str, bells: MemoryBells
) -> None:
    first = merchant.get(page).text
    assert "Look at what would change" in first and "Referins" in first and "Turn on" not in first
    refused = merchant.post(f"{page}/on")
    assert refused.status_code == 422 and "Look at the dry run first" in refused.text
    asked = merchant.follow(merchant.post(f"{page}/compare")).text
    assert 'id="comparing"' in asked and "Look again" in asked, "it polls, and without script it can be looked at again"
    assert ("bulk", "push_stock", (ours.ids["store_id"],)) in bells.pending
    polled = merchant.get(f"{page}/progress", headers={"HX-Request": "true"})
    assert (polled.status_code, 'id="comparing"' in polled.text) == (200, True)
    assert merchant.get(f"{page}/progress").status_code == 303
    _compared(running, ours)
    ended = merchant.get(f"{page}/progress", headers={"HX-Request": "true"})
    assert (ended.status_code, ended.headers["HX-Redirect"]) == (204, page)
    assert "Nothing would change" in merchant.get(page).text
    _put(running, _row(ours), _row(ours, woo_product_id=901, label="ODD", state="failed", error="It is gone."))
    shown = merchant.get(page).text
    assert "1 changes<" in shown and "Turn on and change 1" in shown and "It is gone." in shown
    for words, value in (("In WooCommerce now", "20"), ("On hand", "25"), ("Committed", "0"), ("Buffer", "0")):
        assert f'data-label="{words}">{value}</td>' in shown
    on = merchant.follow(merchant.post(f"{page}/on")).text
    assert "On since" in on and "Compare all now" in on and "Nothing was told yet" in on
    assert _store(running, ours).push_stock


def test_a_long_dry_run_has_pages_and_says_what_goes_to_zero(
    merchant: Visitor, running: Process, ours: Made, page: str
) -> None:
    _put(running, *(_row(ours, woo_product_id=900 + n, label=f"SKU-{n:03}") for n in range(60)))
    _compared(running, ours, stock_buffer=25)
    first = merchant.get(page).text
    assert "60 change, 60 of them to zero" in first and "1–50 of 60" in first and "page=2" in first
    second = merchant.get(f"{page}?page=2").text
    assert "51–60 of 60" in second and second.count('data-label="Would be"') == 10
    assert "Past the end" in merchant.get(f"{page}?page=9").text


def test_a_key_that_may_only_read_is_refused_in_words(
    merchant: Visitor, running: Process, ours: Made, page: str
) -> None:
    with running.database.unit() as session:
        store = session.get_one(Store, ours.ids["store_id"])
        store.state, store.cause = "needs_reconnect", "read_only_key"
    refused = merchant.post(f"{page}/compare")
    assert refused.status_code == 422 and "give it the permission Read/Write" in refused.text


def test_it_is_turned_off_after_a_question_that_says_what_stays(
    merchant: Visitor, running: Process, ours: Made, page: str
) -> None:
    _put(running, _row(ours))
    _compared(running, ours, push_stock=True)
    assert f"{page}/off" in merchant.get(page).text
    assert "WooCommerce keeps the quantities" in merchant.get(f"{page}/off").text
    assert "Look at what would change" in merchant.follow(merchant.post(f"{page}/off")).text
    assert not _store(running, ours).push_stock
    assert _states(running, ours) == {}


def test_terms_are_typed_and_a_fault_names_its_field(
    merchant: Visitor, running: Process, ours: Made, page: str
) -> None:
    for typed in ("", "-1", "1.5", "few", "9999999999", "٣"):
        answer = merchant.post(f"{page}/terms", {"stock_buffer": typed, "all_commitments": "1"})
        assert answer.status_code == 422 and 'id="e-stock_buffer"' in answer.text, typed
    kept = merchant.follow(merchant.post(f"{page}/terms", {"stock_buffer": "3"})).text
    assert "Orders of other stores do not count here" in kept
    store = _store(running, ours)
    assert (store.stock_buffer, store.stock_all_commitments) == (3, False)
    again = merchant.follow(merchant.post(f"{page}/terms", {"stock_buffer": "3"})).text
    assert "Nothing was changed." in again


def test_what_was_changed_there_is_taken_over_or_overwritten_by_row_by_ticks_or_all(
    merchant: Visitor, running: Process, ours: Made, page: str
) -> None:
    def changed(number: int) -> StoreStock:
        return _row(ours, woo_product_id=900 + number, label=f"SKU-{number}", state="changed", drift=SCALE)

    ids = _put(running, *(changed(number) for number in range(5)))
    _compared(running, ours, push_stock=True)
    shown = merchant.get(page).text
    assert 'data-label="Our books expect">20</td>' in shown and "<strong>21</strong>" in shown and "all 5" in shown
    assert "5 quantities were changed in WooCommerce, and wait for your decision" in merchant.get("/").text
    assert "Tick the rows first" in merchant.follow(merchant.post(f"{page}/decide", {"act": "take_over"})).text
    taken = merchant.follow(merchant.post(f"{page}/decide", {"act": f"take_over:{ids[0]}"})).text
    assert "Taken over by adjustment 2." in taken
    with running.database.reading() as session:
        newest = session.scalars(select(StockAdjustment).order_by(StockAdjustment.id.desc())).first()
        assert newest is not None and (newest.by, newest.number) == (ours.email, 2)
    ticked = {"act": "overwrite", "pick": [str(ids[1]), str(ids[2]), "none"]}
    assert "2 quantities are told" in merchant.follow(merchant.post(f"{page}/decide", ticked)).text
    assert sorted(_states(running, ours).values()) == ["changed", "changed", "in_step", "in_step", "in_step"]
    assert "2 quantities are told" in merchant.follow(merchant.post(f"{page}/decide", {"act": "overwrite:all"})).text
    assert "nothing left to do" in merchant.follow(merchant.post(f"{page}/decide", {"act": "overwrite:all"})).text
    assert "nothing left to do" in merchant.follow(merchant.post(f"{page}/decide", {"act": "burn:all"})).text
    assert "None: WooCommerce shows what our books expect." in merchant.get(page).text
    with running.database.reading() as session:
        assert "stock_overwritten" in session.scalars(select(AuditEntry.action)).all()


def test_what_was_not_taken_is_tried_again(merchant: Visitor, running: Process, ours: Made, page: str) -> None:
    ids = _put(
        running,
        _row(ours, state="failed", error="WooCommerce refused it: no."),
        _row(ours, woo_product_id=901, label="OTHER", state="failed", error="It is no longer in WooCommerce."),
    )
    _compared(running, ours, push_stock=True)
    shown = merchant.get(page).text
    assert "WooCommerce refused it: no." in shown and "2 were not taken by the store" in shown
    one = merchant.follow(merchant.post(f"{page}/decide", {"act": f"try_again:{ids[0]}"})).text
    assert "1 quantity is told" in one
    assert _states(running, ours) == {"HOOD-RED": "in_step", "OTHER": "failed"}
    merchant.post(f"{page}/decide", {"act": "try_again:all"})
    assert set(_states(running, ours).values()) == {"in_step"}


def _write(made: Made, **values: Any) -> StoreWrite:
    asked: dict[str, Any] = {
        "account_id": made.account_id,
        "store_id": made.ids["store_id"],
        "kind": "stock_set",
        "subject": 900,
        "revision": 1,
        "label": "HOOD-RED",
        "body": {"stock_quantity": 1_045},
        "expected": {"on_hand": 1_048.5, "committed": 3.0, "buffer": 0.5, "old": 40.0},
        "state": "failed",
        "error": "WooCommerce refused it: no.",
    }
    return StoreWrite(**{**asked, **values})


def test_a_quantity_that_was_told_keeps_its_arithmetic_and_is_sent_again_as_what_it_is_by_now(
    merchant: Visitor, client: FlaskClient, running: Process, ours: Made, page: str
) -> None:
    with running.database.unit() as session:
        write = _write(ours)
        session.add(write)
        session.flush()
        write_id = write.id
    _compared(running, ours, push_stock=True)
    shown = merchant.get(page).text
    assert "on hand 1,048.5 − committed 3 − buffer 0.5" in shown
    changes = f"/settings/integrations/woocommerce/{ours.ids['store_id']}/writes"
    listed = merchant.get(changes).text
    assert "Send the change of stock of HOOD-RED again" in listed and "Quantity <span" in listed
    again = f"/writes/{write_id}/send-again"
    assert "not told of these goods any more" in merchant.follow(merchant.post(again)).text
    [row_id] = _put(running, _row(ours, state="failed", error="no."))
    assert "It is sent again" in merchant.follow(merchant.post(again)).text
    assert _states(running, ours) == {"HOOD-RED": "in_step"}
    assert "there is nothing to send again" in merchant.follow(merchant.post(again)).text
    with running.database.unit() as session:
        session.get_one(StoreStock, row_id).state = "changed"
    assert "take it over or overwrite it under Stock" in merchant.follow(merchant.post(again)).text
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    assert client.post(f"/api/v1/writes/{write_id}/send-again", headers=headers).status_code == 409
    with running.database.reading() as session:
        assert "stock of HOOD-RED" in session.scalars(select(AuditEntry.subject)).all()


def test_goods_that_are_left_out_are_listed_with_how_many_there_are(
    merchant: Visitor, running: Process, ours: Made, page: str
) -> None:
    with running.database.unit() as session:
        known = session.scalars(select(Product).where(Product.account_id == ours.account_id)).first()
        assert known is not None
        for number in range(60):
            session.add(
                Product(
                    account_id=ours.account_id,
                    store_id=ours.ids["store_id"],
                    woo_id=5_000 + number,
                    type="simple",
                    woo_status="publish",
                    name=f"New {number}",
                    sku=f"NEW-{number:02}",
                    price=0,
                    manage_stock=number < 58,
                    stock_quantity=7,
                    content_hash="",
                )
            )
    _compared(running, ours)
    shown = merchant.get(page).text
    assert "NEW-00" in shown and "The first 50 of 58." in shown and "/stock/adjustments/new" in shown
    assert "does not manage the stock" in shown


def test_a_member_decides_and_an_owner_turns_on(merchant: Visitor, running: Process, ours: Made, page: str) -> None:
    _compared(running, ours)
    _put(running, _row(ours))
    with running.database.unit() as session:
        session.execute(update(Membership).where(Membership.user_id == ours.user_id).values(role=MEMBER))
    shown = merchant.get(page).text
    assert "Owners of the account can turn it on." in shown and "Save terms" not in shown and "Compare again" in shown
    for path in ("on", "off", "terms"):
        assert merchant.post(f"{page}/{path}", {"stock_buffer": "1"}).status_code == 403
    assert merchant.post(f"{page}/compare").status_code == 303
    assert merchant.post(f"{page}/decide", {"act": "overwrite:all"}).status_code == 303
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    path = f"/api/v1/stores/{ours.ids['store_id']}/stock"
    assert merchant.client.get(path, headers=headers).status_code == 200
    assert merchant.client.patch(path, json={"buffer": 1}, headers=headers).status_code == 403
    assert merchant.client.post(f"{path}/push", headers=headers).status_code == 403


@pytest.fixture
def call(client: FlaskClient, ours: Made) -> Iterator[Any]:
    """Call the API about our store's stock."""

    def ask(method: str, path: str = "", **more: Any) -> tuple[int, Any]:
        url = f"/api/v1/stores/{ours.ids['store_id']}/stock{path}"
        answer = client.open(url, method=method, headers={"Authorization": f"Bearer {ours.api_token}"}, **more)
        return answer.status_code, answer.get_json()

    yield ask


def test_the_api_shows_a_dry_run_and_turns_on_after_it(
    call: Any, running: Process, ours: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, refused = call("POST", "/push")
    assert (status, refused["errors"][0]["field"]) == (422, "push_stock")
    assert call("PATCH", "", json={"push_stock": True})[0] == 422
    status, begun = call("POST", "/push?dry_run=1")
    assert (status, begun["comparing"], begun["changes"]) == (202, True, [])
    assert call("POST", "/push?dry_run=1")[0] == 202, "it is on its way"
    _put(running, _row(ours), _row(ours, woo_product_id=901, label="SAME", expected=25 * SCALE))
    _compared(running, ours)
    status, run = call("POST", "/push?dry_run=1")
    assert (status, run["comparing"], run["unchanged"], run["total"], run["to_zero"]) == (200, False, 1, 1, 0)
    assert run["changes"] == [
        {
            "sku": "HOOD-RED",
            "name": "Hoodie",
            "product_id": 900,
            "variation_id": 0,
            "location_id": ours.ids["location_id"],
            "on_hand": 25,
            "committed": 0,
            "buffer": 0,
            "old": 20,
            "new": 25,
            "arithmetic": "on hand 25 − committed 0 − buffer 0",
        }
    ]
    monkeypatch.setattr(api, "MOST_CHANGES", 0)
    assert (call("POST", "/push?dry_run=true")[1]["changes"], run["total"]) == ([], 1), "bounded, and counted"
    status, on = call("POST", "/push")
    assert (status, on["push_stock"], on["comparing"]) == (202, True, False)
    status, on = call("POST", "/push")
    assert (status, on["comparing"]) == (202, True), "on already: all is compared"
    _compared(running, ours)
    assert call("POST", "/push?dry_run=1&again=1")[1]["comparing"]
    assert call("POST", "/push?dry_run=maybe")[0] == 422


def test_the_api_changes_terms_lists_goods_and_decides(call: Any, running: Process, ours: Made, theirs: Made) -> None:
    ids = _put(
        running,
        _row(ours, state="changed", drift=-2 * SCALE),
        _row(ours, woo_product_id=901, label="OTHER", stock_key="sku:OTHER", state="changed", drift=SCALE),
        _row(ours, woo_product_id=902, woo_variation_id=903, label="BAD", state="failed", error="WooCommerce said no."),
    )
    foreign = _put(running, _row(theirs, state="changed", drift=SCALE))
    _compared(running, ours, push_stock=True)
    status, shown = call("GET")
    assert (status, shown["push_stock"], shown["buffer"], shown["all_commitments"]) == (200, True, 0, True)
    assert shown["counts"] == {"in_step": 0, "sending": 0, "unknown": 0, "changed": 2, "failed": 1}
    status, shown = call("PATCH", "", json={"buffer": 1, "all_commitments": False})
    assert (status, shown["buffer"], shown["all_commitments"]) == (200, 1, False)
    for wrong in ({"buffer": -1}, {"buffer": "2"}, {"buffer": 1.5}, {"size": 1}):
        assert call("PATCH", "", json=wrong)[0] == 422, wrong
    [goods, other] = call("GET", "/goods?state=changed")[1]["data"]
    assert (goods["expected"], goods["shown"], goods["on_hand"], goods["wanted"]) == (20, 18, 25, 24)
    assert (other["sku"], other["on_hand"], other["wanted"]) == ("OTHER", None, None), "not counted any more"
    assert call("GET", "/goods?state=failed")[1]["data"][0]["variation_id"] == 903
    for wrong in ({"act": "burn", "ids": None}, {"act": "overwrite"}, {"act": "overwrite", "ids": [0]}):
        assert call("POST", "/decide", json=wrong)[0] == 422, wrong
    assert call("POST", "/decide", json={"act": "take_over", "ids": foreign})[1]["done"] == 0
    status, done = call("POST", "/decide", json={"act": "take_over", "ids": [ids[0]]})
    assert (status, done["done"], done["counts"]["changed"]) == (200, 1, 1)
    assert done["adjustment_id"] is not None
    assert call("POST", "/decide", json={"act": "overwrite", "ids": None})[1]["done"] == 1
    assert call("POST", "/decide", json={"act": "try_again", "ids": None})[1]["done"] == 1
    assert call("PATCH", "", json={"push_stock": False})[1]["counts"]["in_step"] == 0
    with running.database.reading() as session:
        assert session.get_one(StoreStock, foreign[0]).state == "changed"


def test_a_key_that_only_reads_sees_and_changes_nothing(call: Any, running: Process, ours: Made) -> None:
    with running.database.unit() as session:
        session.execute(update(ApiToken).where(ApiToken.account_id == ours.account_id).values(scopes=["read"]))
    assert call("GET")[0] == 200
    assert call("POST", "/push?dry_run=1")[0] == 403
    assert call("POST", "/decide", json={"act": "overwrite", "ids": None})[0] == 403


@pytest.mark.parametrize(("value", "words"), [(45.0, "45"), (0.5, "0.5"), (-3.0, "-3"), (1_234_567.0, "1,234,567")])
def test_pieces_are_told_without_needless_decimals(value: float, words: str) -> None:
    assert reports.plain(value) == words
