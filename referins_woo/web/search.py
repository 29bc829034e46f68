"""The search over everything: a page of its own, and what the command palette shows."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from referins_woo.reports.search import search
from referins_woo.web import scope

pages = Blueprint("search", __name__, url_prefix="/search")


@pages.get("")
def page() -> str:
    """What the words may mean; without words, where one can go."""
    words = request.args.get("q", "").replace("\x00", "").strip()[:200]
    with scope.reading() as session:
        return render_template("pages/search.html", q=words, hits=search(session, scope.account_id(), words))
