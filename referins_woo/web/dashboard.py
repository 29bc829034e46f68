"""The dashboard."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from referins_woo import clock
from referins_woo.reports import emails
from referins_woo.reports.dashboard import dashboard
from referins_woo.web import periods, scope

pages = Blueprint("dashboard", __name__)


@pages.get("/")
def page() -> str:
    """Orders, revenue, mails, running automations and alerts of a period; which one lies in the address."""
    who, now = scope.who(), clock.now()
    chosen = periods.chosen(now)
    with scope.reading() as session:
        figures = dashboard(session, who.account_id, now, chosen.period, request.args.get("currency", "")[:8])
        by_automation = emails.of_automations(session, who.account_id, chosen.period)
        return render_template(
            "pages/dashboard.html",
            figures=figures,
            chosen=chosen,
            mail=emails.together(by_automation.values()),
            by_automation=by_automation,
            rule=emails.RULE,
            credit_days=emails.DAYS,
        )
