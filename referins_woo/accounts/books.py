"""How an account keeps its books: what its orders are counted in (O6).

Apart from the settings of the account: those know the names of all currencies, which no worker needs.
"""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from referins_woo.accounts.models import Account
from referins_woo.commerce.base_totals import Books, uncounted
from referins_woo.commerce.models import CurrencyRate, Order


def books_of(session: Session, account_id: int) -> Books:
    """Return the account's base currency and time zone."""
    kept = session.execute(select(Account.base_currency, Account.time_zone).where(Account.id == account_id)).one()
    return Books(kept.base_currency or "", kept.time_zone or "UTC")


def waiting_for_rates(session: Session) -> list[int]:
    """Return the accounts with rates, or a base currency, that were not given to their orders yet."""
    given_none = select(CurrencyRate.account_id).where(CurrencyRate.applied_at.is_(None)).distinct()
    waiting = set(session.scalars(given_none))
    for account_id, base in session.execute(select(Account.id, Account.base_currency)).all():
        if not base or account_id in waiting:
            continue
        if session.scalar(select(exists().where(uncounted(account_id, base), Order.currency == base))):
            waiting.add(account_id)
    return sorted(waiting)
