"""The REST resource system status: what tells one store from another, and its money."""

from __future__ import annotations

from referins_woo.practice_store.call import LIST, Answer, Call, Routes
from referins_woo.practice_store.currencies import entity
from referins_woo.practice_store.settings import value_of

_TABLES = "Automattic\\WooCommerce\\Internal\\DataStores\\Orders\\OrdersTableDataStore"
_POSTS = "WC_Order_Data_Store_CPT"


def register(routes: Routes) -> None:
    """Enter the routes of system status."""
    routes.add("GET", "system_status", LIST, system_status)
    routes.add("GET", "system_status/tools", LIST, tools)


def system_status(call: Call) -> Answer:
    """GET system_status: the fields that somebody reads."""
    site = call.shop.site
    version = site.version
    posts = {"product": len(call.shop.world.product_ids), "product_variation": len(call.shop.world.variation_ids)}
    return Answer(
        {
            "environment": {
                "home_url": site.home,
                "site_url": site.home,
                "store_id": site.store_id,
                "version": version.woocommerce,
                "wp_version": version.wordpress,
                "wp_multisite": False,
                "wp_memory_limit": 536870912,
                "wp_debug_mode": False,
                "wp_cron": True,
                "wp_environment_type": "production",
                "language": "en_US",
                "external_object_cache": None,
                "server_info": "nginx",
                "php_version": "8.2.36",
                "php_max_execution_time": 120,
                "mysql_version": "10.11.19",
                "default_timezone": "UTC",
            },
            "database": {"wc_database_version": version.woocommerce, "database_prefix": "wp_"},
            "active_plugins": [
                {
                    "plugin": "woocommerce/woocommerce.php",
                    "name": "WooCommerce",
                    "version": version.woocommerce,
                    "version_latest": version.woocommerce,
                    "url": "https://woocommerce.com/",
                    "author_name": "Automattic",
                    "author_url": "https://woocommerce.com",
                    "network_activated": False,
                }
            ],
            "inactive_plugins": [],
            "dropins_mu_plugins": {"dropins": [], "mu_plugins": []},
            "theme": {"name": "Storefront", "version": "4.6.2", "is_child_theme": False, "is_block_theme": False},
            "settings": {
                "api_enabled": False,
                "force_ssl": False,
                "currency": site.currency,
                "currency_symbol": entity(site.currency),
                "currency_position": value_of(call.shop, "general", "woocommerce_currency_pos"),
                "thousand_separator": value_of(call.shop, "general", "woocommerce_price_thousand_sep"),
                "decimal_separator": value_of(call.shop, "general", "woocommerce_price_decimal_sep"),
                "number_of_decimals": site.decimals,
                "geolocation_enabled": False,
                "taxonomies": {name: name for name in ("external", "grouped", "simple", "variable")},
                "order_datastore": _TABLES if version.order_tables else _POSTS,
                "HPOS_enabled": version.order_tables,
                "HPOS_sync_enabled": False,
                "enabled_features": ["analytics", "order_attribution", "custom_order_tables"],
            },
            "security": {"secure_connection": site.secure, "hide_errors": True},
            "pages": [],
            "post_type_counts": [{"type": name, "count": str(count)} for name, count in posts.items()],
            "logging": {},
        }
    )


def tools(call: Call) -> Answer:
    """GET system_status/tools: none are here to be run."""
    return Answer([])
