"""Looks proven sending domains up again every day: a proof that is gone ends their use, and the owners are told (E6).

One look that finds no proof may be a slip of somebody's DNS: an hour later a second one decides. A DNS that does not
answer changes nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from referins_woo.accounts.users import owners
from referins_woo.mail import domain as domains
from referins_woo.mail import outbox, sending
from referins_woo.mail.dns import Resolver, SystemResolver
from referins_woo.mail.models import MailSettings
from referins_woo.process import Process

EVERY: Final = timedelta(days=1)
DOUBTED_FOR: Final = timedelta(hours=1)
"""Between the first look that finds no proof and the second."""
MOST_AT_ONCE: Final = 50

resolver: Resolver = SystemResolver()
"""Whom the DNS is asked through; tests have their own."""


def due(session: Session, now: datetime) -> list[int]:
    """Return the accounts whose proven domain is to be looked up again, longest ago first."""
    looked_at = or_(MailSettings.checked_at.is_(None), MailSettings.checked_at <= now - DOUBTED_FOR)
    rows = session.scalars(
        select(MailSettings)
        .where(MailSettings.proven_at.is_not(None), MailSettings.domain != "", looked_at)
        .order_by(MailSettings.checked_at, MailSettings.account_id)
    )
    return [row.account_id for row in rows if _is_due(row, now)][:MOST_AT_ONCE]


def look(current: Process, account_id: int, now: datetime) -> None:
    """Look one domain up, outside of any transaction, and keep what was found."""
    with current.database.reading() as session:
        row = sending.of_account(session, account_id)
        if row.proven_at is None or not row.domain or not _is_due(row, now):
            return
        name, proof, selector, doubted = row.domain, row.proof, row.dkim_selector, _is_doubted(row)
    found = domains.examine(name, proof, selector, sending.way(current.config), resolver)
    proven = domains.is_proven(found)
    if proven is None:
        return  # the sweep asks again
    with current.database.unit() as session:
        stays = proven or not doubted
        if not sending.keep_findings(session, account_id, name, found, now, keep_proof=stays) or stays:
            return
        link = f"{current.config.public_url}/settings/sending-domain"
        record = domains.proof_record(name, proof)
        for user in owners(session, account_id):
            outbox.put(
                session,
                outbox.Letter(
                    account_id=account_id,
                    once_key=f"domain_lost:{name}:{int(now.timestamp())}:{user.id}",
                    purpose="system",
                    to_email=user.email,
                    to_name=user.name,
                    template={"email": "domain_lost"},
                    facts={"domain": name, "record_name": record.name, "record_value": record.value, "link": link},
                ),
            )


def _is_doubted(row: MailSettings) -> bool:
    """Whether the last look found no proof."""
    return domains.is_proven(sending.findings(row)) is False


def _is_due(row: MailSettings, now: datetime) -> bool:
    wait = DOUBTED_FOR if _is_doubted(row) else EVERY
    return row.checked_at is None or row.checked_at <= now - wait
