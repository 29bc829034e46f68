"""Which time zone a person of a country lives in, as far as a country says (E4)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from babel.core import get_global

_MOST_PEOPLE: Final = {
    "AR": "America/Argentina/Buenos_Aires",
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "CD": "Africa/Kinshasa",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "FM": "Pacific/Pohnpei",
    "GL": "America/Nuuk",
    "ID": "Asia/Jakarta",
    "KI": "Pacific/Tarawa",
    "KZ": "Asia/Almaty",
    "MN": "Asia/Ulaanbaatar",
    "MX": "America/Mexico_City",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PF": "Pacific/Tahiti",
    "PG": "Pacific/Port_Moresby",
    "PS": "Asia/Gaza",
    "PT": "Europe/Lisbon",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "UM": "Pacific/Wake",
    "US": "America/New_York",
    "UZ": "Asia/Tashkent",
}
"""Countries with several zones: where most of their people live."""


@lru_cache(maxsize=4_096)
def zone_of_country(country: str, store_zone: str) -> str:
    """Return the zone's name for an ISO 3166 country, "" where it is not known.

    In a country with several the store's zone is taken if it is one of them: most customers live near.
    """
    zones = get_global("territory_zones").get(country.strip().upper()) or []
    if store_zone in zones:
        return store_zone
    return _MOST_PEOPLE.get(country.strip().upper()) or (zones[0] if zones else "")
