"""The editor of a template: blocks as a form, the e-mail beside it as an order or a sample would make it.

One address takes every change, on the revision that was seen; typing is saved as it comes. Without script each act is a
form. The preview has an address and a policy of its own; nothing here sends but the test, whose links lead nowhere.
"""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, abort, flash, make_response, redirect, render_template, request, url_for
from markupsafe import escape
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from automations import words
from automations.blocks import BLOCKS, CODE, PROMOTIONAL_BLOCKS, is_code, walk
from automations.compare import OPERATORS
from automations.conditions import FIELDS
from automations.editing import NoSuchPlace
from automations.triggers import TRIGGERS
from automations.variables import FORMATS, GROUPS, of_trigger
from referins_woo import clock, process
from referins_woo.accounts.models import Account
from referins_woo.errors import InvalidInput
from referins_woo.mail import samples
from referins_woo.mail.design import as_code, brands, pictures
from referins_woo.mail.design import templates as room
from referins_woo.mail.design.checks import checks
from referins_woo.mail.design.models import EmailTemplate
from referins_woo.mail.sandbox import TemplateFault
from referins_woo.reports import builder as reports
from referins_woo.runs import previewed
from referins_woo.web import block_forms, previews, scope, security, trial_mails
from referins_woo.web import template_looks as looks
from referins_woo.web.builder_acts import UnknownAct, changed_blocks

pages = Blueprint("template_editor", __name__, url_prefix="/templates/<int:template_id>")

_DARK: Final = "@media (prefers-color-scheme: dark)"


@pages.get("/edit")
def page(template_id: int) -> str:
    """The editor."""
    with scope.reading() as session:
        template = scope.own(session, EmailTemplate, template_id)
        return _render(session, template, looks.asked(session), "pages/template.html")


@pages.post("/edit")
def change(template_id: int) -> AnyResponse | tuple[str, int]:
    """Save what the form holds, and do one act."""
    act, _, rest = request.form.get("act", "save").partition(":")
    look = looks.Look.asked()
    try:
        with scope.unit() as session:
            template = scope.own(session, EmailTemplate, template_id)
            document = _document(template)
            document, look.focus = _acted(session, document, act, rest)
            room.save(
                session,
                template,
                scope.who().user_id,
                request.form.get("revision", 0, type=int),
                document=document,
                name=request.form.get("name"),
                trigger=request.form.get("trigger"),
            )
            if not _by_htmx():
                return redirect(url_for("template_editor.page", template_id=template_id, **look.query()), 303)
            part = "state" if act == "save" else "form"
            return make_response(_render(session, template, look, f"components/template/{part}.html"))
    except room.TemplateConflict as conflict:
        return _refused(template_id, look, str(conflict), 409)
    except (InvalidInput, NoSuchPlace) as wrong:
        return _refused(template_id, look, str(wrong), 422)
    except UnknownAct:
        abort(400)


@pages.get("/preview")
def preview(template_id: int) -> Response:
    """The e-mail alone, for the sandboxed frame of the editor."""
    with scope.reading() as session:
        template = scope.own(session, EmailTemplate, template_id)
        look = looks.asked(session)
        try:
            made = looks.composed(session, template, look)
        except TemplateFault as fault:
            return previews.sandboxed(f'<p style="font:16px sans-serif;padding:24px">{escape(str(fault))}</p>')
    if look.mode == "text":
        style = "font:14px/1.5 ui-monospace,monospace;padding:16px;white-space:pre-wrap;overflow-wrap:anywhere"
        return previews.sandboxed(f'<!doctype html><pre style="{style}">{escape(made.text)}</pre>')
    return previews.sandboxed(made.html.replace(_DARK, "@media all") if look.mode == "dark" else made.html)


@pages.post("/test")
def send_test(template_id: int) -> AnyResponse:
    """Send a test to a few addresses: "[Test]" before its subject, links that lead nowhere."""
    look = looks.Look.asked()
    back = url_for("template_editor.page", template_id=template_id, **look.query())
    try:
        with scope.unit() as session:
            template = scope.own(session, EmailTemplate, template_id)
            to = trial_mails.addresses(request.form.get("to", ""))
            look = looks.asked(session)
            facts = looks.facts_of(session, template, look)
            contact = (facts.get("contact") or {}).get("id") if look.order is not None else None
            trial_mails.put(session, template.document, facts, to, of=str(template.id), contact_id=contact)
    except InvalidInput as wrong:
        flash(wrong.message, "error")
    except TemplateFault as fault:
        flash(f"It cannot be written yet: {fault}", "error")
    else:
        flash(f"A test is on its way to {', '.join(to)}. Its links lead nowhere.", "success")
    return redirect(back, 303)


