"""Browsers: the cookie that carries a session's token, and the one of somebody who is halfway through signing in.

A session gets a new token whenever more (or something else) is allowed than before: at sign-in, at the change of a
password or of the account. The CSRF token changes with it, so that a form left open in another tab cannot be sent to
an account that it was not made for.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from flask import request
from flask import session as cookie
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from referins_woo import clock, process
from referins_woo.accounts import audit, sessions
from referins_woo.accounts.models import User
from referins_woo.web import scope

login = LoginManager()

_HALFWAY: Final = "halfway"
_HALFWAY_LIFE: Final = timedelta(minutes=10)


class Visitor(UserMixin):  # type: ignore[misc]  # flask-login carries no types
    """The signed-in person, as flask-login wants it: its id is the token of the session row."""

    def __init__(self, token: str, who: sessions.SignedIn) -> None:
        self.who = who
        self._token = token

    def get_id(self) -> str:
        """What the cookie keeps."""
        return self._token


@dataclass(frozen=True, slots=True)
class Halfway:
    """Somebody whose password was right, but who is not signed in yet."""

    user_id: int
    email: str
    target: str
    """Where to go afterwards: a path of ours."""
    has_passed: bool
    """Nothing more is asked for; there is no account to work in."""


@login.user_loader  # type: ignore[untyped-decorator]
def _load(token: str) -> Visitor | None:
    now = clock.now()
    database = process.current().database
    with database.reading() as session:
        found = sessions.find(session, token, now)
    if found is None:
        return None
    if sessions.is_seen_stale(found, now):
        with database.unit() as session:
            sessions.seen(session, found.session_id, now, request.remote_addr or "")
    return Visitor(token, found)


def begin(user_id: int, account_id: int) -> None:
    """Sign this browser in to the account; a session that it had is ended."""
    now = clock.now()
    with scope.unit() as session:
        if current_user.is_authenticated:
            sessions.end(session, scope.who().session_id, scope.who().user_id, now)
        user = session.get_one(User, user_id)
        audit.act_as(audit.Actor(user.email, "browser", user.id, request.remote_addr or ""))
        token = sessions.begin(
            session,
            user_id,
            account_id,
            now,
            ip=request.remote_addr or "",
            user_agent=request.headers.get("User-Agent", ""),
        )
        audit.record(session, account_id, "signed_in")
    _hold(token)


def renew(account_id: int | None = None) -> None:
    """Give this browser's session a new token, and another account to work in where one is named."""
    who = scope.who()
    with scope.unit() as session:
        token = sessions.renew(session, who.session_id, account_id or who.account_id)
    _hold(token)


def leave() -> None:
    """End this browser's session."""
    who = scope.who()
    with scope.unit() as session:
        sessions.end(session, who.session_id, who.user_id, clock.now())
    forget()


def forget() -> None:
    """Take the cookie away from a browser whose session has ended."""
    logout_user()
    cookie.clear()


def go_halfway(user: User, target: str, *, has_passed: bool = False) -> None:
    """Remember for ten minutes that the password was right."""
    cookie.clear()
    cookie[_HALFWAY] = [user.id, int(clock.now().timestamp()), _mark(user), target, has_passed]


def halfway() -> Halfway | None:
    """Return who is halfway; None after ten minutes, or once the password was changed."""
    kept = cookie.get(_HALFWAY)
    if not isinstance(kept, list) or len(kept) != 5:
        return None
    user_id, since, mark, target, has_passed = kept
    if clock.now().timestamp() - since > _HALFWAY_LIFE.total_seconds():
        return None
    with scope.reading() as session:
        user = session.get(User, user_id)
    if user is None or not user.active or _mark(user) != mark:
        return None
    return Halfway(user.id, user.email, target, has_passed)


def _mark(user: User) -> str:
    """What changes with the password and the second factor, and tells nothing about them."""
    text = f"{user.password_hash}:{user.totp_locked}:{user.totp_since}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _hold(token: str) -> None:
    with scope.reading() as session:
        found = sessions.find(session, token, clock.now())
    cookie.clear()  # what an attacker may have put there before is worth nothing afterwards
    if found is not None:
        login_user(Visitor(token, found))
        cookie.permanent = True
