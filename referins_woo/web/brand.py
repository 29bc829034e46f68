"""Settings > Brand: how the account's e-mails look, and the pictures in them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response, abort, flash, jsonify, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from referins_woo import process
from referins_woo.accounts.models import Account
from referins_woo.errors import InvalidInput
from referins_woo.mail import samples, words
from referins_woo.mail.brand import FONTS, SOCIAL, contrast
from referins_woo.mail.compose import compose
from referins_woo.mail.design import brands, pictures
from referins_woo.mail.design.models import Picture
from referins_woo.web import previews, scope

pages = Blueprint("brand", __name__, url_prefix="/settings/brand")
files = Blueprint("picture_files", __name__, url_prefix="/pictures")

_FORM_AROUND_IT = 100_000
_SAMPLE: dict[str, Any] = {
    "subject": "Your brand",
    "body": [
        {"kind": "heading", "text": "Thank you, {{ contact.first_name }}"},
        {"kind": "text", "text": "This is how your e-mails look, with a link to {{ store.name }} in their button."},
        {"kind": "button", "text": "See your order", "url": "{{ store.url }}"},
        {"kind": "order_items"},
        {"kind": "footer", "text": "{{ store.name }} · {{ store.url }}"},
    ],
}


def allow_pictures(app: Flask) -> None:
    """Let the uploads alone be larger than other forms; asked before anything reads the form."""

    @app.before_request
    def _allow() -> None:
        if request.endpoint in ("brand.change", "brand.upload"):
            request.max_content_length = pictures.MOST_BYTES + _FORM_AROUND_IT
        elif request.endpoint == "api.create_picture":
            request.max_content_length = pictures.MOST_BYTES * 4 // 3 + _FORM_AROUND_IT


@pages.get("")
def page() -> str:
    """The brand, with an e-mail that wears it."""
    return _page(None)


@pages.post("")
def change() -> AnyResponse | tuple[str, int]:
    """Keep what was typed; nothing of it where one field is wrong. A new logo comes as a file."""
    form = request.form
    given: dict[str, Any] = {
        key: form[key] for key in ("logo", "logo_width", "accent", "background", "font", "language") if key in form
    }
    given["social"] = {key: form.get(f"social.{key}", "") for key in SOCIAL}
    try:
        with scope.unit() as session:
            upload = request.files.get("file")
            if upload is not None and upload.filename:
                given["logo"] = _address(_added(session))
            brands.write(session, scope.account_id(), given)
    except InvalidInput as wrong:
        return _page(wrong), 422
    flash("The brand is saved. E-mails that are sent from now on look like this.", "success")
    return redirect(url_for("brand.page"), 303)


@pages.get("/preview")
def preview() -> Response:
    """An e-mail in the brand, for the sandboxed frame."""
    with scope.reading() as session:
        ready = brands.ready(session, scope.account_id(), _SAMPLE)
    return previews.sandboxed(compose(ready, samples.usual()).html)


@pages.get("/pictures")
def gallery() -> str:
    """The pictures of the account."""
    return _gallery(None)


@pages.post("/pictures")
def upload() -> AnyResponse | tuple[str | dict[str, str], int]:
    """Take a picture in; a script that sends one from a field gets its address back."""
    by_script = request.accept_mimetypes.best == "application/json"
    try:
        with scope.unit() as session:
            picture = _added(session)
            said = f"“{picture.name}” is here, {picture.width} × {picture.height} pixels."
            told = {"url": _address(picture), "name": picture.name, "width": picture.width, "height": picture.height}
    except InvalidInput as wrong:
        return ({"error": wrong.message}, 422) if by_script else (_gallery(wrong), 422)
    if by_script:
        return jsonify(told)
    flash(said, "success")
    return redirect(url_for("brand.gallery"), 303)


@pages.post("/pictures/<int:picture_id>/delete")
def delete_picture(picture_id: int) -> AnyResponse:
    """Delete a picture: e-mails that show it, also those that were sent, show it no more."""
    with scope.unit() as session:
        picture = scope.own(session, Picture, picture_id)
        name = picture.name
        session.delete(picture)
    flash(f"“{name}” is deleted.", "success")
    return redirect(url_for("brand.gallery"), 303)


@files.get("/<token>.<any(png, jpeg, gif, webp):kind>")
def show(token: str, kind: str) -> Response:
    """A picture, for mailboxes: no sign-in, an address that nobody can guess, kept by whoever loaded it."""
    with scope.reading() as session:
        picture = pictures.found(session, token[:40], kind)
        if picture is None:
            abort(404)
        answer = Response(picture.content, mimetype=f"image/{picture.kind}")
    answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    answer.headers["Content-Disposition"] = "inline"
    return answer


def _added(session: Session) -> Picture:
    file = request.files.get("file")
    if file is None or not file.filename:
        raise InvalidInput("file", "Choose a picture first.")
    return pictures.add(session, scope.account_id(), file.filename, file.stream.read(pictures.MOST_BYTES + 1))


def _address(picture: Picture) -> str:
    return pictures.address(picture, process.current().config.public_url)


def _page(error: InvalidInput | None) -> str:
    with scope.reading() as session:
        brand = brands.read(session, scope.account_id())
        values = brand.to_json()
        if error is not None:
            values |= {key: request.form.get(key, values[key]) for key in values if key != "social"}
            values["social"] = {key: request.form.get(f"social.{key}", "") for key in SOCIAL}
        return render_template(
            "pages/brand.html",
            values=values,
            error=error,
            fonts=FONTS,
            languages=sorted(words.LANGUAGES.items(), key=lambda one: one[1]),
            networks=SOCIAL,
            most_bytes=pictures.MOST_BYTES,
            dim_link=contrast(brand.accent, "#ffffff") < 4.5,
            account=session.get_one(Account, scope.account_id()),
        )


def _gallery(error: InvalidInput | None) -> str:
    with scope.reading() as session:
        found = [(one, _address(one)) for one in pictures.listed(session, scope.account_id())]
        return render_template(
            "pages/pictures.html", pictures=found, error=error, most=pictures.MOST_BYTES // 1_000_000
        )
