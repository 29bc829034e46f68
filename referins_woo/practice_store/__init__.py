"""A WooCommerce-compatible shop of our own, to practise on and to test against.

It is built from recordings of a real store and shares no code with the client, so that a mistake of the one does not
prove the other right. It reads no recordings when it runs.
"""

from referins_woo.practice_store.command import main, run
from referins_woo.practice_store.options import StoreOptions
from referins_woo.practice_store.practice import PracticeStore

__all__ = ["PracticeStore", "StoreOptions", "main", "run"]
