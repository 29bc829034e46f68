"""An e-mail on the web, for readers whose mail program shows it badly: as it was written, nothing of it is measured.

The address holds 192 random bits and is the key, as below the e-mail itself; what is opened here changes nothing.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, render_template

from referins_woo.mail import bodies, permission
from referins_woo.web import previews, scope

pages = Blueprint("view_online", __name__)


@pages.get("/view/<token>")
def page(token: str) -> Response | tuple[str, int]:
    """The e-mail alone, able to do nothing; once its body is no longer kept, a page that says so."""
    with scope.reading() as session:
        message = permission.message_of(session, token)
        if message is None or message.purpose == "system":
            abort(404)
        html = bodies.shown(message).html
        if html is not None:
            return previews.sandboxed(html, opens_links=True)
        sender = str((message.footer or {}).get("sender") or message.from_name or "This shop")
        gone = message.state == "sent"
    return render_template("pages/view_online.html", sender=sender, gone=gone), 410 if gone else 404
