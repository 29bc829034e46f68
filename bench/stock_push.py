"""Telling a store changed quantities: our time against that of the same reads and batches, sent one after the other.

The practice store runs in a process of its own, with simple products whose stock is managed. The limit signs and sends
the same requests by http.client and looks at nothing. Ours sweeps, looks, compares, keeps the arithmetic of each push
and believes the answers.

A WooCommerce takes 0.2 s for a look at a hundred and 0.4 s to set 34 quantities (recorded, fact 101); the practice
store takes 0.03 s for each. The gate is on a store that takes a third of what a real one does; what ours costs where a
store answers at once is printed beside it.
"""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

from sqlalchemy import func, select, update

from bench import Row
from bench._databases import analyze, databases
from bench._store import connect, start
from referins_woo import clock, queues
from referins_woo.commerce import ledger
from referins_woo.commerce.ledger import Goods
from referins_woo.commerce.models import Location, Product, StoreStock
from referins_woo.commerce.stock import SCALE
from referins_woo.commerce.upsert.bulk import insert_rows, new_ids
from referins_woo.process import Process
from referins_woo.stores.models import Store
from referins_woo.woo.auth import oauth1_params, query_string
from referins_woo.writeback.models import StoreWrite
from referins_woo.writeback.tell_stock import tell

_NAME = "stock_push"
_GATE = 1.2
_BATCH = 100
_SECONDS = 0.25
"""How much longer an answer takes of the store that is a third as slow as a real one."""


@dataclass(frozen=True, slots=True)
class _Shop:
    port: int
    key: str
    secret: str

    def ask(self, line: http.client.HTTPConnection, method: str, path: str, params: dict[str, str], body: Any) -> Any:
        """Send one signed request; returns what the answer holds."""
        given = list(params.items())
        url = f"http://127.0.0.1:{self.port}/wp-json/wc/v3/{path}"
        signed = oauth1_params(method, url, given, self.key, self.secret, now=clock.now())
        target = f"/wp-json/wc/v3/{path}?{query_string([*given, *signed])}"
        content = None if body is None else json.dumps(body).encode()
        line.request(method, target, content, {"Content-Type": "application/json"})
        answer = line.getresponse()
        data = json.loads(answer.read())
        if answer.status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {answer.status} {data}")
        return data


def run(quick: bool) -> list[Row]:
    """Measure 10,000 changed SKUs on each database (2,000 when quick) and return the rows."""
    return rows_of(goods=2_000 if quick else 10_000, times=1 if quick else 3, seconds=_SECONDS)


def rows_of(*, goods: int, times: int, seconds: float) -> list[Row]:
    """Measure `goods` changed SKUs on each database: `times` times at once, and once at `seconds` more an answer."""
    rows = []
    with databases() as empty, _practice() as shop:
        products = _stocked(shop, goods)
        for kind in ("sqlite", "postgresql"):
            running = start(empty.fresh(kind))
            queues.connect(None)
            store = connect(running, shop.port)
            _fill(running, store, shop, products)
            at_once = [_side_by_side(running, store, shop, products, turn) for turn in range(times)]
            with _slowed(shop, seconds):
                slow = [_side_by_side(running, store, shop, products, times)]
            running.database.dispose()
            rows += _rows_of(f"{kind}, {goods:,} SKUs, at once", at_once, goods, None)
            rows += _rows_of(f"{kind}, {goods:,} SKUs, {seconds:g} s an answer", slow, goods, _GATE)
    return rows


def _rows_of(what: str, took: list[tuple[float, float]], goods: int, gate: float | None) -> list[Row]:
    ratio = median(ours / bare for ours, bare in took)
    return [
        Row(_NAME, f"{what}: ours", goods / median(ours for ours, _ in took), "SKUs/s", None),
        Row(_NAME, f"{what}: bare calls", goods / median(bare for _, bare in took), "SKUs/s", None),
        Row(_NAME, f"{what}: time, ours : bare", ratio, "×", gate, higher_is_better=False),
    ]


def _side_by_side(
    running: Process, store: Store, shop: _Shop, products: Sequence[int], turn: int
) -> tuple[float, float]:
    return _ours(running, store, 2 * turn + 1), _bare(running, shop, products)


@contextmanager
def _slowed(shop: _Shop, seconds: float) -> Iterator[None]:
    _control(shop, "POST", {"kind": "latency", "path": "/products", "seconds": seconds})
    yield
    _control(shop, "DELETE", {})


def _control(shop: _Shop, method: str, given: dict[str, Any]) -> None:
    line = http.client.HTTPConnection("127.0.0.1", shop.port)
    line.request(method, "/practice/faults", json.dumps(given).encode(), {"Content-Type": "application/json"})
    answer = line.getresponse()
    if answer.status not in (200, 201):
        raise RuntimeError(f"{answer.status} {answer.read()!r}")
    line.close()


