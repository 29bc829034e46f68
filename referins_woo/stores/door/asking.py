"""How a store is asked: for a page, a record, a whole list, or for one id wherever it can show one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import structlog

from referins_woo.commerce.records import Raw, Unreadable
from referins_woo.stores.door.line import ITS_OWN_FAULT, Faltered, GoneRecord, Line
from referins_woo.stores.view import StoreView
from referins_woo.woo.client import Answer, Params, WooClient

log = structlog.get_logger(__name__)

R = TypeVar("R")

_PLACES = ((0, "desc"), (0, "asc"), (1, "desc"), (1, "asc"), (9, "desc"), (9, "asc"))
"""Where one id is asked for, one after the other, while the store fails there by a fault of its own."""
_LOOKS = 3
"""How often a list is read that lacks a row which its owner names."""


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """One page of a list. `total` is the store's claim, a hint only; `date` is the store's clock."""

    rows: list[R | Unreadable]
    ids: list[int]
    """Woo ids, in the order of the rows."""
    total: int | None
    date: datetime


class Asking:
    """Questions to one store over its line, whatever they are about."""

    def __init__(self, store: StoreView, line: Line) -> None:
        """`store` says how many rows it bears at once."""
        self.store = store
        self._line = line

    def _one_id(self, path: str, limits: Params | None = None, *, optional: bool = False) -> Answer:
        """Ask for one id: the newest or the oldest, or one further in where the store fails at both.

        A row that stands there may be one that it cannot show: `_fields` do not help (row 19, recorded).
        """
        fault: Faltered | None = None
        for offset, order in _PLACES:
            params = by_id(offset, 1, order) | dict(limits or {}) | {"_fields": "id"}
            try:
                return self._get(path, params, optional=optional)
            except Faltered as error:
                if error.status not in ITS_OWN_FAULT:
                    raise
                fault = error
        assert fault is not None
        raise fault

    def _page(
        self, path: str, params: dict[str, Any], read: Callable[[Raw], R | Unreadable], *, optional: bool = False
    ) -> Page[R]:
        answer = self._get(path, params, optional=optional)
        rows = answer.rows()
        return Page([read(raw) for raw in rows], ids_of(rows), answer.total, answer.date)

    def _walk_for(self, path: str, named: set[int]) -> list[Raw]:
        """Return all rows of a list; one that lacks a row which its owner names is walked again before it is believed.

        A list may be empty or short for a moment: a cache, a replica that lags.
        """
        found: dict[int, Raw] = {}
        for _ in range(_LOOKS):
            found |= {raw["id"]: raw for raw in self._walk(path)}
            if found.keys() >= named:
                break
        return list(found.values())

    def _walk(self, path: str) -> list[Raw]:
        """Return all rows of a list, by as many as the store bears; ends at a page that brings nothing new."""
        found: dict[int, Raw] = {}
        while True:
            try:
                answer = self._get(path, by_id(len(found), self.store.page_size, "asc"))
            except GoneRecord:
                return []
            rows = {raw["id"]: raw for raw in answer.rows() if isinstance(raw.get("id"), int)}
            if not rows.keys() - found.keys():
                return list(found.values())
            found |= rows
            if answer.total is not None and len(found) >= answer.total:
                return list(found.values())

    def _record(self, path: str) -> Raw | None:
        try:
            return self._get(path).record()
        except GoneRecord:
            return None

    def _get(self, path: str, params: Params | None = None, *, optional: bool = False) -> Answer:
        def ask(client: WooClient) -> Answer:
            answer = client.get(path, params)
            if "/" in path and path.rpartition("/")[2].isdigit():
                answer.record()
            else:
                answer.rows()
            return answer

        return self._line.call(path.partition("/")[0], ask, optional=optional)

    def _readable(self, found: R | Unreadable) -> list[R]:
        if isinstance(found, Unreadable):
            log.warning("record left out", store_id=self.store.id, woo_id=found.woo_id, reason=found.reason_code)
            return []
        return [found]


def by_id(offset: int, per_page: int, order: str) -> dict[str, Any]:
    """Return the parameters of a page of a list that is walked by id."""
    return {"orderby": "id", "order": order, "offset": offset or None, "per_page": per_page}


def dates_between(
    modified_after: datetime | None = None, after: datetime | None = None, before: datetime | None = None
) -> dict[str, Any]:
    """Return the parameters of limits by time."""
    given = {"modified_after": modified_after, "after": after, "before": before}
    dates: dict[str, Any] = {name: _gmt(moment) for name, moment in given.items() if moment is not None}
    # With dates_are_gmt a Z would shift the bound by the site's offset, with status 200 (13).
    return {**dates, "dates_are_gmt": True} if dates else {}


def _gmt(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def listed(values: Iterable[str] | Iterable[int] | None) -> str | None:
    """Return several values as WooCommerce takes them."""
    return None if values is None else ",".join(str(value) for value in values)


def ids_of(rows: list[Raw]) -> list[int]:
    """Return the Woo ids of rows, 0 for one without."""
    return [raw["id"] if isinstance(raw.get("id"), int) else 0 for raw in rows]
