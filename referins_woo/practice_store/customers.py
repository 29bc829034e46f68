"""The REST resource customers: users of a role, `customer` where none is named (facts 45 to 50)."""

from __future__ import annotations

import re
import secrets

from referins_woo.practice_store import views
from referins_woo.practice_store.call import BATCH, CREATE, DELETE, EDIT, LIST, VIEW, Answer, Call, Routes, in_batch
from referins_woo.practice_store.checks import an_address, check_body, is_email, merge_meta, of_type, rows_of
from referins_woo.practice_store.params import ListParams, ListSchema, single
from referins_woo.practice_store.rest_errors import RestError, missing_params
from referins_woo.practice_store.rows import Chained, Cycled, Listed, Rows, cut
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json
from referins_woo.practice_store.words import folded

ROLES = ("administrator", "editor", "author", "contributor", "subscriber", "customer", "shop_manager")
SCHEMA = ListSchema(
    orderby=("id", "include", "name", "registered_date"),
    default_orderby="name",
    default_order="asc",
    dates=(),
    enums={"role": ("all", *ROLES)},
)
_BODY = {
    "email": of_type("string"),
    "first_name": of_type("string"),
    "last_name": of_type("string"),
    "billing": an_address,
    "shipping": of_type("object"),
    "meta_data": rows_of({}),
}
_ADDRESS = (
    *("first_name", "last_name", "company", "address_1", "address_2", "city", "postcode", "country", "state"),
    *("email", "phone"),
)


def register(routes: Routes) -> None:
    """Enter the routes of customers."""
    routes.add("GET", "customers", LIST, listed)
    routes.add("POST", "customers", CREATE, create)
    routes.add("POST PUT PATCH", "customers/batch", BATCH, batch)
    routes.add("GET", "customers/{id}", VIEW, show)
    routes.add("POST PUT PATCH", "customers/{id}", EDIT, update)
    routes.add("DELETE", "customers/{id}", DELETE, delete)
    routes.add("GET", "customers/{id}/downloads", LIST, downloads)


def listed(call: Call) -> Answer:
    """GET customers; there is no order or filter by date of change (fact 7)."""
    params = call.listing(SCHEMA)
    found, total = _select(call.shop, params)
    docs = [doc for i in found if (doc := call.shop.get("customer", i)) is not None]
    return call.page(params, [views.customer(call.shop, doc) for doc in docs], total, by_offset=True)


def show(call: Call, id: int) -> Answer:
    """GET customers/ID: works for any user."""
    shown = views.customer(call.shop, _user(call, id))
    return Answer(shown, methods=shown["_links"]["self"][0]["targetHints"]["allow"])


def create(call: Call) -> Answer:
    """POST customers."""
    body = call.body
    if "email" not in body:
        if call.loose:
            raise RestError(400, "registration-error-invalid-email", "Please provide a valid email address.")
        raise missing_params(["email"])
    if not call.loose:
        _check_credentials(call)
    if not call.loose:
        check_body(body, _BODY)
    doc = register_user(call.shop, body)
    return call.created(views.customer(call.shop, doc), f"customers/{doc['id']}")


def _check_credentials(call: Call) -> None:
    """Raise the 400 of a shop that makes up no user names or passwords, where they are missing (fact 49)."""
    asked = [
        name
        for name in ("username", "password")
        if call.shop.overlay.fact_or(f"setting account woocommerce_registration_generate_{name}", "yes") == "no"
        and name not in call.body
    ]
    if asked:
        raise missing_params(asked)


