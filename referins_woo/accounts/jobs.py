"""What the clock and other rooms have the accounts room do: answers forgotten, owners told."""

from __future__ import annotations

from referins_woo import clock, process, queues
from referins_woo.accounts import domain_checks, idempotency, webhook_notices


def forget_answers() -> None:
    """Delete the answers that were kept for `Idempotency-Key` and are a day old."""
    with process.current().database.unit() as session:
        idempotency.forget(session, clock.now())


@queues.job("tell_of_webhook")
def tell_of_webhook(endpoint_id: int) -> None:
    """Tell the owners that an endpoint of their webhooks was switched off."""
    current = process.current()
    with current.database.unit() as session:
        webhook_notices.tell(session, current.config, endpoint_id, clock.now())


@queues.job("look_up_domain")
def look_up_domain(account_id: int) -> None:
    """Look the account's sending domain up again."""
    domain_checks.look(process.current(), account_id, clock.now())


def ring_for_domains() -> None:
    """Sweep: proven sending domains that were not looked up for a day."""
    with process.current().database.reading() as session:
        due = domain_checks.due(session, clock.now())
    for account_id in due:
        queues.ring("look_up_domain", account_id)


def ring_for_notices() -> None:
    """Sweep: endpoints that were switched off without a word to their owners."""
    with process.current().database.reading() as session:
        untold = webhook_notices.untold(session)
    for endpoint_id in untold:
        queues.ring("tell_of_webhook", endpoint_id)
