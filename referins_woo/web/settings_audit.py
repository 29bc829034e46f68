"""Settings > Audit log: what was done to the account, by whom, when and from where."""

from __future__ import annotations

from flask import Blueprint
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from referins_woo.accounts import audit
from referins_woo.reports import audit as reports
from referins_woo.web import listing, scope

pages = Blueprint("audit", __name__, url_prefix="/settings/audit")


def _filters(session: Session) -> tuple[listing.Filter, ...]:
    return (
        listing.Filter("group", "What", tuple(audit.GROUPS.items())),
        listing.Filter("person", "Who", tuple(reports.people(session, scope.account_id()))),
        listing.Filter("via", "Through", tuple(reports.VIA.items()), rare=True),
        *listing.date_filters("Done"),
    )


LIST = listing.ListPage(
    key="audit",
    noun="entry",
    nouns="entries",
    default_sort="-at",
    search="Who, what or address",
    filters=_filters,
    right="audit",
)


@pages.get("")
def index() -> str | Response:
    """The list."""
    return listing.show(LIST, words=reports.words, details=reports.details, via=reports.VIA)
