"""The one door to a shop: asks in our words, hands out records, never JSON, and shuts when the keys are refused.

Whatever goes wrong comes out as one of three: RetryLater (the store or the way to it is in trouble; the pause is
written down at the store, so that no other job asks meanwhile), StoreMustReconnect (probes confirmed that the keys do
not work any more; the store's state and the mails about it are committed by then, although the caller's job ends), or
Final. A refusal is first confirmed by `stores.confirm`; nothing sleeps here.
"""

from referins_woo.stores.door.asking import Page
from referins_woo.stores.door.line import ITS_OWN_FAULT, Faltered, NotSupported, Rejected
from referins_woo.stores.door.opened import Door, HookRecord, Newest, open_store
from referins_woo.stores.door.reaching import ClientProbes, auth_modes, http_of, reach, try_write
from referins_woo.stores.view import StoreView

__all__ = [
    "ITS_OWN_FAULT",
    "ClientProbes",
    "Door",
    "Faltered",
    "HookRecord",
    "Newest",
    "NotSupported",
    "Page",
    "Rejected",
    "StoreView",
    "auth_modes",
    "http_of",
    "open_store",
    "reach",
    "try_write",
]
