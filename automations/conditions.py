"""Who goes through: fields, operators and groups, evaluated on facts. Evaluating never raises.

A condition is {"field": "order.total", "operator": "greater_than", "value": "50"}; a group is {"all": [...]} or
{"any": [...]}, nested at will. A missing field or a value of another type is "no", with the reason in the trace.
Texts are compared as they are: there are no patterns, so no text can make a comparison take long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from automations import compare
from automations.compare import OPERATORS, Operator
from automations.facts import look_up
from automations.fields import Problem, unknown_keys
from automations.moments import zone

_DEEPEST: Final = 5
_MOST: Final = 50
_GROUPS: Final = ("all", "any")
_NUMERIC: Final = frozenset({"money", "number"})


@dataclass(frozen=True, slots=True)
class ConditionField:
    """Something that a condition can look at."""

    key: str
    label: str
    kind: str
    """`text`, `money`, `number`, `flag`, `list` or `date`."""
    group: str = "Order"
    choices: tuple[str, ...] = ()
    offers: str = ""
    """What a form offers to choose from: `stores`, `products`, `collections`, `tags`, `statuses`, `countries`,
    `currencies`, `payment_methods`, `sources`; empty: nothing."""
    help: str = ""

    @property
    def fact(self) -> str:
        """The top-level fact that it needs."""
        return self.key.partition(".")[0]


_STATUSES = ("Pending", "Completed", "Cancelled")
_PAYMENT = ("unpaid", "paid", "partially_refunded", "refunded")
_CONSENT = ("unknown", "subscribed", "unsubscribed", "bounced", "complained")

FIELDS: Final[dict[str, ConditionField]] = {
    one.key: one
    for one in (
        ConditionField("order.total", "Total", "money", help="In the order's own currency."),
        ConditionField("order.total_tax", "Tax", "money"),
        ConditionField("order.shipping_total", "Shipping", "money"),
        ConditionField("order.discount_total", "Discount", "money"),
        ConditionField("order.currency", "Currency", "text", offers="currencies"),
        ConditionField("order.item_count", "Number of items", "number", help="The sum of all quantities."),
        ConditionField("order.line_count", "Number of different products", "number"),
        ConditionField("order.product_ids", "Products", "list", offers="products"),
        ConditionField("order.collection_ids", "Collections", "list", offers="collections"),
        ConditionField("order.skus", "SKUs", "list"),
        ConditionField("order.coupons", "Coupons", "list"),
        ConditionField("order.woo_status", "Status in WooCommerce", "text", offers="statuses"),
        ConditionField("order.status", "Status", "text", choices=_STATUSES),
        ConditionField("order.payment_state", "Payment", "text", choices=_PAYMENT),
        ConditionField("order.paid", "Is paid", "flag"),
        ConditionField("order.payment_method", "Payment method", "text", offers="payment_methods"),
        ConditionField("order.is_guest", "Guest order", "flag"),
        ConditionField(
            "order.nth_order", "Number of this order for the customer", "number", help="1 is the first order."
        ),
        ConditionField("order.created_via", "Created via", "text", offers="sources"),
        ConditionField("order.shipping_country", "Shipping country", "text", offers="countries"),
        ConditionField("order.billing_country", "Billing country", "text", offers="countries"),
        ConditionField("order.email", "E-mail of the order", "text"),
        ConditionField("order.placed_at", "Date of the order", "date", help="In the store's time zone."),
        ConditionField("order.paid_at", "Date of payment", "date", help="In the store's time zone."),
        ConditionField("order.completed_at", "Date of completion", "date", help="In the store's time zone."),
        ConditionField("event.from_status", "Status before", "text", "Event", offers="statuses"),
        ConditionField("event.to_status", "Status after", "text", "Event", offers="statuses"),
        ConditionField("event.occurred_at", "Date of the event", "date", "Event", help="In the store's time zone."),
        ConditionField("refund.amount", "Refunded amount", "money", "Event"),
        ConditionField("refund.kind", "Kind of refund", "text", "Event", choices=("full", "partial")),
        ConditionField("contact.consent", "Consent", "text", "Contact", choices=_CONSENT),
        ConditionField("contact.tags", "Tags", "list", "Contact", offers="tags"),
        ConditionField("contact.country", "Country of the contact", "text", "Contact", offers="countries"),
        ConditionField("contact.orders_count", "Number of orders in all", "number", "Contact"),
        ConditionField(
            "contact.total_spent", "Spent in all", "money", "Contact", help="On paid orders in this order's currency."
        ),
        ConditionField("contact.last_order_at", "Date of the last order", "date", "Contact"),
        ConditionField("store.id", "Store", "number", "Store", offers="stores"),
        ConditionField("store.name", "Name of the store", "text", "Store"),
    )
}

HISTORY_FIELDS: Final = frozenset({"contact.orders_count", "contact.total_spent", "contact.last_order_at"})
"""Fields that need all orders of a contact; they are gathered only where a condition asks for one."""


def _lines(facts: Any) -> list[dict[str, Any]] | None:
    lines = look_up(facts, "order.lines")
    return [one for one in lines if isinstance(one, dict)] if isinstance(lines, list) else None


def _item_count(lines: list[dict[str, Any]]) -> Any:
    numbers = [compare.number(line.get("quantity")) for line in lines]
    return str(sum(one for one in numbers if one is not None))


_DERIVED: Final[dict[str, Callable[[list[dict[str, Any]]], Any]]] = {
    "order.skus": lambda lines: [line["sku"] for line in lines if line.get("sku")],
    "order.product_ids": lambda lines: [line["product_id"] for line in lines if line.get("product_id")],
    "order.collection_ids": lambda lines: [one for line in lines for one in _listed(line.get("collection_ids"))],
    "order.item_count": _item_count,
    "order.line_count": len,
}
"""What is worked out from the order's lines."""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a condition holds, with one entry per condition that was looked at."""

    passed: bool
    trace: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class One:
    """A condition made ready: what it compares with is read once, not at every look."""

    said: dict[str, Any]
    """Field, operator and value as written, for the trace."""
    field: ConditionField | None
    operator: Operator | None
    wanted: Any
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A group made ready."""

    every: bool
    parts: tuple[Ready, ...]


Ready = One | Group
_NOTHING: Final = Group(True, ())


def prepare(condition: Any) -> Ready:
    """Make a condition (as in a document) ready to be evaluated many times; never raises."""
    if condition in (None, {}, []):
        return _NOTHING
    if not isinstance(condition, dict):
        return Group(False, (One({"field": None, "operator": None, "wanted": None}, None, None, None, ()),))
    group = next((name for name in _GROUPS if name in condition), None)
    if group is None:
        return _prepare_one(condition)
    parts = condition[group]
    if not isinstance(parts, list):
        return Group(False, (One({"field": None, "operator": group, "wanted": None}, None, None, None, ()),))
    return Group(group == "all", tuple(prepare(one) for one in parts))


def evaluate(condition: Any, facts: Any, now: datetime | None = None) -> Verdict:
    """Return whether `condition` (a document or made ready) holds; no condition holds always.

    `now` is what "in the last 30 days" counts back from; without it such a condition does not hold.
    """
    ready = condition if isinstance(condition, One | Group) else prepare(condition)
    trace: list[dict[str, Any]] = []
    return Verdict(_holds(ready, facts, now, trace), trace)


def value_of(key: str, facts: Any) -> Any:
    """Return what `facts` say for a condition field, None where they say nothing."""
    derived = _DERIVED.get(key)
    if derived is None:
        return look_up(facts, key)
    lines = _lines(facts)
    return None if lines is None else derived(lines)


def walk(condition: Any) -> Iterator[dict[str, Any]]:
    """Yield every condition of a document, whatever groups it stands in."""
    if not isinstance(condition, dict):
        return
    group = next((name for name in _GROUPS if name in condition), None)
    if group is None:
        yield condition
    elif isinstance(condition[group], list):
        for part in condition[group]:
            yield from walk(part)


def problems(
    condition: Any, path: str = "filters", depth: int = 0, *, facts: frozenset[str] | None = None
) -> list[Problem]:
    """Return what is wrong with a condition or group; empty when it can be evaluated.

    `facts`: the top-level facts that there are after the trigger; None: do not ask.
    """
    if condition in (None, {}, []):
        return []
    if not isinstance(condition, dict):
        return [Problem(path, "filters", "A filter is not an object.", "Give field, operator and value.")]
    group = next((name for name in _GROUPS if name in condition), None)
    if group is None:
        return _problems_of_one(condition, path, facts)
    parts = condition[group]
    if not isinstance(parts, list) or len(parts) > _MOST or depth >= _DEEPEST:
        limit = f"Give a list of at most {_MOST} filters, at most {_DEEPEST} deep."
        return [Problem(f"{path}.{group}", group, "The group cannot be used.", limit)]
    found = unknown_keys(condition, (group,), path)
    for number, part in enumerate(parts):
        found.extend(problems(part, f"{path}.{group}[{number}]", depth + 1, facts=facts))
    return found


def _prepare_one(condition: dict[str, Any]) -> One:
    key, name, wanted = condition.get("field"), condition.get("operator"), condition.get("value")
    known = FIELDS.get(key) if isinstance(key, str) else None
    operator = OPERATORS.get(name) if isinstance(name, str) else None
    if known is None or operator is None or known.kind not in operator.kinds:
        return One({"field": key, "operator": name, "wanted": wanted}, None, None, None, ())
    ready = operator.prepare(known.kind, wanted) if operator.takes_value else None
    return One({"field": key, "operator": name, "wanted": wanted}, known, operator, ready, tuple(known.key.split(".")))


def _holds(ready: Ready, facts: Any, now: datetime | None, trace: list[dict[str, Any]]) -> bool:
    if type(ready) is One:
        return _one_holds(ready, facts, now, trace)
    assert isinstance(ready, Group)
    passed = [_holds(part, facts, now, trace) for part in ready.parts]
    return all(passed) if ready.every or not passed else any(passed)


def _one_holds(one: One, facts: Any, now: datetime | None, trace: list[dict[str, Any]]) -> bool:
    entry = {**one.said, "passed": False}
    trace.append(entry)
    known, operator = one.field, one.operator
    if known is None or operator is None:
        entry["value"], entry["reason"] = None, "unknown field or operator"
        return False
    value: Any = facts
    if known.key in _DERIVED:
        value = value_of(known.key, facts)
    else:
        for part in one.path:
            value = value.get(part) if isinstance(value, dict) else None
    entry["value"] = value
    if value is None or (value == "" and known.kind in _NUMERIC):
        entry["passed"] = operator.takes_missing
        if not operator.takes_missing:
            entry["reason"] = "no value"
        return operator.takes_missing
    usable = compare.READ[known.kind](value)
    if usable is compare.UNFIT:
        entry["reason"] = f"cannot be compared: the value is no {known.kind}"
        return False
    if one.wanted is compare.UNFIT:
        entry["reason"] = "cannot be compared: what it is compared with cannot be read"
        return False
    if known.kind == "date":
        usable = compare.Dated(usable, _zone_of(facts), now)
    passed = operator.holds(usable, one.wanted)
    if passed is None:
        entry["reason"] = "cannot be compared: the time is not known"
        return False
    entry["passed"] = passed
    return passed


def _zone_of(facts: Any) -> Any:
    name = look_up(facts, "store.time_zone")
    return zone(name) if isinstance(name, str) and name else UTC


def _problems_of_one(condition: dict[str, Any], path: str, facts: frozenset[str] | None) -> list[Problem]:
    key, name = condition.get("field"), condition.get("operator")
    known = FIELDS.get(key) if isinstance(key, str) else None
    if known is None:
        return [Problem(path, "field", f"There is no field {key!r}.", "Choose one of the catalogue.")]
    if facts is not None and known.fact not in facts:
        return [Problem(path, "field", f"{known.label} is not known after this trigger.", "Choose another field.")]
    operator = OPERATORS.get(name) if isinstance(name, str) else None
    if operator is None or known.kind not in operator.kinds:
        fitting = ", ".join(one.key for one in OPERATORS.values() if known.kind in one.kinds)
        return [Problem(path, "operator", f"{known.label} cannot be compared so.", f"Choose one of: {fitting}.")]
    found = unknown_keys(condition, ("field", "operator", "value"), path)
    if not operator.takes_value:
        return found
    wanted = condition.get("value")
    options = wanted if operator.takes_list and isinstance(wanted, list) else [wanted]
    if wanted is None or any(one in (None, "") for one in options) or not options:
        found.append(Problem(path, "value", f"The value for {known.label} is missing.", "Fill it in."))
    elif any(not isinstance(one, str | int | float) or isinstance(one, bool) for one in options):
        found.append(Problem(path, "value", f"The value for {known.label} cannot be compared.", "Give it as text."))
    elif operator.prepare(known.kind, wanted) is compare.UNFIT:
        what, remedy = operator.asks(known.kind)
        found.append(Problem(path, "value", f"The value for {known.label} is not {what}.", remedy))
    return found
