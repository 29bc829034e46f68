"""Stores in the browser: address, wizard, keys, import, reports, settings, disconnect, reconnect."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select, update

from referins_woo import clock as application_clock
from referins_woo.commerce.models import Order
from referins_woo.ingest.models import Import
from referins_woo.process import Process
from referins_woo.queues import MemoryBells
from referins_woo.stores import connect, links
from referins_woo.stores.models import Grant, Store
from referins_woo.web import integrations
from tests.factories.rows import PLACED, Made
from tests.referins_woo.web.conftest import Visitor

HUB = "/settings/integrations/woocommerce"


@pytest.fixture
def open_address(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The answer that the look at an address gives; tests of the look itself are those of the room."""
    seen: dict[str, Any] = {"problem": None}

    def preflight(process: Process, url: str, *, account_id: int | None = None) -> connect.Preflight:
        return connect.Preflight(url=url, name="Fresh Shop", problem=seen["problem"])

    monkeypatch.setattr(integrations.connect, "preflight", preflight)
    return seen


def _store(running: Process, store_id: int) -> Store:
    with running.database.reading() as session:
        return session.get_one(Store, store_id)


def test_the_hub_says_states_and_causes_in_words(merchant: Visitor, running: Process, ours: Made) -> None:
    with running.database.unit() as session:
        session.execute(
            update(Store)
            .where(Store.id == ours.ids["store_id"])
            .values(state="needs_reconnect", cause="key_revoked", cause_since=PLACED)
        )
    text = merchant.get(HUB).text
    for words in ("Needs reconnection", "The keys were revoked", "Your choices are kept", "Shop of ours"):
        assert words in text
    for path in ("/", "/orders", "/settings/api-keys"):
        assert "Shop of ours needs to be reconnected." in merchant.get(path).text, "the banner stands on every page"


def test_an_address_that_cannot_be_used_keeps_the_value_and_says_why(
    merchant: Visitor, open_address: dict[str, Any]
) -> None:
    merchant.get(f"{HUB}/connect")
    for typed in ("", "ftp://shop.example.com", "https://user:pw@shop.example.com", "https://shop example.com"):
        answer = merchant.post(f"{HUB}/connect", {"url": typed})
        assert answer.status_code == 422
        assert 'aria-describedby="store-url-error store-url-hint"' in answer.text
        assert f'value="{typed}"' in answer.text
    open_address["problem"] = connect.Problem("no_woo", "There is no WooCommerce at this address.", ("Install it.",))
    answer = merchant.post(f"{HUB}/connect", {"url": "https://x.example.com"}, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert "There is no WooCommerce at this address." in answer.text
    assert "Install it." in answer.text
    assert "<html" not in answer.text, "the modal swaps the form alone"


@pytest.mark.usefixtures("open_address")
def test_the_wizard_keeps_every_choice_in_the_store(merchant: Visitor, running: Process) -> None:
    merchant.get(f"{HUB}/connect")
    first = merchant.post(f"{HUB}/connect", {"url": "Fresh.Example.com/"})
    page = merchant.follow(first)
    assert "We added https:// in front." in page.text
    assert "Location</li>" not in page.text, "one location: no step for it"
    assert first.headers["Location"].endswith("/import-elements")
    base = first.headers["Location"].removesuffix("/import-elements")
    store_id = int(base.rpartition("/")[2])

    nothing = merchant.post(f"{base}/import-elements", {"contacts_scope": "all"})
    assert nothing.status_code == 422
    assert "at least one element" in nothing.text
    page = merchant.follow(
        merchant.post(f"{base}/import-elements", {"elements": ["transactions"], "contacts_scope": "on_orders"})
    )
    store = _store(running, store_id)
    assert store.import_elements == ["orders", "transactions"], "transactions tick orders"
    assert store.contacts_scope == "on_orders"
    assert "Order Submitted triggers" in page.text
    page = merchant.follow(merchant.post(f"{base}/sync-settings", {"sync": ["orders", "payment-received"]}))
    store = _store(running, store_id)
    assert (store.sync_orders, store.sync_payment_received) == (True, True)
    assert (store.sync_contacts, store.sync_order_submitted, store.sync_products) == (False, False, False)
    assert "Consumer key" in page.text
    back = merchant.get(f"{base}/import-elements").text
    assert 'value="transactions" checked' in back
    assert 'value="on_orders" checked' in back


def test_the_orders_of_an_import_can_be_limited(merchant: Visitor, ours: Made, running: Process) -> None:
    store_id = ours.ids["pending_store_id"]
    path = f"{HUB}/{store_id}/import-elements"
    assert '<details class="card-body border-top" >' in merchant.get(path).text, "out of the way until it is wanted"
    chosen = {
        "elements": ["orders"],
        "since": "2026-01-31",
        "statuses": ["completed"],
        "other_statuses": "wc-Packing, ",
    }
    assert merchant.post(path, chosen).status_code == 303
    store = _store(running, store_id)
    assert store.import_since == datetime(2026, 1, 31, tzinfo=UTC)
    assert store.import_statuses == ["completed", "packing"]
    back = merchant.get(path).text
    for words in ('value="2026-01-31"', 'value="completed" checked', 'value="packing"', 'border-top" open>'):
        assert words in back
    with running.database.unit() as session:
        session.get_one(Store, store_id).state = "connected"
    page = merchant.get(f"{HUB}/{store_id}").text
    assert "Placed from 2026-01-31 on, only completed, packing" in page
    assert "<dd>All</dd>" in merchant.get(f"{HUB}/{ours.ids['store_id']}").text


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"since": "31.1.2026"}, "year-month-day"),
        ({"since": "2999-01-01"}, "in the future"),
        ({"other_statuses": "on hold; drop"}, "by their slugs"),
    ],
)
def test_limits_that_make_no_sense_are_refused_and_shown_again(
    merchant: Visitor, ours: Made, running: Process, limits: dict[str, str], words: str
) -> None:
    path = f"{HUB}/{ours.ids['pending_store_id']}/import-elements"
    merchant.get(path)
    answer = merchant.post(path, {"elements": ["contacts"], **limits})
    assert answer.status_code == 422
    assert words in answer.text
    assert next(iter(limits.values())) in answer.text
    store = _store(running, ours.ids["pending_store_id"])
    assert (store.import_since, store.import_statuses) == (None, [])


