"""Rows of the matrix about single answers that would stop, fill or hold up a worker: 19, 30 and 32.

The fault comes over HTTP from the practice store; all seven invariants must hold afterwards.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from referins_woo import queues, safe_http
from referins_woo.commerce.models import Order
from referins_woo.ingest import importing
from referins_woo.ingest import jobs as ingest_jobs
from referins_woo.ingest.models import Import, SkippedRecord, Watermark
from referins_woo.ingest.reconcile.comparison import NIGHTLY
from referins_woo.lease import Lease
from referins_woo.stores.door import open_store
from referins_woo.stores.models import Store
from tests.flows.invariants import Watch
from tests.flows.merchants import off
from tests.flows.rows import is_well, look, mend, over, through, unnoticed
from tests.flows.test_store_faults import catch_up, import_page

pytestmark = pytest.mark.storm


@pytest.fixture
def backend() -> str:
    """What follows from an answer is the same on both databases."""
    return "sqlite"


@pytest.mark.parametrize("place", ["oldest", "middle", "newest", "both ends"])
def test_row_19_an_order_that_no_page_size_gets_past_is_set_aside_shown_and_comes_when_it_can(
    it: Watch, place: str
) -> None:
    made = []
    for _ in range(12):
        made.append(it.sell(told=False))
        for _ in range(137):  # WordPress counts all that it posts with the same numbers
            it.merchant.practice.shop.new_id("order")
    history = sorted(it.merchant.practice.shop.world.order_ids)
    ends = {history[0], max(made)}
    poisons = {"oldest": {history[0]}, "middle": {made[5]}, "newest": {max(made)}, "both ends": ends}[place]
    for poison in poisons:
        it.merchant.practice.fault("order_poison", number=poison)
    import_page(it.merchant)
    [begun] = it.merchant.rows(Import, Import.state.in_(importing.OPEN_STATES))
    for _ in range(12):
        it.merchant.clock.advance(minutes=6)
        ingest_jobs.ring_for_imports()
        catch_up(it.merchant)
        it.merchant.bells.drain()
        if it.merchant.rows(Import, Import.id == begun.id)[0].state == "done":
            break
    is_well(it)
    [ended] = it.merchant.rows(Import, Import.id == begun.id)
    assert ended.state == "done", (ended.state, ended.note)
    here = {row.woo_id for row in it.merchant.rows(Order)}
    assert set(made) - here <= poisons, "all others"
    aside = it.merchant.rows(SkippedRecord, SkippedRecord.element == "orders")
    assert {(row.woo_id, row.kind, row.reason_code) for row in aside} == {
        (poison, "failed", "store_fails") for poison in poisons
    }
    queues.ring("reconcile", it.merchant.store_id)
    it.merchant.bells.drain()
    [night] = it.merchant.rows(Watermark, Watermark.element == NIGHTLY)
    assert (night.cursor, night.checked_at is not None) == ({}, True), "the comparison of ids gets past it, too"
    it.merchant.sweep(16)
    counted = it.merchant.ledger()["orders"]
    assert (off(counted), counted.failed_count) == (0, len(poisons & set(made))), "the ledger accounts for it"
    shown = look(it, f"/settings/integrations/woocommerce/{it.merchant.store_id}/imports/skipped?kind=failed")
    assert all(f"Order {poison}" in shown for poison in poisons)
    assert "whenever it is asked for this order" in shown
    mend(it)
    queues.ring("reconcile", it.merchant.store_id)  # the night after the plugin was mended
    it.merchant.bells.drain()
    over(it)
    assert it.merchant.count(SkippedRecord, SkippedRecord.element == "orders") == 0


@pytest.mark.parametrize("kind", ["false_gzip", "packed_unsaid"])
def test_row_30_packing_is_told_by_the_bytes(it: Watch, kind: str) -> None:
    through(it, kind)
    unnoticed(it)
    over(it)


def test_row_30_what_unpacks_to_gigabytes_is_refused_and_fills_no_memory(it: Watch) -> None:
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    before = _memory("VmRSS")
    store = through(it, "gzip_bomb", path="orders")
    assert _memory("VmHWM") - before < 300 * 1024
    assert "unpacks to more than 64 MiB" in store.last_error
    is_well(it)
    over(it)


def _memory(what: str) -> int:
    """This process's memory in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


def test_row_32_a_body_that_drips_ends_at_the_deadline_and_frees_its_worker(
    it: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with it.merchant.process.database.unit() as session:
        session.execute(update(Store).where(Store.id == it.merchant.store_id).values(connections=1))
    with monkeypatch.context() as short:
        short.setattr(safe_http, "TOTAL_SECONDS", 0.3)  # each byte comes long before the 60 s between two are over
        store = through(it, "drip", path="orders", seconds=0.002, rounds=1)
        assert store.failures >= 1
        assert "in time" in store.last_error
        assert it.merchant.count(Lease, Lease.until > it.merchant.clock.now()) == 0, "nobody holds the store's leases"
        open_store(it.merchant.process, it.merchant.store_id, force=True).webhooks()  # its only connection is free
    is_well(it)
    over(it)
