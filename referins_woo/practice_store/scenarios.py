"""Little stories that happen to a shop, to be played from its page or the command line, and what one then sees.

`SCENARIOS` is the one table of them: a name, a title, what the merchant will see in the product, and how it is played.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from referins_woo.errors import ReferinsError
from referins_woo.practice_store import money, order_rules, product_rules, rights
from referins_woo.practice_store.checkout import buy, refund_rest
from referins_woo.practice_store.currencies import symbol
from referins_woo.practice_store.faults import Faults
from referins_woo.practice_store.product_views import price_of
from referins_woo.practice_store.seed.dice import Dice
from referins_woo.practice_store.seed.people import FIRST, LAST, slug
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

REMEMBERED = 8
MOST_ORDERS = 10_000
"""A storm of more orders is refused."""

GROUPS = {"buying": "Somebody buys", "afterwards": "What comes after", "goods": "Goods", "trouble": "Trouble"}


class NotPlayed(ReferinsError):
    """There is no such scenario, or this shop has nothing to play it with."""


@dataclass
class Playing:
    """One scenario on the stage: what it works with, and what it has done so far."""

    shop: Shop
    faults: Faults
    options: dict[str, float]
    number: int
    name: str
    did: list[str] = field(default_factory=list)
    running: bool = True

    def say(self, line: str) -> None:
        """Write down what was done."""
        self.did.append(line)

    def shown(self) -> Json:
        """Return it for programs."""
        scenario = SCENARIOS[self.name]
        told: Json = {"number": self.number, "name": self.name, "title": scenario.title}
        return {**told, "running": self.running, "did": list(self.did), "sees": scenario.sees}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One entry of the table. `options` are numbers that it takes, with what they are where nothing is said."""

    name: str
    group: str
    title: str
    sees: str
    play: Callable[[Playing], None]
    options: dict[str, float] = field(default_factory=dict)


def _good(play: Playing) -> Json:
    """Return a product that can be bought. Raises NotPlayed in an empty shop."""
    docs = product_rules.docs(play.shop, "product")
    for doc in docs:
        if doc["status"] == "publish" and doc["type"] == "simple" and price_of(play.shop, doc) not in ("", "0"):
            return doc
    raise NotPlayed("This shop has no goods that can be bought: make a simple product with a price first.")


def _somebody(play: Playing) -> dict[str, str]:
    """Return a person who has never been here."""
    number = play.shop.overlay.next_number("scenario_person", 1)
    dice = Dice(play.shop.world.seed, "scenario", number)
    first, last = dice.pick(FIRST), dice.pick(LAST)
    return {"first_name": first, "last_name": last, "email": f"{slug(first)}.{slug(last)}.{number}@example.com"}


def _order(play: Playing, payment: str, buyer: str = "guest") -> Json:
    """Have somebody buy; returns the order."""
    thing, person = _good(play), _somebody(play)
    form = {**person, "payment": payment, "buyer": buyer, "product": str(thing["id"]), "quantity": "1"}
    return play.shop.get("order", buy(play.shop, form)) or {}


def _named(doc: Json) -> str:
    billing = doc["billing"]
    who = f"{billing['first_name']} {billing['last_name']} <{billing['email']}>"
    return f"order {doc['id']} of {who}, {symbol(doc['currency'])}{doc['total']}"


def _buys(payment: str, buyer: str = "guest", words: str = "") -> Callable[[Playing], None]:
    def play(play: Playing) -> None:
        doc = _order(play, payment, buyer)
        play.say(f"Made {_named(doc)}: {words or doc['status']}.")

    return play


def _failed_then_paid(play: Playing) -> None:
    doc = _order(play, "card-failed")
    play.say(f"Made {_named(doc)}: the card was declined.")
    order_rules.pay(play.shop, doc["id"], transaction_id=f"txn_{doc['id']}")
    play.say("The second try went through.")


