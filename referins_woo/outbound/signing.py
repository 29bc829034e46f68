"""Signatures of Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,…`."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook


def new_secret() -> str:
    """Return a secret as Standard Webhooks write it: `whsec_` and 32 random bytes."""
    return "whsec_" + b64encode(secrets.token_bytes(32)).decode()


def headers(secrets_of: Sequence[str], webhook_id: str, at: datetime, body: str) -> dict[str, str]:
    """Return the headers of a call; while a secret is being changed, the new and the old one both sign."""
    return {
        "Content-Type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(webhook_id, at, body) for secret in secrets_of),
    }
