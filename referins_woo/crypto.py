"""Secrets at rest and tokens for links.

Keys of stores are kept encrypted with the newest of ENCRYPTION_KEYS and read with any of them, so that a key can be
rotated while the application runs. Tokens are random; the database holds their hash only, so that a stolen
copy of it signs nobody in.
"""

from __future__ import annotations

import hashlib
import secrets
import string

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from referins_woo.errors import Final

_LETTERS_AND_DIGITS = string.ascii_letters + string.digits


class Vault:
    """Encrypts and decrypts short secrets with a list of Fernet keys, newest first."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def lock(self, secret: str) -> str:
        """Return `secret` encrypted, as text."""
        return self._fernet.encrypt(secret.encode()).decode()

    def unlock(self, locked: str) -> str:
        """Return the secret; raises Final when none of the keys opens it."""
        try:
            return self._fernet.decrypt(locked.encode()).decode()
        except InvalidToken:
            raise Final(
                "A stored secret cannot be read: the key that locked it is missing from ENCRYPTION_KEYS"
            ) from None

    def relock(self, locked: str) -> str:
        """Return the same secret locked with the newest key (after a rotation)."""
        return self.lock(self.unlock(locked))


def new_token(bits: int = 256) -> str:
    """Return an unguessable token, safe in URLs."""
    return secrets.token_urlsafe(bits // 8)


def new_webhook_secret() -> str:
    """Return 48 letters and digits: WooCommerce decodes HTML entities in secrets before it signs (fact 74)."""
    return "".join(secrets.choice(_LETTERS_AND_DIGITS) for _ in range(48))


def hash_token(token: str) -> str:
    """Return the SHA-256 of a random token, as hex: what the database keeps of it."""
    return hashlib.sha256(token.encode()).hexdigest()
