"""How an account keeps its books: what its orders are counted in (O6).

Apart from the settings of the account: those know the names of all currencies, which no worker needs.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, exists, select, union
from sqlalchemy.orm import Session

from referins_woo.accounts.models import Account
from referins_woo.commerce.base_totals import Books, uncounted
from referins_woo.commerce.models import CurrencyRate, Order

_A: Final = Account.__table__.c
_BOOKS: Final = select(_A.base_currency, _A.time_zone).where(_A.id == bindparam("account_id"))


def books_of(session: Session, account_id: int) -> Books:
    """Return the account's base currency and time zone."""
    kept = session.execute(_BOOKS, {"account_id": account_id}).one()
    return Books(kept.base_currency or "", kept.time_zone or "UTC")


def waiting_for_a_source(session: Session) -> list[int]:
    """Return the accounts with orders in other currencies that have no total in the base currency."""
    foreign = exists().where(uncounted(Account.id, Account.base_currency), Order.currency != Account.base_currency)
    return list(session.scalars(select(Account.id).where(Account.base_currency != "", foreign).order_by(Account.id)))


def waiting_for_rates(session: Session) -> list[int]:
    """Return the accounts with rates, or a base currency, that were not given to their orders yet."""
    given_none = select(CurrencyRate.account_id).where(CurrencyRate.applied_at.is_(None))
    own = exists().where(uncounted(Account.id, Account.base_currency), Order.currency == Account.base_currency)
    new_base = select(Account.id).where(Account.base_currency != "", own)
    return sorted(session.scalars(union(given_none, new_base)))