def register_user(shop: Shop, body: Json) -> Json:
    """Make a user with the role customer and tell it. Raises RestError 400 for a known e-mail or user name."""
    email, username = str(body["email"]), str(body.get("username") or "")
    if not is_email(email):
        raise RestError(400, "customer_invalid_email", "Invalid email address")
    with shop.lock:
        if find_email(shop, email) is not None:
            raise RestError(
                *(400, "registration-error-email-exists"),
                f"An account is already registered with {email}. Please log in or use a different email address.",
            )
        if username and not re.fullmatch(r"[A-Za-z0-9 _.@-]+", username):
            raise RestError(400, "registration-error-invalid-username", "Please provide a valid account username.")
        if username and _username_taken(shop, username):
            raise RestError(
                *(400, "registration-error-username-exists"),
                "An account is already registered with that username. Please choose another.",
            )
        doc: Json = {
            "id": shop.new_id("customer"),
            "created": shop.now(),
            "modified": shop.now(),
            "email": email,
            "first_name": "",
            "last_name": "",
            "roles": body.get("roles") or ["customer"],
            "username": username or _free_username(shop, email.partition("@")[0]),
            "billing": dict.fromkeys(_ADDRESS, ""),
            "shipping": dict.fromkeys([name for name in _ADDRESS if name != "email"], ""),
            "is_paying_customer": False,
            "meta_data": [],
        }
        if not body.get("password"):  # one was made up: the user is nagged to change it
            doc["meta_data"] = [{"id": shop.new_id("meta"), "key": "default_password_nag", "value": "1"}]
        _fill(shop, doc, body)
        shop.save("customer", doc)
        shop.news.tell("customer.created", doc["id"])
        if "customer" in doc["roles"]:  # a plain WordPress registration is told once (fact 87)
            shop.news.tell("customer.updated", doc["id"])
        return doc


def update(call: Call, id: int) -> Answer:
    """PUT customers/ID."""
    if not call.loose:
        check_body(call.body, _BODY)
    doc = dict(_user(call, id))
    email = call.body.get("email")
    moves = email is not None and str(email).lower() != doc["email"].lower()
    if moves and (not is_email(str(email)) or find_email(call.shop, str(email)) is not None):
        raise RestError(400, "woocommerce_rest_customer_invalid_email", "Email address is invalid.")
    if call.body.get("username") not in (None, doc["username"]):
        raise RestError(400, "woocommerce_rest_customer_invalid_argument", "Username isn't editable.")
    with call.shop.lock:
        if email is not None:
            doc["email"] = email
        _fill(call.shop, doc, call.body)
        call.shop.save("customer", doc)
        call.shop.news.tell("customer.updated", id)
    return Answer(views.customer(call.shop, doc))


def delete(call: Call, id: int) -> Answer:
    """DELETE customers/ID: only with force; his orders become guests' (fact 38)."""
    doc = _user(call, id)
    if not call.force:
        raise RestError(501, "woocommerce_rest_trash_not_supported", "Customers do not support trashing.")
    shown = views.customer(call.shop, doc)
    shown["_links"]["self"][0].pop("targetHints")
    with call.shop.lock:
        call.shop.remove("customer", id)
        for order_id in _orders_of(call.shop, id):
            order = call.shop.get("order", order_id)
            if order is not None and order["customer_id"] == id:
                call.shop.save("order", {**order, "customer_id": 0}, touch=False)
        call.shop.news.tell("customer.deleted", id)
    return Answer(shown, shows_methods=False)


def batch(call: Call) -> Answer:
    """POST customers/batch."""
    return in_batch(call, {"create": create, "update": update, "delete": delete})


def downloads(call: Call, id: int) -> Answer:
    """GET customers/ID/downloads."""
    _user(call, id)
    return Answer([])


def find_email(shop: Shop, email: str) -> int | None:
    """Return the id of the user with this e-mail, in any case, or None."""
    wanted = email.lower()
    changed = shop.changed("customer")
    for record_id, doc in changed.items():
        if doc is not None and doc["email"].lower() == wanted:
            return record_id
    seeded = shop.world.users_by_email.get(wanted)
    return None if seeded is None or seeded in changed else seeded


