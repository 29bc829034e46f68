"""What a change on the builder's page asks for: the drawer's form, then one act, as a change to the document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from werkzeug.datastructures import MultiDict

from automations import block_editing, editing, words
from automations.editing import Document, NoSuchPlace
from automations.settings import SETTINGS
from automations.steps import COMMON_FIELDS, EXIT_CONDITIONS, STEPS
from automations.triggers import TRIGGERS
from referins_woo.web import builder_forms as forms

TRIGGER: Final = "trigger"
SETTINGS_CARD: Final = "settings"
_LONGEST_PATH: Final = 60
Form = MultiDict[str, str]


@dataclass(slots=True)
class Look:
    """What the page shows beside the draft."""

    step: str = ""
    """The card whose drawer is open: a step's id, `trigger` or `settings`."""
    add: str = ""
    """The place whose picker is open."""
    focus: str = ""
    """What takes the focus once the page has changed."""
    conflict: list[str] | None = None
    """What somebody else changed meanwhile."""
    said: str = ""
    tested: str = ""
    """What became of a test of the open step's e-mail, in words."""
    stats: int = 0
    """Of how many days the cards show figures; 0: they show none."""


@dataclass(slots=True)
class Act:
    """One change: its words for undo, what it does to the document, and what is shown afterwards."""

    label: str
    change: Callable[[Document], Document]
    look: Look = field(default_factory=Look)
    typing: bool = False


class UnknownAct(ValueError):
    """The form asks for something that the page does not offer."""


def read(draft: Document, form: Form, act: str, rest: str, copied: Document | None) -> Act:
    """Return what the form asks for of `draft`. Raises NoSuchPlace for what the draft has not, UnknownAct."""
    step_id = form.get("step", "")
    open_step = form.get("has_fields") == "yes"

    def drawer(document: Document) -> Document:
        return with_drawer(document, step_id, form) if open_step else document

    def on_step(label: str, change: Callable[[Document, str], Document], target: str, look: Look) -> Act:
        name = words.title(editing.find(draft, target))
        return Act(f"{label} “{name}”", lambda document: change(drawer(document), target), look)

    if act in ("save", "look"):
        name = card_name(draft, step_id)
        return Act(f"Changed {name}", drawer, Look(step=step_id), typing=True)
    if act == "add":
        place = form.get("place", "")
        after, made = editing.insert(draft, place, rest)
        return Act(f"Added “{STEPS[rest].label}”", lambda _: after, Look(step=made, focus="#drawer-title"))
    if act == "paste":
        after, made = editing.paste(draft, form.get("place", ""), _needed(copied))
        return Act("Pasted a step", lambda _: after, Look(step=made, focus="#drawer-title"))
    if act == "duplicate":
        after, made = editing.duplicate(drawer(draft), rest)
        label = f"Duplicated “{words.title(editing.find(draft, rest))}”"
        return Act(label, lambda _: after, Look(step=made, focus=f"#card-{made}"))
    if act in editing.WAYS:
        focus = f"#{act}-{rest}"
        look = Look(step_id, focus=focus)
        return on_step("Moved", lambda document, target: editing.move(document, target, act), rest, look)
    if act == "toggle":
        return on_step("Switched", _toggled, rest, Look(step_id, focus=f"#menu-{rest}"))
    if act == "delete":
        target, _, keep = rest.partition(":")
        keep = "" if keep == "all" else keep
        look = Look(focus="#builder-flow .b-plus")
        return on_step("Deleted", lambda document, one: editing.remove(document, one, keep), target, look)
    if act in ("condition", "block"):
        return Act(f"Changed {card_name(draft, step_id)}", _part_act(step_id, act, rest, form), Look(step_id))
    raise UnknownAct(act)


def _toggled(document: Document, step_id: str) -> Document:
    step = editing.find(document, step_id)
    settings = {key: value for key, value in step.items() if key not in ("id", "kind", "disabled", "yes", "no")}
    return editing.change(document, step_id, settings if step.get("disabled") else {**settings, "disabled": True})


