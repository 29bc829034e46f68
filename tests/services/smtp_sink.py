"""An SMTP server on the loopback that takes every e-mail and remembers it."""

from __future__ import annotations

import email
import email.policy
import socket
from dataclasses import dataclass

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True)
class Arrived:
    """One e-mail that was taken: 250 was about to be answered."""

    to_email: str
    subject: str
    message_id: str


class SmtpSink:
    """The server; `mails` grows while it runs, oldest first."""

    def __init__(self) -> None:
        self.mails: list[Arrived] = []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.url = f"smtp://127.0.0.1:{port}"
        self._controller = Controller(self, hostname="127.0.0.1", port=port)
        self._controller.start()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Take an e-mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        parsed = email.message_from_bytes(content, policy=email.policy.default)
        self.mails.append(Arrived(envelope.rcpt_tos[0], str(parsed["Subject"]), str(parsed["Message-ID"])))
        return "250 taken"

    def stop(self) -> None:
        """Stop listening."""
        self._controller.stop()
