"""The words of an e-mail that left, as they are kept and shown.

They are most of its bytes, and are written down with what became of it: what must be on the disk before the provider
gets it is small. An e-mail whose sender was killed in between is written again where it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from referins_woo import process
from referins_woo.errors import ReferinsError
from referins_woo.mail import letters, sealed
from referins_woo.mail.compose import compose
from referins_woo.mail.letters import Sender
from referins_woo.mail.models import Message

_LEFT: Final = ("sending", "sent", "unknown")


@dataclass(frozen=True, slots=True)
class Body:
    """Both parts of an e-mail, without what measures it."""

    html: str | None
    text: str | None


NOTHING: Final = Body(None, None)


def shown(message: Message) -> Body:
    """Return the body as it was sent; empty before that, once it is no longer kept, and where nobody may read it."""
    kept = Body(message.html, message.text)
    if message.state not in _LEFT or kept != NOTHING or not message.template or sealed.is_sealed(message.facts):
        return kept
    config = process.current().config
    sender = Sender.from_setting(config.mail_from, config.public_url)
    try:
        again = compose(message.template, message.facts, letters.footer(message, sender))
    except ReferinsError:
        return kept
    return Body(again.html, again.text)
