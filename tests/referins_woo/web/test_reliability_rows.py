"""Rows 89 and 90 of the fault matrix: what a spreadsheet would run, and another account's ids wherever they can stand.

Row 91 (guessing, forged forms, used links, poisoned hosts) is held by the tests of signing in that bear its number.
"""

from __future__ import annotations

import csv
import io
import re
from copy import deepcopy
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.routing import IntegerConverter

from automations.recipes import recipe
from referins_woo.commerce.models import Collection, Contact, Order, Product, Transaction
from referins_woo.ingest.contact_files import table
from referins_woo.ingest.models import Delivery, SkippedRecord
from referins_woo.lists.columns import COLUMNS
from referins_woo.mail.models import Message
from referins_woo.process import Process
from referins_woo.runs import rehearsals
from referins_woo.runs.models import AskedRehearsal
from referins_woo.stores.models import Store
from referins_woo.woo import signature
from tests.factories.rows import Made
from tests.house.test_routes import _rules, _sign_in, _url
from tests.referins_woo.web.conftest import Visitor

FORMULAS = ("=cmd()", "+1+cmd()", "-1+cmd()", "@SUM(A1)", "\tcmd()", "\rcmd()")
_NUMBER = re.compile(r"-?[\d.]+")


@pytest.mark.parametrize("formula", FORMULAS)
def test_row_89_no_file_of_ours_holds_a_cell_that_a_spreadsheet_would_run(
    app: Flask, merchant: Visitor, ours: Made, running: Process, formula: str
) -> None:
    """Every route that answers CSV, with the formula in every text that it shows; and it comes back as it was."""
    found = recipe("order_confirmation")
    assert found is not None
    with running.database.unit() as session:
        for model, columns in (
            (Contact, ("name", "phone", "first_name")),
            (Order, ("number", "payment_method_title")),
            (Product, ("name", "sku")),
            (Collection, ("name", "slug")),
            (Transaction, ("reference", "method")),
            (Message, ("subject",)),
            (SkippedRecord, ("name", "reason", "detail")),
        ):
            session.execute(update(model).values(dict.fromkeys(columns, formula)))
        session.execute(update(AskedRehearsal).values(definition=found.definition))
    rehearsals.work(running.database, ours.ids["rehearsal_id"])
    paths = [f"/{key}.csv?cols={','.join(column.key for column in columns)}" for key, columns in COLUMNS.items()]
    for rule, method in _rules(app):
        if method == "GET" and rule.rule.endswith(".csv") and rule.endpoint != "exports.csv":
            paths.append(_url(app, rule, ours.ids))
    assert len(paths) > 10
    seen = 0
    for path in paths:
        answer = merchant.get(path)
        assert answer.mimetype == "text/csv", (path, answer.status_code)
        for row in csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")):
            for cell in row:
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")) or _NUMBER.fullmatch(cell), (path, cell)
                seen += cell == "'" + formula
    assert seen >= 8
    read = list(table.rows([merchant.get("/contacts.csv").data], "utf-8"))
    assert read[1][0] == formula.strip(), "read again it is what it was"


def test_row_90_an_id_of_another_account_is_404_at_each_place_of_an_address(
    app: Flask, ours: Made, theirs: Made
) -> None:
    """Also where the other ids of the address are one's own."""
    client = app.test_client()
    _sign_in(client, ours.email)
    document = client.get("/api/openapi.json").get_json()
    asked = 0
    for rule, method in _rules(app):
        places = [name for name, one in rule._converters.items() if isinstance(one, IntegerConverter)]
        if len(places) < 2:
            continue
        for place in places:
            asked += 1
            url = _url(app, rule, {**ours.ids, place: theirs.ids[place]})
            body: dict[str, Any] = {}
            if rule.endpoint.startswith("api."):
                body = {"headers": {"Authorization": f"Bearer {ours.api_token}"}}
                path = re.sub(r"<int:([a-z_]+)>", r"{\1}", rule.rule)
                taken = document["paths"][path][method.lower()].get("requestBody")
                body |= {"json": taken["content"]["application/json"]["example"]} if taken else {}
            assert client.open(url, method=method, **body).status_code == 404, (method, url)
    assert asked >= 10


