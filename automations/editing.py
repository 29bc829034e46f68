"""Changes to the document of an automation, as its builder makes them. Pure: each returns a new document.

A place is where a step goes: `start`, `after:<step id>`, or `in:<step id>:<way>` for the beginning of a branch. What
names a step or place that is not there raises NoSuchPlace: somebody else has changed the document.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Final

from automations.steps import STEPS

Document = dict[str, Any]
START: Final = "start"
WAYS: Final = ("up", "down")


class NoSuchPlace(ValueError):
    """The document has no such step or place (any more)."""


def walk(document: Document) -> Iterator[tuple[Document, str]]:
    """Yield every step with its path ("steps[0].yes[1]"), a split before what it holds."""
    yield from _walk(_list(document, "steps"), "steps")


def find(document: Document, step_id: str) -> Document:
    """Return the step with that id. Raises NoSuchPlace."""
    steps, index = _locate(document, step_id)
    return steps[index]


def insert(document: Document, place: str, kind: str) -> tuple[Document, str]:
    """Return the document with a new, empty step at `place`, and the step's id."""
    if kind not in STEPS:
        raise NoSuchPlace(f"There is no step {kind!r}.")
    return paste(document, place, {"id": kind, "kind": kind, **{way: [] for way in STEPS[kind].branches}})


def paste(document: Document, place: str, step: Document) -> tuple[Document, str]:
    """Return the document with a copy of `step` at `place`, and the copy's id; ids that are taken are renamed."""
    changed = copy.deepcopy(document)
    steps, index = _target(changed, place)
    fresh = _with_fresh_ids(step, {one["id"] for one, _ in walk(changed) if "id" in one})
    steps.insert(index, fresh)
    return changed, str(fresh["id"])


def duplicate(document: Document, step_id: str) -> tuple[Document, str]:
    """Return the document with a copy of a step, and all that it holds, behind it; and the copy's id."""
    return paste(document, f"after:{step_id}", find(document, step_id))


def remove(document: Document, step_id: str, keep: str = "") -> Document:
    """Return the document without a step; `keep` names the branch whose steps take its place."""
    changed = copy.deepcopy(document)
    steps, index = _locate(changed, step_id)
    if keep and keep not in STEPS[str(steps[index].get("kind"))].branches:
        raise NoSuchPlace(f"There is no branch {keep!r}.")
    steps[index : index + 1] = _list(steps[index], keep) if keep else []
    return changed


def move(document: Document, step_id: str, way: str) -> Document:
    """Return the document with a step one place up or down; at the end of a branch it leaves the branch that way."""
    changed = copy.deepcopy(document)
    steps, index = _locate(changed, step_id)
    step = steps[index]
    target = index + (1 if way == "down" else -1)
    if 0 <= target < len(steps):
        steps[index], steps[target] = steps[target], step
        return changed
    above = _holder(changed, step_id)
    if above is None:
        return changed  # the first or last of all
    outer, place = above
    del steps[index]
    outer.insert(place + (1 if way == "down" else 0), step)
    return changed


def change(document: Document, step_id: str, settings: Document) -> Document:
    """Return the document with a step's settings replaced; its id, kind and branches stay."""
    changed = copy.deepcopy(document)
    steps, index = _locate(changed, step_id)
    step = steps[index]
    kind = STEPS.get(str(step.get("kind")))
    kept = ("id", "kind", *(kind.branches if kind else ()))
    steps[index] = {**{key: step[key] for key in kept if key in step}, **copy.deepcopy(settings)}
    return changed


def place_of(document: Document, step_id: str) -> str:
    """Return the path of a step ("steps[0].yes[1]"), as problems name it. Raises NoSuchPlace."""
    for step, path in walk(document):
        if step.get("id") == step_id:
            return path
    raise NoSuchPlace("There is no such step any more.")


def _walk(steps: list[Document], path: str) -> Iterator[tuple[Document, str]]:
    for index, step in enumerate(steps):
        here = f"{path}[{index}]"
        yield step, here
        for way in _ways(step):
            yield from _walk(_list(step, way), f"{here}.{way}")


def _ways(step: Document) -> tuple[str, ...]:
    kind = STEPS.get(str(step.get("kind")))
    return kind.branches if kind else ()


def _list(holder: Document, key: str) -> list[Document]:
    """Return the list of steps under `key`, made if it is missing."""
    found = holder.get(key)
    if not isinstance(found, list):
        found = holder[key] = []
    return found


def _locate(document: Document, step_id: str) -> tuple[list[Document], int]:
    for steps in _lists(_list(document, "steps")):
        for index, step in enumerate(steps):
            if step.get("id") == step_id:
                return steps, index
    raise NoSuchPlace("There is no such step any more.")


def _lists(steps: list[Document]) -> Iterator[list[Document]]:
    yield steps
    for step in steps:
        for way in _ways(step):
            yield from _lists(_list(step, way))


def _target(document: Document, place: str) -> tuple[list[Document], int]:
    where, _, rest = place.partition(":")
    if place == START:
        return _list(document, "steps"), 0
    if where == "after":
        steps, index = _locate(document, rest)
        return steps, index + 1
    step_id, _, way = rest.rpartition(":")
    if where == "in":
        steps, index = _locate(document, step_id)
        if way in _ways(steps[index]):
            return _list(steps[index], way), 0
    raise NoSuchPlace("There is no such place any more.")


def _holder(document: Document, step_id: str) -> tuple[list[Document], int] | None:
    """Return the list and index of the step that holds this one in a branch."""
    for steps in _lists(_list(document, "steps")):
        for index, step in enumerate(steps):
            if any(inner.get("id") == step_id for way in _ways(step) for inner in _list(step, way)):
                return steps, index
    return None


def _with_fresh_ids(step: Document, taken: set[str]) -> Document:
    fresh = copy.deepcopy(step)
    base = str(fresh.get("id", "step")).rstrip("0123456789").rstrip("_") or "step"
    number, name = 1, str(fresh.get("id", "step"))
    while name in taken:
        number += 1
        name = f"{base[:34]}_{number}"
    fresh["id"] = name
    taken.add(name)
    for way in _ways(fresh):
        fresh[way] = [_with_fresh_ids(inner, taken) for inner in _list(fresh, way)]
    return fresh
