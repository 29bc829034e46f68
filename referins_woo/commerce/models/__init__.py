"""The mirror of the shop's commerce, one module per thing."""

from referins_woo.commerce.models.collection import Collection, CollectionProduct
from referins_woo.commerce.models.contact import Contact, ContactLink, ContactLog
from referins_woo.commerce.models.erasure import ErasedAddress, ErasedCustomer
from referins_woo.commerce.models.location import Location
from referins_woo.commerce.models.mapping import CustomerMapping, StoreCustomerName, StoreMapping
from referins_woo.commerce.models.match import ContactMerge, Match
from referins_woo.commerce.models.order import Order, OrderLine, Tombstone
from referins_woo.commerce.models.product import Product, Variant
from referins_woo.commerce.models.rate import CurrencyRate
from referins_woo.commerce.models.stock import StockAdjustment, StockBatch, StockEntry, StockItem, StoreStock
from referins_woo.commerce.models.transaction import Transaction

__all__ = [
    "Collection",
    "CollectionProduct",
    "Contact",
    "ContactLink",
    "ContactLog",
    "ContactMerge",
    "CurrencyRate",
    "CustomerMapping",
    "ErasedAddress",
    "ErasedCustomer",
    "Location",
    "Match",
    "Order",
    "OrderLine",
    "Product",
    "StockAdjustment",
    "StockBatch",
    "StockEntry",
    "StockItem",
    "StoreCustomerName",
    "StoreMapping",
    "StoreStock",
    "Tombstone",
    "Transaction",
    "Variant",
]
