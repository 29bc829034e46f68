"""Woo's JSON into the records of `commerce.records`: pure, fast, and tolerant of what plugins do to it.

Every function takes one decoded object and returns the record, or an Unreadable that says why not; none raises.
What never happens here: a rule about which records we want (`commerce`), a look at anything but the object given.
"""

from referins_woo.stores.translate.catalogue import category, product, variant
from referins_woo.stores.translate.fields import moment
from referins_woo.stores.translate.orders import order, refund
from referins_woo.stores.translate.people import customer

__all__ = ["category", "customer", "moment", "order", "product", "refund", "variant"]
