"""One contact's personal data: handed out, or erased (N3)."""

from __future__ import annotations

import orjson
from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from referins_woo import clock
from referins_woo.accounts import audit
from referins_woo.commerce.models import Contact
from referins_woo.privacy.erase import erase
from referins_woo.privacy.export import export
from referins_woo.reports import contacts as reports
from referins_woo.web import scope

pages = Blueprint("privacy", __name__, url_prefix="/contacts/<int:contact_id>")


@pages.get("/personal-data.json")
def personal_data(contact_id: int) -> Response:
    """Everything that is known of the contact, to give to them."""
    with scope.unit() as session:
        contact = scope.own(session, Contact, contact_id)
        document = export(session, contact, clock.now())
        audit.record(session, scope.account_id(), "contact_exported", f"contact {contact_id}")
    answer = Response(orjson.dumps(document, option=orjson.OPT_INDENT_2), mimetype="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="contact-{contact_id}.json"'
    return answer


@pages.get("/erase")
def ask(contact_id: int) -> str:
    """What erasing will do, before it does."""
    with scope.reading() as session:
        contact = scope.own(session, Contact, contact_id)
        return render_template("pages/contact_erase.html", contact=contact, it=reports.contact_page(session, contact))


@pages.post("/erase")
def erase_contact(contact_id: int) -> AnyResponse | tuple[str, int]:
    """Erase the contact, once the box is ticked."""
    with scope.unit() as session:
        contact = scope.own(session, Contact, contact_id)
        if request.form.get("sure") != "yes":
            page = render_template(
                "pages/contact_erase.html",
                contact=contact,
                it=reports.contact_page(session, contact),
                error="Tick the box to say that you are sure.",
            )
            return page, 422
        done = erase(session, contact, clock.now())
    flash(
        f"The person is erased. Orders that no longer name them: {done.orders}; e-mails: {done.messages}. "
        "They get no e-mail any more, and past orders do not bring them back.",
        "success",
    )
    return redirect(url_for("contacts.index"), 303)
