"""What one list's page is made of: its name, search, filters and ready views, and how its addresses are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import url_for
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from referins_woo.lists.columns import COLUMNS, KINDS, Column
from referins_woo.reports.listing import Kind
from referins_woo.web.rendering import number


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter: a choice among options, a date, or a word that is typed."""

    key: str
    label: str
    options: tuple[tuple[str, str], ...] = ()
    """(value, words); none: a date, unless it is `typed`. Typed: what is offered."""
    rare: bool = False
    """Behind "More"."""
    typed: bool = False
    chip_only: bool = False
    """Set by links from elsewhere; it can be taken off, not chosen."""

    def words(self, value: str) -> str:
        """How the value reads on its chip."""
        return dict(self.options).get(value, value)

    def takes(self, value: str) -> bool:
        """Whether the value makes sense."""
        return self.typed or not self.options or value in dict(self.options)


@dataclass(frozen=True, slots=True)
class ReadyView:
    """A view that every account has."""

    key: str
    name: str
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ListPage:
    """What one list's page is made of."""

    key: str
    """Its name in addresses, in `lists.columns` and in saved views."""
    noun: str
    nouns: str
    default_sort: str
    """With a minus in front: descending."""
    search: str
    """What the search looks in."""
    filters: Callable[[Session], tuple[Filter, ...]]
    ready: tuple[ReadyView, ...] = ()
    right: str = "work"
    """What somebody needs to see it (`accounts.roles.RIGHTS`), its views and its files too."""

    @property
    def path(self) -> str:
        """Its address."""
        return url_for(f"{self.key}.index")

    @property
    def kind(self) -> Kind[Any]:
        """How its rows are found."""
        return KINDS[self.key]

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns that there are."""
        return COLUMNS[self.key]

    def rows_words(self, count: int) -> str:
        """Say how many: "1 order", "1,284 orders"."""
        return f"{number(count)} {self.noun if count == 1 else self.nouns}"


def default_columns(page: ListPage) -> frozenset[str]:
    """Return the keys of the columns that show by themselves."""
    return frozenset(column.key for column in page.columns if column.shown or column.always)


def address(path: str, values: Mapping[str, str]) -> str:
    """Return an address with its query string."""
    return path + ("?" + urlencode(values, safe=",") if values else "")


def args_of(query: str) -> MultiDict[str, str]:
    """Return a query string's values."""
    return MultiDict(parse_qsl(query, keep_blank_values=True))
