"""Quantities in a store: read and set, up to a hundred at once, and believed only as the answer shows them (56–61)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from referins_woo.commerce.records import Raw
from referins_woo.stores.door.line import GoneRecord, Line
from referins_woo.woo.client import Answer, WooClient
from referins_woo.woo.errors import BadReply

MOST: Final = 100
"""Rows of one batch: more is 413 (59)."""
_FIELDS: Final = "id,status,manage_stock,stock_quantity,backorders"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a store shows of goods. `quantity` in pieces; None where it shows none."""

    quantity: int | None
    is_managed: bool
    """By itself: a variation that draws on its product's stock is not."""
    backorders: bool
    """Whether people can order what is not there."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found of some goods; who is missing is gone. `date` is the store's clock."""

    shown: Mapping[int, Shown]
    date: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """What the store answered of each: what it shows now, or why it refused. `date` is the store's clock."""

    answers: Mapping[int, Shown | str]
    date: datetime


class Shelf:
    """Reads and sets quantities of products, or of the variations of one product (`product` above 0)."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def look(self, product: int, ids: Sequence[int]) -> Looked:
        """Return what the store shows of up to a hundred goods. Who a list leaves out is asked for alone."""
        path = _path(product)
        listed = ",".join(str(each) for each in ids)
        params: dict[str, Any] = {
            "include": listed,
            "per_page": len(ids),
            "orderby": "id",
            "order": "asc",
            "_fields": _FIELDS,
        }

        def ask(client: WooClient) -> Answer:
            answer = client.get(path, params)
            answer.rows()
            return answer

        try:
            answer = self._line.call("products", ask)
        except GoneRecord:
            return Looked({}, self._alone("orders", {"per_page": 1, "_fields": "id"}).date)  # its product is gone
        found = {raw["id"]: raw for raw in answer.rows() if isinstance(raw.get("id"), int)}
        for each in ids:
            if each not in found:
                try:
                    found[each] = self._alone(f"{path}/{each}", {"_fields": _FIELDS}).record()
                except GoneRecord:
                    continue
        shown = {each: _shown(raw) for each, raw in found.items() if raw.get("status") != "trash"}
        return Looked({each: shown[each] for each in ids if each in shown}, answer.date)

    def tell(self, product: int, wanted: Mapping[int, int]) -> Told:
        """Set quantities: goods → pieces, up to a hundred. Raises what the door raises; then all are unknown.

        The rows of a batch are not checked by WooCommerce (58), so they are whole numbers here, and every one is
        compared with the answer by the caller.
        """
        body = {"update": [{"id": each, "stock_quantity": pieces} for each, pieces in wanted.items()]}
        path = f"{_path(product)}/batch"

        def ask(client: WooClient) -> Answer:
            answer = client.post(path, body)
            rows = answer.record().get("update")
            if not isinstance(rows, list):
                raise BadReply("The store answered with something else than the rows of a batch.")
            return answer

        answer = self._line.call("products", ask, write=True)
        answers: dict[int, Shown | str] = {}
        for raw in answer.record()["update"]:
            if isinstance(raw, dict) and isinstance(raw.get("id"), int):
                answers[raw["id"]] = _refusal(raw) or _shown(raw)
        return Told(answers, answer.date)

    def _alone(self, path: str, params: dict[str, Any]) -> Answer:
        return self._line.call("products", lambda client: client.get(path, params))


def _path(product: int) -> str:
    return f"products/{product}/variations" if product else "products"


def _shown(raw: Raw) -> Shown:
    quantity = raw.get("stock_quantity")
    whole = int(quantity) if isinstance(quantity, int | float) and not isinstance(quantity, bool) else None
    return Shown(whole, raw.get("manage_stock") is True, raw.get("backorders") in ("notify", "yes"))


def _refusal(raw: Raw) -> str:
    error = raw.get("error")
    if not isinstance(error, dict):
        return ""
    return str(error.get("message") or error.get("code") or "WooCommerce refused it.")
