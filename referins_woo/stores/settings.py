"""What a store says about itself: who it is, its currency and time zone, when it cancels unpaid orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from referins_woo.woo.errors import Unauthorized, WooError


class Answered(Protocol):
    """An answer: its decoded JSON."""

    @property
    def data(self) -> Any:
        """The document."""


class Reader(Protocol):
    """Whatever reads a store: paths below wc/v3, and the index of the REST API."""

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Answered:
        """Read `path`."""

    def index(self) -> Answered:
        """Read the index, without keys."""


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """One store's own words. `identity` stays the same when the shop moves (C10)."""

    identity: str
    name: str
    home_url: str
    woo_version: str
    currency: str
    price_decimals: int
    time_zone: str
    """IANA name, or an offset like +05:30."""
    manage_stock: bool
    hold_stock_minutes: int | None
    """Minutes after which unpaid orders are cancelled; None: never."""


def read(store: Reader) -> StoreFacts:
    """Ask the store for its facts. Raises `woo.errors`: Unauthorized where the keys' user has no rights to them.

    The index may be closed to the anonymous while keys work (72): then the zone comes from an order's two dates.
    """
    status = store.get("system_status", {"_fields": "environment,settings"}).data
    environment, configured = _part(status, "environment"), _part(status, "settings")
    stock = _values(store.get("settings/products", {"_fields": "id,value"}).data)
    index = _index(store)
    home_url = str(environment.get("home_url") or index.get("home") or index.get("url") or "").rstrip("/")
    zone = time_zone(index.get("timezone_string"), index.get("gmt_offset")) or _zone_of_an_order(store)
    manages = stock.get("woocommerce_manage_stock") == "yes"
    return StoreFacts(
        identity=str(environment.get("store_id") or "") or f"{home_url.lower()}#{_lowest_order_id(store)}",
        name=str(index.get("name") or ""),
        home_url=home_url,
        woo_version=str(environment.get("version") or "")[:20],
        currency=str(configured.get("currency") or "")[:3].upper(),
        price_decimals=_whole(configured.get("number_of_decimals"), 2),
        time_zone=zone,
        manage_stock=manages,
        hold_stock_minutes=_whole(stock.get("woocommerce_hold_stock_minutes"), 0) or None if manages else None,
    )


def same_identity(stored: str, found: str) -> bool:
    """Whether two identities mean one store. One told by its lowest order id had none (#0) before its first order."""
    if stored == found:
        return True
    home, _, order_id = stored.rpartition("#")
    return bool(home) and order_id == "0" and found.rpartition("#")[0] == home


def time_zone(name: object, gmt_offset: object) -> str:
    """Return the zone that WordPress states: a city's name, else its offset as +HH:MM; "" where it states neither.

    `gmt_offset` is a number or its text: -5, "5.5" (18).
    """
    if isinstance(name, str) and name:
        try:
            return ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError):
            pass
    try:
        minutes = round(float(str(gmt_offset)) * 60)
    except ValueError:
        return ""
    return offset_text(minutes) if abs(minutes) <= 16 * 60 else ""


def offset_text(minutes: int) -> str:
    """Return an offset from UTC as text: 330 is +05:30."""
    sign, size = ("-" if minutes < 0 else "+"), abs(minutes)
    return f"{sign}{size // 60:02d}:{size % 60:02d}"


def _index(store: Reader) -> Mapping[str, Any]:
    try:
        index = store.index().data
    except Unauthorized:
        return {}
    return index if isinstance(index, dict) else {}


def _zone_of_an_order(store: Reader) -> str:
    try:
        rows = store.get("orders", {"per_page": 1, "_fields": "id,date_created,date_created_gmt"}).data
        local, gmt = (datetime.fromisoformat(rows[0][name]) for name in ("date_created", "date_created_gmt"))
    except (WooError, LookupError, TypeError, ValueError):
        return "UTC"
    return offset_text(round((local - gmt).total_seconds() / 60))


def _lowest_order_id(store: Reader) -> int:
    rows = store.get("orders", {"orderby": "id", "order": "asc", "per_page": 1, "_fields": "id"}).data
    return int(rows[0]["id"]) if isinstance(rows, list) and rows else 0


def _part(document: Any, name: str) -> Mapping[str, Any]:
    part = document.get(name) if isinstance(document, dict) else None
    return part if isinstance(part, dict) else {}


def _values(rows: Any) -> dict[str, str]:
    found = rows if isinstance(rows, list) else []
    return {str(row.get("id")): str(row.get("value") or "") for row in found if isinstance(row, dict)}


def _whole(value: object, otherwise: int) -> int:
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() else otherwise
