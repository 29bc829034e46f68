"""Merge variables: what texts of e-mails may name, and which facts they need."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any, Final

from automations.triggers import TRIGGERS


@dataclass(frozen=True, slots=True)
class Variable:
    """One name that stands between double braces."""

    key: str
    label: str
    sample: str
    kind: str = "text"
    """`text`, `money`, `date`, `link` or `list`: how it is shown."""

    @property
    def fact(self) -> str:
        """The top-level fact that it needs."""
        return self.key.partition(".")[0]


VARIABLES: Final[dict[str, Variable]] = {
    one.key: one
    for one in (
        Variable("contact.first_name", "First name", "Ada"),
        Variable("contact.last_name", "Last name", "Example"),
        Variable("contact.name", "Full name", "Ada Example"),
        Variable("contact.email", "E-mail", "ada@example.com"),
        Variable("order.number", "Order number", "1042"),
        Variable("order.total", "Total", "€59.90", "money"),
        Variable("order.shipping_total", "Shipping", "€4.90", "money"),
        Variable("order.discount_total", "Discount", "€0.00", "money"),
        Variable("order.currency", "Currency", "EUR"),
        Variable("order.placed_at", "Date of the order", "21 November 2026", "date"),
        Variable("order.pay_link", "Link to pay", "https://shop.example.com/pay", "link"),
        Variable("order.payment_method_title", "Payment method", "Bank transfer"),
        Variable("order.customer_note", "Customer's note", "Please ring twice"),
        Variable("order.lines", "Products", "2 × Mug, 1 × Poster", "list"),
        Variable("order.billing.first_name", "Billing first name", "Ada"),
        Variable("order.billing.last_name", "Billing last name", "Example"),
        Variable("order.billing.company", "Billing company", "Example Ltd"),
        Variable("order.billing.address_1", "Billing street", "1 Example Street"),
        Variable("order.billing.postcode", "Billing postcode", "12345"),
        Variable("order.billing.city", "Billing city", "Exampletown"),
        Variable("order.billing.country", "Billing country", "DE"),
        Variable("order.shipping.first_name", "Shipping first name", "Ada"),
        Variable("order.shipping.last_name", "Shipping last name", "Example"),
        Variable("order.shipping.address_1", "Shipping street", "1 Example Street"),
        Variable("order.shipping.postcode", "Shipping postcode", "12345"),
        Variable("order.shipping.city", "Shipping city", "Exampletown"),
        Variable("order.shipping.country", "Shipping country", "DE"),
        Variable("transaction.amount", "Amount paid", "€59.90", "money"),
        Variable("transaction.method", "Paid by", "Card"),
        Variable("transaction.occurred_at", "Date of payment", "21 November 2026", "date"),
        Variable("refund.amount", "Amount refunded", "€9.90", "money"),
        Variable("refund.reason", "Reason of the refund", "Arrived broken"),
        Variable("refund.occurred_at", "Date of the refund", "21 November 2026", "date"),
        Variable("store.name", "Store name", "Example Shop"),
        Variable("store.url", "Store address", "https://shop.example.com", "link"),
    )
}

GROUPS: Final[dict[str, str]] = {
    "contact": "Contact",
    "order": "Order",
    "transaction": "Payment",
    "refund": "Refund",
    "store": "Store",
}
"""Fact → what a list of variables calls those that need it."""

FORMATS: Final[dict[str, str]] = {
    "": "As it is",
    "upper": "CAPITALS",
    "lower": "small letters",
    "capitalize": "First letter large",
    "title": "Every Word Large",
    "truncate(40)": "At most 40 letters",
}
"""Filter → what a picker calls it. They are for texts: money, dates and links come formatted."""

_NAME = r"[A-Za-z_][\w.]*"
_PLACES = re.compile(r"\{\{-?(.*?)-?\}\}", re.DOTALL)
_LOOPS = re.compile(r"\{%-?\s*for\s+([\w\s,]+?)\s+in\s")
_LITERAL = r"(?:'[^']*'|\"[^\"]*\")"

FILTERS: Final[dict[str, str]] = {
    **dict.fromkeys(("default", "d"), rf"\(\s*(?:{_LITERAL}|{_NAME})\s*\)"),
    **dict.fromkeys(("upper", "lower", "title", "capitalize", "trim", "first", "last", "length", "count"), ""),
    "truncate": r"(?:\(\s*\d{1,4}\s*\))?",
    "join": rf"(?:\(\s*{_LITERAL}\s*\))?",
}
"""Filter → pattern of its argument. The mail room implements them; a house test holds the two together."""

_FILTER = "|".join(rf"{name}\b\s*{argument}" for name, argument in FILTERS.items())
_READABLE = re.compile(rf"\s*{_NAME}\s*(?:\|\s*(?:{_FILTER})\s*)*")
_ADDRESS = re.compile(r"(https?://|mailto:)[^\s/]", re.IGNORECASE)
_REMEDY = "Write {{ contact.first_name }} or {{ contact.first_name|default('there') }}."


def of_trigger(trigger: str) -> list[Variable]:
    """Return the variables whose facts `trigger` supplies."""
    supplied = TRIGGERS[trigger].facts if trigger in TRIGGERS else frozenset()
    return [variable for variable in VARIABLES.values() if variable.fact in supplied]


def unknown_variables(text: str, trigger: str) -> list[tuple[str, str]]:
    """Return (name, suggestion) of what `text` names and `trigger` does not supply; the suggestion may be empty."""
    known = {variable.key for variable in of_trigger(trigger)}
    names = dict.fromkeys(name for place in _PLACES.findall(text) for name in _names(place))
    return [(name, suggestion_for(name, known)) for name in names if name not in known]


def unknown_in_code(code: Any, trigger: str) -> list[tuple[int, str, str]]:
    """Return (line, name, suggestion) of what code names and `trigger` does not supply; loops name their own."""
    if not isinstance(code, str):
        return []
    known = {variable.key for variable in of_trigger(trigger)}
    bound = {"loop", *(name for names in _LOOPS.findall(code) for name in re.findall(r"\w+", names))}
    unknown: dict[str, tuple[int, str, str]] = {}
    for place in _PLACES.finditer(code):
        for name in _names(place[1]):
            if name not in known and name.partition(".")[0] not in bound and name not in unknown:
                unknown[name] = (code.count("\n", 0, place.start()) + 1, name, suggestion_for(name, known))
    return list(unknown.values())


def suggestion_for(name: str, known: set[str]) -> str:
    """Return the name among `known` that `name` was probably meant to be; empty where none is close."""
    last = name.rpartition(".")[2]
    same = [one for one in sorted(known) if one.rpartition(".")[2] == last]
    close = same or difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return close[0] if close else ""


def syntax_problems(text: str) -> list[tuple[str, str]]:
    """Return (message, remedy) of every place in `text` that could not be filled in when the e-mail is written.

    A place is a variable with any number of filters; an e-mail is no program, so nothing else may stand there.
    """
    found = []
    for place in _PLACES.findall(text):
        if _READABLE.fullmatch(place) is None:
            found.append((f"{{{{{place}}}}} cannot be read.", _REMEDY))
    rest = _PLACES.sub("", text)
    if "{{" in rest or "}}" in rest:
        found.append(("A pair of braces is not closed.", _REMEDY))
    if any(mark in rest for mark in ("{%", "%}", "{#", "#}")):
        found.append(("Statements like {% … %} cannot be used.", "Use an If / else step, or default('…')."))
    return found


def leads_to_link(text: str) -> bool:
    """Whether a link text begins with http(s), mailto or a variable that is a link: never with a script."""
    text = text.strip()
    if _ADDRESS.match(text):
        return True
    place = _PLACES.match(text)
    names = _names(place[1]) if place else []
    defaults = re.findall(r"'([^']*)'|\"([^\"]*)\"", place[1]) if place else []
    return (
        bool(names)
        and all(name in VARIABLES and VARIABLES[name].kind == "link" for name in names)
        and all(_ADDRESS.match(single or double) for single, double in defaults)
    )


def _names(place: str) -> list[str]:
    """Return the names in one place: the first, and those that its `default`s name."""
    first = re.match(rf"\s*({_NAME})", place)
    return [*([first[1]] if first else []), *re.findall(rf"\|\s*(?:default|d)\(\s*({_NAME})\s*\)", place)]
