"""Automations in words: what a card says of its step, filters as sentences, and what changed between two documents.

Pure, and never raising: a draft may be half done, and a document may come from a later version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from automations.compare import OPERATORS
from automations.conditions import FIELDS
from automations.editing import Document, walk
from automations.fields import Field, parse_period, period_words
from automations.settings import SETTINGS
from automations.steps import COMMON_FIELDS, CONTACT_FIELDS, EXIT_CONDITIONS, STEPS
from automations.triggers import TRIGGERS

NOT_SET: Final = "not set"
_DAYS: Final = {"mon": "Mon", "tue": "Tue", "wed": "Wed", "thu": "Thu", "fri": "Fri", "sat": "Sat", "sun": "Sun"}
_MARK: Final = re.compile(r"\{\{\s*([\w.]+)[^}]*\}\}")
_PARTS: Final = {
    "trigger": "the trigger",
    "trigger_settings": "the trigger's settings",
    "filters": "who goes through",
    "exit_on": "what ends it",
    "exit_tags": "the tags that end it",
    "excluded_sources": "the sources that do not start it",
    "settings": "the settings",
}


def title(step: Document) -> str:
    """Return what a card is called: its own name, else its kind's."""
    kind = STEPS.get(str(step.get("kind")))
    return str(step.get("name") or (kind.label if kind else "Unknown step"))


def summary(step: Document) -> str:
    """Return in one line what a step does; NOT_SET where the main thing is missing."""
    say = _SUMMARIES.get(str(step.get("kind")))
    return say(step) if say else "This version does not know this step: it is passed over."


def sentence(condition: Any, *, empty: str = "everybody") -> str:
    """Return a condition or group as a sentence: "Total is greater than 50 and (… or …)"."""
    if not isinstance(condition, dict) or not condition:
        return empty
    for group, word in (("all", " and "), ("any", " or ")):
        if isinstance(condition.get(group), list):
            parts = [sentence(one, empty="") for one in condition[group]]
            said = [
                f"({part})" if _is_group(one) and len(condition[group]) > 1 else part
                for one, part in zip(condition[group], parts, strict=True)
                if part
            ]
            return word.join(said) or empty
    field = FIELDS.get(str(condition.get("field")))
    operator = OPERATORS.get(str(condition.get("operator")))
    if field is None or operator is None:
        return "a condition that is not set"
    return f"{field.label} {operator.label}{_value(condition.get('value')) if operator.takes_value else ''}"


def differences(before: Document, after: Document) -> list[str]:
    """Return what changed between two documents, a sentence each, in the order of the page."""
    found = [
        f"Changed {words}." for key, words in _PARTS.items() if (before.get(key) or None) != (after.get(key) or None)
    ]
    old, new = _placed(before), _placed(after)
    for step_id, (step, holder) in new.items():
        if step_id not in old:
            found.append(f"Added “{title(step)}”: {summary(step)}.")
            continue
        was, old_holder = old[step_id]
        keys = [
            key for key in dict.fromkeys((*was, *step)) if key not in _branches(step) and was.get(key) != step.get(key)
        ]
        if keys:
            found.append(f"Changed “{title(step)}”: {', '.join(_label(step, key) for key in keys)}.")
        if holder != old_holder:
            found.append(f"Moved “{title(step)}”.")
    found += [f"Removed “{title(step)}”." for step_id, (step, _) in old.items() if step_id not in new]
    kept_before = [step_id for step_id in old if step_id in new]
    kept_after = [step_id for step_id in new if step_id in old]
    if kept_before != kept_after and not any(line.startswith("Moved") for line in found):
        found.append("Changed the order of the steps.")
    return found


def _is_group(condition: Any) -> bool:
    return isinstance(condition, dict) and any(isinstance(condition.get(one), list) for one in ("all", "any"))


def _value(value: Any) -> str:
    if value in (None, "", []):
        return " …"
    options = value if isinstance(value, list) else [value]
    return " " + ", ".join(_DAYS.get(str(one), str(one)) for one in options)


def _branches(step: Document) -> tuple[str, ...]:
    kind = STEPS.get(str(step.get("kind")))
    return kind.branches if kind else ()


def _placed(document: Document) -> dict[str, tuple[Document, str]]:
    """Return step id → (step, the branch that holds it), in the order of the page."""
    ids = {path: str(step.get("id")) for step, path in walk(document)}

    def holder(path: str) -> str:
        inside = path.rpartition("[")[0]
        above, _, way = inside.rpartition(".")
        return f"{ids[above]}:{way}" if above else ""

    return {str(step.get("id")): (step, holder(path)) for step, path in walk(document)}