@pytest.mark.usefixtures("open_address")
def test_a_store_that_cannot_reach_us_is_offered_typed_keys_with_the_reason(merchant: Visitor, ours: Made) -> None:
    page = merchant.get(f"{HUB}/{ours.ids['pending_store_id']}/authorize")
    assert "WooCommerce cannot reach" in page.text
    assert "Continue to" not in page.text
    assert "form-action 'self' https://new-ours.example.com" in page.headers["Content-Security-Policy"]


def test_the_permission_page_is_reached_with_a_state_of_our_own(
    merchant: Visitor, ours: Made, running: Process
) -> None:
    base = f"{HUB}/{ours.ids['pending_store_id']}"
    with running.database.unit() as session:
        session.get_one(Store, ours.ids["pending_store_id"]).url = "http://127.0.0.1:8090"
    merchant.get(f"{base}/authorize")
    target = merchant.post(f"{base}/authorize").headers["Location"]
    assert target.startswith("http://127.0.0.1:8090/wc-auth/v1/authorize?")
    with running.database.reading() as session:
        grant = session.scalars(select(Grant).order_by(Grant.id.desc())).first()
        assert grant is not None
        assert grant.state_token in target
        asked = parse_qs(urlsplit(target).query)
        assert asked["user_id"] == [grant.state_token], "never an id of ours: it comes back to us from outside"


def test_the_page_of_a_lost_store_leads_to_its_permission_page_and_takes_keys(
    merchant: Visitor, ours: Made, running: Process
) -> None:
    with running.database.unit() as session:
        store = session.get_one(Store, ours.ids["store_id"])
        store.url, store.state, store.cause = "http://127.0.0.1:8090", "needs_reconnect", "key_revoked"
    page = merchant.get(f"{HUB}/{ours.ids['store_id']}").text
    asks, types = re.findall(r'action="([^"]+/(?:authorize|keys))"', page)
    assert merchant.post(asks).headers["Location"].startswith("http://127.0.0.1:8090/wc-auth/v1/authorize?")
    answer = merchant.post(types, {"key": "nonsense", "secret": "nonsense"})
    assert answer.status_code == 422
    assert "Needs reconnection" in answer.text


