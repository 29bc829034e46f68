"""Fetches the records behind rows of a list again from their stores: ticked ones in the background, one at once (S7).

The task goes from piece to piece as all tasks do, but for the transactions: no database connection is held while a
store is asked. A store that does not answer is asked again by the next bells; one whose keys are refused, or that has
been silent for all of them, is left out, and its rows are told apart. A piece that is done twice changes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.commerce.models import ContactLink
from referins_woo.errors import Final as FinalError
from referins_woo.errors import RetryLater, StoreMustReconnect
from referins_woo.ingest import asked
from referins_woo.lists.changes import CHANGES
from referins_woo.lists.models import Task, TaskRow
from referins_woo.lists.tasks import move, next_rows
from referins_woo.process import Process
from referins_woo.stores.door import Rejected


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it is said what became of records: of one, and of several (a number of rows follows)."""

    one: str
    several: str
    symbol: str = "alert-circle"
    colour: str = "yellow"

    @property
    def is_well(self) -> bool:
        """Whether the record is now here as it is there."""
        return self.colour == "green"


OUTCOMES: Final[Mapping[str, Outcome]] = {
    "changed": Outcome("Brought up to date from WooCommerce.", "Brought up to date", "check", "green"),
    "unchanged": Outcome("It was up to date: WooCommerce has nothing newer.", "Up to date already", "check", "green"),
    "trashed": Outcome("It lies in the trash in WooCommerce.", "In the trash in WooCommerce", "trash"),
    "gone": Outcome("It is no longer in WooCommerce. It stays here, marked so.", "No longer in WooCommerce, kept here"),
    "guest": Outcome(
        "WooCommerce keeps no record of guests: sync their orders instead.",
        "Guests: WooCommerce keeps no record of them",
    ),
    "unreadable": Outcome(
        "WooCommerce answers with an error for this record. It stays as it was.",
        "Left as before, WooCommerce answers with an error",
    ),
    "switched_off": Outcome(
        "The store's sync settings leave this out. It stays as it was.", "Left as before by the store's sync settings"
    ),
    "reconnect": Outcome(
        "The store needs to be reconnected first. Nothing was changed.", "Not asked, the store needs to be reconnected"
    ),
    "no_location": Outcome(
        "The store needs a location first. Nothing was changed.", "Not asked, the store needs a location first"
    ),
    "disconnected": Outcome("The store is disconnected. Nothing was changed.", "Not asked, the store is disconnected"),
    "no_answer": Outcome(
        "The store does not answer just now. Nothing was changed; try again in a few minutes.",
        "Left as before, the store did not answer",
    ),
    "deleted": Outcome("It was deleted here.", "Deleted here meanwhile"),
}
"""What may become of a row; of several records behind one row (a customer of two stores) the first in `_WEIGHT`."""
_WEIGHT: Final = ("changed", "no_answer", "reconnect", "no_location", "unreadable", "gone", "trashed", "unchanged")


def is_one(task: Task) -> bool:
    """Whether a task asks stores."""
    change = CHANGES.get(task.act)
    return change is not None and change.apply is None


def outcomes(task: Task) -> list[tuple[str, str, str, int]] | None:
    """Return (icon, colour, words, rows) of what became of a task's rows; None for a task that asks no store."""
    if not is_one(task):
        return None
    counts = task.found.get("rows", {})
    return [(one.symbol, one.colour, one.several, counts[key]) for key, one in OUTCOMES.items() if counts.get(key)]


def fetch_row(process: Process, key: str, row_id: int) -> Outcome:
    """Fetch what stands behind one row of a list now. It is the caller's own."""
    with process.database.reading() as session:
        records = _records(session, CHANGES[f"sync_{key}"].table, [row_id])
    silent: dict[str, str] = {}
    return OUTCOMES[_ask(process, key, records, silent, is_last_try=True)[row_id]]


