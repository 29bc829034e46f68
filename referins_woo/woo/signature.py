"""Whether a webhook delivery comes from the store that shares our secret (fact 74).

Base64 of HMAC-SHA256 over the raw bytes of the body: JSON that was decoded and written again has another one. There
is no time stamp in it, so an old delivery verifies for ever; repeating one must do no harm by itself.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence


def make(body: bytes, secret: str) -> str:
    """Return the value of X-WC-Webhook-Signature for `body`."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def verify(body: bytes, header: str, secrets: Sequence[str]) -> bool:
    """Return whether `header` signs `body` with one of `secrets` (two while a secret is being changed).

    Takes the same time for every wrong header. An empty secret or header never verifies.
    """
    given = header.strip().encode("utf-8", "replace")
    matches = False
    for secret in secrets:
        if secret and given:
            matches |= hmac.compare_digest(make(body, secret).encode(), given)
    return matches
