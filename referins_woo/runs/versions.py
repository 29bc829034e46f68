"""Published definitions, parsed: which automations could start for an event, and in which version.

A version never changes once published, so what was parsed is kept in this process.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from automations.definition import Definition, parse
from referins_woo.commerce.upsert.bulk import table_of
from referins_woo.conditions import one_of
from referins_woo.errors import Final as FinalError
from referins_woo.runs.models import Automation, AutomationVersion

_MOST_KEPT: Final = 2_000
_Key = tuple[str, int, int, int, datetime]

_A, _V = table_of(Automation).c, table_of(AutomationVersion).c
_OPEN: Final = select(_A.id, _A.account_id, _A.state, _A.live_since).where(
    one_of(_A.account_id, "ids"), _A.state.in_(("live", "paused"))
)
_VERSIONS: Final = select(_V.id, _V.automation_id, _V.number, _V.published_at)
_BY_ID: Final = _VERSIONS.where(one_of(_V.id, "ids"))
_BY_AUTOMATION: Final = _VERSIONS.where(one_of(_V.automation_id, "ids"))


@dataclass(frozen=True, slots=True)
class Version:
    """One published version of one automation."""

    id: int
    automation_id: int
    number: int
    published_at: datetime
    definition: Definition


@dataclass(frozen=True, slots=True)
class Startable:
    """An automation that new runs may enter."""

    id: int
    account_id: int
    paused: bool
    """New runs are held: pausing holds, never drops."""
    live_since: datetime
    versions: tuple[Version, ...]
    """Newest first; those published since it went live, and the one it went live with."""

    @property
    def asks(self) -> frozenset[str]:
        """What the filters and steps of any of its versions look at (`Definition.asks`)."""
        return frozenset[str]().union(*(version.definition.asks for version in self.versions))

    def version_for(self, occurred_at: datetime, skew: timedelta) -> Version | None:
        """Return the version that was live when the event occurred; None for an event of before.

        `occurred_at` is on the store's clock, publish times on ours: `skew` is the store's minus ours. "After" means
        ≥, and WooCommerce's times have whole seconds, so publish times are compared by the second too.
        """
        moment = occurred_at - skew
        if moment < _whole(self.live_since):
            return None
        return next((one for one in self.versions if moment >= _whole(one.published_at)), None)


class _Parsed:
    """Parsed definitions of this process; keyed by more than the id, which a database may give out again."""

    def __init__(self) -> None:
        self._kept: dict[_Key, Definition] = {}
        self._lock = Lock()

    def get(self, key: _Key) -> Definition | None:
        return self._kept.get(key)

    def keep(self, key: _Key, definition: Definition) -> None:
        with self._lock:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = definition


_parsed = _Parsed()


def by_ids(session: Session, version_ids: Collection[int]) -> dict[int, Version]:
    """Return versions by their ids. Raises Final where a stored definition can no longer be read."""
    found = session.execute(_BY_ID, {"ids": set(version_ids)}).all()
    return {version.id: version for version in _load(session, found)}


def startable(session: Session, account_ids: Collection[int]) -> dict[int, list[Startable]]:
    """Return, by account, the automations that new runs may enter: live ones, and paused ones (their runs are held)."""
    # Sorted here: asked for their order, SQLite goes through all automations of all accounts, which have it.
    automations = sorted(session.execute(_OPEN, {"ids": set(account_ids)}), key=lambda row: row.id)
    since = {row.id: row.live_since for row in automations if row.live_since is not None}
    rows = session.execute(_BY_AUTOMATION, {"ids": since}).all() if since else ()
    in_force = [row for row in rows if row.published_at >= since[row.automation_id]]
    versions: dict[int, list[Version]] = defaultdict(list)
    for version in sorted(_load(session, in_force), key=lambda one: one.number, reverse=True):
        versions[version.automation_id].append(version)
    found: dict[int, list[Startable]] = defaultdict(list)
    for row in automations:
        if row.id in since and versions[row.id]:
            found[row.account_id].append(
                Startable(row.id, row.account_id, row.state == "paused", since[row.id], tuple(versions[row.id]))
            )
    return found


def _load(session: Session, rows: Collection[Any]) -> list[Version]:
    url = str(session.get_bind().engine.url)
    keys: dict[int, _Key] = {row.id: (url, row.id, row.automation_id, row.number, row.published_at) for row in rows}
    definitions = {version_id: _parsed.get(key) for version_id, key in keys.items()}
    missing = [version_id for version_id, definition in definitions.items() if definition is None]
    if missing:
        wanted = select(AutomationVersion.id, AutomationVersion.definition).where(AutomationVersion.id.in_(missing))
        for version_id, document in session.execute(wanted):
            definitions[version_id] = parsed = _parse(version_id, document)
            _parsed.keep(keys[version_id], parsed)
    return [
        Version(row.id, row.automation_id, row.number, row.published_at, definition)
        for row in rows
        if (definition := definitions[row.id]) is not None
    ]


def _parse(version_id: int, document: dict[str, Any]) -> Definition:
    parsed = parse(document)
    if isinstance(parsed, Definition):
        return parsed
    raise FinalError(f"Version {version_id} of an automation cannot be read: {parsed[0].message}")


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
