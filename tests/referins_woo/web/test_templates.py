"""Templates of e-mails without script: gallery, editor, previews, versions, tests; steps that follow; the brand."""

from __future__ import annotations

import html
import io
import re
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select

from automations import editing
from referins_woo import clock
from referins_woo.commerce.models import Contact
from referins_woo.mail.compose import compose
from referins_woo.mail.design.models import EmailTemplate, Picture
from referins_woo.mail.models import Message, Suppression
from referins_woo.privacy import erase
from referins_woo.process import Process
from referins_woo.runs.models import Automation
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor


class Editor:
    """A merchant at the editor of a template, without script."""

    def __init__(self, merchant: Visitor, running: Process, template_id: int) -> None:
        self.merchant, self.running, self.template_id = merchant, running, template_id
        self.path = f"/templates/{template_id}/edit"
        self.merchant.get(self.path)

    @property
    def template(self) -> EmailTemplate:
        with self.running.database.reading() as session:
            return session.get_one(EmailTemplate, self.template_id)

    @property
    def body(self) -> list[dict[str, Any]]:
        return list(self.template.document["body"])

    def act(self, act: str = "save", revision: int | None = None, **fields: Any) -> str:
        data = {"act": act, "revision": revision or self.template.revision, **fields}
        return html.unescape(self.merchant.follow(self.merchant.post(self.path, data)).text)

    def preview(self, query: str = "") -> str:
        return self.merchant.get(f"/templates/{self.template_id}/preview?{query}").text


@pytest.fixture
def editor(merchant: Visitor, running: Process, ours: Made) -> Editor:
    return Editor(merchant, running, ours.ids["template_id"])


def test_a_template_is_made_from_the_gallery_and_written(merchant: Visitor, running: Process, ours: Made) -> None:
    page = merchant.get("/templates/new").text
    assert "Pending-payment reminder, 2 of 2" in page
    where = merchant.post("/templates/new", {"email": "order_confirmation.confirm"}).headers["Location"]
    editor = Editor(merchant, running, int(re.findall(r"\d+", where)[0]))
    assert editor.template.version == 1
    fields = {"subject": "Hello {{ order.number }}", "b.count": "1", "b.0.kind": "text", "b.0.text": "Hi\r\nyou"}
    assert "Draft differs from version 1" in editor.act(**fields)
    assert editor.template.document["subject"] == "Hello {{ order.number }}"
    assert editor.body == [{"kind": "text", "text": "Hi\nyou"}]
    assert "Hi<br>you" in editor.preview()


def test_blocks_are_added_moved_copied_removed_and_put_into_columns(editor: Editor) -> None:
    editor.act("block:add:divider")
    editor.act("block:up:1")
    assert [one["kind"] for one in editor.body] == ["divider", "text"]
    editor.act("block:copy:1")
    editor.act("block:remove:0")
    editor.act("block:add:columns")
    page = editor.act("block:add:text:2.right")
    assert [one["kind"] for one in editor.body] == ["text", "text", "columns"]
    assert editor.body[2] == {"kind": "columns", "left": [], "right": [{"kind": "text"}]}
    assert "Block 3: Text is missing." in page
    held = {"b.count": "3", "b.0.kind": "text", "b.0.text": "A", "b.1.kind": "text", "b.1.text": "B"}
    held |= {"b.2.kind": "columns", "b.2.left.count": "0", "b.2.right.count": "1"}
    editor.act("save", **held, **{"b.2.right.0.kind": "text", "b.2.right.0.text": "In a column"})
    assert "In a column" in editor.preview()
    editor.act("block:to:2:0")
    assert editor.body[0]["kind"] == "columns"
    assert editor.merchant.post(editor.path, {"act": "block:remove:9", "revision": "1"}).status_code == 303
    assert editor.merchant.post(editor.path, {"act": "explode", "revision": "1"}).status_code == 400


def test_a_block_may_be_shown_under_a_condition(editor: Editor) -> None:
    block = {"b.count": "1", "b.0.kind": "text", "b.0.text": "Big order"}
    shown_if = {"b.0.if.field": "order.total", "b.0.if.operator": "greater_than", "b.0.if.value": "1000"}
    assert "Shown only if" in editor.act(**block, **shown_if)
    assert editor.body[0]["show_if"] == {"field": "order.total", "operator": "greater_than", "value": "1000"}
    assert "Big order" not in editor.preview()
    assert "Big order" in editor.preview("sample=many_lines")


