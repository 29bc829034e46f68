"""The automation as a document: parsed once, checked whole, then only read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from automations import blocks, conditions
from automations import settings as whole
from automations.fields import Field, Problem, check, unknown_keys
from automations.settings import Settings
from automations.steps import COMMON_FIELDS, EXIT_CONDITIONS, STEPS, StepKind, tag_keys
from automations.triggers import TRIGGERS

_PARTS: Final = frozenset(
    {"trigger", "trigger_settings", "filters", "steps", "exit_on", "exit_tags", "excluded_sources", "settings"}
)
_MOST_STEPS: Final = 100
_DEEPEST: Final = 10
_STEP_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_RESERVED: Final = frozenset({"end", "entry"})  # keys of a run's log that are no steps
_EXIT_TAGS: Final = Field("exit_tags", "Tags that end it", "names", most=60, offers="tags")


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its kind, its settings, and for a split its two ways."""

    id: str
    kind: str
    settings: dict[str, Any]
    branches: dict[str, tuple[Step, ...]] = field(default_factory=dict)
    condition: conditions.Ready | None = field(default=None, compare=False, repr=False)
    """Its condition made ready, where it has one."""

    @property
    def is_off(self) -> bool:
        """Whether it is switched off: runs go on as if it were not there."""
        return bool(self.settings.get("disabled"))


Place = tuple[tuple[Step, ...], int, "tuple[tuple[tuple[Step, ...], int], ...]"]
"""Where a step stands: its list, its index there, and the lists above with the place to go on at, outermost first."""


@dataclass(frozen=True, slots=True)
class Definition:
    """An automation: the trigger with its sources, who goes through, the steps, and what ends a run at any point."""

    trigger: str
    filters: dict[str, Any]
    steps: tuple[Step, ...]
    exit_on: frozenset[str] = frozenset()
    exit_tags: tuple[str, ...] = ()
    """Tags that end a run, with `tag` in `exit_on`."""
    excluded_sources: frozenset[str] = frozenset()
    """`created_via` of orders that do not start it."""
    settings: Settings = field(default_factory=Settings)
    trigger_settings: dict[str, Any] = field(default_factory=dict)
    who: conditions.Ready = field(default=conditions.Group(True, ()), compare=False, repr=False)
    """The filters made ready."""
    places: dict[str, Place] = field(default_factory=dict, compare=False, repr=False)
    """By step id."""
    asks: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    """Keys of all condition fields that it looks at, and the exit conditions and events that it waits for."""
    exit_tag_keys: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    markets: bool = field(default=False, compare=False, repr=False)
    """Whether one of its e-mails is marketing."""

    @property
    def lateness_limit(self) -> timedelta:
        """An older event starts nothing and sends nothing by itself."""
        return self.settings.lateness_limit

    @property
    def reentry(self) -> timedelta | None:
        """How long a contact that entered may not enter again: zero is always, None is once ever."""
        return self.settings.reentry

    def walk(self) -> Iterator[Step]:
        """Yield every step, a split before what it holds."""
        yield from _walk(self.steps)

    def step(self, step_id: str) -> Step | None:
        """Return the step with this id."""
        found = self.places.get(step_id)
        return found[0][found[1]] if found is not None else None


def parse(document: Any) -> Definition | list[Problem]:
    """Return the definition that `document` (decoded JSON) holds, or everything that is wrong with it."""
    if not isinstance(document, dict):
        return [Problem("", "definition", "The definition is not an object.", "Give trigger and steps.")]
    trigger = document.get("trigger")
    if not isinstance(trigger, str) or trigger not in TRIGGERS:
        remedy = f"Choose: {', '.join(TRIGGERS)}."
        return [Problem("trigger", "trigger", "There is no such trigger.", remedy)]
    found = unknown_keys(document, _PARTS, "")
    trigger_settings = _trigger_settings(document.get("trigger_settings"), trigger, found)
    found.extend(conditions.problems(document.get("filters"), facts=TRIGGERS[trigger].facts))
    steps = _Steps(trigger, found).parse(document.get("steps"), "steps", 0)
    exit_on, exit_tags = _exits(document, trigger, found)
    sources = document.get("excluded_sources", sorted(TRIGGERS[trigger].excluded_sources))
    if not isinstance(sources, list) or not all(isinstance(one, str) for one in sources):
        remedy = "Give a list of names like subscription."
        found.append(Problem("excluded_sources", "excluded_sources", "The sources are not a list of names.", remedy))
        sources = []
    settings = whole.read(document.get("settings", {}), trigger, found)
    if not steps and not found:
        found.append(Problem("steps", "steps", "The automation has no step.", "Add a step."))
    if found:
        return found
    return _made(trigger, trigger_settings, document.get("filters") or {}, steps, exit_on, exit_tags, sources, settings)


