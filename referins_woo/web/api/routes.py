"""All routes of the API: importing a module here adds its routes to the blueprint."""

from __future__ import annotations

from flask import Blueprint, Flask, Response

from referins_woo.config import Config
from referins_woo.errors import InvalidInput
from referins_woo.web.api import (
    account,
    activity,
    automations,
    brand,
    catalogue,
    contacts,
    csv_files,
    currency_rates,
    locations,
    mapping,
    matches,
    opening_stock,
    orders,
    problems,
    rates,
    rehearsals,
    runs,
    stock,
    stock_adjustments,
    store_stock,
    stores,
    templates,
    trials,
    webhooks,
    writes,
)
from referins_woo.web.api.bearer import api
from referins_woo.web.api.openapi import pages

MODULES = (
    account,
    activity,
    automations,
    brand,
    catalogue,
    contacts,
    csv_files,
    currency_rates,
    locations,
    mapping,
    matches,
    opening_stock,
    orders,
    runs,
    stock,
    store_stock,
    stock_adjustments,
    stores,
    templates,
    rehearsals,
    trials,
    webhooks,
    writes,
)


@api.errorhandler(problems.Rejected)
def _rejected(error: problems.Rejected) -> Response:
    return problems.answer(error)


@api.errorhandler(InvalidInput)
def _invalid(error: InvalidInput) -> Response:
    return problems.problem(422, "", error.message, errors=[problems.field_error(error.field, error.message)])


def install(app: Flask, config: Config) -> None:
    """Give the application what all calls share."""
    app.extensions["api_rates"] = rates.Rates(config)


def blueprints() -> list[Blueprint]:
    """Return the API with all its routes, and its documentation."""
    return [api, pages]
