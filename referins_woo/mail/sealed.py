"""Facts that nobody may read in the database: a link that lets its holder in.

They are encrypted in the outbox, opened when the e-mail is written, and neither its HTML nor its text is kept.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from referins_woo.crypto import Vault
from referins_woo.errors import Final as FinalError

_KEY: Final = "sealed"


def seal(vault: Vault, facts: dict[str, Any]) -> dict[str, Any]:
    """Return `facts` as the outbox may keep them."""
    return {_KEY: vault.lock(orjson.dumps(facts).decode())}


def is_sealed(facts: dict[str, Any]) -> bool:
    """Whether these facts were sealed."""
    return _KEY in facts


def opened(vault: Vault | None, facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts as they were. Raises errors.Final where no key opens them."""
    if not is_sealed(facts):
        return facts
    if vault is None:
        raise FinalError("This process has no keys to open sealed facts with")
    found: dict[str, Any] = orjson.loads(vault.unlock(str(facts[_KEY])))
    return found
