"""Changing what a person signs in with: password and e-mail, each with the mails that it takes.

Passwords are hashed by the caller, outside of the transaction. Whoever changes a password ends the other sessions
and the links that were on their way; the person is told by e-mail, at the old address too where that changed.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from referins_woo.accounts import audit, mail_links, sessions
from referins_woo.accounts.models import User
from referins_woo.accounts.users import find_user, normalise_email
from referins_woo.errors import InvalidInput
from referins_woo.mail import outbox
from referins_woo.process import Process


def ask_for_reset(session: Session, running: Process, email: str, now: datetime) -> None:
    """Mail a link to choose a new password to whoever has this e-mail; for an unknown one as much is written."""
    user = find_user(session, email)
    known = user is not None and user.active
    token = mail_links.make(session, "password", user.id if user is not None and known else None, email, now)
    if user is None or not known:
        return
    mail_links.put_letter(
        session,
        running,
        "password_reset",
        user.email,
        token,
        {"email": user.email, "link": reset_address(running, token), "minutes": _minutes()},
        now + mail_links.LIFE,
    )


def reset_address(running: Process, token: str) -> str:
    """Return the address behind a reset link: PUBLIC_URL's, whatever host a request named."""
    return f"{running.config.public_url}/reset-password/{token}"


def reset_password(session: Session, running: Process, token: str, password_hash: str, now: datetime) -> bool:
    """Set a new password by a mailed link; False where the link is not good (any more)."""
    used = mail_links.use(session, "password", token, now)
    if used is None:
        return False
    user = session.get_one(User, used[0])
    if not user.active:
        return False
    set_password(session, running, user, password_hash, now)
    audit.record_for_user(session, user.id, "password_reset", user.email)
    return True


def set_password(
    session: Session, running: Process, user: User, password_hash: str, now: datetime, *, but: int | None = None
) -> None:
    """Set the password, end all sessions `but` one, and tell the person."""
    user.password_hash = password_hash
    user.password_changed_at = now
    sessions.end_all(session, user.id, now, but=but)
    mail_links.void(session, user.id, "password", now)
    tell(session, running, user.email, "password", now)


def ask_for_email(session: Session, running: Process, user: User, email: str, now: datetime) -> str:
    """Mail a link that confirms the changed address to it; returns the address. Raises InvalidInput."""
    address = normalise_email(email)
    if address == user.email:
        raise InvalidInput("email", "This is your e-mail already.")
    if find_user(session, address) is not None:
        raise InvalidInput("email", "There is a user with this e-mail already.")
    token = mail_links.make(session, "email", user.id, address, now)
    mail_links.put_letter(
        session,
        running,
        "email_change",
        address,
        token,
        {
            "old_email": user.email,
            "new_email": address,
            "link": f"{running.config.public_url}/confirm-email/{token}",
            "minutes": _minutes(),
        },
        now + mail_links.LIFE,
    )
    return address


def confirm_email(session: Session, running: Process, token: str, now: datetime) -> str | None:
    """Make the confirmed address the user's; returns it, None where the link is not good (any more).

    Raises InvalidInput where somebody took the address meanwhile.
    """
    used = mail_links.use(session, "email", token, now)
    if used is None:
        return None
    user_id, address = used
    if find_user(session, address) is not None:
        raise InvalidInput("email", "There is a user with this e-mail by now. Nothing was changed.")
    user = session.get_one(User, user_id)
    old, user.email = user.email, address
    mail_links.void(session, user_id, "password", now)
    audit.record_for_user(session, user_id, "email_changed", address, before=old)
    tell(session, running, old, "email", now, new_email=address)
    return address


def tell(session: Session, running: Process, email: str, change: str, now: datetime, new_email: str = "") -> None:
    """Tell a person that what they sign in with was changed: if it was not them, they must hear of it.

    `change` is `password`, `email`, `second_factor_on`, `second_factor_off`, `recovery_code` or `guesses`.
    """
    outbox.put(
        session,
        outbox.Letter(
            account_id=outbox.PERSONAL,
            once_key=f"told:{change}:{now.timestamp():.6f}:{email}"[:120],
            purpose="system",
            to_email=email,
            template={"email": "security_notice"},
            facts={
                "change": change,
                "email": email,
                "new_email": new_email,
                "at": now.strftime("%d %B %Y, %H:%M UTC"),
                "link": f"{running.config.public_url}/forgot-password",
            },
        ),
    )


def _minutes() -> int:
    return int(mail_links.LIFE.total_seconds() // 60)
