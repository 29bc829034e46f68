"""Signing up, in and out (N1)."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from referins_woo import clock as application_clock
from referins_woo.accounts import sessions
from referins_woo.accounts.models import UserSession
from referins_woo.process import Process
from referins_woo.web.limits import PER_NAME_AND_BROWSER
from tests.conftest import ClockHand
from tests.factories.rows import PASSWORD, Made
from tests.referins_woo.web.conftest import Visitor


def test_a_new_user_signs_up_and_lands_on_the_dashboard(visitor: Visitor) -> None:
    visitor.get("/sign-up")
    answer = visitor.post(
        "/sign-up", {"email": "New@Example.com", "name": "Nora", "account_name": "Nora Ltd", "password": PASSWORD}
    )
    assert "Nora Ltd" in visitor.follow(answer).text
    visitor.post("/sign-out")
    assert visitor.sign_in("new@example.com").headers["Location"] == "/"


def test_sign_up_keeps_what_was_typed_and_says_what_is_wrong(visitor: Visitor, ours: Made) -> None:
    for email, password, words in (
        ("not an address", PASSWORD, "not an e-mail address"),
        (ours.email, PASSWORD, "a user with this e-mail already"),
        ("ok@example.com", "short", "at least 8 characters"),
    ):
        visitor.get("/sign-up")
        answer = visitor.post("/sign-up", {"email": email, "name": "Nora", "password": password})
        assert answer.status_code == 422
        assert words in answer.text
        assert 'value="Nora"' in answer.text
        assert 'aria-invalid="true"' in answer.text


def test_wrong_password_and_unknown_e_mail_get_the_same_answer(visitor: Visitor, ours: Made) -> None:
    first = visitor.sign_in(ours.email, "wrong password")
    second = visitor.sign_in("nobody@example.com", "wrong password")
    assert first.status_code == second.status_code == 422
    assert "E-mail or password is wrong" in first.text
    assert "E-mail or password is wrong" in second.text


def test_who_was_sent_to_sign_in_comes_back_to_the_page(visitor: Visitor, ours: Made) -> None:
    answer = visitor.get("/orders?status=Pending")
    assert answer.headers["Location"] == "/sign-in?next=/orders?status%3DPending"
    visitor.get("/sign-in")
    answer = visitor.post("/sign-in", {"email": ours.email, "password": PASSWORD, "next": "/orders?status=Pending"})
    assert answer.headers["Location"] == "/orders?status=Pending"


def test_no_other_site_is_a_place_to_come_back_to(visitor: Visitor, ours: Made) -> None:
    for target in ("https://evil.example.com/", "//evil.example.com", "/\\evil.example.com", "javascript:alert(1)"):
        visitor.get("/sign-in")
        answer = visitor.post("/sign-in", {"email": ours.email, "password": PASSWORD, "next": target})
        assert answer.headers["Location"] == "/"
        visitor.get("/")
        visitor.post("/sign-out")


def test_signing_out_ends_the_session_wherever_its_cookie_is(merchant: Visitor, running: Process) -> None:
    cookie = merchant.client.get_cookie("referins")
    assert cookie is not None
    merchant.post("/sign-out")
    merchant.client.set_cookie("referins", cookie.value)
    assert merchant.get("/orders").status_code == 303
    with running.database.reading() as session:
        assert session.scalars(select(UserSession.ended_at).where(UserSession.ip != "192.0.2.1")).one() is not None


def test_the_database_holds_no_token_that_signs_in(merchant: Visitor, running: Process, ours: Made) -> None:
    with running.database.reading() as session:
        kept = session.scalars(select(UserSession.token_hash).where(UserSession.ip != "192.0.2.1")).one()
        assert sessions.find(session, kept, application_clock.now()) is None


def test_a_session_expires_when_it_is_not_used(merchant: Visitor, clock: ClockHand) -> None:
    clock.advance(days=29)
    assert merchant.get("/orders").status_code == 200
    clock.advance(days=29)
    assert merchant.get("/orders").status_code == 200, "using it keeps it"
    clock.advance(days=31)
    assert merchant.get("/orders").status_code == 303


def test_row_91_failed_tries_are_slowed_down_for_one_name_only(visitor: Visitor, ours: Made) -> None:
    tries = int(PER_NAME_AND_BROWSER.split()[0])
    for _ in range(tries):
        assert visitor.sign_in(ours.email, "wrong password").status_code == 422
    blocked = visitor.sign_in(ours.email)
    assert blocked.status_code == 429
    assert "Too many tries" in blocked.text
    assert int(blocked.headers["Retry-After"]) > 0
    assert visitor.sign_in("somebody@example.com", "wrong password").status_code == 422


def test_signing_in_often_is_no_attack(visitor: Visitor, ours: Made) -> None:
    for _ in range(int(PER_NAME_AND_BROWSER.split()[0]) + 2):
        assert visitor.sign_in(ours.email).status_code == 303
        visitor.post("/sign-out")


def test_a_form_that_lay_too_long_says_so_and_changes_nothing(merchant: Visitor, app: Flask) -> None:
    answer = merchant.client.post("/sign-out", data={"csrf_token": "stale"})
    assert answer.status_code == 419
    assert "open too long" in answer.text
    assert merchant.get("/orders").status_code == 200


def test_htmx_is_led_to_sign_in_instead_of_swapping_it_in(visitor: Visitor) -> None:
    answer = visitor.get("/orders", headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/sign-in"


def test_a_session_of_another_lifetime_is_none(merchant: Visitor, running: Process, ours: Made) -> None:
    with running.database.unit() as session:
        token = sessions.begin(session, ours.user_id, ours.account_id, application_clock.now() - timedelta(days=40))
    with running.database.reading() as session:
        assert sessions.find(session, token, application_clock.now()) is None
