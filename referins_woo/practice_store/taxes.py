"""Tax rates: the table of the seeded shop, and which rates an address and a tax class ask for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from referins_woo.practice_store.money import rounded

BASE = ("US", "NY")
"""Where the shop is: what has no address is taxed as here."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One tax rate; `mille` are thousandths of a percent."""

    id: int
    country: str
    state: str
    label: str
    mille: int
    priority: int = 1
    shipping: bool = True
    tax_class: str = "standard"

    @property
    def percent(self) -> int | float:
        """Return the rate in percent, an int where it is whole."""
        return self.mille // 1000 if self.mille % 1000 == 0 else self.mille / 1000

    @property
    def code(self) -> str:
        """Return the code that stands in tax lines."""
        return "-".join(filter(None, (self.country, self.state, self.label.upper(), str(self.priority))))

    @classmethod
    def of(cls, doc: dict[str, Any]) -> Rate:
        """Read a rate from its document."""
        mille = round(float(doc["rate"]) * 1000)
        where = (doc["id"], doc["country"], doc["state"], doc["name"])
        return cls(*where, mille, doc["priority"], doc["shipping"], doc["class"])

    def document(self) -> dict[str, Any]:
        """Return the rate as a document, in the key order of the REST API."""
        return {
            "id": self.id,
            "country": self.country,
            "state": self.state,
            "postcode": "",
            "city": "",
            "rate": f"{self.mille / 1000:.4f}",
            "name": self.label,
            "priority": self.priority,
            "compound": False,
            "shipping": self.shipping,
            "order": 0,
            "class": self.tax_class,
            "postcodes": [],
            "cities": [],
        }


TABLE = (
    Rate(1, "US", "NY", "NY Sales Tax", 8000),
    Rate(2, "US", "NY", "MTA Surcharge", 375, priority=2, shipping=False),
    Rate(3, "US", "CA", "CA Sales Tax", 7250),
    Rate(4, "DE", "", "MwSt", 19_000),
    Rate(5, "DE", "", "MwSt ermäßigt", 7000, tax_class="reduced-rate"),
    Rate(6, "GB", "", "VAT", 20_000),
)
"""The rates of the seeded shop."""


class Rates:
    """A table of rates, asked by address and tax class; what was asked once is remembered."""

    def __init__(self, table: Iterable[Rate]) -> None:
        self.table = tuple(table)
        self._known: dict[tuple[str, str, str], tuple[Rate, ...]] = {}

    def found(self, country: str, state: str, tax_class: str = "") -> tuple[Rate, ...]:
        """Return the rates that apply to an address; an empty class is the standard one."""
        asked = (country, state, tax_class or "standard")
        if asked not in self._known:
            place = (country, state) if country else BASE
            self._known[asked] = tuple(
                rate
                for rate in self.table
                if rate.tax_class == asked[2] and rate.country in ("", place[0]) and rate.state in ("", place[1])
            )
        return self._known[asked]


SEEDED = Rates(TABLE)


def split(cents: int, rates: Sequence[Rate]) -> list[int]:
    """Return the tax of each rate on an amount without tax."""
    return [rounded(cents * rate.mille, 100_000) for rate in rates]