def test_unknown_variables_are_refused_with_a_suggestion_and_never_printed(editor: Editor) -> None:
    page = editor.act(subject="S", **{"b.count": "1", "b.0.kind": "text", "b.0.text": "{{ order.numbr }}"})
    assert "{{ order.numbr }} is not known to Order Submitted. Did you mean {{ order.number }}?" in page
    assert "order.numbr" not in editor.preview()
    refused = editor.merchant.post(f"/templates/{editor.template_id}/versions", {"revision": editor.template.revision})
    assert refused.status_code == 422
    assert editor.template.version == 1


def test_previews_show_every_mode_sample_and_real_order_and_may_do_nothing(
    editor: Editor, ours: Made, theirs: Made
) -> None:
    editor.act(
        subject="S", **{"b.count": "1", "b.0.kind": "text", "b.0.text": "No {{ order.number }} for {{ contact.name }}"}
    )
    answer = editor.merchant.get(f"/templates/{editor.template_id}/preview")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "allow-scripts" not in policy
    assert "No 1042 for Ada Example" in answer.text
    assert "No WC-4812 for Ana Petrova" in editor.preview(f"order={ours.ids['order_id']}")
    assert "WC-4812" in editor.preview(f"contact={ours.ids['contact_id']}")
    assert "prefers-color-scheme" in editor.preview()
    assert "@media all" in editor.preview("mode=dark")
    assert "<pre" in editor.preview("mode=text")
    assert 'dir="rtl"' in editor.preview("sample=right_to_left")
    for path in ("preview", "edit"):
        other = editor.merchant.get(f"/templates/{editor.template_id}/{path}?order={theirs.ids['order_id']}")
        assert other.status_code == 404
    page = editor.merchant.get(f"{editor.path}?order={ours.ids['order_id']}").text
    assert "Ana Petrova" in page, "the picker shows what each variable is for this order"


def test_two_editors_lose_nothing(editor: Editor) -> None:
    editor.act(subject="First")
    htmx = {"HX-Request": "true"}
    late = editor.merchant.post(editor.path, {"act": "save", "revision": "1", "subject": "Second"}, headers=htmx)
    assert late.status_code == 409
    assert "What you typed is still here" in late.text
    assert editor.template.document["subject"] == "First"


def test_blocks_become_code_once_and_code_is_checked_by_line(editor: Editor) -> None:
    page = editor.act("code")
    assert editor.body[0]["kind"] == "code"
    assert "Code does not become blocks again" in page
    code = {"b.count": "1", "b.0.kind": "code", "b.0.language": "html", "b.0.code": "<p>\n<script>x</script>"}
    assert "Line 2: <script> is not shown by mailboxes" in editor.act(**code)
    assert editor.merchant.post(editor.path, {"act": "code", "revision": "3"}).status_code == 400


def test_a_version_goes_into_the_drafts_that_follow_the_template(editor: Editor, running: Process, ours: Made) -> None:
    automation_id = ours.ids["automation_id"]
    builder = f"/automations/{automation_id}/build"

    def automation() -> Automation:
        with running.database.reading() as session:
            return session.get_one(Automation, automation_id)

    def act(name: str, **more: Any) -> str:
        data = {"act": name, "revision": automation().draft_revision, "step": "confirm", **more}
        return html.unescape(editor.merchant.follow(editor.merchant.post(builder, data)).text)

    page = editor.merchant.get(f"{builder}?step=confirm").text
    assert "Thanks" in page and "Make it a template" in page
    page = act("template:use", **{"t.template": editor.template_id})
    step = editing.find(automation().draft, "confirm")
    assert step["template"] == {"id": editor.template_id, "version": 1}
    assert step["subject"] == "We have your order {{ order.number }}"
    assert 'name="f.subject"' not in page, "what follows a template is written there"
    editor.act(subject="Version two {{ order.number }}")
    versions = f"/templates/{editor.template_id}/versions"
    listed = editor.merchant.get(versions).text
    assert automation().name in listed
    editor.merchant.post(versions, {"revision": editor.template.revision, "into": str(automation_id), "note": "Two"})
    step = editing.find(automation().draft, "confirm")
    assert (step["subject"], step["template"]["version"]) == ("Version two {{ order.number }}", 2)
    assert "1 step" in editor.merchant.get("/templates").text
    editor.act(subject="Version three")
    editor.merchant.post(versions, {"revision": editor.template.revision})
    assert editing.find(automation().draft, "confirm")["template"]["version"] == 2, "not ticked"
    assert "Take version 3" in editor.merchant.get(f"{builder}?step=confirm").text
    act("template:newest")
    assert editing.find(automation().draft, "confirm")["subject"] == "Version three"
    act("template:free")
    step = editing.find(automation().draft, "confirm")
    assert "template" not in step and step["subject"] == "Version three"
    act("template:make", has_fields="no")
    made = editing.find(automation().draft, "confirm")["template"]["id"]
    assert made != editor.template_id
    with running.database.reading() as session:
        assert session.get_one(EmailTemplate, made).name == automation().name
    restored = editor.merchant.post(f"{versions}/{ours.ids['kept_id']}/restore")
    assert restored.status_code == 303
    assert editor.template.document["subject"] == "We have your order {{ order.number }}"


