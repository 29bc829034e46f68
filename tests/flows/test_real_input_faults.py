"""One fault on each page of the walk, one after the other: the mirror equals that of an undisturbed import.

Every importer that was tried loses orders without a word to at least one of these. Also: an import that is killed after
each page, or in the middle of each transaction, and one that is run again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import lease, queues
from referins_woo.commerce.models import Contact, Order, OrderLine, Product, Transaction, Variant
from referins_woo.ingest import import_run
from referins_woo.ingest import jobs as ingest_jobs
from referins_woo.ingest.elements.batch import Batch
from referins_woo.ingest.models import Import, ImportElement
from referins_woo.process import Process
from referins_woo.stores import disconnect
from referins_woo.stores.models import Store
from tests.conftest import ClockHand
from tests.replay import faults, merchant
from tests.replay.server import Fault, Replay, Reply, Request

Mirror = dict[str, Any]


FAULTS: dict[str, Callable[[Path], Fault]] = {
    # The sixteen of performance.md
    "500 twice": lambda folder: faults.FirstTimes(
        faults.recorded(folder, "site-states/php-fatal-in-rest-get-orders"), 2
    ),
    "429 with Retry-After": lambda _: faults.FirstTimes(faults.with_status(429, b"slow down", Retry_After="30")),
    "503 maintenance": lambda folder: faults.FirstTimes(
        faults.recorded(folder, "site-states/maintenance-mode-get-orders")
    ),
    "reset": lambda _: faults.FirstTimes(faults.hung_up, 2),
    "body cut on the wire": lambda _: faults.FirstTimes(faults.cut_on_the_wire),
    "one 401": lambda folder: faults.FirstTimes(faults.recorded(folder, "auth/https-no-auth")),
    "one 403 of a firewall": lambda _: faults.FirstTimes(
        faults.with_status(
            403, b"<html><title>Attention Required! | Cloudflare</title></html>", cf_mitigated="challenge"
        )
    ),
    "one 404": lambda folder: faults.FirstTimes(
        faults.recorded(folder, "site-states/woocommerce-deactivated-get-orders")
    ),
    "200 with a web page": lambda _: faults.FirstTimes(
        faults.with_status(200, b"<!DOCTYPE html><html><body>Hello</body></html>", Content_Type="text/html")
    ),
    "200 with nothing": lambda _: faults.FirstTimes(faults.with_status(200, b"")),
    "truncated JSON": lambda _: faults.FirstTimes(faults.truncated),
    "PHP warning in front": lambda folder: faults.FirstTimes(
        faults.in_front(folder, "site-states/php-warning-printed-before-json-get-orders"), 1_000
    ),
    "byte order mark": lambda folder: faults.FirstTimes(
        faults.in_front(folder, "site-states/bom-before-json-get-orders"), 1_000
    ),
    "one empty page": lambda _: faults.FirstTimes(faults.empty_list),
    "bytes that are no UTF-8": lambda _: faults.FirstTimes(faults.broken_utf8, 1_000),
    # and what else is known of real stores (reliability rows 12-27, 30)
    "502": lambda folder: faults.FirstTimes(faults.recorded(folder, "site-states/php-down-502-get-orders")),
    "database away": lambda folder: faults.FirstTimes(faults.recorded(folder, "site-states/database-down-get-orders")),
    "short page": lambda _: faults.FirstTimes(faults.short_page),
    "two empty pages": lambda _: faults.FirstTimes(faults.empty_list, 2),
    "stale page": lambda _: faults.LastPageAgain(),
    "object of rows": lambda _: faults.FirstTimes(faults.object_of_rows, 1_000),
    "gzip that is none": lambda _: faults.FirstTimes(faults.false_gzip, 1_000),
    "500 for large pages": lambda _: faults.too_large(10),
}


TOTALS = {"too small": "7", "0": "0", "too large": "100000", "missing": None}


@pytest.mark.parametrize("connections", [pytest.param(1, marks=pytest.mark.storm), 4])
@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_on_every_page_loses_nothing(
    running: Process,
    bells: queues.MemoryBells,
    clock: ClockHand,
    shop: Replay,
    recordings: Path,
    undisturbed: Mirror,
    name: str,
    connections: int,
) -> None:
    store_id, import_id = merchant.begin(running, shop, clock, connections)
    fault = FAULTS[name](recordings)
    shop.fault = fault
    merchant.until_done(running, bells, clock, import_id)
    assert getattr(fault, "struck", 1) > 0
    _nothing_is_lost(running, store_id, undisturbed)


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("name", TOTALS)
def test_row_24_a_wrong_total_neither_ends_a_walk_nor_invents_a_hole(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, shop: Replay, undisturbed: Mirror, name: str
) -> None:
    store_id, import_id = merchant.begin(running, shop, clock, 4)
    shop.fault = faults.FirstTimes(faults.total(TOTALS[name]), 1_000, lambda request: True)
    merchant.until_done(running, bells, clock, import_id)
    _nothing_is_lost(running, store_id, undisturbed)
    with running.database.reading() as session:
        for row in session.scalars(select(ImportElement).where(ImportElement.import_id == import_id)):
            assert (row.woo_count, row.filled) == (row.total, 0), row.element


def _nothing_is_lost(running: Process, store_id: int, undisturbed: Mirror) -> None:
    with running.database.reading() as session:
        store = session.get_one(Store, store_id)
        assert (store.state, store.cause) == ("connected", "ok")
        found = merchant.set_aside(session)
        assert found.keys() - _SET_ASIDE == set()
        assert _SET_ASIDE - found.keys() == set()
        merchant.assert_equal(merchant.mirror(session), undisturbed)
        for total, done, skipped, failed in merchant.counts(session).values():
            assert (total, failed) == (done + skipped, 0)


_SET_ASIDE = {
    *(("contacts", woo_id) for woo_id in (1, 55, 56, 57, 58, 59, 60, 61)),
    *(("products", woo_id) for woo_id in (18, 19, 32, 33, 34, 35, 36, 37, 38, 39, 40, 69)),
    *(("collections", woo_id) for woo_id in (18, 22, 30, 33, 34)),
}


@pytest.mark.parametrize("backend", ["sqlite"])
def test_row_19_one_order_that_the_store_cannot_show_is_set_aside_and_all_others_come(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, shop: Replay, undisturbed: Mirror
) -> None:
    _, import_id = merchant.begin(running, shop, clock, 4)
    shop.fault = faults.poisoned(175)
    merchant.until_done(running, bells, clock, import_id)
    with running.database.reading() as session:
        found = merchant.mirror(session)
        assert undisturbed["orders"].keys() - found["orders"].keys() == {175}
        assert merchant.set_aside(session)["orders", 175] == ("failed", "store_fails")
        assert merchant.counts(session)["orders"] == (158, 157, 0, 1)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_an_order_that_the_store_cannot_show_does_not_hold_up_the_sweep(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, shop: Replay
) -> None:
    store_id, import_id = merchant.begin(running, shop, clock, 4)
    merchant.until_done(running, bells, clock, import_id)
    clock.advance(minutes=10)
    saved = clock.now().strftime("%Y-%m-%dT%H:%M:%S")
    for woo_id in (200, 205, 210):  # 200 and 210 were completed; now all three are saved as refunded
        changed = {"status": "refunded", "date_modified_gmt": saved}
        shop.shelf.orders[woo_id] = shop.shelf.orders[woo_id] | changed
    shop.fault = faults.poisoned(205)
    queues.ring("catch_up", store_id)
    bells.drain()
    with running.database.reading() as session:
        found = merchant.mirror(session)["orders"]
        assert [found[woo_id]["woo_status"] for woo_id in (200, 205, 210)] == ["refunded", "processing", "refunded"]
        assert merchant.set_aside(session)["orders", 205] == ("failed", "store_fails")
    shop.fault = None
    clock.advance(minutes=10)
    shop.shelf.orders[205] |= {"date_modified_gmt": clock.now().strftime("%Y-%m-%dT%H:%M:%S")}
    queues.ring("catch_up", store_id)
    bells.drain()
    with running.database.reading() as session:
        assert merchant.mirror(session)["orders"][205]["woo_status"] == "refunded"
        assert ("orders", 205) not in merchant.set_aside(session)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_store_that_is_down_is_left_alone_longer_and_longer(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, shop: Replay, recordings: Path
) -> None:
    _, import_id = merchant.begin(running, shop, clock, 1)
    shop.fault = faults.FirstTimes(
        faults.recorded(recordings, "site-states/database-down-get-orders"), 1_000, lambda _: True
    )
    tries, asked = [], []
    for _ in range(6):
        shop.asked.clear()
        bells.drain("bulk")
        with running.database.reading() as session:
            tries.append(session.get_one(Import, import_id).retries)
        asked.append(len(shop.asked))
        clock.advance(minutes=11)
        ingest_jobs.ring_for_imports()
    assert tries == [1, 2, 3, 4, 5, 6]
    assert max(asked[1:]) <= 6, asked  # smaller pieces are tried, then the store is seen to be down


class Killed(BaseException):
    """kill -9: nothing after it runs, and no job shell may catch it."""


def test_row_45_killed_at_every_page_boundary_and_in_every_transaction_it_ends_the_same(
    running: Process,
    bells: queues.MemoryBells,
    clock: ClockHand,
    shop: Replay,
    undisturbed: Mirror,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store_id, import_id = merchant.begin(running, shop, clock, 4)
    with running.database.unit() as session:
        session.get_one(Store, store_id).page_size = 12
    commit, tried, deaths = import_run._commit, set[tuple[str, str]](), 0

    def killed_commit(job: Any, element: Any, batch: Batch, *rest: Any) -> None:
        nonlocal deaths
        deaths += 1
        place = (element.element, repr(batch.cursor))
        if place not in tried:  # the first time in the middle of the transaction, with everything written
            tried.add(place)

            def write(session: Session) -> Any:
                batch.write(session)
                session.flush()
                raise Killed

            commit(job, element, replace(batch, write=write), *rest)
        commit(job, element, batch, *rest)  # the second time just after it
        raise Killed

    monkeypatch.setattr(import_run, "_commit", killed_commit)
    monkeypatch.setattr(lease, "release", lambda *_: None)  # the dead give nothing back
    for _ in range(400):
        try:
            bells.drain("bulk")
            break
        except Killed:
            clock.advance(minutes=4)  # the lease runs out, the sweep notices
            bells.pending.clear()
            ingest_jobs.ring_for_imports()
    monkeypatch.undo()
    assert deaths >= 2 * len(tried) > 60
    with running.database.reading() as session:
        assert merchant.state_of(session, import_id)[0] == "done"
        for total, done, skipped, failed in merchant.counts(session).values():
            assert (total, failed) == (done + skipped, 0)
        assert merchant.counts(session)["orders"] == (158, 158, 0, 0)
        merchant.assert_equal(merchant.mirror(session), undisturbed)


def test_importing_again_changes_no_row(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, shop: Replay, undisturbed: Mirror
) -> None:
    _, import_id = merchant.begin(running, shop, clock, 4)
    merchant.until_done(running, bells, clock, import_id)
    with running.database.reading() as session:
        rows, counts = _our_rows(session), merchant.counts(session)
        store_id = session.scalars(select(Store.id)).one()
    clock.advance(hours=1)
    again = merchant.import_again(running, store_id)
    merchant.until_done(running, bells, clock, again)
    with running.database.reading() as session:
        assert _our_rows(session) == rows  # the very same rows, none written anew
        assert merchant.counts(session) == counts
        merchant.assert_equal(merchant.mirror(session), undisturbed)


def test_disconnecting_and_connecting_again_doubles_nothing_and_fires_nothing(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, shop: Replay, undisturbed: Mirror
) -> None:
    store_id, import_id = merchant.begin(running, shop, clock, 4)
    merchant.until_done(running, bells, clock, import_id)
    disconnect.disconnect(running, store_id, delete_data=False)
    bells.drain()
    clock.advance(days=2)
    assert merchant.connect_again(running, shop) == store_id  # C9: its old row
    merchant.until_done(running, bells, clock, merchant.begin_import(running, store_id))
    with running.database.reading() as session:
        merchant.assert_equal(merchant.mirror(session), undisturbed)


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("backend", ["sqlite"])
def test_row_26_orders_trashed_and_placed_during_the_walk_lose_no_other(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, shop: Replay, undisturbed: Mirror, connections: int
) -> None:
    _, import_id = merchant.begin(running, shop, clock, connections)
    pages = 0

    def drift(request: Request, reply: Reply) -> Reply:
        nonlocal pages
        if request.path == "orders" and faults.is_page(request) and request.query.get("order") == "asc":
            pages += 1
            # After each of the first pages the two orders that stand first go to the trash: all others move up by two.
            for woo_id in sorted(shop.shelf.orders)[:2] if pages <= 4 else ():
                gone[woo_id] = shop.shelf.orders.pop(woo_id)
        return reply

    gone: dict[int, Any] = {}
    shop.fault = drift
    merchant.until_done(running, bells, clock, import_id)
    assert len(gone) == 8
    with running.database.reading() as session:
        found = merchant.mirror(session)["orders"]
        assert undisturbed["orders"].keys() - found.keys() <= gone.keys()
        assert not found.keys() - undisturbed["orders"].keys()


def _our_rows(session: Session) -> dict[str, Any]:
    tables = (Contact, Order, OrderLine, Product, Variant, Transaction)
    return {
        table.__tablename__: sorted(session.execute(select(table.id, *_stamps(table))).all(), key=repr)
        for table in tables
    }


def _stamps(table: Any) -> list[Any]:
    return [column for column in table.__table__.columns if column.key in ("created_at", "updated_at")]
