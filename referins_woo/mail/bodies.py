"""The words of an e-mail that left, as they are kept and shown.

They are most of its bytes, and are written a batch later than that it is being sent: what must be on the disk before
the provider gets it is small. An e-mail whose sender was killed in between is written again where it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from referins_woo import process
from referins_woo.commerce.upsert.bulk import table_of
from referins_woo.errors import ReferinsError
from referins_woo.mail import letters, sealed
from referins_woo.mail.compose import compose
from referins_woo.mail.letters import Sender
from referins_woo.mail.models import Message

_T: Final = table_of(Message).c
_KEEP: Final = (
    update(_T.id.table)
    .where(_T.id == bindparam("b_id"), _T.to_email != "")  # of a person who was erased meanwhile nothing is kept
    .values(html=bindparam("b_html"), text=bindparam("b_text"))
)
_LEFT: Final = ("sending", "sent", "unknown")


@dataclass(frozen=True, slots=True)
class Body:
    """Both parts of an e-mail, without what measures it."""

    html: str | None
    text: str | None


_NOTHING: Final = Body(None, None)


def keep(session: Session, bodies: Sequence[tuple[int, Body]]) -> None:
    """Store the bodies of messages, by their ids."""
    if bodies:
        rows = [{f"b_{name}": value for name, value in ({"id": key} | asdict(one)).items()} for key, one in bodies]
        session.connection().execute(_KEEP, rows)


def shown(message: Message) -> Body:
    """Return the body as it was sent; empty before that, once it is no longer kept, and where nobody may read it."""
    kept = Body(message.html, message.text)
    if message.state not in _LEFT or kept != _NOTHING or not message.template or sealed.is_sealed(message.facts):
        return kept
    config = process.current().config
    sender = Sender.from_setting(config.mail_from, config.public_url)
    try:
        again = compose(message.template, message.facts, letters.footer(message, sender))
    except ReferinsError:
        return kept
    return Body(again.html, again.text)