def _select(shop: Shop, params: ListParams) -> tuple[list[int], int]:
    role = single(params.query, "role") or "customer"
    email = single(params.query, "email")
    changed = shop.changed("customer")
    base: Rows
    if email or params.search or params.include or params.exclude:
        every = params.include or ([i] if email and (i := find_email(shop, email)) else None)
        if email and every is None:
            every = []
        numbers = sorted(set(every)) if every is not None else [*shop.world.staff_ids, *shop.world.customer_ids]
        base = Listed([i for i in numbers if i not in changed and _seeded_fits(shop, i, role, params)])
    else:
        staff = [i for i in shop.world.staff_ids if _seeded_fits(shop, i, role, params)]
        ids = shop.world.customer_ids
        many = Cycled(ids.start, 0, len(ids), [0] if role in ("all", "customer") else [], 1)
        base = Chained(Listed(staff), many) if role in ("all", "customer") else Listed(staff)
    added = [i for i, doc in changed.items() if doc is not None and _fits(doc, role, params)]
    if params.orderby == "id":
        return cut(
            base, list(changed), added, offset=params.offset, limit=params.per_page, descending=params.descending
        )
    every_id = [i for place in range(len(base)) if (i := base[place]) not in changed] + added
    every_id.sort(key=lambda i: _key(shop, i, params), reverse=params.descending)
    return every_id[params.offset : params.offset + params.per_page], len(every_id)


def _seeded_fits(shop: Shop, record_id: int, role: str, params: ListParams) -> bool:
    doc = shop.world.record("customer", record_id)
    return doc is not None and _fits(doc, role, params)


def _fits(doc: Json, role: str, params: ListParams) -> bool:
    email = single(params.query, "email")
    return (
        (role == "all" or role in doc["roles"])
        and (not email or doc["email"].lower() == email.lower())
        and (not params.include or doc["id"] in params.include)
        and doc["id"] not in params.exclude
        and (not params.search or folded(params.search) in folded(f"{doc['username']} {doc['email']}"))
    )


def _key(shop: Shop, record_id: int, params: ListParams) -> tuple[str | int, int]:
    """Return what a user is sorted by; `name` is the display name, which is the user name unless one was kept."""
    if params.orderby == "include" and record_id in params.include:
        return params.include.index(record_id), record_id
    ids = shop.world.customer_ids
    if params.orderby == "name" and record_id in ids and not shop.overlay.knows("customer", record_id):
        return f"customer{record_id - ids.start + 1}", record_id
    doc = shop.get("customer", record_id) or {}
    if params.orderby == "registered_date":
        return doc["created"], record_id
    return folded(doc.get("display_name") or doc["username"]), record_id


def _orders_of(shop: Shop, user_id: int) -> list[int]:
    changed = shop.changed("order")
    found = [i for i, doc in changed.items() if doc is not None and doc["customer_id"] == user_id]
    if user_id in shop.world.customer_ids:
        numbers = shop.world.layout.orders_of_customer(user_id - shop.world.customer_ids.start)
        found += [
            shop.world.layout.first_order + n for n in numbers if n + shop.world.layout.first_order not in changed
        ]
    return found


def _user(call: Call, record_id: int) -> Json:
    doc = call.shop.get("customer", record_id)
    if doc is None:
        raise RestError(404, "wc_user_invalid_id", "Invalid user ID.", shows_methods=False)
    return doc


def _fill(shop: Shop, doc: Json, body: Json) -> None:
    for name in ("first_name", "last_name"):
        if name in body:
            doc[name] = str(body[name])
    for side in ("billing", "shipping"):
        if isinstance(body.get(side), dict):
            doc[side] = doc[side] | {name: str(body[side][name]) for name in doc[side] if name in body[side]}
    if "meta_data" in body:
        doc["meta_data"] = merge_meta(doc["meta_data"], body["meta_data"], lambda: shop.new_id("meta"))


def _username_taken(shop: Shop, username: str) -> bool:
    wanted = username.lower()
    changed = shop.changed("customer").values()
    if any(doc is not None and doc["username"].lower() == wanted for doc in changed):
        return True
    staff = (shop.world.record("customer", i) for i in shop.world.staff_ids)
    if any(doc is not None and doc["username"].lower() == wanted for doc in staff):
        return True
    number = re.fullmatch(r"customer(\d+)", wanted)
    return bool(number) and 0 < int(wanted[8:]) <= len(shop.world.customer_ids)


def _free_username(shop: Shop, wish: str) -> str:
    name = wish
    while _username_taken(shop, name):
        name = f"{wish}-{1000 + secrets.randbelow(9000)}"
    return name