@contextmanager
def _practice() -> Iterator[_Shop]:
    command = [sys.executable, "-m", "referins_woo.practice_store", "--port", "0", "--size", "0"]
    served = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        said = ""
        while "Consumer secret" not in said:
            line = served.stdout.readline() if served.stdout else ""
            if not line:
                raise RuntimeError("the practice store did not start")
            said += line
        found = re.search(r":(\d+)\s.*Consumer key\s+(\S+)\s+Consumer secret\s+(\S+)", said, re.DOTALL)
        if found is None:
            raise RuntimeError(said)
        yield _Shop(int(found[1]), found[2], found[3])
    finally:
        served.terminate()
        served.wait(20)


def _stocked(shop: _Shop, goods: int) -> list[int]:
    """Fill the shop; returns its products."""
    line = http.client.HTTPConnection("127.0.0.1", shop.port)
    made: list[int] = []
    for first in range(0, goods, _BATCH):
        new = [
            {
                "name": f"Example {number}",
                "sku": f"SKU-{number:05d}",
                "regular_price": "5.00",
                "manage_stock": True,
                "stock_quantity": 100,
            }
            for number in range(first, min(first + _BATCH, goods))
        ]
        made += [one["id"] for one in shop.ask(line, "POST", "products/batch", {}, {"create": new})["create"]]
    return made


def _fill(running: Process, store: Store, shop: _Shop, products: Sequence[int]) -> None:
    """Let the store's goods be known, counted, compared and told: what is left is to tell what changes."""
    now = clock.now()
    columns = (
        *("id", "account_id", "store_id", "woo_id", "type", "woo_status", "name", "slug", "sku", "price", "currency"),
        *("permalink", "image_url", "include_in_online_store", "switched_off_here", "manage_stock", "stock_quantity"),
        *("stock_status", "backorders", "content_hash", "created_at", "updated_at"),
    )
    with running.database.unit() as session:
        mine = session.get_one(Store, store.id)
        mine.key_locked, mine.secret_locked = running.vault.lock(shop.key), running.vault.lock(shop.secret)
        mine.push_stock, mine.stock_asked_at = True, now
        rows = [
            [
                *(row_id, mine.account_id, mine.id, woo_id, "simple", "publish", f"Example {number}", ""),
                *(f"SKU-{number:05d}", 50_000, "USD", "", "", True, False, True, 100, "instock", "no"),
                *(f"{number:032x}", now, now),
            ]
            for number, (row_id, woo_id) in enumerate(
                zip(new_ids(session, Product, len(products)), products, strict=True)
            )
        ]
        insert_rows(session, Product, columns, rows)
    _adjust(running, store, len(products), _shown(shop, products[0]))
    _told(running, store)
    analyze(running.database)


def _shown(shop: _Shop, product: int) -> int:
    line = http.client.HTTPConnection("127.0.0.1", shop.port)
    return int(shop.ask(line, "GET", f"products/{product}", {}, None)["stock_quantity"])


def _adjust(running: Process, store: Store, goods: int, by: int) -> None:
    with running.database.unit() as session:
        location = session.get_one(Location, store.location_id)
        named = ((f"SKU-{number:05d}", number) for number in range(goods))
        changes = {Goods(f"sku:{sku}", sku, f"Example {number}"): by * SCALE for sku, number in named}
        ledger.adjust(session, location, changes, kind="by_hand", reason="Bench", by="bench", now=clock.now())


def _told(running: Process, store: Store) -> None:
    while tell(running, store.id, lambda: True):
        pass


def _ours(running: Process, store: Store, more: int) -> float:
    """Return the seconds in which the store is told another quantity of each than it shows."""
    with running.database.reading() as session:
        goods = session.scalar(select(func.count()).select_from(StoreStock).where(StoreStock.store_id == store.id)) or 0
        before = session.scalar(select(func.count()).select_from(StoreWrite))
    _adjust(running, store, goods, more)
    began = time.perf_counter()
    _told(running, store)
    took = time.perf_counter() - began
    with running.database.reading() as session:
        done = session.scalar(select(func.count()).select_from(StoreWrite).where(StoreWrite.state == "done"))
    if done != (before or 0) + goods or not goods:
        raise RuntimeError(f"{done} quantities were told, not {goods} more than {before}")
    return took


def _bare(running: Process, shop: _Shop, products: Sequence[int]) -> float:
    """Return the seconds of the same reads and batches, which set one more, too; our books are told of it after."""
    quantity = _shown(shop, products[0]) + 1
    line = http.client.HTTPConnection("127.0.0.1", shop.port)
    began = time.perf_counter()
    for first in range(0, len(products), _BATCH):
        some = products[first : first + _BATCH]
        params = {
            "include": ",".join(str(each) for each in some),
            "per_page": str(len(some)),
            "orderby": "id",
            "order": "asc",
            "_fields": "id,status,manage_stock,stock_quantity,backorders",
        }
        shop.ask(line, "GET", "products", params, None)
        body = {"update": [{"id": each, "stock_quantity": quantity} for each in some]}
        shop.ask(line, "POST", "products/batch", {}, body)
    took = time.perf_counter() - began
    with running.database.unit() as session:
        session.execute(update(StoreStock).values(expected=quantity * SCALE))
    return took
