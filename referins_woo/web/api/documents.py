"""What goes in and out of the API, as pydantic models: they read, they check, and OpenAPI is drawn from them.

A `Document` reads a row by its attributes and writes JSON; an `Input` is a body, taken strictly (`"5"` is no number);
`Filters` are a query string. Every type carries an example: the document of the API composes its examples from them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import MAXYEAR, UTC, date, datetime
from typing import Annotated, Any, Generic, NoReturn, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, StringConstraints
from pydantic_core import core_schema

from referins_woo.web.api import values

LARGEST_ID = 10**18 - 1
_T = TypeVar("_T")
_Shown = TypeVar("_Shown", bound="Document")


class Document(BaseModel):
    """A record as the API shows it; `model_validate(row)` reads the attributes of a row."""

    model_config = ConfigDict(from_attributes=True, strict=True, json_schema_serialization_defaults_required=True)


class Input(BaseModel):
    """A body: every field is checked, and what we do not know is refused rather than ignored."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Filters(BaseModel):
    """A query string."""

    model_config = ConfigDict(extra="forbid")


class Page(Document, Generic[_T]):
    """One page of a list."""

    data: list[_T]
    next_cursor: Annotated[
        str | None,
        Field(description="Send it as `cursor` for the next page; null on the last one.", examples=["aWQ6MTAw"]),
    ]


def documents_of(model: type[_Shown]) -> Callable[[Iterable[Any]], list[_Shown]]:
    """Return what makes documents of rows."""
    return lambda rows: [model.model_validate(row) for row in rows]


def example(body: dict[str, Any]) -> dict[str, Any]:
    """Return the example of a body whose fields do not all go together, for `json_schema_extra`."""
    return {"examples": [body]}


class Shown:
    """A row, and what else its document shows: `Shown(row, lines=[…])` has the row's attributes and `lines`."""

    __slots__ = ("_more", "_row")
    _row: Any
    _more: dict[str, Any]

    def __init__(self, row: Any, **more: Any) -> None:
        self._row, self._more = row, more

    def __getattr__(self, name: str) -> Any:
        return self._more[name] if name in self._more else getattr(self._row, name)


def _whole_number(value: object) -> object:
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]{1,18}", value):
            raise ValueError("it must be a whole number")
        return int(value)
    return value


def _yes_or_no(value: object) -> object:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def moment(value: object) -> object:
    """Read a time with its offset; raises ValueError for text that is none. Anything else is left to pydantic."""
    if not isinstance(value, str):
        return value
    try:
        found = datetime.fromisoformat(value) if re.match(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d", value) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValueError("it must be a time with its offset, like 2026-11-20T14:03:11Z")
    try:
        return found.astimezone(UTC)
    except OverflowError:  # its offset leads out of the years 1 to 9999: the nearest time that can be told
        return (datetime.max if found.year == MAXYEAR else datetime.min).replace(tzinfo=UTC)


def calendar_day(value: object) -> object:
    """Read a day; raises ValueError for text that is none. Anything else is left to pydantic."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value) if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else _no_day()
    except ValueError:
        _no_day()


def _no_day() -> NoReturn:
    raise ValueError("it must be a day, like 2026-12-04")


def _none_if_empty(value: object) -> object:
    return value or None


PRINTABLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"

Id = Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[17])]
WooId = Annotated[int, Field(description="The id in WooCommerce.", examples=[4812])]
Time = Annotated[datetime, Field(description="RFC 3339, in UTC.", examples=["2026-11-20T14:03:11Z"])]
Day = Annotated[date, Field(examples=["2026-12-04"])]
Money = Annotated[
    str,
    Field(description="A decimal string.", pattern=r"^-?\d+\.\d{2,4}$", examples=["147.37"]),
    BeforeValidator(values.amount),
]
UnitPrice = Annotated[
    str,
    Field(description="A decimal string, net of tax.", pattern=r"^-?\d+\.\d{2,6}$", examples=["37.815126"]),
    BeforeValidator(values.unit_price),
]
Quantity = Annotated[int | float, Field(examples=[2]), BeforeValidator(values.number)]
Text = Annotated[str, Field(examples=[""])]
Address = Annotated[
    dict[str, Any],
    Field(
        description="As WooCommerce keeps it.",
        examples=[{"first_name": "Ana", "last_name": "Petrova", "city": "Berlin", "country": "DE"}],
    ),
]
EmptyIsNull = BeforeValidator(_none_if_empty)
Reason = Annotated[
    str | None, Field(description="Why; null where there is nothing to say.", examples=[None]), EmptyIsNull
]
IsSet = BeforeValidator(lambda value: value is not None)

# A validator stands behind the field that it guards: in front of it, pydantic would not write the bounds down.
WantedId = Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[17]), BeforeValidator(_whole_number)]
WantedNumber = Annotated[int, Field(ge=0, le=LARGEST_ID, examples=[4812]), BeforeValidator(_whole_number)]
WantedTime = Annotated[
    datetime,
    Field(description="RFC 3339 with an offset.", examples=["2026-11-20T00:00:00Z"]),
    BeforeValidator(moment),
]
WantedFlag = Annotated[bool, Field(strict=True), BeforeValidator(_yes_or_no)]
WantedText = Annotated[str, Field(max_length=320, pattern=PRINTABLE)]

Written = Annotated[str, StringConstraints(strip_whitespace=True, pattern=PRINTABLE)]
"""Text of a body: trimmed, without control characters (PostgreSQL keeps no NUL)."""


class OneOf:
    """Beside `str`: one of the keys of a catalogue, checked and drawn into OpenAPI like a Literal of them."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = list(keys)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.literal_schema(self.keys)


class ListOf(Filters):
    """What every list takes."""

    limit: Annotated[
        int, Field(ge=1, le=500, description="Rows of one page.", examples=[100]), BeforeValidator(_whole_number)
    ] = 100
    cursor: Annotated[
        str | None,
        Field(
            max_length=200,
            description="`next_cursor` of the page before; opaque, and good while rows come and go.",
        ),
    ] = None
