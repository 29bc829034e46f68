"""Matching in bulk: customers a second, page by page, as an import meets them; and the same with all that it writes.

The gate is on matching: reading who a page's customers might be, and deciding by the rules who each of them is.

As many contacts as two fifths of the customers are there before. Of ten customers three have the e-mail of one of them,
one has the name of another with an e-mail of its own (a new contact and a pair for the match desk), six are new.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

from sqlalchemy import func, select

from bench import Row
from bench._databases import Databases, analyze, databases
from bench._store import connect, start
from referins_woo import clock
from referins_woo.commerce.models import Contact, Match
from referins_woo.commerce.records import CustomerRecord
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.commerce.upsert.contacts import People, upsert_customers

_NAME = "matching"
_GATE = 20_000
_PAGE = 100
_ADDRESS = {"address_1": "12 Mill Lane", "city": "Bristol", "postcode": "BS1 4DJ", "country": "GB"}


def run(quick: bool) -> list[Row]:
    """Measure 100,000 customers on each database (20,000 when quick) and return the rows."""
    return rows_of(customers=20_000 if quick else 100_000, times=1 if quick else 3)


def rows_of(*, customers: int, times: int) -> list[Row]:
    """Measure `customers` people `times` times on each database."""
    with databases() as empty:
        rows = []
        for kind in ("sqlite", "postgresql"):
            what = f"{kind}, {customers:,} customers in pages of {_PAGE}"
            rates = [_rates(empty, kind, customers) for _ in range(times)]
            rows.append(Row(_NAME, f"{what}: matched", median(one for one, _ in rates), "customers/s", _GATE))
            rows.append(Row(_NAME, f"{what}: and written", median(one for _, one in rates), "customers/s", None))
        return rows


def _rates(empty: Databases, kind: str, count: int) -> tuple[float, float]:
    """Return customers a second: matched, and matched and written."""
    running = start(empty.fresh(kind), synchronous="NORMAL")  # as imports write: rows and cursor share a transaction
    store = connect(running, 1)
    pages = list(_pages(_people(count)))
    with running.database.unit() as session:
        for page in _pages(_there_before(count)):
            upsert_customers(session, store.account_id, store.id, page, clock.now())
    if kind == "postgresql":
        analyze(running.database)
    matching = 0.0
    began = time.perf_counter()
    for page in pages:
        with running.database.unit() as session:
            lock_account(session, store.account_id)
            asked = time.perf_counter()
            people = People(session, store.account_id, page)
            for customer in page:
                people.match(customer)
            matching += time.perf_counter() - asked
            upsert_customers(session, store.account_id, store.id, page, clock.now())
    took = time.perf_counter() - began - matching
    with running.database.reading() as session:
        contacts = session.scalar(select(func.count()).select_from(Contact))
        asked = session.scalar(select(func.count()).select_from(Match))
    expected = count * 4 // 10 + count * 7 // 10, count // 10
    if (contacts, asked) != expected:
        raise RuntimeError(f"{contacts} contacts and {asked} pairs, not {expected}")
    running.database.dispose()
    return count / matching, count / took


def _there_before(count: int) -> Iterator[CustomerRecord]:
    for number in range(count * 4 // 10):
        yield _person(number, f"known-{number}@example.com", f"Known{number}")


def _people(count: int) -> Iterator[CustomerRecord]:
    """Yield customers: three of ten by the e-mail of somebody who is there, one by the name."""
    for number in range(count):
        ten, one = divmod(number, 10)
        if one < 3:
            email, first = f"Known-{ten * 4 + one}@example.com", f"Known{ten * 4 + one}"
        elif one == 3:
            email, first = f"other-{number}@example.com", f"Known{ten * 4 + 3}"
        else:
            email, first = f"new-{number}@example.com", f"New{number}"
        yield _person(count + number, email, first)


def _person(number: int, email: str, first: str) -> CustomerRecord:
    address = {**_ADDRESS, "first_name": first, "last_name": "Ashworth", "email": email, "phone": f"+44 117 {number}"}
    names = {"first_name": first, "last_name": "Ashworth", "username": f"user{number}", "role": "customer"}
    return CustomerRecord(
        woo_id=number + 1,
        email=email,
        phone=address["phone"],
        billing=address,
        shipping=_ADDRESS,
        content_hash=f"{number:032x}",
        **names,
    )


def _pages(people: Iterator[CustomerRecord]) -> Iterator[list[CustomerRecord]]:
    page: list[CustomerRecord] = []
    for one in people:
        page.append(one)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page
