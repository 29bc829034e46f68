"""The pages on which a shop owner grants keys to an application: `/wc-auth/v1/…` (facts 92 to 100).

Deliberate difference: over plain http, callbacks on the loopback may be http; `strict` refuses them.
"""

from __future__ import annotations

import re
from hmac import compare_digest
from typing import Any
from urllib.parse import quote, unquote_plus, urlencode, urlsplit

from flask import Flask, redirect, render_template, request, session
from werkzeug.wrappers import Response

from referins_woo.config import is_loopback
from referins_woo.errors import ReferinsError
from referins_woo.practice_store import outgoing
from referins_woo.practice_store.customers import find_email
from referins_woo.practice_store.delivery import php_json
from referins_woo.practice_store.exchange import UNCACHED
from referins_woo.practice_store.rights import PERMISSIONS, may_manage, new_key, revoke
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

PASSWORD_PURPOSE = "password"  # noqa: S105 - names what is derived; it is no password
USER = "user_id"
_PARAMS = ("app_name", "user_id", "return_url", "callback_url", "scope")
_RIGHTS = {
    "read": ("View coupons", "View customers", "View orders and sales reports", "View products"),
    "write": ("Create webhooks", "Create coupons", "Create customers", "Create orders", "Create products"),
    "read_write": (
        *("Create webhooks", "View and manage coupons", "View and manage customers"),
        *("View and manage orders and sales reports", "View and manage products"),
    ),
}
_SCOPES = {"read": "Read", "write": "Write", "read_write": "Read/Write"}
_NO_PERMISSION = "You do not have permission to access this page"


class Denied(ReferinsError):
    """The permission page refuses; the words are shown on a page with 401."""


def register(flask: Flask, shop: Shop) -> None:
    """Enter the permission pages."""

    def page(route: str) -> Response | str:
        try:
            asked = _checked(shop)
            user = shop.get("customer", int(session.get(USER, 0)))
            if route == "login":
                return _login(shop, asked, user)
            if route == "authorize":
                return _authorize(shop, asked, user)
            if route == "access_granted" and user is not None:
                return _grant(shop, asked, user)
            raise Denied(_NO_PERMISSION)
        except Denied as refused:
            page = render_template("permission_error.html", site=shop.site, message=str(refused))
            return Response(page, 401, dict(UNCACHED), content_type="text/html; charset=UTF-8")

    def leave() -> Response:
        session.pop(USER, None)
        target = request.args.get("redirect_to", "/")
        return redirect(target if target.startswith(f"{shop.site.home}/") else "/")

    flask.add_url_rule("/wc-auth/v1/<route>", "permission", page, methods=["GET", "POST"], strict_slashes=False)
    flask.add_url_rule("/wc-auth/v1/<route>/", "permission_slash", page, methods=["GET", "POST"])
    flask.add_url_rule("/wp-login.php", "leave", leave)


def _checked(shop: Shop) -> dict[str, str]:
    """Return the parameters, URLs decoded once more and with a scheme. Checks come before login (fact 92)."""
    given = {name: (request.values.get(name) or "").strip() for name in _PARAMS}
    for name in _PARAMS:
        if given[name] in ("", "0"):
            raise Denied(f"Missing parameter {name}")
    if given["scope"] not in PERMISSIONS:
        raise Denied(f"Invalid scope {given['scope']}")
    for name in ("return_url", "callback_url"):
        url = unquote_plus(given[name].replace("+", "%2B"))
        if not re.match(r"^[a-z][a-z0-9+.-]*://", url, re.IGNORECASE):
            url = f"https://{url}"
        if not _is_url(url):
            raise Denied(f"The {url} is not a valid URL")
        given[name] = url
    callback = urlsplit(given["callback_url"])
    takes_http = not shop.site.strict and is_loopback(callback.hostname or "")
    if callback.scheme != "https" and not takes_http:
        raise Denied("The callback_url needs to be over SSL")
    return given


def _is_url(url: str) -> bool:
    if re.search(r"\s", url):
        return False
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return bool(re.fullmatch(r"[a-z0-9.-]*[a-z0-9]|[0-9a-f:]+(?<!:)", host))


