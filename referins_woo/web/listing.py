"""Lists whose whole state lies in the query string: search, filters as chips, order, page, size, columns, view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from flask import redirect, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from referins_woo.clock import zone
from referins_woo.commerce.models import Contact
from referins_woo.lists import views
from referins_woo.lists.models import SavedView
from referins_woo.reports.listing import Wanted
from referins_woo.stores.models import Store
from referins_woo.web import scope
from referins_woo.web.list_page import Filter, ListPage, ReadyView, address, args_of, default_columns
from referins_woo.web.list_state import SIZES, Listing
from referins_woo.web.rendering import host

__all__ = [
    "SIZES",
    "Filter",
    "ListPage",
    "Listing",
    "ReadyView",
    "Tab",
    "address",
    "args_of",
    "contact_filter",
    "date_filters",
    "read",
    "show",
    "store_filter",
    "tabs",
]

_LAST_PAGE: Final = 100_000


@dataclass(frozen=True, slots=True)
class Tab:
    """One view above the list."""

    name: str
    href: str
    active: bool
    count: int | None = None
    view: SavedView | None = None
    is_default: bool = False


def read(
    page: ListPage,
    session: Session,
    args: MultiDict[str, str] | None = None,
    *,
    filters: Sequence[Filter] | None = None,
) -> Listing:
    """Return what a query string asks for (None: the request's); values that make no sense are passed over."""
    args = request.args if args is None else args
    filters = page.filters(session) if filters is None else filters
    sort = args.get("sort", page.default_sort)
    if sort.lstrip("-") not in page.kind.sorts:
        sort = page.default_sort
    size = args.get("size", SIZES[0], type=int)
    number_of_page = args.get("page", 1, type=int)
    chosen = {}
    for one in filters:
        value = args.get(one.key, "").replace("\x00", "").strip()[:200]
        if value and one.takes(value):
            chosen[one.key] = value
    wanted = Wanted(
        q=args.get("q", "").replace("\x00", "").strip()[:200],
        sort=sort.lstrip("-"),
        descending=sort.startswith("-"),
        page=min(max(number_of_page, 1), _LAST_PAGE),
        size=size if size in SIZES else SIZES[0],
        after=args.get("after", "")[:400],
        before=args.get("before", "")[:400],
        filters=chosen,
        zone=zone(scope.who().time_zone),
    )
    return Listing(
        page=page,
        filters=tuple(filters),
        wanted=wanted,
        shown=_columns(page, args),
        view=args.get("view", "")[:30],
        path=page.path,
    )


def _columns(page: ListPage, args: MultiDict[str, str]) -> frozenset[str]:
    asked = {key for text in args.getlist("cols") for key in text.split(",")}
    known = {column.key for column in page.columns}
    always = {column.key for column in page.columns if column.always}
    return frozenset((asked & known) | always) if asked & known else default_columns(page)


def show(page: ListPage, **context: Any) -> str | Response:
    """Answer a list's page: one address without a query opens with the person's own view, if they chose one."""
    who = scope.who()
    with scope.reading() as session:
        default = views.default_of(session, who.account_id, who.user_id, page.key)
        if default is not None and not request.args and not request.headers.get("HX-Request"):
            return redirect(f"{page.path}?{default.query}&view={default.id}", 302)
        asked = read(page, session)
        asked.has_default = default is not None
        asked.fill(page.kind.find(session, who.account_id, asked.wanted))
        return render_template(
            f"pages/{page.key}.html", list=asked, tabs=tabs(asked, session, counted=False), **context
        )


def store_filter(session: Session) -> tuple[Filter, ...]:
    """Return the filter by store, for accounts that have several."""
    stores = session.execute(
        select(Store.id, Store.name, Store.url).where(Store.account_id == scope.account_id()).order_by(Store.id)
    ).all()
    if len(stores) < 2:
        return ()
    return (Filter("store", "Store", tuple((str(one.id), one.name or host(one.url)) for one in stores)),)


def date_filters(label: str) -> tuple[Filter, ...]:
    """Return the filters "from" and "to"."""
    return (Filter("from", f"{label} from"), Filter("to", f"{label} to"))


def contact_filter(session: Session) -> tuple[Filter, ...]:
    """Return the filter by the contact that the address names, for links from a contact's page."""
    asked = request.args.get("contact", "")
    if not asked.isascii() or not asked.isdigit() or len(asked) > 18:
        return ()
    found = session.execute(
        select(Contact.name, Contact.email).where(Contact.id == int(asked), Contact.account_id == scope.account_id())
    ).one_or_none()
    if found is None:
        return ()
    return (Filter("contact", "Contact", ((asked, found.name or found.email),), chip_only=True),)


def tabs(listing: Listing, session: Session, *, counted: bool) -> list[Tab]:
    """Return the views above the list; counting them takes a pass over all rows."""
    who = scope.who()
    default = views.default_of(session, who.account_id, who.user_id, listing.page.key)
    found = [Tab("All", listing.clear_url, listing.view in ("", "all") and not listing.is_narrowed)]
    for one in listing.page.ready:
        found.append(Tab(one.name, address(listing.path, {**one.query, "view": one.key}), listing.view == one.key))
    for view in views.of_list(session, who.account_id, who.user_id, listing.page.key):
        href = f"{listing.path}?{view.query}&view={view.id}" if view.query else f"{listing.path}?view={view.id}"
        is_default = default is not None and default.id == view.id
        found.append(Tab(view.name, href, listing.view == str(view.id), view=view, is_default=is_default))
    if not counted:
        return found
    asked = [read(listing.page, session, args_of(tab.href.partition("?")[2]), filters=listing.filters) for tab in found]
    counts = listing.page.kind.counts(session, who.account_id, [one.wanted for one in asked])
    return [replace(tab, count=count) for tab, count in zip(found, counts, strict=True)]
