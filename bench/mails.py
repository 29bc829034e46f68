"""Handing e-mails over: our drain, beside a bare loop that does one durable commit a mail over the same kept TLS line.

The bare loop's bytes are ready; ours are composed from a template and an order of three lines, looked up against
suppression, and written; marketing is looked up against consent and measured as well. All talk to one sink, in turns.
"""

from __future__ import annotations

import contextlib
import smtplib
import sqlite3
import ssl
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from sqlalchemy import select
from sqlalchemy.engine import make_url

from bench import Row
from bench._crowd import seconds_beside
from bench._databases import databases
from bench._processes import serving
from referins_woo import queues
from referins_woo.commerce.models import Contact
from referins_woo.db import Database
from referins_woo.mail import outbox
from referins_woo.mail.compose import compose
from referins_woo.mail.letters import Sender
from referins_woo.mail.models import Message
from referins_woo.mail.providers.smtp import Smtp
from referins_woo.mail.providers.smtp_settings import SmtpSettings
from referins_woo.mail.send import Drain
from referins_woo.practice_store import tls
from referins_woo.run.worker import settle

_NAME = "mails"
_SENDER = Sender("Shop", "shop@example.com", "https://app.example.com")
_BODY = [
    {"kind": "heading", "text": "Thank you, {{ contact.first_name|default('friend') }}"},
    {"kind": "text", "text": "We have your order {{ order.number }} of {{ order.placed_at }}."},
    {"kind": "order_items"},
    {"kind": "button", "text": "See your order", "url": "https://shop.example.com/order?id=7"},
    {"kind": "footer", "text": "{{ store.name }}"},
]
_TEMPLATE = {"subject": "Your order {{ order.number }}", "preheader": "It is in good hands", "body": _BODY}


def run(quick: bool) -> list[Row]:
    """Measure and return the rows."""
    if quick:
        return rows_of(count=300, pairs=2, renders=200, crowd=5_000)
    return rows_of(count=2_000, pairs=5, renders=1_000, crowd=1_000_000)


def rows_of(*, count: int, pairs: int, renders: int, crowd: int) -> list[Row]:
    """Send `count` e-mails `pairs` times each way, on both databases; then one beside a `crowd` of another account."""
    rows = []
    settle()  # as a worker is: whoever comes back from the disk waits less for the interpreter
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        _, authority = tls.context(folder, "127.0.0.1")
        chain = folder / "practice-store-server.pem"
        port = stack.enter_context(serving("bench._sink", folder / "arrivals", "--tls", chain))
        trust = ssl.create_default_context(cafile=str(authority))
        made = stack.enter_context(databases())
        for kind in ("sqlite", "postgresql"):
            url = made.fresh(kind)
            orders, marketing, bare = [], [], []
            for turn in range(pairs):
                bare.append(_bare(url, port, trust, count))
                orders.append(_ours(url, port, trust, count, turn, "transactional"))
                marketing.append(_ours(url, port, trust, count, turn, "marketing"))
            limit = statistics.median(bare)
            rows += [
                Row(_NAME, f"{kind}: bare loop, one durable commit a mail", limit, "mails/s"),
                Row(_NAME, f"{kind}: ours, about an order", statistics.median(orders), "mails/s"),
                Row(_NAME, f"{kind}: ours, marketing", statistics.median(marketing), "mails/s"),
                Row(_NAME, f"{kind}: about an order / bare loop", statistics.median(orders) / limit, "", 0.5),
                Row(_NAME, f"{kind}: marketing / bare loop", statistics.median(marketing) / limit, ""),
            ]
            with contextlib.closing(Smtp(SmtpSettings.from_url(f"smtps://127.0.0.1:{port}"), trust=trust)) as line:
                beside = seconds_beside(url, line, _SENDER, _TEMPLATE, crowd)
            what = f"{kind}: one e-mail, beside {crowd:,} due of another account"
            rows.append(Row(_NAME, what, beside, "s", 5.0, higher_is_better=False))
    for what, lines, gate in (("an order of 3 lines", 3, 0.5), ("an order of 30 lines", 30, 3.0)):
        rows.append(Row(_NAME, f"render {what}: p50", _render(lines, renders), "ms", gate, higher_is_better=False))
    return rows


