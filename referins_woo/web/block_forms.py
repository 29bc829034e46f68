"""Blocks of an e-mail as forms hold them, read back as the catalogue declares them; what is half done is kept.

Names: `b.count` blocks, each `b.<number>.kind` and `b.<number>.<field>`; a column's are `b.<number>.left.count`,
`b.<number>.left.0.kind`, and so on. `<block>.if.field|operator|value` is the condition under which it is shown.
"""

from __future__ import annotations

from typing import Any, Final

from werkzeug.datastructures import MultiDict

from automations.blocks import BLOCKS, SIDES
from automations.compare import OPERATORS
from automations.conditions import FIELDS
from automations.fields import Field

Form = MultiDict[str, str]
_MOST: Final = 100


def read(form: Form, prefix: str, before: Any) -> list[dict[str, Any]]:
    """Return the blocks that the form holds under `prefix`; what it does not ask of a block stays as `before`."""
    count = form.get(f"{prefix}.count", "")
    was = before if isinstance(before, list) else []
    return [
        _block(form, f"{prefix}.{number}", was[number] if number < len(was) and isinstance(was[number], dict) else {})
        for number in range(min(int(count), _MOST) if count.isdigit() and len(count) < 6 else 0)
    ]


def condition(form: Form, prefix: str) -> dict[str, Any]:
    """Return one condition as three fields of the form hold it; empty where none is chosen.

    An operator that its field does not know becomes the first that it does.
    """
    field = FIELDS.get(form.get(f"{prefix}.field", ""))
    if field is None:
        return {}
    fitting = [one for one in OPERATORS.values() if field.kind in one.kinds]
    operator = next((one for one in fitting if one.key == form.get(f"{prefix}.operator")), fitting[0])
    found: dict[str, Any] = {"field": field.key, "operator": operator.key}
    if operator.takes_value:
        values = [value.strip() for value in form.getlist(f"{prefix}.value") if value.strip()]
        if operator.takes_list:
            found["value"] = [one for value in values for part in value.split(",") if (one := part.strip())]
        else:
            found["value"] = values[0] if values else ""
    return found


def lines(text: str) -> str:
    """Return typed text with plain line ends."""
    return text.replace("\r\n", "\n").strip()


def _block(form: Form, prefix: str, before: dict[str, Any]) -> dict[str, Any]:
    kind = form.get(f"{prefix}.kind", "")
    if kind not in BLOCKS:
        return before or {"kind": kind}
    asked_alike = before.get("kind") == kind
    block: dict[str, Any] = {"kind": kind}
    for field in BLOCKS[kind].fields:
        name = f"{prefix}.{field.key}"
        if name not in form and f"{name}.asked" not in form:
            value = before.get(field.key) if asked_alike else None
        else:
            value = _value(form, name, field)
        if value not in (None, "", []):
            block[field.key] = value
    for side in SIDES if kind == "columns" else ():
        held = before.get(side) if asked_alike else None
        block[side] = read(form, f"{prefix}.{side}", held) if f"{prefix}.{side}.count" in form else held or []
    if form.get(f"{prefix}.promotional") == "yes":
        block["promotional"] = True
    shown_if = condition(form, f"{prefix}.if") if f"{prefix}.if.field" in form else before.get("show_if")
    if shown_if:
        block["show_if"] = shown_if
    return block


def _value(form: Form, name: str, field: Field) -> Any:
    if field.kind == "names":
        return [one for value in form.getlist(name) for part in value.split(",") if (one := part.strip())]
    text = lines(form.get(name, ""))
    if field.kind == "number":
        return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else text
    if field.kind == "choice":
        return None if text == field.default else text
    return text
