"""Tells owners that one of their webhooks was switched off: the outbound room knows no people, it rings."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from referins_woo.accounts.users import owners
from referins_woo.config import Config
from referins_woo.mail import outbox
from referins_woo.outbound.models import WebhookEndpoint

_AUTOMATIC: Final = ("gone", "failing")


def untold(session: Session) -> list[int]:
    """Return the endpoints that were switched off, of which nobody was told."""
    return list(
        session.scalars(
            select(WebhookEndpoint.id).where(
                WebhookEndpoint.told_at.is_(None), WebhookEndpoint.disabled_reason.in_(_AUTOMATIC)
            )
        )
    )


def tell(session: Session, config: Config, endpoint_id: int, now: datetime) -> bool:
    """Put one e-mail for each owner, once; returns whether it was time to."""
    claimed = session.execute(
        update(WebhookEndpoint)
        .where(
            WebhookEndpoint.id == endpoint_id,
            WebhookEndpoint.told_at.is_(None),
            WebhookEndpoint.disabled_reason.in_(_AUTOMATIC),
        )
        .values(told_at=now)
        .execution_options(synchronize_session=False)
    )
    if claimed.rowcount != 1:  # type: ignore[attr-defined]
        return False
    endpoint = session.get_one(WebhookEndpoint, endpoint_id, populate_existing=True)
    off_since = endpoint.disabled_at or now
    for user in owners(session, endpoint.account_id):
        outbox.put(
            session,
            outbox.Letter(
                account_id=endpoint.account_id,
                once_key=f"webhook_disabled:{endpoint.id}:{int(off_since.timestamp())}:{user.id}",
                purpose="system",
                to_email=user.email,
                to_name=user.name,
                template={"email": "webhook_disabled"},
                facts={
                    "url": endpoint.url,
                    "description": endpoint.description,
                    "is_gone": endpoint.disabled_reason == "gone",
                    "since": f"{endpoint.failing_since or off_since:%d %B %Y, %H:%M} UTC",
                    "link": f"{config.public_url}/settings/webhooks/{endpoint.id}",
                },
            ),
        )
    return True
