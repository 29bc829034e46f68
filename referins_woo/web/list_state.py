"""One list as it was asked for: its rows, and the addresses of its neighbours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from flask import url_for

from referins_woo.lists import changes
from referins_woo.lists.columns import Column
from referins_woo.reports.listing import Found, Wanted
from referins_woo.web.list_page import Filter, ListPage, address, default_columns

SIZES: Final = (25, 50, 100)
COUNTED_PAGES: Final = 100
"""So far a page is found by counting; behind it by its neighbour, which takes no longer however far it is."""


@dataclass
class Listing:
    """What a list page was asked for, and the addresses of its neighbours. `fill` gives it its rows."""

    page: ListPage
    filters: tuple[Filter, ...]
    wanted: Wanted
    shown: frozenset[str]
    """Keys of the columns that show."""
    view: str = ""
    """`all`, the key of a ready view or the id of a saved one."""
    path: str = ""
    has_default: bool = False
    """Without a query the list opens with a view of the person's choice."""
    fixed: bool = False
    """Part of another page: no views, no ticks, no export."""
    total: int = 0
    rows: list[Any] = field(default_factory=list)
    first_mark: str = ""
    last_mark: str = ""

    @property
    def sort_text(self) -> str:
        """The order as the URL says it."""
        return ("-" if self.wanted.descending else "") + self.wanted.sort

    def values(self) -> dict[str, str]:
        """All that the address says, but for the page."""
        said = {"q": self.wanted.q, **self.wanted.filters}
        if self.sort_text != self.page.default_sort:
            said["sort"] = self.sort_text
        if self.wanted.size != SIZES[0]:
            said["size"] = str(self.wanted.size)
        if not self.shows_defaults:
            said["cols"] = ",".join(column.key for column in self.page.columns if column.key in self.shown)
        said["view"] = self.view
        return {key: value for key, value in said.items() if value}

    def url(self, **changed: str | int) -> str:
        """The address of this list with something changed; whatever changes, the first page is shown."""
        said = {**self.values(), **{key: str(value) for key, value in changed.items()}}
        if said.get("page") == "1":
            del said["page"]
        return address(self.path, {key: value for key, value in said.items() if value})

    @property
    def query(self) -> str:
        """The query string without the page and the view: what a saved view keeps, an export and a change are given."""
        said = self.values()
        said.pop("view", None)
        return urlencode(said, safe=",")

    @property
    def new_view_url(self) -> str:
        """Where this list as it is gets a name."""
        return address(url_for("views.new", key=self.page.key), self.values())

    @property
    def tabs_url(self) -> str:
        """Where its views come from with their counts."""
        return address(url_for("views.tabs", key=self.page.key), self.values())

    @property
    def export_url(self) -> str:
        """Where it is exported."""
        return address(url_for("exports.form", key=self.page.key), self.values())

    @property
    def clear_url(self) -> str:
        """The address of the whole list."""
        return address(self.path, {"view": "all"} if self.has_default else {})

    def sort_url(self, key: str) -> str:
        """The address with this column sorted; once more turns it round."""
        default = self.page.default_sort
        if self.wanted.sort == key:
            return self.url(sort=key if self.wanted.descending else f"-{key}")
        return self.url(sort=f"-{key}" if default == f"-{key}" else key)

    def aria_sort(self, key: str) -> str:
        """The value of aria-sort for this column."""
        if self.wanted.sort != key:
            return "none"
        return "descending" if self.wanted.descending else "ascending"

    @property
    def sortable(self) -> list[Column]:
        """The columns that show and that can be sorted by."""
        return [column for column in self.page.columns if column.key in self.page.kind.sorts and self.shows(column.key)]

    def shows(self, key: str) -> bool:
        """Whether this column shows."""
        return key in self.shown

    @property
    def shows_defaults(self) -> bool:
        """Whether the columns are those that show by themselves."""
        return self.shown == default_columns(self.page)

    @property
    def is_wide(self) -> bool:
        """Whether so many columns show that the table may scroll sideways in its card."""
        return len(self.shown) > len(default_columns(self.page))

    @property
    def chips(self) -> list[tuple[str, str]]:
        """(words, address without it) of every filter that is set."""
        return [
            (f"{one.label}: {one.words(self.wanted.get(one.key))}", self.url(**{one.key: ""}))
            for one in self.filters
            if self.wanted.get(one.key)
        ]

    @property
    def rare(self) -> list[Filter]:
        """The filters behind "More": dates, what is typed, and those that say so."""
        return [one for one in self.filters if not one.chip_only and (one.rare or one.typed or not one.options)]

    @property
    def rare_is_set(self) -> bool:
        """Whether one of them is set: then they are shown."""
        return any(self.wanted.get(one.key) for one in self.rare)

    @property
    def is_narrowed(self) -> bool:
        """Whether something is searched or filtered: then an empty list means "no results", not "nothing yet"."""
        return bool(self.wanted.q or any(self.wanted.filters.values()))

    @property
    def is_plain(self) -> bool:
        """Whether nothing of it is worth keeping as a view."""
        return not self.query

    @property
    def first(self) -> int:
        """Number of the first row shown."""
        return (self.wanted.page - 1) * self.wanted.size + 1 if self.rows else 0

    @property
    def last(self) -> int:
        """Number of the last row shown."""
        return self.first + len(self.rows) - 1 if self.rows else 0

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // self.wanted.size))

    @property
    def previous_url(self) -> str:
        """The address of the page before, empty on the first one."""
        if self.wanted.page <= 1:
            return ""
        page = self.wanted.page - 1
        return self.url(page=page, before=self.first_mark if page > COUNTED_PAGES else "")

    @property
    def next_url(self) -> str:
        """The address of the next page, empty on the last one."""
        if self.wanted.page >= self.pages:
            return ""
        page = self.wanted.page + 1
        return self.url(page=page, after=self.last_mark if page > COUNTED_PAGES else "")

    @property
    def changes(self) -> list[tuple[str, changes.Change]]:
        """What can be done to ticked rows."""
        return [] if self.fixed else changes.of_list(self.page.key)

    def fill(self, found: Found[Any]) -> None:
        """Take the rows of the page, the number of all, and the marks of its neighbours."""
        self.rows, self.total = found.rows, found.total
        self.first_mark, self.last_mark = found.first, found.last
