"""Bodies checked against their schemas, as far as recordings show it. Batch rows are not checked (fact 58)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from referins_woo.practice_store.rest_errors import invalid_params, options
from referins_woo.practice_store.site import Json

Problem = tuple[str, str, object]
Check = Callable[[str, Any], Problem | None]

_EMAIL = re.compile(r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$")


def is_email(text: str) -> bool:
    """Whether WordPress takes this for an e-mail address, near enough."""
    return bool(_EMAIL.match(text)) and text.isascii()


def whole(value: object, default: int = 0) -> int:
    """Read a whole number from a request; `default` where there is none (null, "" and words)."""
    text = str(value)
    return int(text) if re.fullmatch(r"-?\d{1,18}", text) else default


def of_type(kind: str) -> Check:
    """Return a check for integer, string, boolean, object or array."""

    def check(name: str, value: Any) -> Problem | None:
        fine = {
            "integer": isinstance(value, bool) is False
            and (
                isinstance(value, int)
                or (isinstance(value, str) and bool(re.fullmatch(r"-?\d+", value)))
                or value is None
            ),
            "string": isinstance(value, str) or value is None,
            "boolean": isinstance(value, bool) or value in (0, 1, "0", "1", "true", "false", None),
            "object": isinstance(value, dict),
            "array": isinstance(value, list),
        }[kind]
        return None if fine else ("rest_invalid_type", f"{name} is not of type {kind}.", {"param": name})

    return check


def one_of(*allowed: str) -> Check:
    """Return a check for one of some words."""

    def check(name: str, value: Any) -> Problem | None:
        if value in allowed:
            return None
        return "rest_not_in_enum", f"{name} is not one of {options(list(allowed))}.", None

    return check


def an_address(name: str, value: Any) -> Problem | None:
    """Check a billing address: an object, its e-mail valid or empty."""
    problem = of_type("object")(name, value)
    if problem:
        return problem
    email = value.get("email")
    return ("rest_invalid_email", "Invalid email address.", None) if email and not is_email(str(email)) else None


def rows_of(fields: dict[str, str]) -> Check:
    """Return a check for a list of objects whose fields are of the given types."""

    def check(name: str, value: Any) -> Problem | None:
        rows = value if isinstance(value, list) else [value]
        for place, row in enumerate(rows):
            where = f"{name}[{place}]"
            problem = of_type("object")(where, row)
            for field, kind in fields.items():
                if not problem and isinstance(row, dict) and field in row:
                    problem = of_type(kind)(f"{where}[{field}]", row[field])
            if problem:
                return problem
        return None

    return check


def check_body(body: Json, schema: dict[str, Check]) -> None:
    """Raise RestError 400 naming every field of `body` that fails its check."""
    problems = {
        name: problem
        for name, check in schema.items()
        if name in body and (problem := check(name, body[name])) is not None
    }
    if problems:
        raise invalid_params(problems)


def merge_meta(known: list[Json], given: Any, new_id: Callable[[], int]) -> list[Json]:
    """Return meta data with `given` rows laid over it (facts 25 and 37).

    A row with an id changes that one; one without replaces the value of its key; null deletes where the key is
    named; false becomes "".
    """
    rows = [dict(row) for row in known]
    for row in given if isinstance(given, list) else []:
        if not isinstance(row, dict):
            continue
        key, value = row.get("key"), row.get("value")
        value = "" if value is False else value
        found = next((old for old in rows if old["id"] == row.get("id")), None) if row.get("id") else None
        found = found or next((old for old in rows if key is not None and old["key"] == key), None)
        if value is None:
            rows = [old for old in rows if not (found is not None and key is not None and old is found)]
        elif found is not None:
            found["value"] = value
        elif key is not None:
            rows.append({"id": new_id(), "key": key, "value": value})
    return rows