def work(process: Process, task_id: int, *, is_last_try: bool) -> bool:
    """Do one piece of a task; returns whether more is left.

    Raises RetryLater where a store does not answer, unless this is the last try: then its rows are left as they are.
    """
    with process.database.reading() as session:
        task = session.get_one(Task, task_id)
        if task.state not in ("waiting", "running"):
            return False
        ids = next_rows(session, task, asked.AT_ONCE)
        change, place = CHANGES[task.act], task.place
        records = _records(session, change.table, ids, task.account_id)
        silent = dict(task.found.get("silent", {}))
    try:
        became = _ask(process, change.list, records, silent, is_last_try=is_last_try)
    except RetryLater:
        with process.database.unit() as session:
            task = session.get_one(Task, task_id)
            task.found = {**task.found, "waits": True}
        raise
    more = len(ids) == asked.AT_ONCE
    with process.database.unit() as session:
        task = session.get_one(Task, task_id)
        if task.place != place or not move(session, task, str(ids[-1]) if ids else place, clock.now(), more=more):
            return more
        _note(session, task, ids, became, silent)
    return more


def _note(
    session: Session, task: Task, ids: Sequence[int], became: Mapping[int, str], silent: Mapping[str, str]
) -> None:
    words = {row_id: became.get(row_id, "deleted") for row_id in ids}
    changed = [row_id for row_id, word in words.items() if word == "changed"]
    session.execute(update(TaskRow).where(TaskRow.task_id == task.id, TaskRow.row_id.in_(changed)).values(changed=True))
    rows = Counter(task.found.get("rows", {})) + Counter(words.values())
    task.found = {"rows": dict(rows), "silent": dict(silent)}
    task.done += len(ids)
    task.changed += len(changed)


_Records = dict[int, list[tuple[int, int]]]
"""Row → the (store, Woo id) behind it; a contact may have none, or one in several stores."""


def _records(session: Session, table: Any, ids: Sequence[int], account_id: int | None = None) -> _Records:
    own = (table.id.in_(ids),) if account_id is None else (table.id.in_(ids), table.account_id == account_id)
    found: _Records = {row_id: [] for row_id in session.scalars(select(table.id).where(*own))}
    if hasattr(table, "woo_id"):
        behind = select(table.id, table.store_id, table.woo_id).where(table.id.in_(found))
    else:
        behind = select(ContactLink.contact_id, ContactLink.store_id, ContactLink.woo_id).where(
            ContactLink.contact_id.in_(found)
        )
    for row_id, store_id, woo_id in session.execute(behind):
        found[row_id].append((store_id, woo_id))
    return found


def _ask(
    process: Process, element: str, records: _Records, silent: dict[str, str], *, is_last_try: bool
) -> dict[int, str]:
    """Return what became of each row. `silent`: stores that are asked no more, and why; those found so are added."""
    by_store: dict[int, list[int]] = defaultdict(list)
    for store_id, woo_id in sorted({one for behind in records.values() for one in behind}):
        by_store[store_id].append(woo_id)
    became: dict[tuple[int, int], str] = {}
    for store_id, woo_ids in by_store.items():
        why = silent.get(str(store_id))
        if why is None:
            try:
                found = asked.fetch(process, store_id, element, woo_ids)
                became.update({(store_id, woo_id): word for woo_id, word in found.items()})
                continue
            except RetryLater:
                if not is_last_try:
                    raise
                why = "no_answer"
            except StoreMustReconnect:
                why = "reconnect"
            except asked.NoLocation:
                why = "no_location"
            except Rejected:
                became.update({(store_id, woo_id): "unreadable" for woo_id in woo_ids})
                continue
            except FinalError:
                why = "disconnected"
            silent[str(store_id)] = why
        became.update({(store_id, woo_id): why for woo_id in woo_ids})
    return {row_id: _of_all([became[one] for one in behind]) for row_id, behind in records.items()}


def _of_all(words: Sequence[str]) -> str:
    if not words:
        return "guest"
    return min(words, key=lambda word: _WEIGHT.index(word) if word in _WEIGHT else len(_WEIGHT))