def test_a_refusal_keeps_every_choice_and_offers_another_try(merchant: Visitor, ours: Made) -> None:
    answer = merchant.get(f"/callbacks/woocommerce/{ours.grant_state}/return?success=0&user_id=x")
    page = merchant.follow(answer)
    assert page.request.path == HUB
    assert "Approval was cancelled. Your choices are kept." in page.text
    assert "<strong>Approval was cancelled.</strong> Your choices are kept." in page.text, (
        "and stays, on the store's card"
    )
    assert f'href="{HUB}/{ours.ids["pending_store_id"]}/authorize">Try again' in page.text
    assert "Consumer key" in merchant.get(f"{HUB}/{ours.ids['pending_store_id']}/authorize").text


def test_the_callback_takes_keys_once_and_answers_at_once(
    visitor: Visitor, ours: Made, running: Process, bells: MemoryBells
) -> None:
    path = f"/callbacks/woocommerce/{ours.grant_state}"
    with running.database.unit() as session:
        session.execute(update(Grant).values(expires_at=application_clock.now() + timedelta(hours=1)))
    keys = {
        "key_id": 1,
        "user_id": ours.grant_state,
        "consumer_key": "ck_" + "a" * 40,
        "consumer_secret": "cs_" + "b" * 40,
        "key_permissions": "read_write",
    }
    assert visitor.client.post("/callbacks/woocommerce/unknown", json=keys).status_code == 404
    assert visitor.client.post(path, json={"user_id": "x"}).status_code == 400
    assert visitor.client.post(path, json=keys).status_code == 200
    assert visitor.client.post(path, json=keys).status_code == 200, "WooCommerce may post twice"
    assert [bell[1] for bell in bells.pending] == ["try_grant"]
    waiting = visitor.get(f"{path}/return?success=1&user_id=x")
    assert "Trying the keys" in waiting.text
    assert f"{path}/progress" in waiting.text


def test_nobody_is_signed_in_by_coming_back(visitor: Visitor, ours: Made, running: Process) -> None:
    with running.database.unit() as session:
        session.execute(update(Grant).values(result="accepted", store_id=ours.ids["store_id"], purpose="reconnect"))
    page = visitor.get(f"/callbacks/woocommerce/{ours.grant_state}/return?success=1")
    assert "is connected" in page.text
    assert visitor.get("/orders").status_code == 303


def test_accepted_keys_lead_the_merchant_to_the_import(
    merchant: Visitor, ours: Made, running: Process, bells: MemoryBells
) -> None:
    with running.database.unit() as session:
        session.execute(update(Grant).values(result="accepted", store_id=ours.ids["store_id"]))
        store = session.get_one(Store, ours.ids["store_id"])
        store.connected_at = application_clock.now() + timedelta(seconds=1)
    moved = merchant.get(f"/callbacks/woocommerce/{ours.grant_state}/progress", headers={"HX-Request": "true"})
    assert moved.status_code == 204
    with running.database.reading() as session:
        newest = session.scalars(select(Import).order_by(Import.id.desc())).first()
        assert newest is not None
        assert newest.id != ours.ids["import_id"]
    assert moved.headers["HX-Redirect"] == f"{HUB}/{ours.ids['store_id']}/imports/{newest.id}"
    assert "run_import" in [bell[1] for bell in bells.pending]
    page = merchant.get(moved.headers["HX-Redirect"])
    assert "Importing your store" in page.text


def test_an_import_is_paused_resumed_and_cancelled(merchant: Visitor, ours: Made, running: Process) -> None:
    base = f"{HUB}/{ours.ids['store_id']}/imports/{ours.ids['import_id']}"
    with running.database.unit() as session:
        session.execute(update(Import).values(state="running"))

    def state() -> str:
        with running.database.reading() as session:
            return session.get_one(Import, ours.ids["import_id"]).state

    text = merchant.get(base).text
    assert 'hx-trigger="every 2s"' in text
    assert 'role="progressbar" aria-label="Orders"' in text
    assert "1 skipped" in text
    merchant.post(f"{base}/pause")
    assert state() == "paused"
    stopped = merchant.get(base).text
    assert "every 2s" not in stopped, "what stands still is not asked for"
    merchant.post(f"{base}/resume")
    assert state() == "waiting"
    merchant.get(base)
    merchant.post(f"{base}/cancel")
    assert state() == "cancelled"
    assert "The import was cancelled" in merchant.get(base).text


