"""Settings > E-mail: the sender, the sending domain with its records, and what is measured."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from referins_woo import clock, process
from referins_woo.accounts import audit
from referins_woo.errors import InvalidInput
from referins_woo.mail import domain, sending
from referins_woo.mail.dns import Resolver, SystemResolver
from referins_woo.web import scope

pages = Blueprint("mail_settings", __name__, url_prefix="/settings/sending-domain")

resolver: Resolver = SystemResolver()
"""Whom the DNS is asked through; tests have their own."""

_FIELDS = ("domain", "from_email", "marketing_from_email", "reply_to", "dkim_selector")


@pages.get("")
def page() -> tuple[str, int]:
    """What is set, and what the DNS said when it was last asked."""
    return _page()


@pages.post("")
def change() -> Response | tuple[str, int]:
    """Keep the sender; nothing of it where one field is wrong."""
    try:
        with scope.unit() as session:
            row = sending.change_sender(session, scope.account_id(), request.form, clock.now())
            audit.record(session, scope.account_id(), "account_changed", f"sender {row.domain}".strip())
            has_domain = bool(row.domain)
    except InvalidInput as error:
        return _page(error)
    if has_domain:
        return check()
    return _back("Saved. E-mails come from our own address.")


@pages.post("/check")
def check() -> Response:
    """Ask the DNS: no transaction is open meanwhile."""
    with scope.reading() as session:
        row = sending.of_account(session, scope.account_id())
        name, proof, selector = row.domain, row.proof, row.dkim_selector
    if not name:
        return _back("There is no domain to look up: type one first.", "error")
    found = domain.examine(name, proof, selector, sending.way(process.current().config), resolver)
    with scope.unit() as session:
        sending.keep_findings(session, scope.account_id(), name, found, clock.now())
    good = sum(1 for one in found if one.state == domain.GOOD)
    return _back(f"Looked up: {good} of {len(found)} are in order.")


@pages.post("/measuring")
def measuring() -> Response:
    """Keep what is measured."""
    with scope.unit() as session:
        sending.change_measuring(session, scope.account_id(), request.form, clock.now())
        audit.record(session, scope.account_id(), "account_changed", "what is measured of e-mails")
    return _back("Saved. It holds from the next e-mail on.")


def _page(error: InvalidInput | None = None) -> tuple[str, int]:
    config = process.current().config
    with scope.reading() as session:
        row = sending.of_account(session, scope.account_id())
        values = {name: request.form.get(name, "") if error else getattr(row, name) for name in _FIELDS}
        page_ = render_template(
            "pages/sending_domain.html",
            row=row,
            values=values,
            error=error,
            findings=sending.findings(row),
            proof=domain.proof_record(row.domain, row.proof) if row.domain else None,
            way=sending.way(config),
            mail_from=config.mail_from,
        )
    return page_, 422 if error is not None else 200


def _back(words: str, category: str = "success") -> Response:
    flash(words, category)
    return redirect(url_for("mail_settings.page"), 303)
