"""Saved views of every list: tabs with counts above it; save, name, share, open the list with one, delete."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from referins_woo.errors import InvalidInput
from referins_woo.lists import views
from referins_woo.lists.models import SavedView
from referins_woo.web import listing, scope, toasts
from referins_woo.web.list_pages import page_of
from referins_woo.web.listing import ListPage

pages = Blueprint("views", __name__)


@pages.get("/lists/<key>/tabs")
def tabs(key: str) -> str:
    """The views above a list with how many rows each has: asked for once the page is there."""
    page = page_of(key)
    with scope.reading() as session:
        asked = listing.read(page, session, request.args)
        return render_template("components/tabs.html", list=asked, tabs=listing.tabs(asked, session, counted=True))


@pages.get("/lists/<key>/views/new")
def new(key: str) -> str:
    """Ask for a view's name."""
    page = page_of(key)
    with scope.reading() as session:
        asked = listing.read(page, session, request.args)
        return render_template("pages/view_new.html", list=asked, name="", error=None)


@pages.post("/lists/<key>/views")
def save(key: str) -> AnyResponse | tuple[str, int]:
    """Keep the list as it is asked for."""
    page, who = page_of(key), scope.who()
    name, shared = request.form.get("name", ""), request.form.get("shared") == "1"
    with scope.unit() as session:
        asked = listing.read(page, session, listing.args_of(request.form.get("query", "")))
        try:
            view = views.save(session, who.account_id, who.user_id, key, name, asked.query, shared=shared)
        except InvalidInput as error:
            return render_template("pages/view_new.html", list=asked, name=name, error=error), 422
        if request.form.get("default") == "1":
            views.open_with(session, who.account_id, who.user_id, key, view.id)
    toasts.say(f"Saved the view “{view.name}”.")
    return redirect(_of_view(page, view), 303)


@pages.get("/views/<int:view_id>")
def page(view_id: int) -> str:
    """One view: name, who has it, whether the list opens with it."""
    with scope.reading() as session:
        return _view_page(session, _own_view(session, view_id), None)


@pages.post("/views/<int:view_id>")
def change(view_id: int) -> AnyResponse | tuple[str, int]:
    """Rename it, share it, open the list with it. Others' views can only be opened with."""
    who = scope.who()
    with scope.unit() as session:
        found = _own_view(session, view_id)
        if found.user_id == who.user_id:
            try:
                views.change(
                    session, found, name=request.form.get("name", ""), shared=request.form.get("shared") == "1"
                )
            except InvalidInput as error:
                session.expire(found)
                return _view_page(session, found, error), 422
        default = views.default_of(session, who.account_id, who.user_id, found.list)
        if request.form.get("default") == "1":
            views.open_with(session, who.account_id, who.user_id, found.list, found.id)
        elif default is not None and default.id == found.id:
            views.open_with(session, who.account_id, who.user_id, found.list, None)
    toasts.say(f"Saved the view “{found.name}”.")
    return redirect(_of_view(page_of(found.list), found), 303)


@pages.post("/views/<int:view_id>/delete")
def delete(view_id: int) -> AnyResponse:
    """Delete a view of one's own; the rows that it shows stay."""
    with scope.unit() as session:
        found = _own_view(session, view_id)
        if found.user_id != scope.who().user_id:
            abort(403, "This view is another person's. Ask them to delete it.")
        session.delete(found)
    toasts.say(f"Deleted the view “{found.name}”.")
    return redirect(page_of(found.list).path, 303)


def _own_view(session: Session, view_id: int) -> SavedView:
    who = scope.who()
    found = views.find(session, who.account_id, who.user_id, view_id)
    if found is None:
        abort(404)
    return found


def _of_view(page: ListPage, view: SavedView) -> str:
    return f"{page.path}?{view.query}&view={view.id}" if view.query else f"{page.path}?view={view.id}"


def _view_page(session: Session, found: SavedView, error: InvalidInput | None) -> str:
    who, page = scope.who(), page_of(found.list)
    default = views.default_of(session, who.account_id, who.user_id, found.list)
    asked = listing.read(page, session, listing.args_of(found.query))
    return render_template(
        "pages/view.html",
        view=found,
        list=asked,
        back=_of_view(page, found),
        is_mine=found.user_id == who.user_id,
        is_default=default is not None and default.id == found.id,
        error=error,
    )
