"""Guards over who may do what: each route against the tables of rights and scopes."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import select, update

from referins_woo.accounts.models import ApiToken, Membership
from referins_woo.accounts.roles import MEMBER, OWNER, RIGHTS, may
from referins_woo.process import Process
from referins_woo.web import rights
from referins_woo.web.api import scopes
from referins_woo.web.sign_in import PUBLIC
from tests.factories.rows import Made, account_with_everything
from tests.house.test_routes import _rules, _sign_in, _url

GRAVE = re.compile(r"erase|disconnect|personal|remove_data|delete_data")
"""Words in the name of a route that only owners may call."""


@pytest.fixture
def backend() -> str:
    """One database is enough to see who may ask."""
    return "sqlite"


@pytest.fixture
def ours(running: Process) -> Made:
    """An account with one row of each kind."""
    return account_with_everything(running.database, "ours@example.com")


def _become_member(running: Process, made: Made) -> None:
    """Make the user of `made` a member; another one owns the account."""
    account_with_everything(running.database, "boss@example.com")
    with running.database.unit() as session:
        boss = session.scalars(select(Membership).where(Membership.user_id != made.user_id)).one()
        session.add(Membership(account_id=made.account_id, user_id=boss.user_id, role=OWNER))
        session.execute(update(Membership).where(Membership.user_id == made.user_id).values(role=MEMBER))


def test_every_group_of_pages_has_its_line_in_the_table_of_rights(app: Flask) -> None:
    groups = {rule.endpoint.partition(".")[0] for rule, _ in _rules(app) if rule.endpoint not in PUBLIC}
    assert groups - {"api"} - set(rights.GROUPS) == set(), "add the group to referins_woo.web.rights.GROUPS"


def test_the_tables_name_no_route_that_is_gone_and_no_right_that_is_none(app: Flask) -> None:
    endpoints = {rule.endpoint for rule, _ in _rules(app)}
    assert (set(rights.ROUTES) | set(scopes.ROUTES)) - endpoints == set()
    assert set(rights.GROUPS) - {endpoint.partition(".")[0] for endpoint in endpoints} == set()
    assert {right for right in (*rights.GROUPS.values(), *rights.ROUTES.values()) if right} <= set(RIGHTS)


def test_what_takes_away_or_hands_out_a_person_or_a_store_is_the_owners(app: Flask) -> None:
    for rule, _ in _rules(app):
        if rule.endpoint in PUBLIC or not GRAVE.search(rule.endpoint):
            continue
        if rule.endpoint.startswith("api."):
            assert rule.endpoint in scopes.ROUTES, f"{rule.endpoint}: add it to referins_woo.web.api.scopes.ROUTES"
            right = scopes.ROUTES[rule.endpoint][1]
        else:
            right = rights.needed(rule.endpoint)
        assert right and not may(MEMBER, right), f"{rule.endpoint} is open to members"


def test_a_member_is_refused_what_the_table_keeps_for_owners_and_nothing_else(
    app: Flask, running: Process, ours: Made
) -> None:
    _become_member(running, ours)
    client = app.test_client()
    _sign_in(client, ours.email)
    refused = opened = 0
    for rule, method in _rules(app):
        if rule.endpoint in PUBLIC or rule.endpoint.startswith("api.") or rights.needed(rule.endpoint) == rights.OWN:
            continue
        answer = client.open(_url(app, rule, ours.ids), method=method)
        if rights.may_open(MEMBER, rule.endpoint):
            opened += 1
            assert answer.status_code != 403, (method, rule.rule)
        else:
            refused += 1
            assert answer.status_code == 403, (method, rule.rule, answer.status_code)
            assert "boss@example.com" in answer.text, "it says whom to ask"
    assert refused > 10
    assert opened > 30


def test_a_key_may_what_its_scopes_say_on_every_route(app: Flask, running: Process, ours: Made) -> None:
    client = app.test_client()
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    for held in (["read"], ["write"], ["contacts"], ["erase"]):
        with running.database.unit() as session:
            session.execute(update(ApiToken).values(scopes=held))
        for rule, method in _rules(app):
            if not rule.endpoint.startswith("api."):
                continue
            needed = scopes.ROUTES.get(rule.endpoint, ("read" if method == "GET" else "write", "work"))[0]
            good = needed in held or (
                needed == "write" and held == ["contacts"] and rule.rule.startswith("/api/v1/contacts")
            )
            answer = client.open(_url(app, rule, ours.ids), method=method, headers=headers)
            assert (answer.status_code == 403) == (not good), (held, method, rule.rule, answer.status_code)
            if not good:
                assert f"the scope {needed}" in answer.get_json()["detail"]


def test_a_key_may_no_more_than_the_role_of_its_user(
    app: Flask, running: Process, ours: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(scopes.ROUTES, "api.list_stores", ("read", "erase"))  # type: ignore[misc]
    client = app.test_client()
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    assert client.get("/api/v1/stores", headers=headers).status_code == 200
    _become_member(running, ours)
    refused = client.get("/api/v1/stores", headers=headers)
    assert refused.status_code == 403
    assert "is for owners" in refused.get_json()["detail"]
