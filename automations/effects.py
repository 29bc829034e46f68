"""What a decision wants done outside. Values only: whoever calls the engine carries them out, once per (run, step)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SendEmail:
    """Put one e-mail into the outbox."""

    step_id: str
    purpose: str
    """`transactional` or `marketing`."""
    template: dict[str, Any]
    """{"subject", "preheader", "body": [blocks]}."""
    reminder: bool = False
    """It comes after a wait or a re-read: the lateness of the event no longer counts."""


@dataclass(frozen=True, slots=True)
class Notify:
    """Put one e-mail to each user of the account into the outbox."""

    step_id: str
    subject: str
    text: str
    owners_only: bool = False


@dataclass(frozen=True, slots=True)
class ChangeTag:
    """Give the contact a tag, or take it away."""

    step_id: str
    tag: str
    add: bool


@dataclass(frozen=True, slots=True)
class UpdateField:
    """Write a field of the contact (see `steps.CONTACT_FIELDS`)."""

    step_id: str
    field: str
    value: str
    """May hold merge variables."""
    how: str = "replace"
    """`replace`, `if_empty` or `append`."""


@dataclass(frozen=True, slots=True)
class CallWebhook:
    """Send what happened to an address of the merchant's, signed."""

    step_id: str
    url: str


Effect = SendEmail | Notify | ChangeTag | UpdateField | CallWebhook
