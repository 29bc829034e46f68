"""The limit: a bare loop that fetches, parses, maps and upserts the same rows. No requests, no ORM, no validation.

`python -m bench._bare PORT DATABASE_URL --orders N [--discard]` prints {"orders", "seconds", "cpu_seconds", "rss_mb"}.
It runs on a migrated database with the account and the store (both of id 1) and fills the columns that ours fills;
with --discard it fetches the same pages and throws them away.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import io
import json
import os
import queue
import resource
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import psycopg

from bench._pages import PRODUCTS
from bench._processes import peak_mb

NOW = "2026-11-21 12:00:00.000000"
_ORDER = (
    "id, account_id, store_id, location_id, woo_id, number, order_key, subtype, status, woo_status, payment_state,"
    " in_trash, currency, total, total_tax, discount_total, shipping_total, refunded_total, refunds,"
    " prices_include_tax, contact_id, woo_customer_id, email, email_key, billing, shipping, payment_method,"
    " payment_method_title, payment_reference, created_via, coupons, customer_note, payment_url, placed_at,"
    " modified_at, paid_at,"
    " completed_at, delivery_date, delivery_status, content_hash, observed, created_at, updated_at"
)
_ORDER_LINE = (
    "id, order_id, account_id, kind, woo_line_id, position, product_id, variant_id, woo_product_id, woo_variation_id,"
    " sku, name, quantity, price_per_unit, total, total_tax, tax_rate, reduced_stock, quantity_delivered"
)
_PAYMENT = (
    "id, account_id, store_id, order_id, woo_order_id, woo_refund_id, kind, amount, currency, method, reference,"
    " occurred_at, created_at"
)
_CONTACT = (
    "id, account_id, name, name_key, first_name, last_name, email, email_key, phone, billing, shipping, comments,"
    " is_guest, consent, consent_source, tags, created_at, updated_at"
)
_LINK = "id, account_id, store_id, woo_id, contact_id, username, role, content_hash, listed_in"
_PRODUCT = (
    "id, account_id, store_id, woo_id, type, woo_status, name, slug, sku, price, currency, permalink, image_url,"
    " include_in_online_store, switched_off_here, manage_stock, stock_quantity, stock_status, backorders, modified_at,"
    " content_hash, created_at, updated_at"
)
TABLES = {
    "contacts": _CONTACT,
    "contact_links": _LINK,
    "products": _PRODUCT,
    "orders": _ORDER,
    "order_lines": _ORDER_LINE,
    "transactions": _PAYMENT,
}
Rows = dict[str, list[tuple[Any, ...]]]


def pages(port: int, query: str, total: int, connections: int) -> Iterator[bytes]:
    """Yield the bodies of all pages of a list, in order, with several requests in flight. `query`: orders?order=asc."""
    count = -(-total // 100)
    ready: dict[int, bytes] = {}
    wanted: queue.SimpleQueue[int] = queue.SimpleQueue()
    arrived = threading.Condition()
    slots = threading.Semaphore(connections * 2)

    def fetch() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while (number := wanted.get()) >= 0:
            slots.acquire()
            connection.request("GET", f"/wp-json/wc/v3/{query}&per_page=100&offset={number * 100}&orderby=id")
            body = connection.getresponse().read()
            with arrived:
                ready[number] = body
                arrived.notify_all()

    for number in range(count):
        wanted.put(number)
    for _ in range(connections):
        wanted.put(-1)
        threading.Thread(target=fetch, daemon=True).start()
    for number in range(count):
        with arrived:
            while number not in ready:
                arrived.wait()
            body = ready.pop(number)
        slots.release()
        yield body


def _cents(text: str) -> int:
    whole, _, rest = text.partition(".")
    return int(whole) * 10_000 + int((rest + "0000")[:4])


def _digest(*parts: str) -> str:
    return hashlib.blake2b("".join(parts).encode(), digest_size=16).hexdigest()


def map_customers(body: bytes) -> Rows:
    """Return the rows of one page of customers by table."""
    contacts, links = [], []
    for one in orjson.loads(body):
        woo_id, email, first, last = one["id"], one["email"], one["first_name"], one["last_name"]
        name, phone = f"{first} {last}", one["billing"]["phone"]
        billing, shipping = orjson.dumps(one["billing"]).decode(), orjson.dumps(one["shipping"]).decode()
        contacts.append(
            (
                *(woo_id, 1, name, name.lower(), first, last, email, email.lower(), phone, billing, shipping),
                *("", False, "unknown", "", "[]", NOW, NOW),
            )
        )
        links.append((woo_id, 1, 1, woo_id, woo_id, one["username"], one["role"], _digest(billing, shipping), 1))
    return {"contacts": contacts, "contact_links": links}


def map_products(body: bytes) -> Rows:
    """Return the rows of one page of products by table."""
    rows = []
    for one in orjson.loads(body):
        gmt = one["date_modified_gmt"].replace("T", " ") + ".000000"
        rows.append(
            (
                *(one["id"], 1, 1, one["id"], one["type"], one["status"], one["name"], one["slug"], one["sku"]),
                *(_cents(one["price"]), "EUR", one["permalink"], "", True, False, True, one["stock_quantity"]),
                *(one["stock_status"], one["backorders"], gmt, _digest(one["name"], one["price"]), NOW, NOW),
            )
        )
    return {"products": rows}


def map_orders(body: bytes) -> Rows:
    """Return the rows of one page of orders by table."""
    orders, lines, payments = [], [], []
    for one in orjson.loads(body):
        order_id, customer, email = one["id"], one["customer_id"], one["billing"]["email"]
        billing, shipping = orjson.dumps(one["billing"]).decode(), orjson.dumps(one["shipping"]).decode()
        gmt = one["date_created_gmt"].replace("T", " ") + ".000000"
        total, method, reference = _cents(one["total"]), one["payment_method_title"], one["transaction_id"]
        orders.append(
            (
                *(order_id, 1, 1, 1, order_id, one["number"], one["order_key"], "WooCommerce", "Completed"),
                *(one["status"], "paid", False, one["currency"], total, _cents(one["total_tax"])),
                *(_cents(one["discount_total"]), _cents(one["shipping_total"]), 0, "[]", one["prices_include_tax"]),
                *(customer, customer, email, email.lower(), billing, shipping, one["payment_method"], method),
                *(reference, one["created_via"], "[]", one["customer_note"], one["payment_url"], gmt, gmt, gmt, gmt),
                *(gmt[:10], "not_delivered", _digest(billing, shipping, one["total"]), False, NOW, NOW),
            )
        )
        for place, line in enumerate(one["line_items"] + one["shipping_lines"]):
            product = line.get("product_id")
            lines.append(
                (
                    *(order_id * 4 + place, order_id, 1, "product" if product else "shipping", line["id"], place),
                    *(product, None, product or 0, line.get("variation_id", 0), line.get("sku", "")),
                    *(line.get("name") or line.get("method_title"), 10_000),
                    *(round(line.get("price", 4.12) * 1_000_000), _cents(line["total"]), _cents(line["total_tax"])),
                    *(190_000, 10_000, 0),
                )
            )
        paid = ("payment", total, one["currency"], method, reference, gmt, NOW)
        payments.append((order_id, 1, 1, order_id, order_id, 0, *paid))
    return {"orders": orders, "order_lines": lines, "transactions": payments}


class SqliteSink:
    """Positional executemany, one transaction a page, as durable as our importer."""

    def __init__(self, url: str) -> None:
        self._db = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            self._db.execute(f"PRAGMA {pragma}")
        self._statements = {
            table: f"INSERT INTO {table} ({columns}) VALUES ({','.join('?' * (columns.count(',') + 1))})"
            " ON CONFLICT (id) DO UPDATE SET id = excluded.id"
            for table, columns in TABLES.items()
        }

    def write(self, rows: Rows) -> None:
        """Upsert the rows of one page."""
        self._db.execute("BEGIN IMMEDIATE")
        for table, values in rows.items():
            self._db.executemany(self._statements[table], values)
        self._db.execute("COMMIT")


class PostgresSink:
    """COPY into a temporary table and merge, one transaction a page."""

    def __init__(self, url: str) -> None:
        self._db = psycopg.connect(url)
        for table in TABLES:
            self._db.execute(f"CREATE TEMP TABLE t_{table} (LIKE {table} INCLUDING DEFAULTS) ON COMMIT PRESERVE ROWS")
        self._db.commit()

    def write(self, rows: Rows) -> None:
        """Upsert the rows of one page."""
        with self._db.cursor() as cursor:
            for table, values in rows.items():
                columns = TABLES[table]
                cursor.execute(f"TRUNCATE t_{table}")
                text = io.StringIO()
                for row in values:
                    text.write("\t".join(_copy(value) for value in row) + "\n")
                with cursor.copy(f"COPY t_{table} ({columns}) FROM STDIN") as copy:
                    copy.write(text.getvalue())
                cursor.execute(
                    f"INSERT INTO {table} ({columns}) SELECT {columns} FROM t_{table}"
                    " ON CONFLICT (id) DO UPDATE SET id = excluded.id"
                )
        self._db.commit()


def _copy(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return str(value)


def main() -> None:
    """Run once and print what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("url")
    parser.add_argument("--orders", type=int, required=True)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--discard", action="store_true")
    given = parser.parse_args(sys.argv[1:])
    sink = None
    if not given.discard:
        sink = SqliteSink(given.url) if given.url.startswith("sqlite") else PostgresSink(given.url)
    lists: tuple[tuple[str, int, Callable[[bytes], Rows]], ...] = (
        ("customers?role=customer", max(1, given.orders // 10), map_customers),
        ("products?order=asc", PRODUCTS, map_products),
        ("orders?order=asc", given.orders, map_orders),
    )
    started = time.perf_counter()
    for query, total, rows_of in lists:
        for body in pages(given.port, query, total, given.connections):
            if sink is not None:
                sink.write(rows_of(body))
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = {"orders": given.orders, "seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime}
    print(json.dumps({**found, "rss_mb": peak_mb(os.getpid())}))


if __name__ == "__main__":
    main()
