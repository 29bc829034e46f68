"""The REST resources settings and payment gateways, and the index of the API."""

from __future__ import annotations

from referins_woo.practice_store.call import BATCH, EDIT, LIST, VIEW, Answer, Call, Routes, in_batch
from referins_woo.practice_store.rest_errors import RestError
from referins_woo.practice_store.settings_table import EMAILS, GROUPS, MESSAGE, SETTINGS, Setting
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

_GATEWAYS = (
    ("bacs", "Direct bank transfer", ["products"]),
    ("cod", "Cash on delivery", ["products"]),
    ("stripe", "Credit card", ["products", "refunds"]),
)
_WRITABLE = ("GET", "POST", "PUT", "PATCH")
_DECIMALS = "woocommerce_price_num_decimals"


def register(routes: Routes) -> None:
    """Enter the routes of settings and payment gateways."""
    routes.add("GET", "settings", LIST, groups)
    routes.add("GET", "settings/{group:text}", LIST, group)
    routes.add("POST PUT PATCH", "settings/{group:text}/batch", BATCH, batch)
    routes.add("GET", "settings/{group:text}/{name:text}", VIEW, setting)
    routes.add("POST PUT PATCH", "settings/{group:text}/{name:text}", EDIT, change)
    routes.add("GET", "payment_gateways", LIST, gateways)
    routes.add("GET", "payment_gateways/{name:text}", VIEW, gateway)
    routes.add("POST PUT PATCH", "payment_gateways/{name:text}", EDIT, change_gateway)


def index(shop: Shop, *, woocommerce: bool) -> Json:
    """Return `GET /wp-json/`; without WooCommerce its namespaces are missing."""
    site = shop.site
    ours = ["wc/v3", "wc/v1", "wc-admin", "wc-analytics", "wc/store", "wc/store/v1", "wc/private", "wc/v2"]
    return {
        "name": site.name,
        "description": site.tagline,
        "url": site.home,
        "home": site.home,
        "gmt_offset": site.gmt_offset,
        "timezone_string": site.zone_name,
        "namespaces": [
            "oembed/1.0",
            *(ours if woocommerce else []),
            "wp/v2",
            "wp-site-health/v1",
            "wp-block-editor/v1",
        ],
        "authentication": {
            "application-passwords": {"endpoints": {"authorization": f"{site.home}/wp-admin/authorize-application.php"}}
        },
        "routes": {"/": {"namespace": "", "methods": ["GET"]}},
        "_links": {"help": [{"href": "https://developer.wordpress.org/rest-api/"}]},
    }


def value_of(shop: Shop, group: str, name: str) -> str:
    """Return what a setting is now."""
    one = _table(group)[name]
    known = {"woocommerce_currency": shop.site.currency, _DECIMALS: str(shop.site.decimals)}
    return str(shop.overlay.fact_or(f"setting {group} {name}", known.get(name, one.value)))


def groups(call: Call) -> Answer:
    """GET settings."""
    messages = [name for name, _ in EMAILS]
    rows = [(name, label, "", messages if name == "email" else []) for name, label in GROUPS]
    rows += [(name, label, "email", []) for name, label in EMAILS]
    return Answer(
        [
            {
                "id": name,
                "label": label,
                "description": "",
                "parent_id": parent,
                "sub_groups": below,
                "_links": {"options": [{"href": call.shop.site.api(f"settings/{name}")}]},
            }
            for name, label, parent, below in rows
        ]
    )


def group(call: Call, group: str) -> Answer:
    """GET settings/GROUP: comes whole."""
    return Answer([_shown(call.shop, group, one) for one in _table(group).values()])


def setting(call: Call, group: str, name: str) -> Answer:
    """GET settings/GROUP/NAME."""
    return Answer(_shown(call.shop, group, _setting(group, name), alone=True))


def change(call: Call, group: str, name: str) -> Answer:
    """PUT settings/GROUP/NAME."""
    one = _setting(group, name)
    value = str(call.body.get("value", ""))
    if name == _DECIMALS and value.isdigit():
        call.shop.change_site(decimals=int(value))
    call.shop.overlay.set_fact(f"setting {group} {name}", value)
    return Answer(_shown(call.shop, group, one, alone=True))


def batch(call: Call, group: str) -> Answer:
    """POST settings/GROUP/batch: settings are updated by name."""

    def update(row: Call, id: str) -> Answer:
        return change(row, group, id)

    return in_batch(call, {"update": update})


def gateways(call: Call) -> Answer:
    """GET payment_gateways: comes whole."""
    rows = [_gateway(call.shop, row) for row in _GATEWAYS]
    return Answer(rows, 200, [("X-WP-Total", str(len(rows))), ("X-WP-TotalPages", "1")])


def gateway(call: Call, name: str) -> Answer:
    """GET payment_gateways/NAME."""
    return Answer(_gateway(call.shop, _known_gateway(name)))


def change_gateway(call: Call, name: str) -> Answer:
    """PUT payment_gateways/NAME: whether it is on."""
    row = _known_gateway(name)
    if "enabled" in call.body:
        call.shop.overlay.set_fact(f"gateway {name}", bool(call.body["enabled"]))
    return Answer(_gateway(call.shop, row))


def _table(group: str) -> dict[str, Setting]:
    if any(group == name for name, _ in EMAILS):
        return MESSAGE
    if group in SETTINGS or group == "checkout":
        return SETTINGS.get(group, {})
    raise RestError(404, "rest_setting_setting_group_invalid", "Invalid setting group.")


def _setting(group: str, name: str) -> Setting:
    found = _table(group).get(name)
    if found is None:
        raise RestError(404, "rest_setting_setting_invalid", "Invalid setting.")
    return found


def _shown(shop: Shop, group: str, one: Setting, *, alone: bool = False) -> Json:
    return {
        "id": one.id,
        "label": one.label,
        "description": "",
        "type": one.kind,
        "default": one.default,
        "tip": "",
        "value": value_of(shop, group, one.id),
        **({"group_id": group} if alone else {}),
        "_links": shop.site.links(f"settings/{group}/{one.id}", _WRITABLE),
    }


def _known_gateway(name: str) -> tuple[str, str, list[str]]:
    row = next((row for row in _GATEWAYS if row[0] == name), None)
    if row is None:
        raise RestError(404, "woocommerce_rest_payment_gateway_invalid", "Resource does not exist.")
    return row


def _gateway(shop: Shop, row: tuple[str, str, list[str]]) -> Json:
    name, title, supports = row
    return {
        "id": name,
        "title": title,
        "description": "",
        "order": "",
        "enabled": bool(shop.overlay.fact_or(f"gateway {name}", True)),
        "method_title": title,
        "method_description": "",
        "method_supports": supports,
        "settings": {},
        "needs_setup": False,
        "post_install_scripts": [],
        "settings_url": f"{shop.site.home}/wp-admin/admin.php?page=wc-settings&tab=checkout&path=/offline/{name}",
        "connection_url": None,
        "setup_help_text": None,
        "required_settings_keys": [],
        "_links": shop.site.links(f"payment_gateways/{name}", _WRITABLE),
    }
