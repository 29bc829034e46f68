"""Lays what a store has beside what is here, id by id: what has gone there is marked, what is missing here is fetched.

Every night, because a forced delete tells nobody (84), and whenever the ledger does not add up twice. Lists of ids only
are asked for; whatever they seem to say about one record is confirmed by a GET of that record (S5). Nothing is deleted
here.
"""

from referins_woo.ingest.reconcile.comparison import NIGHTLY
from referins_woo.ingest.reconcile.night import is_due, reconcile

__all__ = ["NIGHTLY", "is_due", "reconcile"]
