"""The lists with 100,000 rows each, on SQLite and PostgreSQL: how long the server takes for a page of them."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from flask.testing import FlaskClient

from bench import Row
from bench._databases import databases
from bench._filled import EMAIL, PASSWORD, fill
from referins_woo import clock, config, process, queues
from referins_woo.app import create_app
from referins_woo.crypto import Vault
from referins_woo.db import Database
from referins_woo.process import Process

_NAME = "lists"
_MOST = 200.0
"""Milliseconds that 95 of 100 answers take at most (issue: figures)."""

PAGES = (
    "/",
    "/?days=90",
    "/contacts?tag=never-given",
    "/contacts?consent=subscribed&kind=guest",
    "/orders?status=Pending&payment=unpaid",
    "/orders?wc=gone&sort=total",
    "/orders?page=100&size=100",
    "/products?q=hoodie",
    "/search?q=petrova",
    "/search?q=nobody-at-all",
)
_CUSTOMERS = "/settings/integrations/woocommerce/{store_id}/customers"
MAPPING = (
    _CUSTOMERS,
    *(f"{_CUSTOMERS}?state={state}" for state in ("mapped", "suggested", "conflict", "unmapped")),
    *(f"{_CUSTOMERS}?{more}" for more in ("q=petrova", "q=nobody-at-all", "page=40")),
)
"""The page of a store's customers, whose contacts are mapped, suggested or in conflict."""
_LISTS = ("contacts", "orders", "transactions", "products", "collections", "runs", "messages", "sales-orders")
_WORDS = ("petrova", "nobody-at-all", "Björn", "199", "ch_00000")
_DEEP = ("/contacts", "/orders", "/products", "/messages")
"""Lists that are also read far behind page 100."""


def run(quick: bool) -> list[Row]:
    """Measure and return the rows."""
    return rows_of(count=5_000 if quick else 100_000, times=3 if quick else 10)


def rows_of(*, count: int, times: int) -> list[Row]:
    """Measure with `count` rows a list, each page `times` times."""
    rows: list[Row] = []
    with databases() as empty, TemporaryDirectory(prefix="referins-lists-") as folder:
        for kind in ("sqlite", "postgresql"):
            database = Database(empty.fresh(kind))
            filled = fill(database, count, clock.now())
            mapping = [path.format(store_id=filled.store_id) for path in MAPPING]
            found = _measure(database, Path(folder) / kind, count, times, mapping)
            rows += _told(kind, count, found)
            of_mapping = sorted(one for path in mapping for one in found[path])
            what = f"{kind}, {count:,} contacts: p95 of a store's customers"
            rows.append(Row(_NAME, what, _p95(of_mapping), "ms", _MOST, higher_is_better=False))
            process.use(None)
            database.dispose()
    return rows


def _told(kind: str, count: int, found: dict[str, list[float]]) -> list[Row]:
    everything = sorted(one for times in found.values() for one in times)
    rows = [
        Row(_NAME, f"{kind}, {count:,} rows: p95 of all pages", _p95(everything), "ms", _MOST, higher_is_better=False),
        Row(_NAME, f"{kind}, {count:,} rows: median of all pages", median(everything), "ms"),
    ]
    slowest = sorted(found, key=lambda path: -_p95(found[path]))
    return rows + [Row(_NAME, f"{kind}: {path}, p95", _p95(found[path]), "ms") for path in slowest[:12]]


def _measure(database: Database, folder: Path, count: int, times: int, more: Sequence[str]) -> dict[str, list[float]]:
    settings = config.load(
        {
            "DATABASE_URL": database.url.render_as_string(hide_password=False),
            "SECRET_KEY": "only-for-benchmarks-only-for-benchmarks-only",
            "ENCRYPTION_KEYS": "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtISE=",
            "PUBLIC_URL": "http://127.0.0.1:1",
            "REFERINS_DATA": str(folder),
        }
    )
    process.use(Process(settings, database, Vault(settings.encryption_keys)))
    queues.connect(None)
    app = create_app(settings, connect_queues=False)
    client = app.test_client()
    app.config["WTF_CSRF_ENABLED"] = False
    client.post("/sign-in", data={"email": EMAIL, "password": PASSWORD})
    paths = [*PAGES, *more, *(path for name in _LISTS for path in _asked(client, f"/{name}"))]
    found = {path: _times(client, path, times) for path in paths}
    found |= {f"{path}, page {number:,}": _deep(client, path, times) for path, number in _deepest(count)}
    found |= {f"/lists/{key}/tabs": _times(client, f"/lists/{key}/tabs", times) for key in ("orders", "contacts")}
    return found


def _asked(client: FlaskClient, path: str) -> list[str]:
    """All that a list can be asked for by itself: each order, each value of each filter, words found and not found."""
    text = client.get(path).text
    sorts = sorted({sort.lstrip("-") for sort in re.findall(r"[?&]sort=(-?[a-z]+)", html.unescape(text))})
    asked = [f"sort={sign}{sort}" for sort in sorts for sign in ("", "-")]
    for name, options in re.findall(r'<select class="form-select" name="(\w+)".*?>(.*?)</select>', text, re.DOTALL):
        asked += [f"{name}={value}" for value in re.findall(r'<option value="([^"]+)"', options)]
    asked += [f"q={words}" for words in _WORDS] + [f"q=petrova&sort={sort}" for sort in sorts]
    for key, options in re.findall(r'<datalist id="known-(\w+)">(.*?)</datalist>', text, re.DOTALL):
        asked += [f"{key}={value}" for value in re.findall(r'<option value="([^"]+)"', options)]
    asked += ["from=2026-01-01&to=2026-01-31", "page=90"]
    return [path, *(f"{path}?{one}" for one in asked)]


def _times(client: FlaskClient, path: str, times: int) -> list[float]:
    taken = []
    for turn in range(times + 1):
        begun = time.perf_counter()
        answer = client.get(path)
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code}")
        if turn:  # the first one warms up
            taken.append((time.perf_counter() - begun) * 1_000)
    return taken


def _deepest(count: int) -> list[tuple[str, int]]:
    return [(path, 101) for path in _DEEP] if count >= 101 * 25 else []


def _deep(client: FlaskClient, path: str, times: int) -> list[float]:
    """Go on from page 100 by the links that the pages show."""
    taken, at = [], f"{path}?page=100"
    for _ in range(times + 1):
        begun = time.perf_counter()
        text = client.get(at).text
        taken.append((time.perf_counter() - begun) * 1_000)
        link = re.search(r'rel="next" href="([^"]+)"', text)
        if link is None:
            break
        at = link[1].replace("&amp;", "&")
    return taken[1:]


def _p95(times: Sequence[float]) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))] if ordered else 0.0