def test_what_was_set_aside_is_listed_and_its_csv_runs_no_formula(merchant: Visitor, ours: Made) -> None:
    base = f"{HUB}/{ours.ids['store_id']}/imports"
    page = merchant.get(f"{base}/skipped").text
    assert "Only customers and subscribers come in" in page
    answer = merchant.get(f"{base}/skipped.csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert rows == [
        {
            "entity": "contacts",
            "woo_id": "1",
            "name": "'=HYPERLINK(1)",
            "reason_code": "role",
            "reason": "Only customers and subscribers come in",
            "detail": "",
        }
    ]
    assert len(merchant.get(f"{base}/failed.csv").text.splitlines()) == 1
    of_import = merchant.get(f"{base}/{ours.ids['import_id']}/skipped.csv").text
    assert of_import == answer.text
    assert of_import.splitlines()[0] == "\ufeffentity,woo_id,name,reason_code,reason,detail"


def test_sync_settings_change_later_and_the_store_page_shows_them(
    merchant: Visitor, ours: Made, running: Process
) -> None:
    base = f"{HUB}/{ours.ids['store_id']}"
    merchant.get(base)
    merchant.post(f"{base}/sync", {"sync": ["orders"]})
    store = _store(running, ours.ids["store_id"])
    assert (store.sync_orders, store.sync_contacts) == (True, False)
    assert 'value="orders" checked' in merchant.get(base).text


def test_disconnecting_asks_what_becomes_of_the_data(merchant: Visitor, ours: Made, running: Process) -> None:
    base = f"{HUB}/{ours.ids['store_id']}"
    asked = merchant.get(f"{base}/disconnect").text
    for words in (
        "Our webhooks are removed from the store and its keys are erased here",
        'name="data" value="keep" checked',
        'name="data" value="delete"',
        "Connecting the store again doubles nothing",
    ):
        assert words in asked, words
    said = merchant.follow(merchant.post(f"{base}/disconnect", {"data": "keep"})).text
    assert "The store is disconnected and its keys are erased. Its data stays." in said
    store = _store(running, ours.ids["store_id"])
    assert (store.state, store.key_locked, store.secret_locked) == ("disconnected", None, None)
    assert store.deleting_since is None
    with running.database.reading() as session:
        assert session.get(Order, ours.ids["order_id"]) is not None


def test_a_second_import_is_refused_while_one_runs(merchant: Visitor, ours: Made) -> None:
    base = f"{HUB}/{ours.ids['store_id']}"
    merchant.get(base)
    first = merchant.post(f"{base}/re-import", {"elements": ["orders"]})
    assert "/imports/" in first.headers["Location"]
    second = merchant.post(f"{base}/re-import", {"elements": ["orders"]})
    assert "is running" in merchant.follow(second).text


def test_the_reconnect_link_shows_one_store_and_signs_nobody_in(visitor: Visitor, ours: Made, running: Process) -> None:
    now = application_clock.now()
    with running.database.unit() as session:
        store = session.get_one(Store, ours.ids["store_id"])
        store.state, store.cause, store.cause_since, store.reconnect_episode = "needs_reconnect", "key_revoked", now, 1
    link = links.make_reconnect_link(running.config, ours.ids["store_id"], 1, now)
    path = link.removeprefix(running.config.public_url)
    page = visitor.get(path)
    for words in ("Shop of ours", "The keys were revoked", "Consumer key"):
        assert words in page.text
    assert visitor.get("/orders").status_code == 303
    tampered = visitor.get(path[:-3] + "abc")
    assert tampered.status_code == 410
    old = links.make_reconnect_link(running.config, ours.ids["store_id"], 1, now - timedelta(days=8))
    expired = visitor.get(old.removeprefix(running.config.public_url))
    assert expired.status_code == 410
    assert "Send a new link" in expired.text
    with running.database.unit() as session:
        session.get_one(Store, ours.ids["store_id"]).state = "connected"
    assert visitor.get(path).status_code == 410, "the link ends with its episode"


def test_a_hook_of_nobody_is_refused_without_a_session(visitor: Visitor) -> None:
    answer = visitor.client.post("/hooks/woocommerce/nobody", data=b"{}")
    assert answer.status_code == 404
    assert "Set-Cookie" not in answer.headers
    large = visitor.client.post("/hooks/woocommerce/nobody", data=b"x" * (5 * 1024 * 1024 + 1))
    assert large.status_code == 413