def _label(step: Document, key: str) -> str:
    kind = STEPS.get(str(step.get("kind")))
    fields: tuple[Field, ...] = (*(kind.fields if kind else ()), *COMMON_FIELDS)
    label = next((one.label for one in fields if one.key == key), key)
    return label[:1].lower() + label[1:]


def _period(text: Any) -> str:
    period = parse_period(text)
    return period_words(period) if period else NOT_SET


def _choice(fields: Mapping[str, Field], key: str, value: Any) -> str:
    field = fields.get(key)
    if field is None or value not in field.choices:
        return str(value or NOT_SET)
    return field.labels[field.choices.index(value)] if field.labels else str(value)


def _field(kind: str, key: str, step: Document) -> str:
    return _choice({one.key: one for one in STEPS[kind].fields}, key, step.get(key))


def plain(text: Any) -> str:
    """Return a text with its merge variables as [names], for one line."""
    return " ".join(_MARK.sub(lambda mark: f"[{mark[1]}]", str(text or "")).split())


def _email(step: Document) -> str:
    return f"“{plain(step.get('subject'))}”" if step.get("subject") else NOT_SET


def _wait(step: Document) -> str:
    half = ", at most half of the store's time limit" if step.get("at_most_half_of_hold_stock") else ""
    return _period(step.get("period")) + half


def _wait_until(step: Document) -> str:
    days = " or ".join(_DAYS.get(str(one), str(one)) for one in step.get("weekdays") or ())
    when = [str(step["date"])] if step.get("date") else [days] if days else []
    when += [str(step["time"])] if step.get("time") else []
    return ", ".join(when) or NOT_SET


def _wait_for(step: Document) -> str:
    event = EXIT_CONDITIONS.get(str(step.get("event")))
    return f"{event}, {_period(step.get('timeout'))} at most" if event else NOT_SET


def _update(step: Document) -> str:
    field = CONTACT_FIELDS.get(str(step.get("field")))
    return f"{field} to “{plain(step.get('value'))}”" if field else NOT_SET


_SUMMARIES: Final[dict[str, Callable[[Document], str]]] = {
    "send_email": _email,
    "notify": lambda step: (
        f"“{plain(step.get('subject'))}” to {_field('notify', 'to', {'to': step.get('to') or 'everybody'}).lower()}"
        if step.get("subject")
        else NOT_SET
    ),
    "wait": _wait,
    "wait_until": _wait_until,
    "wait_for": _wait_for,
    "split": lambda step: sentence(step.get("condition"), empty=NOT_SET),
    "exit": lambda step: "The run ends here",
    "add_tag": lambda step: str(step.get("tag") or NOT_SET),
    "remove_tag": lambda step: str(step.get("tag") or NOT_SET),
    "update_field": _update,
    "call_webhook": lambda step: str(step.get("url") or NOT_SET),
}


def trigger_words(document: Document) -> list[str]:
    """Return what the trigger's card says: who goes through, and which orders do not start it."""
    lines = []
    trigger = TRIGGERS.get(str(document.get("trigger")))
    for field in trigger.fields if trigger else ():
        value = (document.get("trigger_settings") or {}).get(field.key)
        if value:
            chosen = (
                ", ".join(map(str, value)) if isinstance(value, list) else _choice({field.key: field}, field.key, value)
            )
            lines.append(f"{field.label}: {chosen}")
    filters = sentence(document.get("filters"), empty="")
    lines.append(f"Only if {filters}" if filters else "For every order")
    sources = document.get("excluded_sources")
    if sources is None and trigger is not None:
        sources = sorted(trigger.excluded_sources)
    if sources:
        lines.append(f"Not for orders created via {', '.join(map(str, sources))}")
    return lines


def exit_words(document: Document) -> list[str]:
    """Return what ends a run at any point."""
    words = [EXIT_CONDITIONS.get(str(one), str(one)) for one in document.get("exit_on") or ()]
    tags = document.get("exit_tags") or ()
    return [f"{one}: {', '.join(map(str, tags))}" if one == EXIT_CONDITIONS["tag"] and tags else one for one in words]


def settings_words(document: Document) -> list[str]:
    """Return the settings that are not as they come."""
    given = document.get("settings") or {}
    said = []
    for field in SETTINGS:
        value = given.get(field.key)
        if value in (None, "", field.default) or field.key == "lateness_limit":
            continue
        said.append(f"{field.label}: {_choice({field.key: field}, field.key, value).lower()}")
    return said
