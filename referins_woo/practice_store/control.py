"""`/practice`: the page and the JSON endpoints with which people and tests move the shop and switch faults.

A form goes back to the page, JSON is answered with JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, MutableSequence
from dataclasses import asdict
from functools import partial
from typing import Any
from urllib.parse import quote

from flask import Flask, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response

from referins_woo.practice_store import customers, order_rules, product_rules, rights
from referins_woo.practice_store.checkout import ACTIONS
from referins_woo.practice_store.checks import whole
from referins_woo.practice_store.delivery import Dispatcher
from referins_woo.practice_store.exchange import Logged
from referins_woo.practice_store.faults import KINDS, Fault, Faults, UnknownFault
from referins_woo.practice_store.permission import PASSWORD_PURPOSE
from referins_woo.practice_store.rest_errors import RestError
from referins_woo.practice_store.scenarios import GROUPS, SCENARIOS, NotPlayed, Stage
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

_SHOWN_REQUESTS = 30
_OWN = ("/practice", "/favicon")
"""Paths that the list of requests does not show."""


def register(
    flask: Flask, shop: Shop, faults: Faults, dispatcher: Dispatcher, requests: MutableSequence[Logged]
) -> None:
    """Enter the control page and its endpoints."""
    stage = Stage(shop, faults)

    @flask.get("/practice")
    def practice() -> str:
        return render_template(
            "practice.html",
            groups=GROUPS,
            scenarios=SCENARIOS.values(),
            played=stage.played(),
            wrong=request.args.get("wrong", "")[:200],
            kinds=KINDS.values(),
            faults=faults.listed(),
            keys=[doc for doc in shop.changed("key").values() if doc],
            webhooks=[doc for doc in shop.changed("webhook").values() if doc],
            waiting=dispatcher.waiting(),
            requests=[line for line in requests if not line.path.startswith(_OWN)][-_SHOWN_REQUESTS:][::-1],
            user="admin",
            password=shop.derived(PASSWORD_PURPOSE, 16),
        )

    @flask.get("/practice/scenarios")
    def list_scenarios() -> Response:
        names = ("name", "group", "title", "sees", "options")
        return jsonify([{name: getattr(one, name) for name in names} for one in SCENARIOS.values()])

    @flask.post("/practice/scenarios/<name>")
    def play_scenario(name: str) -> Response:
        try:
            options = {key: float(value) for key, value in _given().items() if value != "" and key != "from_page"}
            return _done(stage.play(name, options).shown())
        except (NotPlayed, ValueError, TypeError) as error:
            if _from_page():
                return redirect(f"/practice?wrong={quote(str(error))}", 303)
            return _problem(400, str(error))

    @flask.get("/practice/scenarios/played/<int:number>")
    def played_scenario(number: int) -> Response:
        found = stage.found(number)
        return jsonify(found.shown()) if found else _problem(404, "That scenario is long over.")

    @flask.post("/practice/site")
    def change_site() -> Response:
        given = _given()
        try:
            decimals = int(given["decimals"]) if str(given.get("decimals") or "") else None
            if decimals is not None and not 0 <= decimals <= 8:
                raise ValueError("decimals is a number from 0 to 8")
            shop.change_site(timezone=str(given["timezone"]) if given.get("timezone") else None, decimals=decimals)
        except ValueError as error:
            if _from_page():
                return redirect(f"/practice?wrong={quote(str(error))}", 303)
            return _problem(400, str(error))
        return _done({"timezone": shop.site.zone_name or str(shop.site.zone), "decimals": shop.site.decimals})

    @flask.get("/practice/state")
    def state() -> Response:
        key = rights.ready_key(shop)
        return jsonify(
            url=shop.site.home,
            user="admin",
            password=shop.derived(PASSWORD_PURPOSE, 16),
            consumer_key=key["key"],
            consumer_secret=key["secret"],
            waiting=dispatcher.waiting(),
            faults=[_shown(fault) for fault in faults.listed()],
        )

    @flask.get("/practice/faults")
    def list_faults() -> Response:
        return jsonify([_shown(fault) for fault in faults.listed()])

    @flask.post("/practice/faults")
    def add_fault() -> Response:
        given = _given()
        try:
            re.compile(str(given.get("path") or ""))
            fault = faults.add(
                str(given.get("kind")),
                count=int(given["count"]) if str(given.get("count") or "").isdigit() else None,
                path=str(given.get("path") or ""),
                method=str(given.get("method") or ""),
                seconds=float(given.get("seconds") or 0),
                number=int(given.get("number") or 0),
                status=int(given.get("status") or 500),
                lasts=float(given.get("lasts") or 0) or None,
            )
        except (UnknownFault, ValueError, re.error) as error:
            return _problem(400, str(error))
        return _done(_shown(fault), 201)

    @flask.post("/practice/faults/clear")
    @flask.delete("/practice/faults")
    def clear_faults() -> Response:
        faults.clear(str(_given().get("kind") or "") or None)
        return _done([])

    @flask.post("/practice/orders")
    def make_order() -> Response:
        given = _given()
        via = str(given.pop("via", "checkout"))
        return _try(lambda: {"id": order_rules.create(shop, given, via)["id"]}, 201)

    @flask.post("/practice/orders/<int:order_id>/<action>")
    def move_order(order_id: int, action: str) -> Response:
        given = _given()
        moves: dict[str, Callable[[], Any]] = {name: partial(act, shop, order_id) for name, act in ACTIONS.items()}
        moves["delete"] = lambda: order_rules.erase(shop, order_id)
        moves["update"] = lambda: order_rules.update(shop, order_id, given)
        moves["status"] = lambda: order_rules.set_status(shop, order_id, str(given.get("status")))
        if "amount" in given:
            moves["refund"] = lambda: order_rules.refund(shop, order_id, {"api_refund": False, **given})
        if action not in moves:
            return _problem(404, f"There is no action {action!r}: choose one of {', '.join(moves)}")
        return _try(lambda: (moves[action](), {"id": order_id})[1])

    @flask.post("/practice/customers")
    def make_customer() -> Response:
        return _try(lambda: {"id": customers.register_user(shop, _given())["id"]}, 201)

    @flask.post("/practice/products")
    def make_product() -> Response:
        return _try(lambda: {"id": product_rules.create(shop, _given())["id"]}, 201)

    @flask.post("/practice/products/<int:product_id>")
    def change_product(product_id: int) -> Response:
        kind = "product" if shop.get("product", product_id) is not None else "variation"
        doc = shop.get(kind, product_id)
        if doc is None:
            return _problem(404, "There is no such product.")
        return _try(lambda: {"id": product_rules.update(shop, kind, doc, _given())["id"]})

    @flask.post("/practice/keys")
    def make_key() -> Response:
        given = _given()
        permissions = str(given.get("permissions") or "read_write")
        if permissions not in rights.PERMISSIONS:
            return _problem(400, "permissions is one of read, write and read_write")
        return _done(rights.new_key(shop, whole(given.get("user_id"), 1), permissions, "Made on /practice"), 201)

    @flask.post("/practice/keys/<int:key_id>/revoke")
    def revoke_key(key_id: int) -> Response:
        rights.revoke(shop, key_id)
        return _done({"id": key_id})

    @flask.post("/practice/keys/<int:key_id>/permissions")
    def change_key(key_id: int) -> Response:
        permissions = str(_given().get("permissions"))
        if permissions not in rights.PERMISSIONS:
            return _problem(400, "permissions is one of read, write and read_write")
        rights.set_permissions(shop, key_id, permissions)
        return _done({"id": key_id, "permissions": permissions})

    @flask.get("/practice/webhooks")
    def list_webhooks() -> Response:
        return jsonify([doc for doc in shop.changed("webhook").values() if doc])

    @flask.post("/practice/webhooks/deliver")
    def deliver() -> Response:
        return _done({"delivered": dispatcher.flush()})

    @flask.get("/practice/requests")
    def list_requests() -> Response:
        return jsonify([asdict(line) for line in requests])

    @flask.delete("/practice/requests")
    def forget_requests() -> Response:
        requests.clear()
        return _done([])


def _given() -> Json:
    if request.is_json:
        data = request.get_json(silent=True)
        return dict(data) if isinstance(data, dict) else {}
    return request.values.to_dict()


def _from_page() -> bool:
    return request.method == "POST" and not request.is_json and bool(request.form)


def _done(data: Any, status: int = 200) -> Response:
    if _from_page():
        return redirect("/practice", 303)
    answer = jsonify(data)
    answer.status_code = status
    return answer


def _problem(status: int, message: str) -> Response:
    answer = jsonify(error=message)
    answer.status_code = status
    return answer


def _try(action: Callable[[], Any], status: int = 200) -> Response:
    try:
        return _done(action(), status)
    except RestError as error:
        return _problem(error.status, str(error))


def _shown(fault: Fault) -> Json:
    names = ("id", "kind", "path", "method", "count", "hits", "seconds", "number", "status")
    return {name: getattr(fault, name) for name in names}
