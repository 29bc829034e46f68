"""The dev mailbox (N7): e-mails become rows, shown at `/dev/mail`. On loopback only, and only without SMTP_URL."""

from __future__ import annotations

from referins_woo.db import Database
from referins_woo.mail.models import DevMail
from referins_woo.mail.providers import Envelope


class DevMailbox:
    """Takes everything, and sends nothing anywhere."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._offered: Envelope | None = None

    def ready(self) -> None:
        """Nothing to open."""

    def offer(self, envelope: Envelope, size: int) -> None:
        """Take note of whom it is for."""
        self._offered = envelope

    def withdraw(self) -> None:
        """Forget the offer."""
        self._offered = None

    def deliver(self, content: bytes) -> str:
        """Keep the e-mail."""
        envelope, self._offered = self._offered, None
        assert envelope is not None
        with self._database.unit() as session:
            session.add(
                DevMail(
                    account_id=envelope.account_id or None,
                    message_id=envelope.message_id,
                    to_email=envelope.recipient,
                    subject=envelope.subject,
                    raw=content,
                )
            )
        return "kept in the dev mailbox"

    def close(self) -> None:
        """Nothing to close."""
