"""Guards over all routes: sign-in, other accounts' ids, CSRF, headers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import AnyConverter, IntegerConverter, Rule

from referins_woo.process import Process
from tests.factories.rows import PASSWORD, Made, account_with_everything

PUBLIC = {
    "static": "the bundle",
    "picture_files.show": "an unguessable address; mailboxes load it",
    "health.alive": "asked by machines",
    "health.ready": "asked by machines",
    "health.measured": "a token of its own, or this machine alone",
    "sign_in.form": "the way in",
    "sign_in.enter": "the way in",
    "sign_in.new_form": "the way in",
    "sign_in.new": "the way in",
    "api_docs.document": "describes the API, says nothing of any account",
    "api_docs.page": "the same, for people",
    "sign_in.code_form": "the way in, after the password",
    "sign_in.enter_code": "the way in, after the password",
    "forgotten.form": "for who cannot sign in",
    "forgotten.ask": "for who cannot sign in; answers everybody the same",
    "forgotten.choose_form": "a mailed link, good once",
    "forgotten.choose": "a mailed link, good once",
    "forgotten.confirm_form": "a mailed link, good once",
    "forgotten.confirm": "a mailed link, good once",
    "invitations.page": "a mailed link, good once",
    "invitations.accept": "a mailed link, good once",
    "own_accounts.none": "after the password, for who belongs to no account",
    "own_accounts.create_first": "after the password, for who belongs to no account",
    "callbacks.take_keys": "an unguessable state binds the keys to one store",
    "callbacks.come_back": "an unguessable state; signs nobody in",
    "callbacks.progress": "an unguessable state; signs nobody in",
    "callbacks.caught_up": "an unguessable state; signs nobody in",
    "reconnect.page": "a signed link; signs nobody in",
    "reconnect.ask_permission": "a signed link; signs nobody in",
    "reconnect.type_keys": "a signed link; signs nobody in",
    "reconnect.test_again": "a signed link; signs nobody in",
    "reconnect.progress": "a signed link; signs nobody in",
    "reconnect.new_link": "a signed link; sends to those who may mend the store",
    "mail_hooks.postmark": "a password of its own",
    "measured.opened": "a dot, the same for everybody",
    "measured.clicked": "an unguessable address, for people without an account",
    "view_online.page": "an unguessable address, for people without an account",
    "unsubscribe.ask": "an unguessable address, for people without an account",
    "unsubscribe.unsubscribe": "an unguessable address; must act without sign-in (RFC 8058)",
    "unsubscribe.preferences": "an unguessable address, for people without an account",
    "unsubscribe.confirm_form": "a mailed link; opening it changes nothing",
    "unsubscribe.confirm": "a mailed link, for people without an account",
    "unsubscribe.change": "an unguessable address, for people without an account",
}
WITHOUT_CSRF = ("callbacks.", "api.", "health.", "unsubscribe.", "mail_hooks.")
OF_PENDING_STORES = "wizard."


@pytest.fixture
def backend() -> str:
    """One database is enough to see who may ask."""
    return "sqlite"


@pytest.fixture
def accounts(running: Process) -> tuple[Made, Made]:
    """Two accounts with one row of each kind."""
    return (
        account_with_everything(running.database, "ours@example.com"),
        account_with_everything(running.database, "theirs@example.com"),
    )


def _rules(app: Flask) -> list[tuple[Rule, str]]:
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def _url(app: Flask, rule: Rule, ids: dict[str, int]) -> str:
    values: dict[str, object] = {}
    for name, converter in rule._converters.items():
        if name == "store_id" and rule.endpoint.startswith(OF_PENDING_STORES):
            values[name] = ids["pending_store_id"]
        elif isinstance(converter, IntegerConverter):
            values[name] = ids[name]
        elif isinstance(converter, AnyConverter):
            values[name] = min(converter.items)
        else:
            values[name] = "nothing"
    with app.test_request_context():
        return app.url_map.bind("127.0.0.1").build(rule.endpoint, values)


def _sign_in(client: FlaskClient, email: str) -> None:
    client.application.config["WTF_CSRF_ENABLED"] = False
    answer = client.post("/sign-in", data={"email": email, "password": PASSWORD})
    assert answer.status_code == 303


def test_every_route_needs_sign_in_a_token_or_is_on_the_written_list(app: Flask, accounts: tuple[Made, Made]) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    asked = 0
    for rule, method in _rules(app):
        if rule.endpoint in PUBLIC:
            continue
        asked += 1
        answer = client.open(_url(app, rule, accounts[0].ids), method=method)
        if rule.endpoint.startswith("api."):
            assert answer.status_code == 401, (method, rule.rule, answer.status_code)
        else:
            assert answer.status_code == 303, (method, rule.rule, answer.status_code)
            assert answer.headers["Location"].startswith("/sign-in"), (method, rule.rule)
    assert asked > 60


def test_the_public_list_names_no_route_that_is_gone(app: Flask) -> None:
    assert set(PUBLIC) - {rule.endpoint for rule, _ in _rules(app)} == set()


def test_no_two_routes_share_an_address(app: Flask) -> None:
    """The second would never be called."""
    seen: dict[tuple[str, str], str] = {}
    for rule, method in _rules(app):
        assert seen.setdefault((rule.rule, method), rule.endpoint) == rule.endpoint, (method, rule.rule)


def test_row_90_every_route_with_an_id_answers_404_for_another_accounts_id(
    app: Flask, accounts: tuple[Made, Made]
) -> None:
    ours, theirs = accounts
    client = app.test_client()
    _sign_in(client, ours.email)
    token = {"Authorization": f"Bearer {ours.api_token}"}
    document = client.get("/api/openapi.json").get_json()
    asked = 0
    for rule, method in _rules(app):
        if not any(isinstance(converter, IntegerConverter) for converter in rule._converters.values()):
            continue
        asked += 1
        url = _url(app, rule, theirs.ids)
        if rule.endpoint.startswith("api."):
            answer = client.open(url, method=method, headers=token, **_body(document, rule, method))
        else:
            answer = client.open(url, method=method, data={"include": "1", "location": "1"})
        assert answer.status_code == 404, (method, url, answer.status_code)
    assert asked > 30


def _body(document: dict[str, Any], rule: Rule, method: str) -> dict[str, Any]:
    """The example body of a call of the API: a wrong one would be refused before its id is looked up."""
    path = re.sub(r"<int:([a-z_]+)>", r"{\1}", rule.rule)
    body = document["paths"][path][method.lower()].get("requestBody")
    return {"json": body["content"]["application/json"]["example"]} if body else {}


def test_an_import_of_another_store_of_the_same_account_is_not_found(app: Flask, accounts: tuple[Made, Made]) -> None:
    ours, theirs = accounts
    client = app.test_client()
    _sign_in(client, ours.email)
    base = "/settings/integrations/woocommerce"
    assert client.get(f"{base}/{ours.ids['store_id']}/imports/{theirs.ids['import_id']}").status_code == 404
    assert client.get(f"{base}/{ours.ids['pending_store_id']}/imports/{ours.ids['import_id']}").status_code == 404
    assert client.get(f"{base}/{ours.ids['store_id']}/imports/{ours.ids['import_id']}").status_code == 200


def test_a_location_of_another_account_cannot_be_chosen(app: Flask, accounts: tuple[Made, Made]) -> None:
    ours, theirs = accounts
    client = app.test_client()
    _sign_in(client, ours.email)
    url = f"/settings/integrations/woocommerce/{ours.ids['pending_store_id']}/location"
    assert client.post(url, data={"location": str(theirs.ids["location_id"])}).status_code in (400, 404, 422)


def test_row_91_every_form_is_refused_without_its_csrf_token(app: Flask, accounts: tuple[Made, Made]) -> None:
    ours, _ = accounts
    client = app.test_client()
    _sign_in(client, ours.email)
    app.config["WTF_CSRF_ENABLED"] = True
    asked = 0
    for rule, method in _rules(app):
        if method == "GET" or rule.endpoint.startswith(WITHOUT_CSRF):
            continue
        asked += 1
        answer = client.open(_url(app, rule, ours.ids), method=method)
        assert answer.status_code == 419, (method, rule.rule, answer.status_code)
    assert asked > 15


def test_every_page_has_one_heading_a_policy_and_no_inline_script(app: Flask, accounts: tuple[Made, Made]) -> None:
    ours, _ = accounts
    client = app.test_client()
    _sign_in(client, ours.email)
    seen = 0
    for rule, method in _rules(app):
        if method != "GET" or rule.endpoint.startswith(("api.", "static", "callbacks.")):
            continue
        answer = client.get(_url(app, rule, ours.ids), follow_redirects=True)
        assert "Content-Security-Policy" in answer.headers, rule.rule
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        if answer.mimetype != "text/html" or answer.headers["Content-Security-Policy"].startswith("sandbox; "):
            continue  # an e-mail in a frame is no page
        seen += 1
        html = answer.text
        assert answer.status_code in (200, 404, 410), (rule.rule, answer.status_code)
        assert html.count("<h1") == 1, rule.rule
        assert " · Referins</title>" in html, rule.rule
        assert "<style" not in html and " onclick=" not in html and "hx-on" not in html, rule.rule
        assert html.count("<script") == html.count("<script src=") + html.count('<script type="module" src='), rule.rule
        assert "script-src 'self';" in answer.headers["Content-Security-Policy"], rule.rule
        assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"].replace(
            "style-src-attr 'unsafe-inline'", ""
        )
    assert seen > 25
