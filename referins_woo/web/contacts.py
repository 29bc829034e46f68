"""Contacts: list and profile."""

from __future__ import annotations

from flask import Blueprint, render_template
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from referins_woo.commerce import tags
from referins_woo.commerce.models import Contact
from referins_woo.reports import contacts as reports
from referins_woo.reports import matches
from referins_woo.reports import why as reasons
from referins_woo.web import listing, scope

pages = Blueprint("contacts", __name__, url_prefix="/contacts")

_FILTERS = (
    listing.Filter("kind", "Kind", tuple(reports.KINDS.items())),
    listing.Filter(
        "consent",
        "Consent",
        (
            ("unknown", "Unknown"),
            ("subscribed", "Subscribed"),
            ("unsubscribed", "Unsubscribed"),
            ("bounced", "Bounced"),
            ("complained", "Complained"),
        ),
    ),
)


def _filters(session: Session) -> tuple[listing.Filter, ...]:
    used = tuple((tag, tag) for tag in tags.used(session, scope.account_id()))
    return (
        *_FILTERS,
        listing.Filter("tag", "Tag", used, typed=True),
        *listing.store_filter(session),
        *listing.date_filters("Added"),
    )


LIST = listing.ListPage(
    key="contacts",
    noun="contact",
    nouns="contacts",
    default_sort="-created",
    search="Name, e-mail or phone",
    filters=_filters,
    ready=(
        listing.ReadyView("subscribed", "Subscribed", {"consent": "subscribed"}),
        listing.ReadyView("guests", "Guests", {"kind": "guest"}),
    ),
)


@pages.get("")
def index() -> str | Response:
    """The list."""
    with scope.reading() as session:
        to_decide = matches.to_decide(session, scope.account_id())
    return listing.show(LIST, to_decide=to_decide, kinds=reports.KINDS)


@pages.get("/<int:contact_id>")
def page(contact_id: int) -> str:
    """One contact with orders, consent and what automations did."""
    with scope.reading() as session:
        contact = scope.own(session, Contact, contact_id)
        return render_template(
            "pages/contact.html",
            it=reports.contact_page(session, contact),
            contact=contact,
            why=reasons.why_contact(session, contact),
            matches=matches.of_contact(session, contact),
        )