def test_another_accounts_template_cannot_be_followed(
    merchant: Visitor, running: Process, ours: Made, theirs: Made
) -> None:
    path = f"/automations/{ours.ids['automation_id']}/build"
    merchant.get(path)
    with running.database.reading() as session:
        revision = session.get_one(Automation, ours.ids["automation_id"]).draft_revision
    data = {"act": "template:use", "revision": revision, "step": "confirm", "t.template": theirs.ids["template_id"]}
    assert "Choose a template from the list" in merchant.follow(merchant.post(path, data)).text


def test_templates_are_duplicated_archived_and_taken_back(editor: Editor) -> None:
    template = f"/templates/{editor.template_id}"
    copied = editor.merchant.follow(editor.merchant.post(f"{template}/duplicate"))
    assert "Copy of Thanks" in copied.text
    assert "is archived" in editor.merchant.follow(editor.merchant.post(f"{template}/archive")).text
    assert f'href="{template}/edit"' not in editor.merchant.get("/templates").text
    assert f'href="{template}/edit"' in editor.merchant.get("/templates?archived=1").text
    editor.merchant.post(f"{template}/unarchive")
    assert f'href="{template}/edit"' in editor.merchant.get("/templates").text


def test_a_test_has_inert_links_and_says_that_it_is_one(editor: Editor, running: Process, ours: Made) -> None:
    button = {"b.count": "1", "b.0.kind": "button", "b.0.text": "Pay", "b.0.url": "{{ store.url }}"}
    editor.act(subject="S", **button)
    answer = editor.merchant.post(f"/templates/{editor.template_id}/test", {"to": "me@example.com, you@example.com"})
    assert "A test is on its way to me@example.com, you@example.com" in editor.merchant.follow(answer).text
    with running.database.reading() as session:
        rows = session.scalars(
            select(Message).where(Message.purpose == "system", Message.account_id == ours.account_id)
        ).all()
    assert {one.to_email for one in rows} == {"me@example.com", "you@example.com"}
    made = compose(rows[0].template, rows[0].facts)
    assert made.subject == "[Test] S"
    assert 'href="#"' in made.html and "https://shop.example.com" not in made.html


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("", "Give one to 5 addresses"),
        (" ".join(f"a{n}@example.com" for n in range(6)), "Give one to 5 addresses"),
        ("nobody", "nobody is no e-mail address"),
        ("a@example.com\r\nBcc:x", "is no e-mail address"),
        ("bounced@example.com", "gets no e-mails"),
    ],
)
def test_a_test_to_nobody_or_too_many_is_refused(
    editor: Editor, running: Process, ours: Made, to: str, said: str
) -> None:
    with running.database.unit() as session:
        session.add(Suppression(account_id=ours.account_id, email_key="bounced@example.com", reason="bounced"))
    answer = editor.merchant.post(f"/templates/{editor.template_id}/test", {"to": to})
    assert said in html.unescape(editor.merchant.follow(answer).text)
    with running.database.reading() as session:
        assert session.scalars(select(Message).where(Message.purpose == "system")).all() == []


def test_tests_are_counted(editor: Editor, app: Flask) -> None:
    for _ in range(6):
        answer = editor.merchant.post(
            f"/templates/{editor.template_id}/test", {"to": "a@e.com b@e.com c@e.com d@e.com e@e.com"}
        )
        assert "on its way" in editor.merchant.follow(answer).text
    answer = editor.merchant.post(f"/templates/{editor.template_id}/test", {"to": "a@e.com"})
    assert "Too many tests" in editor.merchant.follow(answer).text