def _login(shop: Shop, asked: dict[str, str], user: Json | None) -> Response | str:
    if user is not None:
        return redirect(_address(shop, "authorize", asked))
    wrong = ""
    if request.method == "POST" and "username" in request.form:
        name = request.form.get("username", "").strip()
        found = _user(shop, name)
        known = shop.derived(PASSWORD_PURPOSE, 16)
        if found is not None and compare_digest(request.form.get("password", "").encode(), known.encode()):
            session[USER] = found["id"]
            return redirect(_address(shop, "authorize", asked))
        wrong = f"The password you entered for the username {name} is incorrect." if name else "Username is required."
    return render_template(
        "permission_login.html", site=shop.site, asked=asked, wrong=wrong, cancel=_return_address(asked, success=False)
    )


def _authorize(shop: Shop, asked: dict[str, str], user: Json | None) -> Response | str:
    if user is None:
        return redirect(_address(shop, "login", asked))
    if not may_manage(shop, user["id"]):
        raise Denied(_NO_PERMISSION)
    login = _address(shop, "login", asked)
    return render_template(
        "permission_approve.html",
        site=shop.site,
        asked=asked,
        scope=_SCOPES[asked["scope"]],
        rights=_RIGHTS[asked["scope"]],
        receiver=urlsplit(asked["callback_url"]).hostname,
        user=f"{user['first_name']} {user['last_name']}".strip() or user["username"],
        approve=_address(shop, "access_granted", {**asked, "wc_auth_nonce": _nonce(shop, user)}),
        deny=_return_address(asked, success=False),
        leave=f"{shop.site.home}/wp-login.php?{urlencode({'action': 'logout', 'redirect_to': login})}",
    )


def _grant(shop: Shop, asked: dict[str, str], user: Json) -> Response:
    """Make a key pair, send it, then send the browser back; a failed sending takes the key back (fact 96)."""
    nonce = request.values.get("wc_auth_nonce", "")
    if not compare_digest(nonce.encode(), _nonce(shop, user).encode()):
        raise Denied("Invalid nonce verification")
    if not may_manage(shop, user["id"]):
        raise Denied(_NO_PERMISSION)
    moment = str(shop.site.gmt(shop.now())).replace("T", " ")
    key = new_key(shop, user["id"], asked["scope"], f"{asked['app_name']} - API ({moment})")
    try:
        _send(shop, asked, key)
    except Denied:
        revoke(shop, key["id"])
        raise
    return redirect(_return_address(asked, success=True))


def _send(shop: Shop, asked: dict[str, str], key: Json) -> None:
    body: dict[str, Any] = {
        "key_id": key["id"],
        "user_id": asked["user_id"],
        "consumer_key": key["key"],
        "consumer_secret": key["secret"],
        "key_permissions": key["permissions"],
    }
    headers = [
        ("User-Agent", f"WordPress/{shop.site.version.wordpress}; {shop.site.home}"),
        ("Accept", "*/*"),
        ("Accept-Encoding", "deflate, gzip, br, zstd"),
        ("Content-Type", "application/json;charset=UTF-8"),
    ]
    sent = outgoing.post_and_follow(asked["callback_url"], php_json(body), headers, public_only=shop.site.strict)
    if sent.error:
        raise Denied(sent.error)
    if sent.status != 200:
        raise Denied("An error occurred in the request and at the time were unable to send the consumer data")


def _user(shop: Shop, name: str) -> Json | None:
    """Return the user of a user name or e-mail."""
    by_email = find_email(shop, name)
    if by_email is not None:
        return shop.get("customer", by_email)
    every = [*shop.world.staff_ids, *shop.changed("customer"), *shop.world.customer_ids[:1000]]
    return next((doc for i in every if (doc := shop.get("customer", i)) and doc["username"] == name), None)


def _nonce(shop: Shop, user: Json) -> str:
    return shop.derived(f"grant {user['id']}", 10)


def _address(shop: Shop, route: str, params: dict[str, str]) -> str:
    """Return the address of a permission page, on the scheme by which the shop was asked."""
    other = request.is_secure is not shop.site.secure
    home = request.host_url.rstrip("/") if other else shop.site.home
    return f"{home}/wc-auth/v1/{route}/?{urlencode(params, quote_via=quote, safe='')}"


def _return_address(asked: dict[str, str], *, success: bool) -> str:
    """Return where the browser goes back to; some characters of `user_id` are dropped on the way (fact 99)."""
    user_id = quote(asked["user_id"], safe="-~+_.?#=&;,/:%!*[]()@ |<>\"'{}\\^`$")
    user_id = re.sub(r"[^A-Za-z0-9\-~+_.?#=&;,/:%!*\[\]()@]", "", user_id)
    url = asked["return_url"]
    return f"{url}{'&' if urlsplit(url).query else '?'}success={int(success)}&user_id={user_id}"
