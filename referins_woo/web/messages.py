"""Messages: every e-mail, where it stands and why."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.errors import Final
from referins_woo.mail import again, bodies, machines
from referins_woo.mail import settings as mail_settings
from referins_woo.mail.design.models import EmailTemplate
from referins_woo.mail.models import Message, MessageEvent
from referins_woo.reports import emails
from referins_woo.runs.models import Automation, Run
from referins_woo.web import listing, periods, previews, scope

pages = Blueprint("messages", __name__, url_prefix="/messages")

_FILTERS = (
    listing.Filter(
        "state",
        "State",
        (
            ("created", "Queued"),
            ("sending", "Sending"),
            ("sent", "Sent"),
            ("skipped", "Not sent"),
            ("unknown", "Perhaps sent"),
            ("failed", "Failed"),
            ("not_sure", "Failed or perhaps sent"),
        ),
    ),
    listing.Filter(
        "purpose",
        "Purpose",
        (
            ("customers", "To customers"),
            ("transactional", "About an order"),
            ("marketing", "Marketing"),
            ("system", "From Referins to you"),
        ),
    ),
)


def _filters(session: Session) -> tuple[listing.Filter, ...]:
    return (
        *_FILTERS,
        *listing.date_filters("Written"),
        listing.Filter("sent_from", "Sent from"),
        listing.Filter("sent_to", "Sent to"),
    )


LIST = listing.ListPage(
    key="messages",
    noun="e-mail",
    nouns="e-mails",
    default_sort="-created",
    search="Address or subject",
    filters=_filters,
    ready=(
        listing.ReadyView("sent", "Sent", {"state": "sent"}),
        listing.ReadyView("skipped", "Not sent", {"state": "skipped"}),
        listing.ReadyView("failed", "Failed", {"state": "failed"}),
    ),
)


@pages.get("")
def index() -> str | AnyResponse:
    """The list."""
    return listing.show(LIST)


@pages.get("/report")
def report() -> str:
    """What e-mails achieved in a period: sent, opened, clicked, ordered."""
    chosen = periods.chosen(clock.now())
    account_id = scope.account_id()
    with scope.reading() as session:
        wanted = request.args.get("automation", type=int)
        automation = scope.own(session, Automation, wanted) if wanted is not None else None
        whole, rows = emails.report(session, account_id, chosen.period, wanted)
        by_template = {} if automation else emails.of_templates(session, account_id, chosen.period)
        mine = select(EmailTemplate).where(EmailTemplate.account_id == account_id, EmailTemplate.id.in_(by_template))
        return render_template(
            "pages/mail_report.html",
            chosen=chosen,
            automation=automation,
            whole=whole,
            rows=rows,
            templates=session.scalars(mine.order_by(EmailTemplate.name, EmailTemplate.id)).all(),
            by_template=by_template,
            days=emails.days(session, account_id, chosen.period, wanted),
            rule=emails.RULE,
            opens_rule=emails.OPENS_RULE,
            wishes=mail_settings.of(session, [account_id]).get(account_id, mail_settings.UNSET),
        )


@pages.get("/<int:message_id>")
def page(message_id: int) -> str:
    """One message, as it was sent."""
    with scope.reading() as session:
        message = scope.own(session, Message, message_id)
        run = session.get(Run, message.run_id) if message.run_id else None
        known = select(MessageEvent).where(MessageEvent.message_id == message.id).order_by(MessageEvent.id)
        automation = session.get(Automation, run.automation_id) if run is not None else None
        return render_template(
            "pages/message.html",
            message=message,
            body=bodies.shown(message),
            run=run,
            automation=automation,
            events=session.scalars(known).all(),
            machines=machines.WORDS,
            why_not_again=again.why_not(session, message, clock.now()),
            can_fail=message.state in again.STATES,
        )


@pages.post("/<int:message_id>/again")
def send_again(message_id: int) -> AnyResponse:
    """Send an e-mail again that failed, or that nobody knows the fate of."""
    try:
        with scope.unit() as session:
            again.send_again(session, scope.own(session, Message, message_id), clock.now())
            audit.record(session, scope.account_id(), "message_again", f"e-mail {message_id}")
    except Final as error:
        abort(409, str(error))
    flash("The e-mail is on its way again.", "success")
    return redirect(url_for("messages.page", message_id=message_id), 303)


@pages.get("/<int:message_id>/html")
def html(message_id: int) -> Response:
    """The message's HTML alone, for the sandboxed frame on its page."""
    with scope.reading() as session:
        message = scope.own(session, Message, message_id)
        shown = bodies.shown(message).html
        if shown is None:
            abort(404)
        return previews.sandboxed(shown)