def _facts(lines: int, number: int = 7) -> dict[str, Any]:
    line = {"name": "Hoodie, red", "sku": "H-1", "quantity": "1", "price": "45.00", "total": "45.00"}
    return {
        "contact": {"first_name": "Ana", "email": f"c{number}@example.com"},
        "order": {
            "number": str(number),
            "placed_at": "2026-11-25T12:00:00Z",
            "currency": "EUR",
            "total": "147.37",
            "shipping_total": "4.90",
            "total_tax": "23.52",
            "lines": [line] * lines,
            "fees": [],
        },
        "store": {"name": "Shop of Ana", "time_zone": "Europe/Berlin", "currency": "EUR"},
    }


def _render(lines: int, times: int) -> float:
    """Milliseconds for one e-mail whose template is compiled already."""
    facts, took = _facts(lines), []
    compose(_TEMPLATE, facts)
    for _ in range(times):
        started = time.perf_counter()
        compose(_TEMPLATE, facts)
        took.append(time.perf_counter() - started)
    return statistics.median(took) * 1000


def _ours(url: str, port: int, trust: ssl.SSLContext, count: int, turn: int, purpose: str) -> float:
    """Put e-mails, then drain them. Returns e-mails a second."""
    queues.connect(None)
    database = Database(url)
    with database.unit() as session:
        if session.scalar(select(Contact.id).limit(1)) is None:
            for number in range(count):
                address = f"c{number}@example.com"
                session.add(Contact(account_id=1, email=address, email_key=address, consent="subscribed"))
        for number in range(count):
            outbox.put(
                session,
                outbox.Letter(
                    account_id=1,
                    once_key=f"bench:{purpose}:{turn}:{number}",
                    purpose=purpose,
                    to_email=f"c{number}@example.com",
                    to_name="Ana Petrova",
                    template=_TEMPLATE,
                    facts=_facts(3, number),
                    footer={"sender": "Shop", "address": "1 High Street"} if purpose == "marketing" else None,
                    campaign="bench",
                    step_id="s1",
                ),
            )
    provider = Smtp(SmtpSettings.from_url(f"smtps://127.0.0.1:{port}"), trust=trust)
    provider.ready()
    started = time.perf_counter()
    while Drain(database, provider, _SENDER).run():
        pass
    seconds = time.perf_counter() - started
    provider.close()
    with database.reading() as session:
        left = session.scalars(select(Message.state).where(Message.state != "sent").distinct()).all()
    database.dispose()
    if left:
        raise RuntimeError(f"not every e-mail was sent: {left}")
    return count / seconds


def _bare(url: str, port: int, trust: ssl.SSLContext, count: int) -> float:
    """The limit. Returns e-mails a second."""
    content = (
        b"Subject: x\r\nContent-Type: text/html\r\n\r\n" + b"<p>Some words of an e-mail of its size.</p>\r\n" * 300
    )
    with _commits(url) as commit, smtplib.SMTP_SSL("127.0.0.1", port, context=trust) as line:
        line.ehlo()
        started = time.perf_counter()
        for number in range(count):
            commit(number)
            line.mail("shop@example.com")
            line.rcpt(f"c{number}@example.com")
            line.data(content)
        return count / (time.perf_counter() - started)


@contextlib.contextmanager
def _commits(url: str) -> Iterator[Any]:
    """A call that commits one row durably, as both databases are set up here."""
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite":
        lite = sqlite3.connect(str(parts.database), isolation_level=None)
        lite.execute("PRAGMA journal_mode=WAL")
        lite.execute("PRAGMA synchronous=FULL")
        lite.execute("CREATE TABLE IF NOT EXISTS bare (id INTEGER PRIMARY KEY, state TEXT)")
        lite.execute("DELETE FROM bare")
        yield lambda number: lite.execute("INSERT INTO bare VALUES (?, 'sending')", (number,))
        lite.close()
        return
    given = parts.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(given, autocommit=True) as post:
        post.execute("CREATE TABLE IF NOT EXISTS bare (id bigint PRIMARY KEY, state text)")
        post.execute("DELETE FROM bare")
        yield lambda number: post.execute("INSERT INTO bare VALUES (%s, 'sending')", (number,))
