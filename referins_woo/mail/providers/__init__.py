"""Ways out of the house. A provider takes one e-mail at a time, in two moves, because of what lies between them.

`offer` says for whom it is: nothing can have been sent yet. Then the message is committed as `sending`. `deliver`
hands over the content, and ends in one of four ways: accepted (returns the reply), surely not sent (NotNow or Away),
refused for good (Refused), or nobody knows (MaybeSent): only that one must never be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from referins_woo.errors import Final, ReferinsError, RetryLater


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who gets it, and what it belongs to."""

    account_id: int
    message_id: int
    sender: str
    recipient: str
    subject: str
    purpose: str = "transactional"


class Away(RetryLater):
    """The provider cannot be talked to at all, or went away: surely not sent, and no attempt of this message's."""


class NotNow(RetryLater):
    """The provider answered "not now" for this message: surely not sent."""


class Refused(Final):
    """The provider refused this message for good. `bounced`: because the address does not exist."""

    def __init__(self, message: str, *, bounced: bool = False) -> None:
        super().__init__(message)
        self.bounced = bounced


class MaybeSent(ReferinsError):
    """The line broke after the end of the content: it may have been sent, so it is never sent again."""


class Provider(Protocol):
    """SMTP, Postmark, or the dev mailbox. One contract suite is run against all of them."""

    def ready(self) -> None:
        """Have a working line: open one, or see that the kept one still lives. Raises Away."""

    def offer(self, envelope: Envelope, size: int) -> None:
        """Announce an e-mail of `size` bytes. Raises Away, NotNow or Refused."""

    def withdraw(self) -> None:
        """Take the offer back; never raises."""

    def deliver(self, content: bytes) -> str:
        """Hand over what was offered; returns the provider's reply. Raises Away, NotNow, Refused or MaybeSent."""

    def close(self) -> None:
        """Let the line go; never raises."""