def to_json(definition: Definition) -> dict[str, Any]:
    """Return the document of a definition: `parse` of it gives the same definition."""
    return {
        "trigger": definition.trigger,
        "trigger_settings": definition.trigger_settings,
        "filters": definition.filters,
        "excluded_sources": sorted(definition.excluded_sources),
        "exit_on": [name for name in EXIT_CONDITIONS if name in definition.exit_on],
        "exit_tags": list(definition.exit_tags),
        "settings": whole.to_json(definition.settings),
        "steps": [_step_to_json(step) for step in definition.steps],
    }


def purpose_of(step: Step, definition: Definition) -> str:
    """Return `transactional` or `marketing`: decided by structure, not by a tick box (E3).

    Transactional is an e-mail reached only from an order trigger, about that order, with no promotional block. All
    triggers so far are order triggers, and a step can be reached only from its own automation's.
    """
    about_order = "order" in TRIGGERS[definition.trigger].facts
    promotional = blocks.is_promotional(step.settings.get("body"))
    return "transactional" if about_order and not promotional else "marketing"


def _made(
    trigger: str,
    trigger_settings: dict[str, Any],
    filters: dict[str, Any],
    steps: tuple[Step, ...],
    exit_on: frozenset[str],
    exit_tags: tuple[str, ...],
    sources: list[str],
    settings: Settings,
) -> Definition:
    every = tuple(_walk(steps))
    looked_at = [filters, *(step.settings.get("condition") for step in every)]
    looked_at += [one for step in every for one in blocks.conditions_of(step.settings.get("body"))]
    awaited = {str(step.settings["event"]) for step in every if step.kind == "wait_for" and not step.is_off}
    made = Definition(
        trigger,
        filters,
        steps,
        exit_on,
        exit_tags,
        frozenset(sources),
        settings,
        trigger_settings,
        who=conditions.prepare(filters),
        places=dict(_places(steps, ())),
        asks=frozenset(str(one.get("field")) for raw in looked_at for one in conditions.walk(raw)) | exit_on | awaited,
        exit_tag_keys=tag_keys(exit_tags),
    )
    markets = any(step.kind == "send_email" and purpose_of(step, made) == "marketing" for step in every)
    return replace(made, markets=markets)


