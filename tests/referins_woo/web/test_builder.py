"""The builder without script: every act is a form, every change is saved, and a conflict loses nothing."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from sqlalchemy import select

from automations import editing
from automations.compare import OPERATORS
from automations.conditions import FIELDS
from automations.fields import FIELD_KINDS
from automations.steps import COMMON_FIELDS, STEPS
from automations.triggers import TRIGGERS
from referins_woo import clock
from referins_woo.mail.models import Message
from referins_woo.process import Process
from referins_woo.runs.models import Automation, AutomationVersion, Run
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor


class Builder:
    """A merchant at the builder, without script."""

    def __init__(self, merchant: Visitor, running: Process, automation_id: int) -> None:
        self.merchant, self.running = merchant, running
        self.automation_id = automation_id
        self.path = f"/automations/{automation_id}/build"
        self.merchant.get(self.path)

    @property
    def automation(self) -> Automation:
        with self.running.database.reading() as session:
            return session.get_one(Automation, self.automation_id)

    @property
    def draft(self) -> dict[str, Any]:
        return dict(self.automation.draft)

    def step(self, step_id: str) -> dict[str, Any]:
        return editing.find(self.draft, step_id)

    def act(self, act: str, revision: int | None = None, **more: Any) -> str:
        data = {"act": act, "revision": revision or self.automation.draft_revision, **more}
        return self.merchant.follow(self.merchant.post(self.path, data)).text

    def fill(self, step: str, act: str = "save", **fields: Any) -> str:
        return self.act(act, step=step, has_fields="yes", **fields)


@pytest.fixture
def builder(merchant: Visitor, running: Process, ours: Made) -> Builder:
    return Builder(merchant, running, ours.ids["automation_id"])


def test_a_flow_is_built_step_by_step_and_undone(builder: Builder) -> None:
    page = builder.act("add:split", place="start")
    assert "Goes one of two ways" in page
    builder.act("add:wait", place="in:split:no")
    builder.fill("wait", **{"f.period": "2d"})
    assert builder.step("wait") == {"id": "wait", "kind": "wait", "period": "2d"}
    builder.act("up:wait")
    assert [step["id"] for step in builder.draft["steps"]][:2] == ["wait", "split"]
    page = builder.act("undo")
    assert "Undone: Moved “Wait”" in page
    assert builder.step("split")["no"][0]["id"] == "wait"
    builder.act("redo")
    builder.act("duplicate:split")
    builder.act("toggle:split")
    assert builder.step("split")["disabled"] is True
    assert "split_2" in str(builder.draft)
    builder.act("delete:split_2:all")
    builder.act("delete:split:no")
    assert "split" not in str(builder.draft)
    for _ in range(3):
        builder.act("undo")
    assert "split_2" in str(builder.draft)


def test_conditions_are_built_in_groups_and_operators_follow_their_field(builder: Builder) -> None:
    builder.fill("trigger", "condition:add:", **{"c.group": "all"})
    builder.fill(
        "trigger",
        "condition:group:",
        **{"c.group": "any", "c.0.field": "order.total", "c.0.operator": "at_least", "c.0.value": "50"},
    )
    page = builder.fill(
        "trigger",
        **{
            "c.group": "any",
            "c.0.field": "order.total",
            "c.0.operator": "at_least",
            "c.0.value": "50",
            "c.1.group": "all",
            "c.1.0.field": "order.is_guest",
            "c.1.0.operator": "at_least",
            "f.excluded_sources": "subscription, admin",
        },
    )
    assert builder.draft["filters"] == {
        "any": [
            {"field": "order.total", "operator": "at_least", "value": "50"},
            {"all": [{"field": "order.is_guest", "operator": "is_true"}]},
        ]
    }
    assert builder.draft["excluded_sources"] == ["admin", "subscription"]
    assert "Total is at least 50 or (Guest order is true)" in page
    builder.fill("trigger", "condition:remove:0", **{"c.group": "any", "c.0.field": "order.total", "c.0.value": "50"})
    assert builder.draft["filters"] == {}


def test_an_email_is_written_in_blocks(builder: Builder) -> None:
    builder.act("add:send_email", place="start")
    for kind in ("heading", "text", "button"):
        body = builder.step("send_email").get("body") or []
        typed = {f"b.{number}.kind": block["kind"] for number, block in enumerate(body)}
        builder.fill("send_email", f"block:add:{kind}", **{"b.count": len(body), **typed, "f.subject": "News"})
    filled = {
        "b.count": 3,
        "b.0.kind": "heading",
        "b.0.text": "Hello",
        "b.1.kind": "text",
        "b.1.text": "Line one\r\nLine two",
        "b.2.kind": "button",
        "b.2.text": "Shop",
        "b.2.url": "{{ store.url }}",
        "b.2.promotional": "yes",
    }
    page = builder.fill("send_email", "block:up:2", **filled)
    assert builder.step("send_email")["body"] == [
        {"kind": "heading", "text": "Hello"},
        {"kind": "button", "text": "Shop", "url": "{{ store.url }}", "promotional": True},
        {"kind": "text", "text": "Line one\nLine two"},
    ]
    assert "Marketing" in page
    assert "subscribed contacts only" in page


@pytest.mark.parametrize("kind", sorted(STEPS))
def test_every_kind_of_step_has_its_form(builder: Builder, kind: str) -> None:
    page = html.unescape(builder.act(f"add:{kind}", place="start"))
    for field in (*STEPS[kind].fields, *COMMON_FIELDS):
        assert field.label in page, field.key
        assert field.kind in FIELD_KINDS


@pytest.mark.parametrize("trigger", sorted(TRIGGERS))
def test_every_trigger_can_be_chosen_and_offers_what_it_knows(builder: Builder, trigger: str) -> None:
    page = builder.fill("trigger", "look", **{"f.trigger": trigger})
    assert builder.draft["trigger"] == trigger
    page = builder.fill("trigger", "condition:add:", **{"c.group": "all"})
    for one in FIELDS.values():
        assert (f'value="{one.key}"' in page) is (one.fact in TRIGGERS[trigger].facts), one.key


@pytest.mark.parametrize("key", sorted(FIELDS))
def test_every_condition_can_be_entered(builder: Builder, key: str) -> None:
    known = next(trigger for trigger in TRIGGERS.values() if FIELDS[key].fact in trigger.facts)
    builder.fill("trigger", "look", **{"f.trigger": known.key})
    for operator in (one for one in OPERATORS.values() if FIELDS[key].kind in one.kinds):
        form = {"c.group": "all", "c.0.field": key, "c.0.operator": operator.key, "c.0.value": "1"}
        page = builder.fill("trigger", "look", **form)
        assert f'value="{operator.key}" selected' in page
        assert ('name="c.0.value"' in page) is operator.takes_value


def test_what_ends_it_and_its_settings_are_kept(builder: Builder) -> None:
    form = {"x.asked": "yes", "x": ["paid", "tag"], "f.exit_tags": "left, gone", "f.reentry": "once_in"}
    page = builder.fill("settings", **form, **{"f.reentry_period": "30d", "f.quiet_hours": "own"})
    draft = builder.draft
    assert (draft["exit_on"], draft["exit_tags"]) == (["paid", "tag"], ["left", "gone"])
    assert (draft["settings"]["reentry"], draft["settings"]["reentry_period"]) == ("once_in", "30d")
    assert "needs from and to" in page.replace("need from and to", "needs from and to")


def test_two_editors_lose_nothing_in_silence(builder: Builder) -> None:
    seen = builder.automation.draft_revision
    builder.fill("confirm", **{"f.subject": "First"})
    data = {"act": "save", "revision": seen, "step": "confirm", "has_fields": "yes", "f.subject": "Second"}
    second = builder.merchant.post(builder.path, data)
    assert second.status_code == 409
    assert "somebody else has changed this automation" in second.text
    assert "Changed “Send e-mail”: subject." in second.text
    assert builder.step("confirm")["subject"] == "First"


def test_typing_changes_the_flow_and_not_the_drawer(builder: Builder) -> None:
    data = {"act": "save", "step": "confirm", "has_fields": "yes", "f.subject": "Hi {{ contact.frist_name }}"}
    data["revision"] = str(builder.automation.draft_revision)
    answer = builder.merchant.post(builder.path, data, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert 'id="builder-flow"' in answer.text
    assert 'id="drawer-form" class' not in answer.text
    assert f'id="drawer-revision" name="revision" value="{builder.automation.draft_revision}"' in answer.text
    assert "Did you mean {{ contact.first_name }}?" in answer.text


def test_a_step_is_copied_from_one_automation_and_pasted_into_another(
    builder: Builder, merchant: Visitor, running: Process
) -> None:
    builder.act("copy:confirm")
    merchant.post("/automations/new", {"recipe": "payment_thank_you"})
    with running.database.reading() as session:
        other = session.scalars(select(Automation.id).order_by(Automation.id.desc())).first() or 0
    second = Builder(merchant, running, other)
    assert "Paste “Send e-mail”" in merchant.get(f"{second.path}?add=start").text
    second.act("paste", place="start")
    assert second.step("confirm")["subject"] == builder.step("confirm")["subject"]


@pytest.mark.parametrize("act", ["up:gone", "delete:gone:all", "add:wait", "block:up:9", "paste", "undo"])
def test_what_is_not_there_any_more_is_said_and_nothing_changes(builder: Builder, act: str) -> None:
    before = builder.draft
    page = builder.act(act, step="confirm")
    assert any(words in page for words in ("any more", "nothing to undo"))
    assert builder.draft == before


def test_an_unknown_act_is_refused(builder: Builder) -> None:
    assert builder.merchant.post(builder.path, {"act": "explode", "revision": 1}).status_code == 400


def test_an_unknown_step_is_a_grey_card_and_stays(builder: Builder, running: Process) -> None:
    with running.database.unit() as session:
        automation = session.get_one(Automation, builder.automation_id)
        automation.draft = {**automation.draft, "steps": [{"id": "new", "kind": "teleport", "to": "moon"}]}
    page = builder.merchant.get(f"{builder.path}?step=new").text
    assert "does not know the step" in page
    builder.act("add:wait", place="after:new")
    assert builder.draft["steps"][0] == {"id": "new", "kind": "teleport", "to": "moon"}


def test_publishing_asks_shows_what_changes_and_keeps_versions(builder: Builder, merchant: Visitor, ours: Made) -> None:
    base = f"/automations/{builder.automation_id}"
    builder.fill("confirm", **{"f.subject": "A new subject"})
    page = merchant.get(f"{base}/publish").text
    assert "Changed “Send e-mail”: subject." in page
    assert "Nothing is missing" in page
    revision = builder.automation.draft_revision
    stale = merchant.post(f"{base}/publish", {"revision": revision - 1})
    assert (stale.status_code, "has changed since you looked" in stale.text) == (422, True)
    done = merchant.follow(merchant.post(f"{base}/publish", {"revision": revision, "note": "Friendlier"}))
    assert "Published: it starts for events from now on" in done.text
    versions = merchant.get(f"{base}/versions").text
    assert "Friendlier" in versions
    assert "Changed “Send e-mail”: subject." in versions
    with builder.running.database.reading() as session:
        first = session.scalars(select(AutomationVersion.id).where(AutomationVersion.number == 1)).first()
    page = merchant.follow(merchant.post(f"{base}/versions/{first}/restore")).text
    assert "Draft has unpublished changes" in page
    assert builder.step("confirm")["subject"].startswith("We have your order")
    builder.act("undo")
    assert builder.step("confirm")["subject"] == "A new subject"
    copy = merchant.follow(merchant.post(f"{base}/versions/{first}/duplicate"))
    assert "(copy)" in copy.text


def test_what_is_half_done_is_saved_and_cannot_be_published(builder: Builder, merchant: Visitor) -> None:
    builder.act("add:wait", place="start")
    page = merchant.get(builder.path).text
    assert "1 thing is missing before it can be published" in page
    base = f"/automations/{builder.automation_id}/publish"
    assert "For is missing" in merchant.get(base).text
    refused = merchant.post(base, {"revision": builder.automation.draft_revision})
    assert refused.status_code == 422


def test_figures_stand_on_the_cards_and_stay_while_one_works(builder: Builder, merchant: Visitor) -> None:
    assert "b-figures" not in merchant.get(builder.path).text
    page = merchant.get(f"{builder.path}?stats=30").text
    assert "Of the 1 order that entered in the last 30 days" in page
    for label, value in (("Entered", 1), ("Came", 1), ("Went on", 1), ("Sent", 1), ("Waiting", 0)):
        assert re.search(rf"<dt>{label}</dt><dd class=\"num\">(<a [^>]*>)?{value}<", page), label
    assert "step=confirm&amp;stats=30" in page
    data = {"act": "add:wait", "place": "start", "revision": str(builder.automation.draft_revision)}
    answer = merchant.post(f"{builder.path}?stats=30", data)
    assert answer.headers["Location"].endswith("stats=30")
    assert "b-figures" in merchant.follow(answer).text
    assert "b-figures" not in merchant.get(f"{builder.path}?stats=31").text


def test_the_menu_of_a_card_leads_to_its_name_and_note(builder: Builder, merchant: Visitor) -> None:
    page = html.unescape(merchant.get(builder.path).text)
    for words in ("Rename", "Note", "Move up", "Move down", "Duplicate", "Copy", "Switch off", "Delete"):
        assert f"</svg> {words}" in page, words
    page = merchant.get(f"{builder.path}?step=confirm&focus=%23f-name").text
    assert 'data-focus="#f-name"' in page
    assert '<details class="mt-3" open>' in page


def test_publishing_points_at_steps_never_reached_and_tags_nobody_has(
    builder: Builder, merchant: Visitor, running: Process
) -> None:
    steps: list[dict[str, Any]] = [
        {
            "id": "large",
            "kind": "split",
            "condition": {"field": "contact.tags", "operator": "has", "value": ["vip", "given"]},
            "yes": [],
            "no": [{"id": "out", "kind": "exit"}, {"id": "never", "kind": "wait", "period": "1d", "name": "Sleep"}],
        },
        {"id": "tag", "kind": "add_tag", "tag": "Given"},
    ]
    with running.database.unit() as session:
        automation = session.get_one(Automation, builder.automation_id)
        automation.draft = {**automation.draft, "steps": steps, "exit_on": ["tag"], "exit_tags": ["gone"]}
    page = html.unescape(merchant.get(f"/automations/{builder.automation_id}/publish").text)
    assert "“Sleep” is never reached: the step before it ends the run" in page
    assert "Nobody has the tag “vip” yet" in page
    assert "Nobody has the tag “gone” yet" in page
    assert "Nobody has the tag “given”" not in page, "the automation itself gives it"
    assert "The branch “Yes” of “If / else” is empty: it goes on below" in page


def test_editing_a_wait_says_whom_it_affects(builder: Builder, merchant: Visitor, running: Process, ours: Made) -> None:
    builder.act("add:wait", place="start")
    assert "keep their time" not in merchant.get(f"{builder.path}?step=wait").text
    with running.database.unit() as session:
        run = session.get_one(Run, ours.ids["run_id"])
        run.state, run.step, run.ended_at = "waiting", "wait", None
    page = merchant.get(f"{builder.path}?step=wait").text
    assert "1 waiting here now keep their time: a change holds for whoever comes after it is published." in page
    assert ">1 waiting</a>" in page, "the card leads to who waits"


def test_the_card_of_an_email_says_who_opened_and_clicked(
    builder: Builder, merchant: Visitor, running: Process, ours: Made
) -> None:
    with running.database.unit() as session:
        mail = session.get_one(Message, ours.ids["message_id"])
        mail.automation_id, mail.step_id, mail.measured = builder.automation_id, "confirm", True
        mail.sent_at = mail.clicked_at = clock.now()
    page = merchant.get(f"{builder.path}?stats=30").text
    assert '<dt>Opened</dt><dd class="num">1</dd>' in page
    assert '<dt>Clicked</dt><dd class="num">1</dd>' in page
    assert "<dt>Orders</dt>" not in page
