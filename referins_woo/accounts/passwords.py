"""Passwords: hashed with argon2id, never kept, never logged.

One hash costs about 160 ms and 64 MB, so at most two run at once in a process: a flood of sign-ins waits instead of
eating the machine's memory. Call these outside of any database transaction.
"""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from referins_woo.errors import InvalidInput

SHORTEST = 8
LONGEST = 500
"""Characters; longer ones only cost time."""

_hasher = PasswordHasher()
_room_for_two = threading.BoundedSemaphore(2)
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRvZm5vb25l$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""A hash that no password has: checked for unknown e-mails, so that both answers take the same time."""


def hash_password(password: str) -> str:
    """Return the argon2id hash; raises InvalidInput when the password is too short or too long."""
    if len(password) < SHORTEST:
        raise InvalidInput("password", f"The password needs at least {SHORTEST} characters.")
    if len(password) > LONGEST:
        raise InvalidInput("password", f"The password may have at most {LONGEST} characters.")
    with _room_for_two:
        return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether `password` is the one behind the hash; None stands for an unknown user and takes as long."""
    if len(password) > LONGEST:
        return False
    with _room_for_two:
        try:
            return _hasher.verify(password_hash or _NOBODY, password) and password_hash is not None
        except (VerificationError, InvalidHashError):
            return False


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with weaker settings than today's."""
    return _hasher.check_needs_rehash(password_hash)
