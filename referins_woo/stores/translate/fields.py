"""Reads single fields of Woo's JSON, whatever a plugin made of them.

Missing, null, "" and a wrong kind are the same absence where absence is harmless; a number or date that is there but
cannot be understood raises BadField, because guessing at money or time would be worse than setting the record aside.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, TypeVar

import orjson

from referins_woo.commerce.pricing import scaled
from referins_woo.commerce.records import Address, Raw, Unreadable
from referins_woo.woo.reading import clean

Record = TypeVar("Record")

_ADDRESS_KEYS = (
    "first_name",
    "last_name",
    "company",
    "address_1",
    "address_2",
    "city",
    "state",
    "postcode",
    "country",
    "email",
    "phone",
)
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
LONGEST_PHONE = 60
_LARGEST_ID = 2**63


class BadField(ValueError):
    """A field holds something that cannot be understood; `code` is the reason code of the record set aside."""

    def __init__(self, code: str, field: str, value: Any) -> None:
        super().__init__(field)
        self.code, self.field, self.value = code, field, value


class _UncleanError(ValueError):
    """A kept string holds NUL, which PostgreSQL cannot store."""


_SENTENCES = {
    "bad_amount": "The amount in “{field}” cannot be read: {value}.",
    "bad_quantity": "The quantity in “{field}” cannot be read: {value}.",
    "bad_date": "The date in “{field}” is missing or cannot be read: {value}.",
    "bad_id": "It has no number of its own in the store.",
    "bad_shape": "It is not built as WooCommerce builds it.",
}


def read_record(make: Callable[[Raw], Record], raw: Any, kind: str) -> Record | Unreadable:
    """Return what `make` reads from `raw`, or why it could not. `kind` names it for people: "Order"."""
    try:
        try:
            return make(raw)
        except (_UncleanError, orjson.JSONEncodeError):
            return make(clean(raw))
    except BadField as fault:
        return _set_aside(raw, kind, fault)
    except (AttributeError, TypeError, KeyError, ValueError, RecursionError) as fault:
        return _set_aside(raw, kind, BadField("bad_shape", "", str(fault)))


def fingerprint(kept: tuple[Any, ...]) -> str:
    """Return 32 hex digits that stand for `kept`: JSON values, tuples, times."""
    dump = orjson.dumps(kept)
    if b"\\u0000" in dump and _NUL.search(dump):
        raise _UncleanError
    return blake2b(dump, digest_size=16).hexdigest()


def own_id(raw: Raw) -> int:
    """Return the id of a record. Raises BadField: an error object sent as a record has none (fact 81)."""
    found = number(raw.get("id"))
    if found <= 0:
        raise BadField("bad_id", "id", raw.get("id"))
    return found


def number(value: Any) -> int:
    """Return an id or a count; 0 for anything that is none."""
    if type(value) is int:
        return value if -_LARGEST_ID < value < _LARGEST_ID else 0
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return number(int(value[:20]))
    return int(value) if isinstance(value, float) and abs(value) < 2**53 else 0


def amount(value: Any, field: str) -> int:
    """Return money in 1/10,000; nothing is 0. Raises BadField."""
    if value is None or value == "":
        return 0
    return needed_amount(value, field)


def needed_amount(value: Any, field: str) -> int:
    """Return money in 1/10,000. Raises BadField, for nothing as well."""
    if isinstance(value, str | int | float) and value is not True and value is not False:
        try:
            return scaled(value, 4)
        except ValueError:
            pass
    raise BadField("bad_amount", field, value)


def quantity(value: Any, field: str) -> int:
    """Return a quantity in 1/10,000; nothing is 0. Raises BadField."""
    try:
        return amount(value, field)
    except BadField:
        raise BadField("bad_quantity", field, value) from None


def text(value: Any) -> str:
    """Return a string; numbers as Woo would write them (a SKU of digits may come as a number), nothing is ""."""
    if type(value) is str:
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def short(value: Any, most: int) -> str:
    """Return a text that is searched or sorted by, cut to what an index holds (PostgreSQL: 2,700 bytes a row)."""
    return text(value)[:most]


def label(value: Any) -> str:
    """Return a name that Woo stores entity-encoded, decoded exactly once (fact 26)."""
    name = text(value)
    return html.unescape(name) if "&" in name else name


def moment(value: Any) -> datetime | None:
    """Return the time of a `…_gmt` field, which is UTC without saying so (fact 11); None for nothing or no date.

    WordPress's "no date", 0000-00-00T00:00:00, is none.
    """
    if not value or not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value + "Z")
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def needed_moment(value: Any, field: str) -> datetime:
    """Return the time of a `…_gmt` field. Raises BadField: the local twin cannot be told apart in autumn (fact 11)."""
    found = moment(value)
    if found is None:
        raise BadField("bad_date", field, value)
    return found


def address(value: Any) -> Address:
    """Return the filled fields of an address, as typed but for blanks at the ends."""
    if not isinstance(value, dict):
        return {}
    get = value.get
    found = {key: trimmed for key in _ADDRESS_KEYS if (one := get(key)) and (trimmed := text(one).strip())}
    if "phone" in found:
        found["phone"] = found["phone"][:LONGEST_PHONE]
    return found


def items(value: Any) -> list[Any]:
    """Return a list; PHP sends one with gaps as an object (row 23)."""
    if isinstance(value, list):
        return value
    return list(value.values()) if isinstance(value, dict) else []


def _set_aside(raw: Any, kind: str, fault: BadField) -> Unreadable:
    fields = raw if isinstance(raw, dict) else {}
    woo_id = max(number(fields.get("id")), 0)
    value = repr(fault.value)[:200]
    name = text(fields.get("number") or fields.get("name") or fields.get("email")) or str(woo_id or "without a number")
    return Unreadable(
        woo_id=woo_id,
        name=clean(f"{kind} {name}")[:200],
        reason_code=fault.code,
        reason=clean(_SENTENCES[fault.code].format(field=fault.field, value=value)),
        detail=clean(f"{fault.field}: {value}" if fault.field else value),
    )
