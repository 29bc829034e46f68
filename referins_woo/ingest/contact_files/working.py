"""Works on a file of contacts: looks it through, then takes it in. One worker at a time, killable at any point.

Rows, counts and cursor are committed together, so that a killed worker's successor goes on with the next row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Final

from referins_woo import clock, lease
from referins_woo.db import Database
from referins_woo.errors import InvalidInput
from referins_woo.ingest.contact_files import columns, rows
from referins_woo.ingest.contact_files.files import end, fail, open_rows
from referins_woo.ingest.contact_files.models import ContactFile
from referins_woo.ingest.contact_files.people import contacts_of, erased_of, write
from referins_woo.ingest.contact_files.rows import Choices, Person, Problem

_BATCH: Final = 200
_SAMPLE: Final = 5
_LEASE_SECONDS: Final = 120.0


def work(database: Database, file_id: int, seconds: float, monotonic: Callable[[], float]) -> bool:
    """Look through a file, or take it in, for a while; returns whether there is more to do. One worker at a time."""
    until = monotonic() + seconds
    name = f"contact_file:{file_id}"
    with database.unit() as session:
        file = session.get(ContactFile, file_id)
        if file is None or file.state not in ("reading", "running"):
            return False
        fence = lease.acquire(session, name, lease.new_holder(), _LEASE_SECONDS)
        if fence is None:
            return False
    try:
        if file.state == "reading":
            _look_through(database, file, name, fence)
            return False
        return _take(database, file, name, fence, until, monotonic)
    except InvalidInput as problem:
        with database.unit() as session:
            lease.renew(session, name, fence, _LEASE_SECONDS)
            fail(session, file_id, problem.message)
        return False
    finally:
        with database.unit() as session:
            lease.release(session, name, fence)


def _look_through(database: Database, file: ContactFile, name: str, fence: int) -> None:
    """Count what taking it in would come to."""
    encoding, lines = open_rows(database, file.id)
    header = next(lines, None)
    if header is None:
        raise InvalidInput("file", "The file holds no rows.")
    mapping = dict(file.mapping) or columns.guess(header)
    choices, now = Choices.of(file.choices), clock.now()
    counts: Counter[str] = Counter()
    sample: list[list[str]] = []
    seen: set[str] = set()
    total = 0
    while batch := list(islice(lines, _BATCH)):
        people: list[Person] = []
        for cells in batch:
            total += 1
            if len(sample) < _SAMPLE:
                sample.append(cells)
            person = rows.read(cells, mapping, choices, now, file.name) if "email" in mapping else _no_column()
            if isinstance(person, Problem):
                counts["refused"] += 1
                counts[person.code] += 1
                continue
            if person.email_key in seen:
                counts["again"] += 1
                continue
            seen.add(person.email_key)
            people.append(person)
            counts.update(problem.code for problem in person.problems)
            if person.word is not None:
                counts[person.word.state] += 1
            if person.asked:
                counts["asked"] += 1
        with database.reading() as session:
            known = contacts_of(session, file.account_id, people)
            erased = erased_of(session, file.account_id, people)
        counts["erased"] += len(erased)
        counts["known"] += sum(1 for person in people if person.email_key in known and person.email_key not in erased)
        counts["new"] += sum(1 for person in people if person.email_key not in known and person.email_key not in erased)
    with database.unit() as session:
        lease.renew(session, name, fence, _LEASE_SECONDS)
        kept = session.get_one(ContactFile, file.id)
        if kept.state != "reading" or kept.choices != file.choices or dict(kept.mapping) != dict(file.mapping):
            return  # decided anew meanwhile: that look has been rung for
        kept.header, kept.mapping, kept.sample = header, mapping, sample
        kept.shape = columns.shape_of(header)
        kept.total, kept.forecast, kept.state = total, {**counts, "encoding": encoding}, "ready"
        kept.note = "" if total else "The file has a line of column names and no rows below it."
        if not total:
            kept.state = "failed"


def _no_column() -> Problem:
    return Problem("no_email_column", "No column of the file is known to hold e-mail addresses: choose it.")


def _take(
    database: Database, file: ContactFile, name: str, fence: int, until: float, monotonic: Callable[[], float]
) -> bool:
    _, lines = open_rows(database, file.id)
    next(lines, None)
    position = file.cursor
    for _ in islice(lines, position):
        pass
    choices = Choices.of(file.choices)
    while batch := list(islice(lines, _BATCH)):
        with database.unit() as session:
            lease.renew(session, name, fence, _LEASE_SECONDS)
            kept = session.get_one(ContactFile, file.id, with_for_update=True)
            if kept.state != "running" or kept.cursor != position:
                return False
            counts = Counter(kept.counts)
            counts.update(write(session, kept, batch, position, choices))
            position += len(batch)
            kept.cursor, kept.counts, kept.heartbeat_at = position, dict(counts), clock.now()
        if monotonic() > until:
            return True
    with database.unit() as session:
        lease.renew(session, name, fence, _LEASE_SECONDS)
        kept = session.get_one(ContactFile, file.id, with_for_update=True)
        if kept.state == "running":
            end(session, kept, "done")
    return False