def _walk(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        yield step
        for branch in step.branches.values():
            yield from _walk(branch)


def _places(steps: tuple[Step, ...], above: tuple[tuple[tuple[Step, ...], int], ...]) -> Iterator[tuple[str, Place]]:
    for index, step in enumerate(steps):
        yield step.id, (steps, index, above)
        for branch in step.branches.values():
            yield from _places(branch, (*above, (steps, index + 1)))


class _Steps:
    """Reads lists of steps; what is wrong is noted with its place."""

    def __init__(self, trigger: str, found: list[Problem]) -> None:
        self._trigger, self._found = trigger, found
        self._seen: set[str] = set()

    def parse(self, raw: Any, path: str, depth: int) -> tuple[Step, ...]:
        """Return the steps of one list."""
        if raw is None:
            return ()
        if not isinstance(raw, list) or depth > _DEEPEST or len(raw) + len(self._seen) > _MOST_STEPS:
            limit = f"Give a list of at most {_MOST_STEPS} steps, at most {_DEEPEST} branches deep."
            self._found.append(Problem(path, "steps", "The steps cannot be used.", limit))
            return ()
        return tuple(
            step for number, one in enumerate(raw) if (step := self._one(one, f"{path}[{number}]", depth)) is not None
        )

    def _one(self, raw: Any, path: str, depth: int) -> Step | None:
        name = raw.get("kind") if isinstance(raw, dict) else None
        kind = STEPS.get(name) if isinstance(name, str) else None
        if kind is None:
            self._found.append(Problem(path, "kind", "There is no such step.", f"Choose: {', '.join(STEPS)}."))
            return None
        step_id = raw.get("id")
        if not isinstance(step_id, str) or not _STEP_ID.fullmatch(step_id) or step_id in _RESERVED | self._seen:
            remedy = "Give each its own, of at most 40 letters, digits, - and _; not end or entry."
            message = "The step's id is missing, unusable or used twice."
            self._found.append(Problem(path, "id", message, remedy))
            return None
        self._seen.add(step_id)
        before = len(self._found)
        self._settings(raw, kind, path)
        fields = (*COMMON_FIELDS, *kind.fields)
        settings = {one.key: raw[one.key] for one in fields if raw.get(one.key) is not None}
        branches = {way: self.parse(raw.get(way), f"{path}.{way}", depth + 1) for way in kind.branches}
        if raw.get("disabled") is True:
            # What is switched off may be half done; its ids and shape must be right all the same.
            self._found[before:] = [one for one in self._found[before:] if one.field in ("id", "kind", "steps")]
        condition = conditions.prepare(raw["condition"]) if raw.get("condition") is not None else None
        return Step(step_id, kind.key, settings, branches, condition)

    def _settings(self, raw: dict[str, Any], kind: StepKind, path: str) -> None:
        fields = (*COMMON_FIELDS, *kind.fields)
        self._found.extend(unknown_keys(raw, {"id", "kind", *kind.branches, *(one.key for one in fields)}, path))
        facts = TRIGGERS[self._trigger].facts
        for one in fields:
            value = raw.get(one.key)
            problem = check(one, value, path)
            if problem is not None:
                self._found.append(problem)
            elif one.kind == "condition":
                self._found.extend(conditions.problems(value, f"{path}.{one.key}", facts=facts))
            elif one.kind == "blocks":
                self._found.extend(blocks.problems(value, f"{path}.{one.key}", self._trigger))
            elif one.merges:
                self._found.extend(blocks.text_problems(value, path, one.key, self._trigger))
        if kind.key == "send_email" and raw.get("transactional") is True:
            self._found.extend(blocks.promotional_problems(raw.get("body"), f"{path}.body"))
        if kind.key == "wait_until" and not any(raw.get(key) for key in ("time", "weekdays", "date")):
            remedy = "Give a time of day, weekdays or a date."
            self._found.append(Problem(path, "time", "It is not said until when.", remedy))
        elif kind.key == "wait_until" and raw.get("date") and raw.get("weekdays"):
            self._found.append(Problem(path, "weekdays", "A date has its own weekday.", "Give one of both."))
        elif kind.key == "wait_for" and (raw.get("event") == "tag") != bool(raw.get("tags")):
            self._found.append(Problem(path, "tags", "The event “tag” and tags belong together.", "Give both."))


def _trigger_settings(raw: Any, trigger: str, found: list[Problem]) -> dict[str, Any]:
    if raw is None:
        return {}
    path = "trigger_settings"
    if not isinstance(raw, dict):
        found.append(Problem(path, path, "The trigger's settings are not an object.", "Give names and values."))
        return {}
    fields = TRIGGERS[trigger].fields
    found.extend(unknown_keys(raw, [one.key for one in fields], path))
    found.extend(problem for one in fields if (problem := check(one, raw.get(one.key), path)) is not None)
    return {one.key: raw[one.key] for one in fields if raw.get(one.key)}


def _exits(document: dict[str, Any], trigger: str, found: list[Problem]) -> tuple[frozenset[str], tuple[str, ...]]:
    raw = document.get("exit_on", [])
    if not isinstance(raw, list) or any(not isinstance(name, str) or name not in EXIT_CONDITIONS for name in raw):
        remedy = f"Choose from: {', '.join(EXIT_CONDITIONS)}."
        found.append(Problem("exit_on", "exit_on", "An exit condition is not known.", remedy))
        return frozenset(), ()
    for name in sorted(TRIGGERS[trigger].already.intersection(raw)):
        message = f"“{EXIT_CONDITIONS[name]}” holds from the start of {TRIGGERS[trigger].label}: nobody would get in."
        found.append(Problem("exit_on", "exit_on", message, f"Take {name} away."))
    tags = document.get("exit_tags") or []
    problem = check(_EXIT_TAGS, tags, "exit_tags")
    if problem is None and ("tag" in raw) != bool(tags):
        problem = Problem("exit_tags", "exit_tags", "The exit condition “tag” and tags belong together.", "Give both.")
    if problem is not None:
        found.append(problem)
        return frozenset(raw), ()
    return frozenset(raw), tuple(tags)


def _step_to_json(step: Step) -> dict[str, Any]:
    branches = {name: [_step_to_json(one) for one in steps] for name, steps in step.branches.items()}
    return {"id": step.id, "kind": step.kind, **step.settings, **branches}