def _part_act(step_id: str, act: str, rest: str, form: Form) -> Callable[[Document], Document]:
    """Return the change that adds, moves or removes a condition or a block of what the drawer holds."""

    def apply(document: Document) -> Document:
        changed = with_drawer(document, step_id, form)
        if act == "condition":
            tree = _condition_of(changed, step_id)
            return _with_condition(changed, step_id, _changed_condition(tree, rest))
        step = editing.find(changed, step_id)
        settings = {key: value for key, value in step.items() if key not in ("id", "kind")}
        settings["body"], _ = changed_blocks(list(step.get("body") or []), rest)
        return editing.change(changed, step_id, settings)

    return apply


def _changed_condition(tree: Document, rest: str) -> Document:
    what, _, path = rest[:_LONGEST_PATH].partition(":")
    if what == "remove":
        return forms.without_part(tree, path)
    first = {"field": "order.total", "operator": "greater_than", "value": ""}
    return forms.with_part(tree, path, {"any": [first]} if what == "group" else first)


def changed_blocks(body: list[Any], rest: str) -> tuple[list[Any], str]:
    """Return the body after one act on a block ("add:text", "up:3", "to:3:1"), and the block's place."""
    what, _, which = rest[:_LONGEST_PATH].partition(":")
    which, _, further = which.partition(":")
    if what == "add":
        return block_editing.add(body, which, further)
    if what == "remove":
        return block_editing.remove(body, which), ""
    if what == "copy":
        return block_editing.duplicate(body, which)
    if what in block_editing.WAYS:
        return block_editing.move(body, which, what)
    if what == "to" and further.isascii() and further.isdigit():
        return block_editing.move_to(body, which, int(further))
    raise UnknownAct(rest)


def with_drawer(document: Document, step_id: str, form: Form) -> Document:
    """Return the document with what the open drawer's form holds."""
    if step_id == TRIGGER:
        return _with_trigger(document, form)
    if step_id == SETTINGS_CARD:
        return _with_settings(document, form)
    step = editing.find(document, step_id)
    kind = STEPS.get(str(step.get("kind")))
    if kind is None:
        return document
    return editing.change(document, step_id, forms.settings(form, (*COMMON_FIELDS, *kind.fields), step))


def _with_trigger(document: Document, form: Form) -> Document:
    changed = dict(document)
    key = form.get("f.trigger", document.get("trigger"))
    if key in TRIGGERS and key != document.get("trigger"):
        changed["trigger"] = key
        changed.pop("trigger_settings", None)
        # What holds from the start of the new trigger would let nobody in.
        changed["exit_on"] = [one for one in document.get("exit_on") or [] if one not in TRIGGERS[key].already]
        return changed
    trigger = TRIGGERS[str(changed.get("trigger"))]
    if trigger.fields:
        changed["trigger_settings"] = forms.settings(form, trigger.fields, document.get("trigger_settings") or {})
    if "c.group" in form:
        changed["filters"] = forms.condition(form)
    if "f.excluded_sources" in form:
        changed["excluded_sources"] = sorted(
            {one.strip() for one in form["f.excluded_sources"].split(",") if one.strip()}
        )
    return changed


def _with_settings(document: Document, form: Form) -> Document:
    changed = dict(document)
    changed["settings"] = forms.settings(form, SETTINGS, document.get("settings") or {})
    if "x.asked" in form:
        chosen = set(form.getlist("x"))
        changed["exit_on"] = [name for name in EXIT_CONDITIONS if name in chosen]
        tags = [one.strip() for one in form.get("f.exit_tags", "").split(",") if one.strip()]
        changed["exit_tags"] = tags if "tag" in chosen else []
    return changed


def _condition_of(document: Document, step_id: str) -> Document:
    if step_id == TRIGGER:
        return dict(document.get("filters") or {})
    return dict(editing.find(document, step_id).get("condition") or {})


def _with_condition(document: Document, step_id: str, tree: Document) -> Document:
    if step_id == TRIGGER:
        return {**document, "filters": tree}
    step = editing.find(document, step_id)
    settings = {key: value for key, value in step.items() if key not in ("id", "kind", "yes", "no")}
    return editing.change(document, step_id, {**settings, "condition": tree})


def card_name(document: Document, step_id: str) -> str:
    if step_id == TRIGGER:
        return "the trigger"
    if step_id == SETTINGS_CARD:
        return "the settings"
    return f"“{words.title(editing.find(document, step_id))}”"


def _needed(copied: Document | None) -> Document:
    if copied is None:
        raise NoSuchPlace("What was copied is not there any more: choose “Copy” in the menu of a card first.")
    return copied
