"""The REST resource data: currencies, countries and continents. Names are those of the Unicode locale data."""

from __future__ import annotations

from functools import lru_cache

from babel import Locale
from babel.core import get_global

from referins_woo.practice_store.call import LIST, VIEW, Answer, Call, Routes
from referins_woo.practice_store.currencies import ENTITIES, entity
from referins_woo.practice_store.rest_errors import RestError
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

_KINDS = (
    ("continents", "List of supported continents, countries, and states."),
    ("countries", "List of supported states in a given country."),
    ("currencies", "List of supported currencies."),
)
_SOUTH = {"AR", "BO", "BR", "CL", "CO", "EC", "FK", "GF", "GY", "PE", "PY", "SR", "UY", "VE"}
_OF_ZONES = {"Africa": "AF", "Antarctica": "AN", "America": "NA", "Asia": "AS", "Europe": "EU", "Indian": "AF"}
"""Time zones lie on continents; the Atlantic's are Europe's here, those of the Pacific and Australia Oceania's."""

_NAMES = {
    "AF": "Africa",
    "AN": "Antarctica",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}
_STATES = {"US": {"NY": "New York", "OR": "Oregon", "VT": "Vermont", "WI": "Wisconsin", "CA": "California"}}
"""States of the countries that seeded orders come from; a few, not all."""


def register(routes: Routes) -> None:
    """Enter the routes of data."""
    routes.add("GET", "data", LIST, index)
    routes.add("GET", "data/currencies", LIST, currencies)
    routes.add("GET", "data/currencies/current", VIEW, current)
    routes.add("GET", "data/currencies/{code:text}", VIEW, currency)
    routes.add("GET", "data/countries", LIST, countries)
    routes.add("GET", "data/countries/{code:text}", VIEW, country)
    routes.add("GET", "data/continents", LIST, continents)
    routes.add("GET", "data/continents/{code:text}", VIEW, continent)


def index(call: Call) -> Answer:
    """GET data."""
    site = call.shop.site
    rows = (
        {"slug": name, "description": words, "_links": site.links(f"data/{name}", ("GET",))} for name, words in _KINDS
    )
    return Answer(list(rows))


def currencies(call: Call) -> Answer:
    """GET data/currencies: comes whole."""
    return Answer([_currency(call.shop, code) for code in ENTITIES])


def current(call: Call) -> Answer:
    """GET data/currencies/current."""
    return Answer(_currency(call.shop, call.shop.site.currency))


def currency(call: Call, code: str) -> Answer:
    """GET data/currencies/CODE, in any case."""
    if code.upper() not in ENTITIES:
        raise RestError(
            404, "woocommerce_rest_data_invalid_currency", "There are no currencies matching these parameters."
        )
    return Answer(_currency(call.shop, code.upper()))


def countries(call: Call) -> Answer:
    """GET data/countries: comes whole, by name."""
    return Answer([_country(call.shop, code) for code in _territories()])


def country(call: Call, code: str) -> Answer:
    """GET data/countries/CODE, in any case."""
    if code.upper() not in _territories():
        raise _nowhere()
    return Answer(_country(call.shop, code.upper()))


def continents(call: Call) -> Answer:
    """GET data/continents: comes whole."""
    return Answer([_continent(call.shop, code) for code in _NAMES])


def continent(call: Call, code: str) -> Answer:
    """GET data/continents/CODE, in any case."""
    if code.upper() not in _NAMES:
        raise _nowhere()
    return Answer(_continent(call.shop, code.upper()))


@lru_cache(1)
def _english() -> Locale:
    return Locale("en")


@lru_cache(1)
def _territories() -> dict[str, str]:
    names = {str(code): str(name) for code, name in _english().territories.items()}
    codes = [code for code in names if len(code) == 2 and code.isalpha() and code not in ("EU", "EZ", "UN", "ZZ", "QO")]
    return {code: names[code] for code in sorted(codes, key=lambda code: names[code])}


def _nowhere() -> RestError:
    return RestError(404, "woocommerce_rest_data_invalid_location", "There are no locations matching these parameters.")


def _currency(shop: Shop, code: str) -> Json:
    links = shop.site.links(f"data/currencies/{code}", ("GET",))
    return {"code": code, "name": _english().currencies.get(code, code), "symbol": entity(code), "_links": links}


def _country(shop: Shop, code: str) -> Json:
    states = [{"code": state, "name": name} for state, name in _STATES.get(code, {}).items()]
    links = shop.site.links(f"data/countries/{code.lower()}", ("GET",))
    return {"code": code, "name": _territories()[code], "states": states, "_links": links}


def _continent(shop: Shop, code: str) -> Json:
    inside = [
        {"code": country, "name": name, "currency_code": shop.site.currency, "num_decimals": 2, "states": []}
        for country, name in _territories().items()
        if _continents().get(country) == code
    ]
    links = shop.site.links(f"data/continents/{code.lower()}", ("GET",))
    return {"code": code, "name": _NAMES[code], "countries": inside, "_links": links}


@lru_cache(1)
def _continents() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, country in get_global("zone_territories").items():
        area = name.partition("/")[0]
        there = "SA" if country in _SOUTH else _OF_ZONES.get(area, "EU" if area == "Atlantic" else "OC")
        found.setdefault(country, there)
    return found