def _with_ids(example: Any, ids: dict[str, int]) -> Any:
    """The example of a body with an id of `ids` wherever it names one."""
    if isinstance(example, dict):
        return {
            key: ids.get(key, value) if isinstance(value, int) else _with_ids(value, ids)
            for key, value in example.items()
        }
    return [_with_ids(one, ids) for one in example] if isinstance(example, list) else example


def test_row_90_another_accounts_id_in_a_body_of_the_api_is_not_found_and_tells_nothing(
    app: Flask, ours: Made, theirs: Made
) -> None:
    client = app.test_client()
    document = client.get("/api/openapi.json").get_json()
    asked = 0
    for rule, method in _rules(app):
        if not rule.endpoint.startswith("api.") or method == "GET":
            continue
        path = re.sub(r"<int:([a-z_]+)>", r"{\1}", rule.rule)
        taken = document["paths"][path][method.lower()].get("requestBody")
        if not taken:
            continue
        example = taken["content"]["application/json"]["example"]
        body = _with_ids(deepcopy(example), theirs.ids)
        if body == example:
            continue
        asked += 1
        answer = client.open(
            _url(app, rule, ours.ids),
            method=method,
            json=body,
            headers={"Authorization": f"Bearer {ours.api_token}"},
        )
        assert answer.status_code in (404, 422), (method, path, answer.status_code, answer.text[:300])
        assert theirs.email.partition("@")[0] not in answer.text.lower(), path
    assert asked >= 1


def test_row_90_ticked_rows_of_another_account_are_left_as_they_are(
    merchant: Visitor, ours: Made, theirs: Made, running: Process
) -> None:
    merchant.get("/contacts")
    both = [str(made.ids["contact_id"]) for made in (ours, theirs)]
    merchant.post("/lists/contacts/changes", {"act": "add_tag", "value": "taken", "id": both})
    merchant.post("/lists/orders/changes", {"act": "delete", "id": str(theirs.ids["order_id"])})
    with running.database.reading() as session:
        assert session.get_one(Contact, ours.ids["contact_id"]).tags == ["taken"]
        assert session.get_one(Contact, theirs.ids["contact_id"]).tags == []
        assert session.get(Order, theirs.ids["order_id"]) is not None


@pytest.mark.parametrize("key", ["contact", "store", "automation", "collection"])
def test_row_90_a_filter_by_another_accounts_id_shows_nothing_of_it(merchant: Visitor, theirs: Made, key: str) -> None:
    for name in ("contacts", "orders", "transactions", "products", "runs", "messages"):
        for path in (f"/{name}", f"/{name}.csv", f"/lists/{name}/tabs"):
            shown = merchant.get(f"{path}?{key}={theirs.ids[f'{key}_id']}").text
            assert "theirs" not in shown.lower(), path


def test_row_90_a_delivery_for_another_accounts_store_signed_with_ones_own_secret_is_refused(
    client: FlaskClient, ours: Made, theirs: Made, running: Process
) -> None:
    with running.database.unit() as session:
        for made, secret in ((ours, "the secret of ours"), (theirs, "the secret of theirs")):
            session.get_one(Store, made.ids["store_id"]).hook_secret_locked = running.vault.lock(secret)
        token = session.get_one(Store, theirs.ids["store_id"]).hook_token
        before = session.scalar(select(func.count()).select_from(Delivery))
    body = b'{"id":7}'
    answer = client.post(
        f"/hooks/woocommerce/{token}",
        data=body,
        headers={
            "X-WC-Webhook-Signature": signature.make(body, "the secret of ours"),
            "X-WC-Webhook-Topic": "order.created",
            "X-WC-Webhook-ID": "3",
        },
    )
    assert answer.status_code == 401
    with running.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == before
