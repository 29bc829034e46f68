"""`/dev/ui`: every component of the pages in each of its states, to look at while working on them (N7)."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

from flask import Blueprint, render_template

from referins_woo import clock, paths
from referins_woo.errors import InvalidInput
from referins_woo.lists.models import SavedView
from referins_woo.reports.dashboard import Change, Day
from referins_woo.reports.timeline import Entry
from referins_woo.web import listing
from referins_woo.web.orders import PAYMENT_WORDS

pages = Blueprint("dev_ui", __name__, url_prefix="/dev/ui")

_LONG = "Ünïcödé-Wärenhaus Łódź and Sons, purveyors of hand-dyed wool since 1823"


@pages.get("")
def index() -> str:
    """The gallery. Its data is made up here; nothing on it does anything."""
    now = clock.now()
    today = now.date()
    days = [Day(today - timedelta(days=29 - n), (n * 37 % 11) * 310_000, n * 37 % 11, known=n >= 6) for n in range(30)]
    entries = [
        Entry(now - timedelta(hours=n), kind, words, more)
        for n, (kind, words, more) in enumerate(
            (
                ("trigger", "Payment Received", ""),
                ("paid", "Payment", "Card"),
                ("mail", "We have your order", "sent"),
                ("mail_not", "Your coupon", "was not sent: the contact has not subscribed"),
                ("run", "Entered “Order confirmation”", ""),
                ("held_back", "Order Submitted: started nothing", "It reached us later than automations allow."),
                ("refund", "Refund", "Card"),
                ("status", "Status: pending → processing", ""),
                ("tag", "Tagged “wholesale”", "ana@example.com"),
                ("consent", "Subscribed to marketing", "checkout box"),
                ("failed", "Failed in “Win-back”", ""),
                ("placed", "Placed", _LONG),
            )
        )
    ]
    tabs = [
        listing.Tab("All", "#views", True, 48_210),
        listing.Tab("Unpaid", "#views", False, 12, SavedView(id=1, shared=False)),
        listing.Tab("Shared by a colleague", "#views", False, 0, SavedView(id=2, shared=True)),
    ]
    return render_template(
        "pages/dev_ui.html",
        now=now,
        days=days,
        entries=entries,
        tabs=tabs,
        list=SimpleNamespace(tabs_url="#", page=SimpleNamespace(nouns="orders")),
        changes=(Change(112, 100), Change(80, 100), Change(100, 100), Change(5, 0), Change(5, None)),
        wrong=InvalidInput("wrong", "This is not an address. It looks like https://yourstore.com"),
        long=_LONG,
        payment_words=PAYMENT_WORDS,
        icons=_icons(),
    )


def _icons() -> list[str]:
    """The names of the sprite's icons, where the sources are at hand."""
    source = paths.bundle_dir().parent.parent / "assets" / "icons.txt"
    if not source.is_file():
        return []
    return [line for line in source.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
