"""Parameters of lists: read as PHP reads them, checked as WordPress checks them, understood as WooCommerce does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qsl, quote_plus

from referins_woo.practice_store.rest_errors import invalid_params, options
from referins_woo.practice_store.site import Json, Site

Query = dict[str, str | list[str]]

_DATE = re.compile(
    r"^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.\d+)?(Z|z|[+-]\d\d(?::\d\d)?)?$",
)
_LISTS = ("include", "exclude", "parent", "parent_exclude", "created_via", "customer_exclude")
_DATES = ("after", "before", "modified_after", "modified_before")


def parse(query: str) -> Query:
    """Read a query string: `a[]=1&a[]=2` and `a[0]=1` become lists, a name given twice keeps the last value."""
    found: Query = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        base, bracket, _ = name.partition("[")
        if bracket:
            known = found.get(base)
            found[base] = [*known, value] if isinstance(known, list) else [value]
        else:
            found[name] = value
    return found


def several(query: Query, name: str) -> list[str]:
    """Return a parameter that may be a list or parted by commas."""
    value = query.get(name)
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [part.strip() for part in value.split(",")]


def single(query: Query, name: str) -> str | None:
    """Return a parameter that is one value, or None."""
    value = query.get(name)
    return value if isinstance(value, str) else None


def truthy(text: str | None) -> bool:
    """Whether a boolean parameter means yes."""
    return text is not None and text.lower() not in ("", "0", "false")


def ids(query: Query, name: str) -> list[int]:
    """Return a list of ids; what is no number counts as 0, as in PHP."""
    return [int(part) if part.lstrip("-").isdigit() else 0 for part in several(query, name)]


@dataclass(frozen=True, slots=True)
class ListSchema:
    """What one collection accepts. An empty `dates` means that the collection ignores them (facts 7 and 8)."""

    orderby: tuple[str, ...]
    default_orderby: str
    default_order: str = "desc"
    statuses: tuple[str, ...] = ()
    many_statuses: bool = False
    dates: tuple[str, ...] = _DATES
    enums: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class ListParams:
    """A checked list request. `bounds` are seconds in UTC by name of the date parameter."""

    query: Query
    page: int
    per_page: int
    offset: int
    orderby: str
    descending: bool
    statuses: list[str]
    bounds: dict[str, int]
    include: list[int]
    exclude: list[int]
    search: str

    def within(self, doc: Json) -> bool:
        """Whether a record keeps to what every list may ask: ids and dates."""
        bounds = self.bounds
        created, modified = doc["created"], doc["modified"] or 0
        return (
            (not self.include or doc["id"] in self.include)
            and doc["id"] not in self.exclude
            and created > bounds.get("after", -1)
            and created < bounds.get("before", created + 1)
            and modified > bounds.get("modified_after", -1)
            and modified < bounds.get("modified_before", modified + 1)
        )


def check_list(query: Query, schema: ListSchema, site: Site) -> ListParams:
    """Check and read the parameters of a list. Raises RestError 400 naming all that are wrong."""
    problems: dict[str, tuple[str, str, object]] = {}
    page = _number(query, "page", 1, None, problems)
    per_page = _number(query, "per_page", 10, 100, problems)
    offset = single(query, "offset")
    for name, allowed in {"order": ("asc", "desc"), "orderby": schema.orderby, **schema.enums}.items():
        given = single(query, name)
        if given is not None and given not in allowed:
            _not_one_of(name, name, allowed, problems)
    statuses = several(query, "status") if schema.many_statuses else [s for s in [single(query, "status")] if s]
    if schema.statuses and any(status not in schema.statuses for status in statuses):
        place = next(place for place, status in enumerate(statuses) if status not in schema.statuses)
        _not_one_of("status", f"status[{place}]" if schema.many_statuses else "status", schema.statuses, problems)
    bounds: dict[str, int] = {}
    for name in schema.dates:
        text = single(query, name)
        if text is not None:
            bound = moment(text, site, as_gmt=truthy(single(query, "dates_are_gmt")))
            if bound is None:
                problems[name] = ("rest_invalid_date", "Invalid date.", None)
            else:
                bounds[name] = bound
    if problems:
        raise invalid_params(problems)
    order = single(query, "order") or schema.default_order
    return ListParams(
        query=query,
        page=page,
        per_page=per_page,
        offset=int(offset) if offset and offset.isdigit() else (page - 1) * per_page,
        orderby=single(query, "orderby") or schema.default_orderby,
        descending=order == "desc",
        statuses=statuses,
        bounds=bounds,
        include=ids(query, "include"),
        exclude=ids(query, "exclude"),
        search=(single(query, "search") or "").strip().lower(),
    )


def moment(text: str, site: Site, *, as_gmt: bool) -> int | None:
    """Read a date parameter as seconds in UTC; None where it is no date and time.

    Facts 13 and 14: without a suffix it is local, with `dates_are_gmt` UTC; with a suffix it is that very moment,
    but a suffix *and* `dates_are_gmt` shift it: its local wall clock is then taken for UTC.
    """
    found = _DATE.match(text.strip())
    if not found:
        return None
    try:
        naive = datetime(*(int(found[part]) for part in range(1, 7)))  # type: ignore[arg-type]
    except ValueError:
        return None
    suffix = found[7]
    if suffix is None:
        return int(naive.replace(tzinfo=UTC if as_gmt else site.zone).timestamp())
    aware = naive.replace(tzinfo=_zone(suffix))
    if as_gmt:
        return int(aware.astimezone(site.zone).replace(tzinfo=UTC).timestamp())
    return int(aware.timestamp())


def paging_links(site: Site, path: str, raw_query: str, page: int, pages: int, extra: Iterable[tuple[str, str]]) -> str:
    """Return the `Link` header of a list, or "": previous and next page, with all parameters repeated (fact 66).

    `extra` are parameters that the store adds: a list like `status[0]` takes the place of what was asked for.
    """
    links = []
    wanted = [("prev", min(page - 1, pages))] if page > 1 else []
    if page < pages:
        wanted.append(("next", page + 1))
    for rel, number in wanted:
        pairs = [(name, value) for name, value in parse_qsl(raw_query, keep_blank_values=True)]
        lists = {name.partition("[")[0] for name, _ in extra if "[" in name}
        pairs = [row for pair in pairs if pair[0].partition("[")[0] not in lists for row in _written_out(*pair)]
        pairs += [(name, value) for name, value in extra if not any(name == known for known, _ in pairs)]
        if any(name == "page" for name, _ in pairs):
            pairs = [(name, str(number) if name == "page" else value) for name, value in pairs]
        else:
            pairs.append(("page", str(number)))
        query = "&".join(
            f"{quote_plus(name)}={quote_plus(value)}" if value else quote_plus(name) for name, value in pairs
        )
        links.append(f'<{site.home}{path}?{query}>; rel="{rel}"')
    return ", ".join(links)


def _written_out(name: str, value: str) -> list[tuple[str, str]]:
    """Return a parameter as the store repeats it: lists of ids and words part by part."""
    if name == "dates_are_gmt" and truthy(value):
        return [(name, "1")]
    if name not in _LISTS:
        return [(name, value)]
    return [(f"{name}[{place}]", part) for place, part in enumerate(value.split(","))]


def _zone(suffix: str) -> timezone:
    if suffix in "Zz":
        return UTC
    hours, minutes = int(suffix[1:3]), int(suffix[4:6] or 0)
    return timezone((-1 if suffix[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


def _number(
    query: Query, name: str, default: int, highest: int | None, problems: dict[str, tuple[str, str, object]]
) -> int:
    text = single(query, name)
    if text is None:
        return default
    if not text.lstrip("-").isdigit():
        problems[name] = ("rest_invalid_type", f"{name} is not of type integer.", {"param": name})
        return default
    number = int(text)
    if number < 1 or (highest is not None and number > highest):
        message = (
            f"{name} must be greater than or equal to 1"
            if highest is None
            else f"{name} must be between 1 (inclusive) and {highest} (inclusive)"
        )
        problems[name] = ("rest_out_of_bounds", message, None)
    return number


def _not_one_of(name: str, shown: str, allowed: tuple[str, ...], problems: dict[str, tuple[str, str, object]]) -> None:
    problems[name] = ("rest_not_in_enum", f"{shown} is not one of {options(list(allowed))}.", None)