def _png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(out, "PNG")
    return out.getvalue()


def test_a_logo_is_uploaded_and_stands_above_every_email(
    merchant: Visitor, running: Process, app: Flask, ours: Made
) -> None:
    merchant.get("/settings/brand")
    form = {"accent": "#0f766e", "background": "#ffffff", "font": "classic", "language": "de_DE", "logo_width": "120"}
    file = (io.BytesIO(_png()), "logo.png")
    saved = merchant.post("/settings/brand", {**form, "file": file}, content_type="multipart/form-data")
    assert "The brand is saved" in merchant.follow(saved).text
    shown = merchant.get("/settings/brand/preview").text
    address = re.search(r'src="(http[^"]+/pictures/[^"]+)"', shown)
    assert address is not None and "#0f766e" in shown and "Gesamt" in shown
    loaded = app.test_client().get("/pictures/" + address[1].rpartition("/")[2])
    assert loaded.status_code == 200
    assert loaded.mimetype == "image/png"
    assert loaded.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in loaded.headers["Cache-Control"]
    assert app.test_client().get("/pictures/nothing.png").status_code == 404
    wrong = merchant.post("/settings/brand", {**form, "accent": "red"})
    assert wrong.status_code == 422 and "is not a colour" in wrong.text


def test_pictures_are_kept_and_deleted(merchant: Visitor, running: Process, ours: Made) -> None:
    merchant.get("/settings/brand/pictures")
    bad = merchant.post(
        "/settings/brand/pictures", {"file": (io.BytesIO(b"<svg/>"), "x.svg")}, content_type="multipart/form-data"
    )
    assert bad.status_code == 422 and "mailboxes show no other pictures" in bad.text
    good = merchant.post(
        "/settings/brand/pictures", {"file": (io.BytesIO(_png()), "x.png")}, content_type="multipart/form-data"
    )
    assert "30 × 20 pixels" in merchant.follow(good).text
    large = {"file": (io.BytesIO(b"x" * 5_000_001), "x.png")}
    assert merchant.post("/settings/brand/pictures", large, content_type="multipart/form-data").status_code == 422
    merchant.post(f"/settings/brand/pictures/{ours.ids['picture_id']}/delete")
    with running.database.reading() as session:
        assert [one.name for one in session.scalars(select(Picture))] == ["x.png"]


def test_a_picture_that_a_script_sends_answers_its_address(merchant: Visitor, ours: Made) -> None:
    merchant.get("/settings/brand/pictures")
    asked = {"content_type": "multipart/form-data", "headers": {"Accept": "application/json"}}
    sent = merchant.post("/settings/brand/pictures", {"file": (io.BytesIO(_png()), "x.png")}, **asked)
    assert sent.status_code == 200
    told = dict(sent.json or {})
    assert "/pictures/" in told.pop("url")
    assert told == {"name": "x.png", "width": 30, "height": 20}
    bad = merchant.post("/settings/brand/pictures", {"file": (io.BytesIO(b"<svg/>"), "x.svg")}, **asked)
    assert bad.status_code == 422
    assert bad.json == {"error": "This is no PNG, JPEG, GIF or WebP: mailboxes show no other pictures."}


def test_without_script_variables_are_listed_with_their_values(editor: Editor) -> None:
    without = editor.merchant.get(editor.path).text.partition("<noscript>")[2].partition("</noscript>")[0]
    assert '<code>{{ order.number }}</code></dt><dd class="text-secondary break">Order number: 1042</dd>' in without


def test_a_test_with_a_real_order_forgets_whoever_is_erased(editor: Editor, running: Process, ours: Made) -> None:
    path = f"/templates/{editor.template_id}/test?order={ours.ids['order_id']}"
    editor.merchant.post(path, {"to": "me@example.com"})
    assert "[Test]" not in editor.merchant.get(f"/contacts/{ours.ids['contact_id']}").text, "it is no e-mail to them"
    with running.database.unit() as session:
        assert "Petrova" in str(session.scalars(select(Message.facts).where(Message.purpose == "system")).one())
        erase.erase(session, session.get_one(Contact, ours.ids["contact_id"]), clock.now())
    with running.database.reading() as session:
        message = session.scalars(select(Message).where(Message.purpose == "system")).one()
    assert (message.facts, message.template, message.state) == ({}, {}, "skipped")
