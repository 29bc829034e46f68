"""Passwords, invitations, second steps, sessions, keys and the audit log, as a browser meets them (N1, N6, row 91)."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pyotp
from flask import Flask
from sqlalchemy import select, update

from referins_woo import clock as application_clock
from referins_woo.accounts import second_factor, sessions, users
from referins_woo.accounts.models import Account, ApiToken, AuditEntry, Membership, User, UserSession
from referins_woo.app import create_app
from referins_woo.config import load
from referins_woo.mail import jobs as _mail_jobs  # noqa: F401 - answers the bell
from referins_woo.mail import sealed
from referins_woo.mail.models import DevMail, Message
from referins_woo.process import Process
from referins_woo.queues import MemoryBells
from referins_woo.web import limits
from tests.conftest import ENCRYPTION_KEY, SECRET_KEY, ClockHand
from tests.factories.rows import PASSWORD, Made
from tests.referins_woo.web.conftest import Visitor

NEW_PASSWORD = "another horse battery"


def _letters(running: Process) -> list[tuple[str, str, dict[str, object]]]:
    with running.database.reading() as session:
        rows = session.scalars(select(Message).where(Message.account_id == 0).order_by(Message.id)).all()
    return [(row.to_email, str(row.template["email"]), sealed.opened(running.vault, row.facts)) for row in rows]


def _link(running: Process, letter: str) -> str:
    """The path of the link in the newest letter of this kind."""
    links = [str(facts["link"]) for _, name, facts in _letters(running) if name == letter]
    return links[-1].removeprefix(running.config.public_url)


def _actions(running: Process, account_id: int) -> list[str]:
    with running.database.reading() as session:
        return list(
            session.scalars(
                select(AuditEntry.action).where(AuditEntry.account_id == account_id).order_by(AuditEntry.id)
            )
        )


def _as_member(running: Process, made: Made, account_id: int, role: str = "member") -> None:
    with running.database.unit() as session:
        session.add(Membership(account_id=account_id, user_id=made.user_id, role=role))


def _second_browser(app: Flask, email: str, password: str = PASSWORD) -> Visitor:
    other = Visitor(app.test_client())
    other.sign_in(email, password)
    return other


def _switch_on(running: Process, made: Made) -> str:
    """Switch two-step sign-in on, with a code of half a minute ago; returns the secret."""
    now = application_clock.now()
    with running.database.unit() as session:
        secret = second_factor.begin(session, running.vault, made.user_id)
        code = pyotp.TOTP(secret).at(int(now.timestamp()) - 30)
        assert second_factor.confirm(session, running.vault, made.user_id, code, now) is not None
    return secret


# Forgotten passwords


def test_a_forgotten_password_is_chosen_anew_by_mail(
    visitor: Visitor, app: Flask, ours: Made, running: Process
) -> None:
    elsewhere = _second_browser(app, ours.email)
    visitor.get("/forgot-password")
    answer = visitor.post("/forgot-password", {"email": ours.email})
    assert answer.status_code == 200
    assert "Look into your mailbox" in answer.text
    path = _link(running, "password_reset")
    page = visitor.get(path)
    assert page.status_code == 200
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert visitor.post(path, {"password": "short"}).status_code == 422
    assert visitor.get(path).status_code == 200, "a mistake does not use it up, nor does looking at it"
    assert visitor.post(path, {"password": NEW_PASSWORD}).headers["Location"] == "/sign-in"
    assert elsewhere.get("/orders").status_code == 303, "every device is signed out"
    assert visitor.get("/orders").status_code == 303, "nor does the link sign in"
    assert visitor.sign_in(ours.email).status_code == 422
    assert visitor.sign_in(ours.email, NEW_PASSWORD).status_code == 303
    assert visitor.get(path).status_code == 410
    assert visitor.post(path, {"password": PASSWORD}).status_code == 410
    assert "password_reset" in _actions(running, ours.account_id)


def test_asking_for_an_unknown_address_gets_the_very_same_answer(
    visitor: Visitor, ours: Made, running: Process
) -> None:
    visitor.get("/forgot-password")
    known = visitor.post("/forgot-password", {"email": ours.email})
    visitor.get("/forgot-password")
    unknown = visitor.post("/forgot-password", {"email": "no@example.com"})
    assert known.status_code == unknown.status_code
    assert known.text.replace(ours.email, "X") == unknown.text.replace("no@example.com", "X")
    assert len(known.headers) == len(unknown.headers)
    assert len(_letters(running)) == 1


def test_nobody_is_flooded_with_links_and_no_answer_tells(visitor: Visitor, ours: Made, running: Process) -> None:
    for _ in range(5):
        visitor.get("/forgot-password")
        assert visitor.post("/forgot-password", {"email": ours.email}).status_code == 200
    assert len(_letters(running)) == int(limits.MAILS_PER_NAME.split()[0])


def test_row_91_the_host_that_a_request_names_is_in_no_link(visitor: Visitor, ours: Made, running: Process) -> None:
    poison = {"Host": "evil.example.com", "X-Forwarded-Host": "evil.example.com"}
    visitor.get("/forgot-password", headers=poison)
    visitor.post("/forgot-password", {"email": ours.email}, headers=poison)
    links = [str(facts["link"]) for _, _, facts in _letters(running)]
    assert links
    assert all(link.startswith(running.config.public_url + "/reset-password/") for link in links)


def test_the_mail_arrives_and_keeps_no_link_behind(
    visitor: Visitor, ours: Made, running: Process, bells: MemoryBells
) -> None:
    visitor.get("/forgot-password")
    visitor.post("/forgot-password", {"email": ours.email})
    token = _link(running, "password_reset").rpartition("/")[2]
    bells.drain("mail")
    with running.database.reading() as session:
        mail = session.scalars(select(DevMail)).all()[-1]
        sent = session.scalars(select(Message).where(Message.account_id == 0)).one()
    assert mail.to_email == ours.email
    assert sent.state == "sent"
    assert (sent.html, sent.text) == (None, None)
    assert token not in repr(vars(sent))
    assert token.encode() in mail.raw.replace(b"=\r\n", b"").replace(b"=\n", b"")


def test_no_list_of_an_account_shows_mails_to_a_person(merchant: Visitor, ours: Made, running: Process) -> None:
    merchant.post("/forgot-password", {"email": ours.email})
    with running.database.reading() as session:
        message_id = session.scalars(select(Message.id).where(Message.account_id == 0)).one()
    assert "Choose a new password" not in merchant.get("/messages").text
    assert merchant.get(f"/messages/{message_id}").status_code == 404
    token = {"Authorization": f"Bearer {ours.api_token}"}
    assert all(row["id"] != message_id for row in merchant.get("/api/v1/messages", headers=token).get_json()["data"])


# Signing in


def test_row_91_signing_in_gives_the_browser_a_new_session_and_ends_the_one_it_had(
    merchant: Visitor, ours: Made, theirs: Made
) -> None:
    before = merchant.client.get_cookie("referins")
    merchant.post("/sign-in", {"email": theirs.email, "password": PASSWORD})
    assert "Theirs Ltd" in merchant.get("/").text
    assert before is not None
    merchant.client.set_cookie("referins", before.value)
    assert merchant.get("/orders").status_code == 303


def test_on_https_the_cookie_is_for_this_host_and_for_https_alone(ours: Made, running: Process) -> None:
    config = load(
        {
            "DATABASE_URL": running.config.database_url,
            "SECRET_KEY": SECRET_KEY,
            "ENCRYPTION_KEYS": ENCRYPTION_KEY,
            "PUBLIC_URL": "https://app.example.com",
            "SMTP_URL": "smtp://127.0.0.1:1",
        }
    )
    client = create_app(config, connect_queues=False).test_client()
    client.application.config["WTF_CSRF_ENABLED"] = False
    answer = client.post(
        "/sign-in", data={"email": ours.email, "password": PASSWORD}, base_url="https://app.example.com"
    )
    assert answer.status_code == 303
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-referins=")
    for mark in ("; Secure", "; HttpOnly", "; Path=/", "; SameSite=Lax"):
        assert mark in cookie
    assert "Domain=" not in cookie


def test_row_91_one_address_that_guesses_does_not_lock_the_person_out_elsewhere(app: Flask, ours: Made) -> None:
    attacker = Visitor(app.test_client())
    for _ in range(int(limits.PER_NAME_AND_BROWSER.split()[0])):
        attacker.sign_in(ours.email, "wrong password")
    assert attacker.sign_in(ours.email).status_code == 429
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = "192.0.2.77"
    assert Visitor(client).sign_in(ours.email).status_code == 303


def test_a_burst_of_wrong_passwords_is_written_down_and_told_once(
    visitor: Visitor, ours: Made, theirs: Made, running: Process
) -> None:
    for _ in range(9):
        visitor.sign_in(ours.email, "wrong password")
    assert _actions(running, ours.account_id).count("sign_in_failed") == 1
    assert _actions(running, theirs.account_id).count("sign_in_failed") == 0
    assert [(to, facts["change"]) for to, _, facts in _letters(running)] == [(ours.email, "guesses")]
    with running.database.reading() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "sign_in_failed")).one()
    assert (entry.who, entry.user_id, entry.ip) == ("Not signed in", None, "127.0.0.1")


def test_with_two_steps_the_password_alone_opens_nothing(
    visitor: Visitor, ours: Made, running: Process, clock: ClockHand
) -> None:
    secret = _switch_on(running, ours)
    visitor.get("/sign-in")
    answer = visitor.post("/sign-in", {"email": ours.email, "password": PASSWORD, "next": "/orders"})
    assert answer.headers["Location"] == "/sign-in/code"
    assert visitor.get("/orders").status_code == 303
    visitor.get("/sign-in/code")
    assert visitor.post("/sign-in/code", {"code": "000000"}).status_code == 422
    code = pyotp.TOTP(secret).at(int(clock.now().timestamp()))
    assert visitor.post("/sign-in/code", {"code": code}).headers["Location"] == "/orders"
    assert visitor.get("/orders").status_code == 200
    visitor.get("/")
    visitor.post("/sign-out")
    visitor.get("/sign-in")
    visitor.post("/sign-in", {"email": ours.email, "password": PASSWORD})
    visitor.get("/sign-in/code")
    assert visitor.post("/sign-in/code", {"code": code}).status_code == 422, "it was used"


def test_the_second_step_waits_ten_minutes_and_no_new_password(
    visitor: Visitor, ours: Made, running: Process, clock: ClockHand
) -> None:
    _switch_on(running, ours)
    visitor.get("/sign-in")
    visitor.post("/sign-in", {"email": ours.email, "password": PASSWORD})
    assert visitor.get("/sign-in/code").status_code == 200
    with running.database.unit() as session:
        session.execute(update(User).where(User.id == ours.user_id).values(password_hash="changed"))
    assert visitor.get("/sign-in/code").status_code == 303
    with running.database.unit() as session:
        session.get_one(User, ours.user_id).password_hash = _hash_of(running, "theirs")
    clock.advance(minutes=11)
    assert visitor.post("/sign-in/code", {"code": "123456"}).headers["Location"] == "/sign-in"


def _hash_of(running: Process, _name: str) -> str:
    with running.database.reading() as session:
        return session.scalars(select(User.password_hash)).first() or ""


def test_guessing_codes_is_slowed_down(visitor: Visitor, ours: Made, running: Process) -> None:
    _switch_on(running, ours)
    visitor.get("/sign-in")
    visitor.post("/sign-in", {"email": ours.email, "password": PASSWORD})
    visitor.get("/sign-in/code")
    tries = int(limits.PER_FACTOR.split()[0])
    assert {visitor.post("/sign-in/code", {"code": "000000"}).status_code for _ in range(tries)} == {422}
    assert visitor.post("/sign-in/code", {"code": "000000"}).status_code == 429


def test_a_recovery_code_signs_in_once_and_the_person_is_told(visitor: Visitor, ours: Made, running: Process) -> None:
    _switch_on(running, ours)
    with running.database.unit() as session:
        codes = second_factor.new_recovery_codes(session, ours.user_id)
    visitor.get("/sign-in")
    visitor.post("/sign-in", {"email": ours.email, "password": PASSWORD})
    visitor.get("/sign-in/code")
    assert visitor.post("/sign-in/code", {"code": codes[3]}).headers["Location"] == "/"
    assert [facts["change"] for _, _, facts in _letters(running)] == ["recovery_code"]
    assert "recovery_code_used" in _actions(running, ours.account_id)


# Security settings


def test_two_steps_are_set_up_with_a_picture_and_recovery_codes_shown_once(
    merchant: Visitor, app: Flask, ours: Made, running: Process
) -> None:
    elsewhere = _second_browser(app, ours.email)
    page = merchant.get("/settings/security/two-step")
    assert "<svg" in page.text
    secret = re.sub(r"\s", "", re.findall(r"<code[^>]*>([A-Z2-7 ]+)</code>", page.text)[0])
    assert merchant.post("/settings/security/two-step", {"code": "000000"}).status_code == 422
    answer = merchant.post("/settings/security/two-step", {"code": pyotp.TOTP(secret).now()})
    codes = re.findall(r"^[a-z2-7]{4}(?:-[a-z2-7]{4}){3}$", answer.text.replace('id="codes">', "\n"), re.MULTILINE)
    assert len(codes) == second_factor.RECOVERY_CODES
    assert codes[0] not in merchant.get("/settings/security").text
    assert merchant.get("/settings/security/two-step").status_code == 303, "the secret is not shown again"
    assert elsewhere.get("/orders").status_code == 303
    assert "second_factor_on" in _actions(running, ours.account_id)
    assert merchant.post("/settings/security/two-step/off", {"factor_password": "wrong one"}).status_code == 422
    assert merchant.post("/settings/security/two-step/codes", {"codes_password": "wrong one"}).status_code == 422
    fresh = merchant.post("/settings/security/two-step/codes", {"codes_password": PASSWORD}).text
    assert codes[0] not in fresh
    merchant.get("/settings/security")
    assert merchant.post("/settings/security/two-step/off", {"factor_password": PASSWORD}).status_code == 303
    assert [facts["change"] for _, _, facts in _letters(running)] == ["second_factor_on", "second_factor_off"]


def test_an_account_may_ask_everybody_for_two_steps(
    merchant: Visitor, app: Flask, ours: Made, theirs: Made, running: Process
) -> None:
    _as_member(running, theirs, ours.account_id)
    form = {"name": "Ours Ltd", "time_zone": "Europe/Berlin", "base_currency": "EUR", "requires_second_factor": "1"}
    merchant.get("/settings/general")
    refused = merchant.post("/settings/general", form)
    assert refused.status_code == 422
    assert "for yourself first" in refused.text
    _switch_on(running, ours)
    assert merchant.post("/settings/general", form).status_code == 303
    member = _second_browser(app, theirs.email)
    member.post(f"/accounts/{ours.account_id}/switch")
    answer = member.get("/orders")
    assert answer.headers["Location"] == "/settings/security/two-step"
    assert member.get("/orders", headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/settings/security/two-step"
    assert "asks everybody" in member.follow(answer).text
    assert member.post("/settings/security/name", {"name": "x"}).status_code == 303
    with running.database.reading() as session:
        assert session.get_one(User, theirs.user_id).name != "x"
    member.get("/settings/security/two-step")
    assert member.post(f"/accounts/{theirs.account_id}/switch").status_code == 303
    assert member.get("/orders").status_code == 200, "the other account asks for nothing"
    merchant.get("/settings/security")
    kept_on = merchant.post("/settings/security/two-step/off", {"factor_password": PASSWORD})
    assert kept_on.status_code == 422
    assert "Ours Ltd asks everybody" in kept_on.text


def test_a_changed_password_signs_the_others_out_and_keeps_this_browser(
    merchant: Visitor, app: Flask, ours: Made, running: Process
) -> None:
    elsewhere = _second_browser(app, ours.email)
    before = merchant.client.get_cookie("referins")
    merchant.get("/settings/security")
    wrong = merchant.post("/settings/security/password", {"current": "wrong one", "password": NEW_PASSWORD})
    assert wrong.status_code == 422
    assert "not your password" in wrong.text
    assert merchant.post("/settings/security/password", {"current": PASSWORD, "password": "short"}).status_code == 422
    done = merchant.post("/settings/security/password", {"current": PASSWORD, "password": NEW_PASSWORD})
    assert done.status_code == 303
    assert merchant.get("/orders").status_code == 200
    assert elsewhere.get("/orders").status_code == 303
    after = merchant.client.get_cookie("referins")
    assert before is not None and after is not None
    assert before.value != after.value
    elsewhere.client.set_cookie("referins", before.value)
    assert elsewhere.get("/orders").status_code == 303, "the token from before is worthless"
    assert [name for _, name, _ in _letters(running)] == ["security_notice"]


def test_a_changed_e_mail_holds_once_its_link_was_confirmed(merchant: Visitor, ours: Made, running: Process) -> None:
    merchant.get("/settings/security")
    wrong = merchant.post("/settings/security/email", {"email": "new@example.com", "email_password": "wrong one"})
    assert wrong.status_code == 422
    assert 'value="new@example.com"' in wrong.text
    assert (
        merchant.post("/settings/security/email", {"email": "new@example.com", "email_password": PASSWORD}).status_code
        == 303
    )
    path = _link(running, "email_change")
    assert merchant.get(path).status_code == 200
    assert ours.email in merchant.get("/settings/security").text, "looking at it changes nothing"
    merchant.get(path)
    assert merchant.post(path).status_code == 303
    assert "new@example.com" in merchant.get("/settings/security").text
    assert merchant.get(path).status_code == 410


def test_devices_are_listed_and_signed_out_one_by_one_or_all(
    merchant: Visitor, app: Flask, ours: Made, theirs: Made, running: Process
) -> None:
    phone = app.test_client()
    phone.environ_base["REMOTE_ADDR"] = "192.0.2.9"
    phone.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Safari/604.1"
    away = Visitor(phone)
    away.sign_in(ours.email)
    page = merchant.get("/settings/security").text
    assert "Safari on iPhone" in page
    assert "192.0.2.9" in page
    with running.database.reading() as session:
        ids = dict(session.execute(select(UserSession.ip, UserSession.id)).all())  # type: ignore[arg-type]
        other = session.scalars(select(UserSession.id).where(UserSession.user_id == theirs.user_id)).one()
    assert merchant.post(f"/settings/security/sessions/{other}/end").status_code == 404
    assert merchant.post(f"/settings/security/sessions/{ids['192.0.2.9']}/end").status_code == 303
    assert away.get("/orders").status_code == 303
    away.sign_in(ours.email)
    merchant.get("/settings/security")
    assert merchant.post("/settings/security/sessions/end-others").status_code == 303
    assert away.get("/orders").status_code == 303
    assert merchant.get("/orders").status_code == 200
    assert "sessions_ended" in _actions(running, ours.account_id)


# Several accounts


def test_a_browser_works_in_one_account_and_changes_between_them(
    merchant: Visitor, ours: Made, theirs: Made, running: Process
) -> None:
    assert merchant.post(f"/accounts/{theirs.account_id}/switch").status_code == 404
    _as_member(running, ours, theirs.account_id)
    page = merchant.get("/accounts").text
    assert "Ours Ltd" in page and "Theirs Ltd" in page
    stale = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
    assert merchant.post(f"/accounts/{theirs.account_id}/switch").status_code == 303
    assert merchant.get(f"/orders/{theirs.ids['order_id']}").status_code == 200
    assert merchant.get(f"/orders/{ours.ids['order_id']}").status_code == 404
    assert merchant.client.post("/settings/security/name", data={"csrf_token": stale}).status_code == 419, (
        "a form that was opened for the other account"
    )
    assert merchant.get("/settings/general").status_code == 403, "a member here, an owner there"
    merchant.get("/accounts")
    merchant.post("/sign-out")
    merchant.sign_in(ours.email)
    assert "Theirs Ltd" in merchant.get("/").text, "it comes back to where it was"


def test_leaving_leads_to_another_account_or_to_none(
    merchant: Visitor, ours: Made, theirs: Made, running: Process
) -> None:
    _as_member(running, ours, theirs.account_id)
    merchant.get("/accounts")
    merchant.post(f"/accounts/{theirs.account_id}/switch")
    assert "Leave Theirs Ltd?" in merchant.get(f"/accounts/{theirs.account_id}/leave").text
    merchant.post(f"/accounts/{theirs.account_id}/leave")
    assert "Ours Ltd" in merchant.get("/").text
    assert "member_left" in _actions(running, theirs.account_id)
    merchant.get("/accounts")
    merchant.post(f"/accounts/{ours.account_id}/leave")
    assert "last owner" in merchant.get("/accounts").text
    _as_member(running, theirs, ours.account_id, "owner")
    merchant.get("/accounts")
    answer = merchant.post(f"/accounts/{ours.account_id}/leave")
    assert answer.headers["Location"] == "/accounts/none"
    assert "belong to no account" in merchant.follow(answer).text
    assert merchant.get("/orders").status_code == 303
    merchant.get("/accounts/none")
    assert merchant.post("/accounts/none", {"name": "Fresh Ltd"}).status_code == 303
    assert "Fresh Ltd" in merchant.get("/").text


def test_who_belongs_to_no_account_signs_in_to_be_told_so(visitor: Visitor, running: Process, ours: Made) -> None:
    with running.database.unit() as session:
        kept = session.get_one(User, ours.user_id).password_hash
        users.add_user(session, "lost@example.com", kept)
    assert visitor.get("/accounts/none").status_code == 303
    visitor.get("/sign-in")
    answer = visitor.post("/sign-in", {"email": "lost@example.com", "password": PASSWORD})
    assert "belong to no account" in visitor.follow(answer).text


def test_another_account_is_made_and_worked_in(merchant: Visitor, running: Process, ours: Made) -> None:
    merchant.get("/accounts")
    merchant.post("/accounts/new", {"name": "Second Ltd"})
    assert "Second Ltd" in merchant.get("/").text
    with running.database.reading() as session:
        places = users.places_of(session, ours.user_id)
    assert [(one.name, one.role) for one in places] == [("Ours Ltd", "owner"), ("Second Ltd", "owner")]


# Team


def test_somebody_new_is_invited_and_joins(merchant: Visitor, app: Flask, ours: Made, running: Process) -> None:
    merchant.get("/settings/team")
    assert merchant.post("/settings/team/invitations", {"email": "nope", "role": "member"}).status_code == 422
    assert merchant.post("/settings/team/invitations", {"email": "Bo@Example.com", "role": "member"}).status_code == 303
    path = _link(running, "invitation")
    bo = Visitor(app.test_client())
    page = bo.get(path)
    assert "Join Ours Ltd" in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert bo.post(path, {"name": "Bo", "password": "short"}).status_code == 422
    assert bo.post(path, {"name": "Bo", "password": NEW_PASSWORD}).headers["Location"] == "/"
    assert "Ours Ltd" in bo.get("/").text
    team = bo.get("/settings/team").text
    assert "Invite somebody" not in team
    assert "What each role may do" in team
    assert bo.get(path).status_code == 410
    assert bo.post("/settings/team/invitations", {"email": "cy@example.com", "role": "owner"}).status_code == 403
    assert _actions(running, ours.account_id)[-3:] == ["user_invited", "invitation_accepted", "signed_in"]


def test_who_has_a_user_signs_in_to_join(
    merchant: Visitor, app: Flask, ours: Made, theirs: Made, running: Process
) -> None:
    merchant.get("/settings/team")
    merchant.post("/settings/team/invitations", {"email": theirs.email, "role": "owner"})
    path = _link(running, "invitation")
    assert "You are signed in as" in merchant.get(path).text, "the link in the inviter's own browser"
    assert merchant.post(path).status_code == 422
    guest = Visitor(app.test_client())
    assert "Sign in to join" in guest.get(path).text
    guest.get("/sign-in")
    assert guest.post(path, {"password": NEW_PASSWORD}).status_code == 403, "no new password by an invitation"
    guest.get("/sign-in")
    answer = guest.post("/sign-in", {"email": theirs.email, "password": PASSWORD, "next": path})
    assert answer.headers["Location"] == path
    guest.get(path)
    assert guest.post(path).headers["Location"] == "/"
    assert "Ours Ltd" in guest.get("/").text
    assert guest.get("/settings/general").status_code == 200, "an owner"


def test_an_invitation_is_sent_again_and_taken_back(
    merchant: Visitor, app: Flask, ours: Made, running: Process
) -> None:
    invitation = f"/settings/team/invitations/{ours.ids['invitation_id']}"
    merchant.get("/settings/team")
    assert merchant.post(f"{invitation}/resend").status_code == 303
    path = _link(running, "invitation")
    guest = Visitor(app.test_client())
    assert guest.get(path).status_code == 200
    assert merchant.post(f"{invitation}/revoke").status_code == 303
    assert guest.get(path).status_code == 410
    assert guest.post(path, {"password": NEW_PASSWORD}).status_code == 410
    assert merchant.post(f"{invitation}/revoke").status_code == 404


def test_roles_change_and_people_go_at_once_but_the_last_owner_stays(
    merchant: Visitor, app: Flask, ours: Made, theirs: Made, running: Process
) -> None:
    _as_member(running, theirs, ours.account_id)
    member = _second_browser(app, theirs.email)
    member.post(f"/accounts/{ours.account_id}/switch")
    assert member.get("/settings/audit").status_code == 403
    merchant.get("/settings/team")
    merchant.post(f"/settings/team/{theirs.user_id}/role", {"role": "owner"})
    assert member.get("/settings/audit").status_code == 200, "from the next click on"
    merchant.post(f"/settings/team/{theirs.user_id}/role", {"role": "member"})
    assert member.get("/settings/audit").status_code == 403
    merchant.post(f"/settings/team/{ours.user_id}/role", {"role": "member"})
    assert "last owner" in merchant.get("/settings/team").text
    assert "Remove Theirs?" in merchant.get(f"/settings/team/{theirs.user_id}/remove").text
    merchant.post(f"/settings/team/{theirs.user_id}/remove")
    assert member.get("/orders").status_code == 303
    assert _actions(running, ours.account_id)[-3:] == ["role_changed", "role_changed", "member_removed"]


# Keys


def test_a_key_is_shown_once_with_what_it_may(
    merchant: Visitor, ours: Made, running: Process, clock: ClockHand
) -> None:
    merchant.get("/settings/api-keys")
    for wrong in ({"name": "", "scopes": ["read"]}, {"name": "x", "scopes": []}, {"name": "x", "scopes": ["king"]}):
        assert merchant.post("/settings/api-keys", {"life": "30", **wrong}).status_code == 422
    page = merchant.post("/settings/api-keys", {"name": "Export", "scopes": ["read"], "life": "30"}).text
    key = re.findall(r'value="(ref_[^"]+)"', page)[0]
    assert key not in merchant.get("/settings/api-keys").text
    headers = {"Authorization": f"Bearer {key}"}
    assert merchant.get("/api/v1/orders", headers=headers).status_code == 200
    refused = merchant.client.delete(f"/api/v1/orders/{ours.ids['order_id']}", headers=headers)
    assert refused.status_code == 403
    assert "scope write" in refused.get_json()["detail"]
    clock.advance(days=31)
    assert merchant.get("/api/v1/orders", headers=headers).status_code == 401
    assert "Expired" in _second_look(merchant, ours)
    assert _actions(running, ours.account_id).count("token_created") == 1


def _second_look(merchant: Visitor, ours: Made) -> str:
    merchant.sign_in(ours.email)
    return merchant.get("/settings/api-keys").text


def test_a_revoked_key_opens_nothing(merchant: Visitor, ours: Made, running: Process) -> None:
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    assert merchant.get("/api/v1/orders", headers=headers).status_code == 200
    assert "Revoke test?" in merchant.get(f"/settings/api-keys/{ours.ids['token_id']}/revoke").text
    merchant.post(f"/settings/api-keys/{ours.ids['token_id']}/revoke")
    assert merchant.get("/api/v1/orders", headers=headers).status_code == 401
    with running.database.reading() as session:
        assert session.scalars(select(ApiToken.revoked_at).where(ApiToken.id == ours.ids["token_id"])).one()
    assert "token_revoked" in _actions(running, ours.account_id)


# General settings and the audit log


def test_settings_are_kept_whole_or_not_at_all(merchant: Visitor, ours: Made, running: Process) -> None:
    merchant.get("/settings/general")
    form = {
        "name": "Ours & Söhne",
        "time_zone": "Asia/Tokyo",
        "base_currency": "JPY",
        "sender_name": "Ours",
        "postal_address": "Street 1\n10115 Berlin",
    }
    wrong = merchant.post("/settings/general", form | {"time_zone": "Nowhere/Land"})
    assert wrong.status_code == 422
    assert "Ours &amp; Söhne" in wrong.text, "what was typed stays"
    assert merchant.post("/settings/general", form).status_code == 303
    with running.database.reading() as session:
        kept = session.get_one(Account, ours.account_id)
        assert (kept.name, kept.time_zone, kept.base_currency) == ("Ours & Söhne", "Asia/Tokyo", "JPY")
    assert "21 Nov 2026" in merchant.get("/orders").text or "23:03" in merchant.get("/orders").text


def test_the_audit_log_is_filtered_and_downloaded(
    merchant: Visitor, ours: Made, theirs: Made, running: Process
) -> None:
    merchant.get("/settings/team")
    merchant.post("/settings/team/invitations", {"email": "bo@example.com", "role": "member"})
    with running.database.unit() as session:
        session.add(
            AuditEntry(account_id=ours.account_id, action="store_connected", who="=cmd()", via="api", subject="@x")
        )
        session.add(AuditEntry(account_id=theirs.account_id, action="store_connected", who="secret", via="api"))
    page = merchant.get("/settings/audit").text
    assert "Invited somebody" in page and "bo@example.com" in page and "role: member" in page
    assert "secret" not in page
    assert "127.0.0.1" in page
    narrowed = merchant.get("/settings/audit?group=stores").text
    assert "Connected a store" in narrowed and "Invited somebody" not in narrowed
    assert "Invited somebody" in merchant.get(f"/settings/audit?person={ours.user_id}").text
    assert "Connected a store" not in merchant.get(f"/settings/audit?person={ours.user_id}").text
    assert "No entries match" in merchant.get("/settings/audit?q=nothing+like+it").text
    assert "No entries match" in merchant.get("/settings/audit?from=2031-01-01").text
    file = merchant.get("/audit.csv?group=stores")
    rows = list(csv.DictReader(io.StringIO(file.data.decode("utf-8-sig"))))
    assert [(row["What"], row["Who"], row["To what"]) for row in rows] == [("Connected a store", "'=cmd()", "'@x")]
    assert _actions(running, ours.account_id)[-1] == "list_exported"


def test_a_member_reaches_the_audit_log_by_no_way_round(app: Flask, ours: Made, theirs: Made, running: Process) -> None:
    _as_member(running, theirs, ours.account_id)
    member = _second_browser(app, theirs.email)
    member.post(f"/accounts/{ours.account_id}/switch")
    for path in ("/settings/audit", "/audit.csv", "/lists/audit/export", "/lists/audit/views/new"):
        assert member.get(path).status_code == 403, path
    assert member.get("/orders.csv").status_code == 200
    member.get("/orders")
    assert member.post("/lists/audit/exports", {"query": ""}).status_code == 403


def test_a_used_session_remembers_where_it_was_last(merchant: Visitor, running: Process, clock: ClockHand) -> None:
    clock.advance(minutes=6)
    merchant.client.environ_base["REMOTE_ADDR"] = "192.0.2.55"
    merchant.get("/orders")
    with running.database.reading() as session:
        assert "192.0.2.55" in session.scalars(select(UserSession.ip)).all()
    assert timedelta(days=1) < sessions.LIFETIME