def _acted(session: Session, document: dict[str, Any], act: str, rest: str) -> tuple[dict[str, Any], str]:
    """Return the document after an act, and what takes the focus."""
    if act in ("save", "look"):
        return document, ""
    if act == "block":
        body, place = changed_blocks(document.get("body") or [], rest)
        focus = f"#block-{place.replace('.', '-')}" if place else "#blocks-title"
        return {**document, "body": body}, focus
    if act == "code":
        if is_code(document.get("body")):
            raise UnknownAct(act)
        brand = brands.read(session, scope.account_id())
        block: dict[str, Any] = {"kind": CODE, "language": "mjml"}
        block["code"] = as_code.mjml_of(document.get("body") or [], brand)
        if room.is_marketing(document):
            block["promotional"] = True
        return {**document, "body": [block]}, "#blocks-title"
    raise UnknownAct(act)


def _document(template: EmailTemplate) -> dict[str, Any]:
    """Return the draft with what the form holds; what it does not ask for stays."""
    form = request.form
    document = dict(template.document)
    for key in ("subject", "preheader", "plain"):
        if key in form:
            document[key] = block_forms.lines(form[key])
    if "transactional.asked" in form:
        document["transactional"] = form.get("transactional") == "yes"
    if "b.count" in form:
        document["body"] = block_forms.read(form, "b", template.document.get("body"))
    return document


def _refused(template_id: int, look: looks.Look, said: str, status: int) -> AnyResponse | tuple[str, int]:
    """Nothing was saved: what was typed stays in the form."""
    if not _by_htmx():
        flash(said, "error")
        return redirect(url_for("template_editor.page", template_id=template_id, **look.query()), 303)
    with scope.reading() as session:
        template = scope.own(session, EmailTemplate, template_id)
        return _render(session, template, look, "components/template/state.html", refused=said), status


def _render(session: Session, template: EmailTemplate, look: looks.Look, page_name: str, refused: str = "") -> str:
    account_id, whole = scope.account_id(), page_name.startswith("pages/")
    facts = looks.facts_of(session, template, look)
    problems = room.problems(template.document, template.trigger)
    composed, fault = None, ""
    try:
        composed = looks.composed(session, template, look)
    except TemplateFault as wrong:
        fault = str(wrong)
    marketing = room.is_marketing(template.document)
    account = session.get_one(Account, account_id)
    body = template.document.get("body") or []
    variables = of_trigger(template.trigger)
    orders = previewed.recent_orders(session, account_id)
    if look.order is not None and look.order not in {one[0] for one in orders}:
        orders.append((look.order, str((facts.get("order") or {}).get("number", look.order)), ""))
    return render_template(
        page_name,
        template=template,
        document=template.document,
        body=body,
        is_code=is_code(body),
        look=look,
        modes=looks.MODES,
        samples=samples.SAMPLES,
        orders=orders,
        problems=problems,
        composed=composed,
        fault=fault,
        checks=checks(
            template.document, composed, facts, marketing=marketing, has_address=bool(account.postal_address)
        ),
        marketing=marketing,
        sender=account.sender_name or str((facts.get("store") or {}).get("name") or account.name),
        has_changes=_has_changes(session, template),
        refused=refused,
        now=clock.now(),
        catalogue=CATALOGUE,
        offers={"products": reports.offers(session, account_id)["products"]} if _needs_products(body) else {},
        pictures=[
            (pictures.address(one, process.current().config.public_url), one.name)
            for one in pictures.listed(session, account_id)
        ],
        most_bytes=pictures.MOST_BYTES,
        values=looks.values_of(facts, variables),
        groups=GROUPS,
        formats=FORMATS,
        parts_only=not whole,
        style_nonce=security.style_nonce() if whole else "",
        trigger=template.trigger,
        promotional_kinds=PROMOTIONAL_BLOCKS,
        words=words,
    )


def _has_changes(session: Session, template: EmailTemplate) -> bool:
    kept = room.version(session, template, template.version)
    return kept is None or kept.document != template.document


def _needs_products(body: Any) -> bool:
    return any(block.get("kind") == "product_cards" for block, _ in walk(body))


def _by_htmx() -> bool:
    return bool(request.headers.get("HX-Request"))


CATALOGUE: Final[dict[str, Any]] = {
    "blocks": BLOCKS,
    "conditions": FIELDS,
    "operators": OPERATORS,
    "operators_of": {
        one.kind: [operator for operator in OPERATORS.values() if one.kind in operator.kinds] for one in FIELDS.values()
    },
    "triggers": TRIGGERS,
}
