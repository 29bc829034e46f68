"""The dev mailbox `/dev/mail` (N7): what SMTP would have been given. It exists only without SMTP_URL and on loopback.

It stands in for the customers' mailboxes on a developer's machine, so it shows the mails of the signed-in account and
the system's own.
"""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

from flask import Blueprint, Response, abort, render_template, request
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from referins_woo.mail.models import DevMail
from referins_woo.reports.listing import contains
from referins_woo.web import previews, scope

pages = Blueprint("dev_mail", __name__, url_prefix="/dev/mail")

_SHOWN = 200


@pages.get("")
def index() -> str:
    """The newest mails."""
    words = request.args.get("q", "").strip()[:200]
    found = select(DevMail).where(or_(DevMail.account_id == scope.account_id(), DevMail.account_id.is_(None)))
    if words:
        found = found.where(or_(contains(DevMail.to_email, words), contains(DevMail.subject, words)))
    with scope.reading() as session:
        mails = session.scalars(found.order_by(DevMail.id.desc()).limit(_SHOWN)).all()
        return render_template("pages/dev_mails.html", mails=mails, q=words)


@pages.get("/<int:mail_id>")
def page(mail_id: int) -> str:
    """One mail: headers, HTML in a sandboxed frame, plain text."""
    with scope.reading() as session:
        mail = _own(session, mail_id)
        message = _parse(mail)
        plain = message.get_body(("plain",))
        return render_template(
            "pages/dev_mail.html",
            mail=mail,
            headers=[(name, str(value)) for name, value in message.items()],
            text=plain.get_content() if plain is not None else "",
            has_html=message.get_body(("html",)) is not None,
        )


@pages.get("/<int:mail_id>/html")
def html(mail_id: int) -> Response:
    """The mail's HTML part."""
    with scope.reading() as session:
        body = _parse(_own(session, mail_id)).get_body(("html",))
    if body is None:
        abort(404)
    return previews.sandboxed(body.get_content())


@pages.get("/<int:mail_id>/source")
def source(mail_id: int) -> Response:
    """The mail as it would have gone over the wire."""
    with scope.reading() as session:
        return Response(_own(session, mail_id).raw, mimetype="text/plain")


def _own(session: Session, mail_id: int) -> DevMail:
    mail = session.scalar(
        select(DevMail).where(
            DevMail.id == mail_id, or_(DevMail.account_id == scope.account_id(), DevMail.account_id.is_(None))
        )
    )
    if mail is None:
        abort(404)
    return mail


def _parse(mail: DevMail) -> EmailMessage:
    return email.message_from_bytes(mail.raw, policy=email.policy.default)