def _refund(play: Playing, *, whole: bool) -> None:
    doc = _order(play, "card")
    play.say(f"Made {_named(doc)}: paid.")
    if whole:
        refund_rest(play.shop, doc["id"])
        play.say("Refunded all of it.")
        return
    half = money.text(money.cents(doc["total"]) // 2)
    order_rules.refund(play.shop, doc["id"], {"amount": half, "reason": "One was chipped", "api_refund": False})
    play.say(f"Refunded {symbol(doc['currency'])}{half} of it.")


def _cancel(play: Playing) -> None:
    doc = _order(play, "card-pending")
    play.say(f"Made {_named(doc)}: left unpaid.")
    order_rules.set_status(play.shop, doc["id"], "cancelled")
    play.say("Cancelled it.")


def _trash_and_restore(play: Playing) -> None:
    doc = _order(play, "card")
    play.say(f"Made {_named(doc)}: paid.")
    order_rules.trash(play.shop, doc["id"])
    order_rules.restore(play.shop, doc["id"])
    play.say("Put it into the trash, and took it out again.")


def _product_change(play: Playing) -> None:
    doc = _good(play)
    before = doc["regular_price"]
    after = money.text(money.cents(before) + 100)
    product_rules.update(play.shop, "product", doc, {"regular_price": after, "sale_price": ""})
    play.say(f"“{unescape(doc['name'])}” costs {after} now, not {price_of(play.shop, doc)}.")


def _stock_change(play: Playing) -> None:
    doc = _good(play)
    before = doc.get("stock_quantity") or 0
    after = before - 1 if before > 1 else 25
    product_rules.update(play.shop, "product", doc, {"manage_stock": True, "stock_quantity": after})
    play.say(f"Of “{unescape(doc['name'])}” there are {after} now, not {before}.")


def _storm(play: Playing) -> None:
    rate, seconds = play.options["per_second"], play.options["seconds"]
    count = round(rate * seconds)
    began = time.monotonic()
    first = last = 0
    for number in range(count):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        last = _order(play, "card")["id"]
        first = first or last
        if (number + 1) % max(count // 10, 1) == 0:
            play.say(f"{number + 1} of {count} orders made.")
    spent = time.monotonic() - began
    play.say(f"Orders {first} to {last}, {count / spent:.0f} a second.")


def _hooks_disabled(play: Playing) -> None:
    hooks = [doc for doc in play.shop.changed("webhook").values() if doc is not None]
    with play.shop.lock:
        for doc in hooks:
            play.shop.save("webhook", {**doc, "status": "disabled", "failures": 6})
    play.say(f"Switched {len(hooks)} webhooks off, as WooCommerce does after seven failures." if hooks else _NO_HOOKS)
    play.say(f"Made {_named(_order(play, 'card'))}: no webhook told of it.")


_NO_HOOKS = "No webhook is registered here yet: connect the shop first."


def _keys(play: Playing) -> list[Json]:
    return [doc for doc in play.shop.changed("key").values() if doc is not None]


def _key_revoked(play: Playing) -> None:
    for doc in _keys(play):
        rights.revoke(play.shop, doc["id"])
    ready = rights.ready_key(play.shop)
    play.say("Revoked every key, as an owner does under WooCommerce > Settings > Advanced > REST API.")
    play.say(f"A new pair for typing in: {ready['key']} / {ready['secret']}")


def _key_read_only(play: Playing) -> None:
    for doc in _keys(play):
        rights.set_permissions(play.shop, doc["id"], "read")
    play.say("Every key may only read now.")


def _fault(kind: str, words: str, **settings: Any) -> Callable[[Playing], None]:
    def play(play: Playing) -> None:
        lasts = play.options.get("lasts")
        play.faults.add(kind, lasts=lasts, **settings)
        play.say(words + (f", for {lasts:.0f} seconds." if lasts else "."))

    return play


def _mend(play: Playing) -> None:
    play.faults.clear()
    for doc in _keys(play):
        rights.set_permissions(play.shop, doc["id"], "read_write")
    with play.shop.lock:
        for hook in list(play.shop.changed("webhook").values()):
            if hook is not None and hook["status"] != "active":
                play.shop.save("webhook", {**hook, "status": "active"})
    play.say("Switched off all faults, let every key write, and every webhook deliver.")


SCENARIOS: dict[str, Scenario] = {
    one.name: one
    for one in (
        Scenario(
            *("guest-checkout", "buying", "A guest pays by card"),
            "A new contact, an order under Orders and its payment under Transactions; with the recipes switched on, an "
            "order confirmation and a thank-you in the mailbox.",
            _buys("card", words="paid by card"),
        ),
        Scenario(
            *("registered-customer", "buying", "A new customer with an account"),
            "One contact with a customer number, not two, though account and order come as two webhooks; order and "
            "payment as with a guest.",
            _buys("card", "new", "paid by card, with a new account"),
        ),
        Scenario(
            *("failed-card", "buying", "A card is declined, then works"),
            "An order that is first unpaid and then paid: one confirmation, one thank-you, and no reminder.",
            _failed_then_paid,
        ),
        Scenario(
            *("cash-on-delivery", "buying", "Cash on delivery"),
            "An order in processing without a payment: the confirmation goes out, the thank-you only when the order is "
            "completed.",
            _buys("cod", words="to be paid on delivery"),
        ),
        Scenario(
            *("bank-transfer", "buying", "Bank transfer, on hold"),
            "An order on hold: the confirmation goes out, no reminder does, and no payment is there until you press "
            "Pay now on the order in this shop.",
            _buys("bacs", words="on hold until the transfer arrives"),
        ),
        Scenario(
            *("partial-refund", "afterwards", "Half of an order is refunded"),
            "The order keeps its status and shows the refund; under Transactions stands a second, negative row.",
            lambda play: _refund(play, whole=False),
        ),
        Scenario(
            *("full-refund", "afterwards", "An order is refunded"),
            "The order turns to refunded, with payment and refund in its history.",
            lambda play: _refund(play, whole=True),
        ),
        Scenario(
            *("cancel", "afterwards", "An unpaid order is cancelled"),
            "The order turns to cancelled, and a reminder that waited for it is never sent.",
            _cancel,
        ),
        Scenario(
            *("trash-and-restore", "afterwards", "Into the trash and back"),
            "The order keeps its number, money and status; nothing is counted or mailed twice.",
            _trash_and_restore,
        ),
        Scenario(
            *("product-change", "goods", "A price changes"),
            "The product shows its new price within seconds.",
            _product_change,
        ),
        Scenario(
            *("stock-change", "goods", "Stock changes"),
            "The product shows the new quantity within seconds.",
            _stock_change,
        ),
        Scenario(
            *("webhook-storm", "trouble", "A storm of orders"),
            "Every one of the orders, once each, and every mail once, some seconds behind at most.",
            _storm,
            {"per_second": 20, "seconds": 10},
        ),
        Scenario(
            *("hooks-disabled", "trouble", "All webhooks go off"),
            "The order arrives all the same, with the next sweep instead of at once; within a quarter of an hour the "
            "store's log says that the webhooks were made anew.",
            _hooks_disabled,
        ),
        Scenario(
            *("key-revoked", "trouble", "The key is revoked"),
            "Within a minute the store needs reconnection: a banner on every page, one e-mail with a link, and nothing "
            "lost once it is connected again.",
            _key_revoked,
        ),
        Scenario(
            *("key-read-only", "trouble", "The key may only read"),
            "Orders and imports go on; at the first change that the store refuses, a banner says that the key may only "
            "read.",
            _key_read_only,
        ),
        Scenario(
            *("slow-store", "trouble", "A slow shop"),
            "Imports and sweeps take longer, their progress says so, and nothing fails.",
            _fault("latency", "Every answer takes three seconds", seconds=3.0),
            {"lasts": 120},
        ),
        Scenario(
            *("maintenance", "trouble", "Maintenance"),
            "Nothing to do: work waits, and goes on by itself when the shop is back.",
            _fault("maintenance", "Every page and answer is 503", seconds=30),
            {"lasts": 60},
        ),
        Scenario(
            *("moved-site", "trouble", "Another site at this address"),
            "Within two minutes the store needs reconnection, and the page says that it is no longer at this address.",
            _fault("moved", "At this address there is another site now"),
        ),
        Scenario(
            *("mend", "trouble", "All is well again"),
            "What waited goes on by itself; a store that needed reconnection is tried again within five minutes, or at "
            "once with Test again.",
            _mend,
        ),
    )
}
"""Every scenario: name, group, title, what the merchant will see, and how it is played."""


class Stage:
    """Where scenarios are played, one or several at a time; the last ones are remembered."""

    def __init__(self, shop: Shop, faults: Faults) -> None:
        self._shop = shop
        self._faults = faults
        self._lock = threading.Lock()
        self._last = 0
        self._played: deque[Playing] = deque(maxlen=REMEMBERED)

    def play(self, name: str, options: dict[str, float]) -> Playing:
        """Play a scenario; a storm goes on behind what is returned. Raises NotPlayed."""
        if name not in SCENARIOS:
            raise NotPlayed(f"There is no scenario {name!r}: choose one of {', '.join(SCENARIOS)}.")
        known = SCENARIOS[name].options
        unknown = set(options) - set(known)
        if unknown:
            raise NotPlayed(f"{name} takes no {', '.join(sorted(unknown))}.")
        with self._lock:
            self._last += 1
            playing = Playing(self._shop, self._faults, {**known, **options}, self._last, name)
        if name == "webhook-storm":
            rate, seconds = playing.options["per_second"], playing.options["seconds"]
            if not (rate > 0 and seconds > 0 and 1 <= round(min(rate * seconds, 1e9)) <= MOST_ORDERS):
                raise NotPlayed(f"A storm has 1 to {MOST_ORDERS:,} orders: choose other numbers.")
            _good(playing)
            threading.Thread(target=self._run, args=(playing,), name="practice-store-storm", daemon=True).start()
        else:
            self._run(playing)
        self._played.appendleft(playing)
        return playing

    def found(self, number: int) -> Playing | None:
        """Return one that was played, by its number."""
        return next((playing for playing in self._played if playing.number == number), None)

    def played(self) -> list[Playing]:
        """Return the last ones, newest first."""
        return list(self._played)

    @staticmethod
    def _run(playing: Playing) -> None:
        try:
            SCENARIOS[playing.name].play(playing)
        finally:
            playing.running = False
