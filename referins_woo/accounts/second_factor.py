"""The second factor: codes of an authenticator app (RFC 6238), and codes to recover with when the phone is lost.

The secret is kept encrypted, recovery codes as hashes. A code is taken once: the time step of the last one is
remembered by a conditional UPDATE, so that who looked over a shoulder comes too late.
"""

from __future__ import annotations

import base64
import secrets
from datetime import datetime
from typing import Final

import pyotp
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from referins_woo.accounts.models import RecoveryCode, User
from referins_woo.crypto import Vault, hash_token

RECOVERY_CODES: Final = 10
_STEP_SECONDS: Final = 30
_DRIFT: Final = (0, -1, 1)
"""Steps that a phone's clock may be off."""
_CODE_BYTES: Final = 10
"""80 random bits: too many to find behind a plain hash."""


def begin(session: Session, vault: Vault, user_id: int) -> str:
    """Return the secret of a factor that is being set up, the same until it is confirmed.

    Raises ValueError where the user has one that is in use.
    """
    user = session.get_one(User, user_id)
    if user.totp_since is not None:
        raise ValueError("this user has a second factor")
    if user.totp_locked is None:
        user.totp_locked = vault.lock(pyotp.random_base32())
    return vault.unlock(user.totp_locked)


def address(secret: str, email: str) -> str:
    """Return what the QR code says to the authenticator app."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Referins")


def confirm(session: Session, vault: Vault, user_id: int, code: str, now: datetime) -> list[str] | None:
    """Switch the factor on once a code shows that the app has it; returns the recovery codes, None for a wrong code."""
    user = session.get_one(User, user_id)
    if user.totp_since is not None or user.totp_locked is None or not _take_code(session, vault, user, code, now):
        return None
    user.totp_since = now
    return new_recovery_codes(session, user_id)


def new_recovery_codes(session: Session, user_id: int) -> list[str]:
    """Make new recovery codes and return them: the only time that they can be read. Older ones are worthless."""
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    session.add_all(RecoveryCode(user_id=user_id, code_hash=hash_token(_bare(code))) for code in codes)
    session.flush()
    return codes


def codes_left(session: Session, user_id: int) -> int:
    """Return how many recovery codes are unused."""
    found = session.scalar(select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None)))
    return int(found or 0)


def take(session: Session, vault: Vault, user_id: int, code: str, now: datetime) -> str:
    """Return what the code was, and use it up: `app`, `recovery`, or nothing where it is wrong or was used before."""
    user = session.get_one(User, user_id)
    if user.totp_since is None:
        return ""
    if _take_code(session, vault, user, code, now):
        return "app"
    used = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user_id,
            RecoveryCode.code_hash == hash_token(_bare(code)),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.id)
        .execution_options(synchronize_session=False)
    )
    return "recovery" if used.first() is not None else ""


def switch_off(session: Session, user_id: int) -> None:
    """Forget the secret and the recovery codes."""
    user = session.get_one(User, user_id)
    user.totp_locked = user.totp_since = user.totp_last_step = None
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))


def _take_code(session: Session, vault: Vault, user: User, code: str, now: datetime) -> bool:
    digits = "".join(code.split())
    if len(digits) != 6 or not digits.isascii() or not digits.isdigit() or user.totp_locked is None:
        return False
    totp = pyotp.TOTP(vault.unlock(user.totp_locked))
    this_step = int(now.timestamp()) // _STEP_SECONDS
    for step in (this_step + drift for drift in _DRIFT):
        if secrets.compare_digest(totp.generate_otp(step), digits):
            return _first_time(session, user.id, step)
    return False


def _first_time(session: Session, user_id: int, step: int) -> bool:
    taken = session.execute(
        update(User)
        .where(User.id == user_id, or_(User.totp_last_step.is_(None), User.totp_last_step < step))
        .values(totp_last_step=step)
        .execution_options(synchronize_session=False)
    )
    return bool(taken.rowcount == 1)  # type: ignore[attr-defined]


def _new_code() -> str:
    letters = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().lower()
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def _bare(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()
