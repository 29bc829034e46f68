"""The builder's forms, read back: settings of a step, conditions, blocks of an e-mail, as the catalogue declares them.

Names: `f.<key>` for a setting; `c.<path>.field|operator|value|group` for a condition at that path ("0.1" is the second
part of the first group); blocks as `block_forms` says. What is half done is kept: a draft may be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from werkzeug.datastructures import MultiDict

from automations.fields import Field
from referins_woo.web import block_forms

Form = MultiDict[str, str]
_MOST_PARTS: Final = 50
_DEEPEST: Final = 5


def settings(form: Form, fields: Iterable[Field], before: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that the form holds; what it does not ask for stays as it was `before`."""
    found = {field.key: before[field.key] for field in fields if field.key in before}
    for field in fields:
        if field.kind == "condition":
            if "c.group" in form:
                found[field.key] = condition(form)
        elif field.kind == "blocks":
            if form.get("b.count", "").isdigit():
                found[field.key] = block_forms.read(form, "b", before.get(field.key))
        elif f"f.{field.key}" in form or f"f.{field.key}.asked" in form:
            found[field.key] = _value(form, field)
    return {key: value for key, value in found.items() if value not in (None, "", [], False)}


def condition(form: Form) -> dict[str, Any]:
    """Return the filters or condition that the form holds, its root always a group; empty when there is none."""
    root = _group(form, "", 0)
    parts = next(iter(root.values()))
    return root if parts else {}


def _value(form: Form, field: Field) -> Any:
    name = f"f.{field.key}"
    if field.kind == "flag":
        return form.get(name) == "yes"
    if field.kind == "weekdays":
        return form.getlist(name)
    text = form.get(name, "")
    if field.kind == "names":
        return [one for part in text.replace("\n", ",").split(",") if (one := " ".join(part.split()))]
    if field.kind == "number":
        return int(text) if text.strip().isdigit() else text.strip()
    if field.kind == "lines":
        return block_forms.lines(text)
    return " ".join(text.split()) if field.kind != "text" else text.strip()


def _group(form: Form, path: str, depth: int) -> dict[str, Any]:
    key = f"c.{path}.group" if path else "c.group"
    word = "any" if form.get(key) == "any" else "all"
    parts: list[dict[str, Any]] = []
    for number in range(_MOST_PARTS):
        inner = f"{path}.{number}" if path else str(number)
        if f"c.{inner}.group" in form and depth < _DEEPEST:
            group = _group(form, inner, depth + 1)
            parts.append(group)
        elif f"c.{inner}.field" in form:
            parts.append(_one(form, inner))
        else:
            break
    return {word: parts}


def _one(form: Form, path: str) -> dict[str, Any]:
    """One condition; what names no field stays, so that a form shows what was chosen."""
    found = block_forms.condition(form, f"c.{path}")
    return found or {"field": form.get(f"c.{path}.field", ""), "operator": "", "value": ""}


def with_part(tree: dict[str, Any], path: str, part: dict[str, Any]) -> dict[str, Any]:
    """Return the conditions with `part` at the end of the group at `path` (empty: the root)."""
    root = tree or {"all": []}
    group = _at(root, path)
    next(iter(group.values())).append(part)
    return root


def without_part(tree: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the conditions without the part at `path`; a path that is not there changes nothing."""
    above, _, number = path.rpartition(".")
    parts: list[Any] = next(iter(_at(tree, above).values()), []) if tree else []
    if number.isdigit() and int(number) < len(parts):
        del parts[int(number)]
    return tree if tree and next(iter(tree.values())) else {}


def _at(tree: dict[str, Any], path: str) -> dict[str, Any]:
    group = tree
    for number in path.split(".") if path else ():
        parts = next(iter(group.values()))
        if not number.isdigit() or int(number) >= len(parts):
            return group
        group = parts[int(number)]
    return group
