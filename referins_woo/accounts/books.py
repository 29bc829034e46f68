"""How an account keeps its books: what its orders are counted in (O6).

Apart from the settings of the account: those know the names of all currencies, which no worker needs.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo.accounts.models import Account
from referins_woo.commerce.base_totals import Books


def books_of(session: Session, account_id: int) -> Books:
    """Return the account's base currency and time zone."""
    kept = session.execute(select(Account.base_currency, Account.time_zone).where(Account.id == account_id)).one()
    return Books(kept.base_currency or "", kept.time_zone or "UTC")
