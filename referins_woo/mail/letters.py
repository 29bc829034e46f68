"""From a message and its composed e-mail to the bytes that go over the wire: who it is from, and the headers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from email.utils import parseaddr
from typing import Any

from referins_woo import clock
from referins_woo.mail import headers, mime
from referins_woo.mail.compose import Composed, Footer


@dataclass(frozen=True, slots=True)
class Sender:
    """MAIL_FROM: the address that all e-mails come from, and the name shown where a message has none."""

    name: str
    address: str
    public_url: str = ""
    """Where links that we put into e-mails lead: PUBLIC_URL."""

    @classmethod
    def from_setting(cls, mail_from: str, public_url: str = "") -> Sender:
        """Read `Name <address>` or a bare address. Raises headers.BadAddress."""
        name, address = parseaddr(mail_from)
        return cls(headers.one_line(name, headers.MOST_NAME), headers.bare_address(address), public_url)

    def as_account(self, address: str) -> Sender:
        """Return the sender with the address of an account's own domain; with the same one where it is empty.

        What comes back still goes to MAIL_FROM, the sender of the envelope.
        """
        return replace(self, address=headers.bare_address(address)) if address else self

    @property
    def domain(self) -> str:
        """The domain in Message-ID and List-Id."""
        return self.address.rpartition("@")[2]


def message_id(message: Any, sender: Sender) -> str:
    """Return the Message-ID: the same whenever this message is tried, so that a repeated attempt is recognisable."""
    if message.rfc_message_id:
        return str(message.rfc_message_id)
    seed = f"{message.account_id}:{message.id}:{message.once_key}".encode()
    return f"<{message.id}.{hashlib.sha256(seed).hexdigest()[:24]}@{sender.domain}>"


def footer(message: Any, sender: Sender) -> Footer | None:
    """Return what stands below a marketing e-mail: who writes, and how to have no more of it. None for others."""
    if message.purpose != "marketing":
        return None
    said = message.footer or {}
    return Footer(
        sender=str(said.get("sender") or message.from_name or sender.name),
        address=str(said.get("address") or ""),
        unsubscribe=unsubscribe_url(message, sender),
        preferences=f"{sender.public_url}/preferences/{message.link_token}",
        view=f"{sender.public_url}/view/{message.link_token}",
    )


def unsubscribe_url(message: Any, sender: Sender) -> str:
    """Return the address where a POST unsubscribes (RFC 8058) and a GET shows a page."""
    return f"{sender.public_url}/u/{message.link_token}"


def write(message: Any, composed: Composed, sender: Sender, rfc_message_id: str, reply_to: str = "") -> bytes:
    """Return the e-mail's bytes. Raises headers.BadAddress where the recipient's address cannot be used."""
    further = [("Auto-Submitted", "auto-generated")]
    if message.purpose != "system":
        # Filters of mailboxes sort by it; one list per account.
        further.append(("List-Id", f"<account-{message.account_id}.{sender.domain}>"))
    if message.purpose == "marketing":
        further.append(("List-Unsubscribe", f"<{unsubscribe_url(message, sender)}>"))
        if sender.public_url.startswith("https://"):  # RFC 8058 allows no other
            further.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return mime.build(
        mime.Letter(
            from_name=message.from_name or sender.name,
            from_address=sender.address,
            to_name=message.to_name,
            to_address=message.to_email,
            subject=composed.subject,
            html=composed.html,
            text=composed.text,
            message_id=rfc_message_id,
            date=clock.now(),
            reply_to=_usable(reply_to),
            further=tuple(further),
        )
    )


def _usable(address: str) -> str:
    """A reply address that is none must not keep an e-mail from its recipient."""
    if not address:
        return ""
    try:
        return headers.bare_address(address)
    except headers.BadAddress:
        return ""
