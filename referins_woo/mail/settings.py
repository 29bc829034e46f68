"""How an account wants its e-mails to look and be measured, read once a batch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.mail.models import MailSettings


@dataclass(frozen=True, slots=True)
class Wishes:
    """What holds for the e-mails of one account now."""

    reply_to: str = ""
    from_email: str = ""
    """Of e-mails about orders; empty: MAIL_FROM's. Never an address of a domain that is not proven to be theirs."""
    marketing_from_email: str = ""
    opens: bool = True
    clicks: bool = True
    orders: bool = False
    """Whether e-mails about orders are measured too."""
    utm: bool = True

    def sender_of(self, purpose: str) -> str:
        """The sender's address of an e-mail of that purpose; empty: MAIL_FROM's."""
        if purpose == "system":
            return ""
        return (self.marketing_from_email if purpose == "marketing" else "") or self.from_email

    def measures(self, purpose: str) -> bool:
        """Whether e-mails of that purpose may carry anything that is measured. Ours to the merchant never do."""
        return purpose == "marketing" or (purpose == "transactional" and self.orders)


UNSET: Final = Wishes()


def of(session: Session, account_ids: Iterable[int]) -> dict[int, Wishes]:
    """Return the wishes of those accounts that have some; UNSET holds for all others."""
    rows = session.scalars(select(MailSettings).where(MailSettings.account_id.in_(set(account_ids))))
    return {row.account_id: wishes(row) for row in rows}


def wishes(row: MailSettings) -> Wishes:
    """Return what a row of settings comes to."""
    proven = row.proven_at is not None
    return Wishes(
        reply_to=row.reply_to,
        from_email=row.from_email if proven else "",
        marketing_from_email=row.marketing_from_email if proven else "",
        opens=row.measures_opens,
        clicks=row.measures_clicks,
        orders=row.measures_orders,
        utm=row.adds_utm,
    )
