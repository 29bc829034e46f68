"""All groups of pages, the navigation, and what every page of the application shows."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Flask, request, url_for
from flask_login import current_user

from referins_woo.config import Config
from referins_woo.reports.alerts import alerts
from referins_woo.web import (
    automations,
    brand,
    builder,
    callbacks,
    collections,
    connection,
    contact_files,
    contacts,
    customers,
    dashboard,
    dev_mail,
    dev_ui,
    exports,
    fetches,
    forgotten,
    health,
    imports,
    integrations,
    invitations,
    locations,
    mail_hooks,
    mail_settings,
    matches,
    measured,
    messages,
    orders,
    own_accounts,
    past_orders,
    privacy,
    products,
    quiet_hours,
    rates,
    reconnect,
    rehearsals,
    rights,
    runs,
    sales_orders,
    scope,
    search,
    settings,
    settings_audit,
    settings_keys,
    settings_security,
    settings_team,
    sign_in,
    stock,
    stock_adjustments,
    stock_push,
    store_health,
    store_stock,
    suppressions,
    tasks,
    template_editor,
    templates,
    transactions,
    trying,
    unsubscribe,
    versions,
    view_online,
    views,
    webhooks,
    wizard,
    writes,
)
from referins_woo.web.api import routes as api_routes

WITHOUT_CSRF: Final = frozenset({"callbacks", "api", "health", "unsubscribe", "mail_hooks"})
"""Blueprints whose callers are machines: signatures, unguessable addresses or tokens stand in for the CSRF token."""


def blueprints(config: Config) -> list[Blueprint]:
    """Return the blueprints of an application with these settings."""
    found = [
        health.pages,
        unsubscribe.pages,
        view_online.pages,
        measured.pages,
        mail_hooks.pages,
        sign_in.pages,
        forgotten.pages,
        invitations.pages,
        own_accounts.pages,
        dashboard.pages,
        contacts.pages,
        matches.pages,
        contact_files.pages,
        privacy.pages,
        orders.pages,
        sales_orders.pages,
        writes.pages,
        transactions.pages,
        products.pages,
        collections.pages,
        stock.pages,
        stock_adjustments.pages,
        automations.pages,
        builder.pages,
        templates.pages,
        template_editor.pages,
        brand.pages,
        brand.files,
        versions.pages,
        trying.pages,
        rehearsals.pages,
        past_orders.pages,
        runs.pages,
        messages.pages,
        suppressions.pages,
        search.pages,
        views.pages,
        tasks.pages,
        fetches.pages,
        exports.pages,
        integrations.pages,
        wizard.pages,
        imports.pages,
        connection.pages,
        store_health.pages,
        customers.pages,
        store_stock.pages,
        stock_push.pages,
        callbacks.pages,
        reconnect.pages,
        settings.pages,
        quiet_hours.pages,
        mail_settings.pages,
        rates.pages,
        locations.pages,
        settings_team.pages,
        settings_keys.pages,
        settings_security.pages,
        settings_audit.pages,
        webhooks.pages,
        *api_routes.blueprints(),
    ]
    if config.uses_dev_mailbox:
        found += [dev_mail.pages, dev_ui.pages]
    return found


def install_page_context(app: Flask) -> None:
    """Give the templates of signed-in pages their navigation, banners and the person's name."""
    dev_mail_is_on = "dev_mail" in app.blueprints

    @app.context_processor
    def _context() -> dict[str, Any]:
        if request.endpoint is None or request.endpoint in sign_in.PUBLIC or not current_user.is_authenticated:
            return {}
        with scope.reading() as session:
            found = alerts(session, scope.account_id())
        return {
            "me": scope.who(),
            "alerts": found,
            "navigation": _navigation(dev_mail_is_on, found.importing),
            "section": _SECTIONS.get(request.blueprint or "", request.blueprint),
        }


_SECTIONS = {
    "builder": "automations",
    "template_editor": "templates",
    "versions": "automations",
    "trying": "automations",
    "rehearsals": "automations",
    "past_orders": "automations",
    "contact_files": "contacts",
    "matches": "contacts",
    "privacy": "contacts",
    "suppressions": "messages",
    "wizard": "integrations",
    "writes": "integrations",
    "connection": "integrations",
    "store_health": "integrations",
    "customers": "integrations",
    "store_stock": "integrations",
    "stock_adjustments": "stock",
    "imports": "integrations",
}

_SETTINGS_PAGES = (
    ("settings", "settings", "General", "settings.general"),
    ("quiet_hours", "moon", "Quiet hours and caps", "quiet_hours.page"),
    ("mail_settings", "mail", "Sending domain", "mail_settings.page"),
    ("locations", "map-pin", "Locations", "locations.index"),
    ("rates", "coin", "Currency rates", "rates.index"),
    ("brand", "palette", "Brand", "brand.page"),
    ("team", "users", "Team", "team.page"),
    ("api_keys", "key", "API keys", "api_keys.index"),
    ("webhooks", "send", "Webhooks", "webhooks.index"),
    ("audit", "history", "Audit log", "audit.index"),
)
"""(section, icon, label, route): each is shown to who may open it."""

_Item = tuple[str, str, str, str, str]
"""(section, icon, label, address, badge)"""


def _navigation(dev_mail_is_on: bool, importing: int) -> list[tuple[str, list[_Item]]]:
    """Return the groups of the sidebar."""
    items: list[_Item] = [
        ("integrations", "plug", "Integrations", url_for("integrations.index"), str(importing or "")),
    ]
    for section, symbol, label, endpoint in _SETTINGS_PAGES:
        if rights.may_open(scope.who().role, endpoint):
            items.append((section, symbol, label, url_for(endpoint), ""))
    if dev_mail_is_on:
        items.append(("dev_mail", "inbox", "Dev mailbox", url_for("dev_mail.index"), ""))
        items.append(("dev_ui", "layout-grid", "Components", url_for("dev_ui.index"), ""))
    return [
        (
            "",
            [
                ("dashboard", "layout-dashboard", "Dashboard", url_for("dashboard.page"), ""),
                ("contacts", "users", "Contacts", url_for("contacts.index"), ""),
                ("orders", "shopping-cart", "Orders", url_for("orders.index"), ""),
                ("sales_orders", "receipt", "Sales orders", url_for("sales_orders.index"), ""),
                ("transactions", "credit-card", "Transactions", url_for("transactions.index"), ""),
                ("products", "package", "Products", url_for("products.index"), ""),
                ("stock", "box", "Stock", url_for("stock.index"), ""),
                ("collections", "category", "Collections", url_for("collections.index"), ""),
            ],
        ),
        (
            "Automate",
            [
                ("automations", "robot", "Automations", url_for("automations.index"), ""),
                ("runs", "route", "Runs", url_for("runs.index"), ""),
                ("templates", "template", "Templates", url_for("templates.index"), ""),
                ("messages", "mail", "E-mails", url_for("messages.index"), ""),
            ],
        ),
        ("Settings", items),
    ]
