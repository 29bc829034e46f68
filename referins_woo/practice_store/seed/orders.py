"""Seeded orders and refunds as documents, made by number in some tens of microseconds each."""

from __future__ import annotations

from typing import Any

from referins_woo.practice_store.money import rounded, text
from referins_woo.practice_store.order_lines import (
    Sellable,
    coupon_line,
    fee_line,
    order_line,
    reduced_stock,
    refund_line,
    shipping_line,
    sum_of,
    tax_lines,
    total_up,
)
from referins_woo.practice_store.seed.coupons import IDS as COUPON_IDS
from referins_woo.practice_store.seed.dice import Dice
from referins_woo.practice_store.seed.layout import CYCLE, FIRST_USER_OF_ROLE_CUSTOMER, KINDS, Layout
from referins_woo.practice_store.seed.people import FIRST, LAST, ODD_NAMES, address, billing, empty_address, slug
from referins_woo.practice_store.seed.users import customer, person, phone, staff
from referins_woo.practice_store.site import Json
from referins_woo.practice_store.taxes import SEEDED, Rate

HOUR = 3600
DAY = 86_400
SPAN = 365 * DAY
LATEST_CHANGE = 16 * DAY
"""No seeded order is changed later than this after it was made."""

LATEST_COMPLETION = 4 * DAY + HOUR
"""One without a refund is not changed later than this."""

_HOLDS_STOCK = frozenset({"on-hold", "processing", "completed", "shipped"})
METHODS = (
    ("bacs", "Direct bank transfer"),
    ("cod", "Cash on delivery"),
    ("stripe", "Credit card"),
    ("ppcp-gateway", "PayPal"),
)


class SeededOrders:
    """The orders of one shop: `document(n)` and `refunds(n)` for n from 0, oldest first."""

    def __init__(self, layout: Layout, seed: int, born: int, sellables: list[Sellable]) -> None:
        self.layout = layout
        self.seed = seed
        self.born = born
        self.sellables = sellables
        self._first_day = born - SPAN
        self._step = (SPAN - 2 * HOUR) / max(layout.orders, 1)

    def created(self, number: int) -> int:
        """Return when order `number` was made; grows strictly with the number."""
        jitter = Dice(self.seed, "when", number).below(1000) / 1100
        return int(self._first_day + (number + jitter) * self._step)

    def moments(self, number: int) -> tuple[int, int | None, int | None, int]:
        """Return (created, paid, completed, modified) of order `number`."""
        status, trait = KINDS[number % CYCLE]
        created = self.created(number)
        dice = Dice(self.seed, "moments", number)
        latest = max(created, self.born - 60)
        paid: int | None = None
        if (status in ("processing", "completed", "refunded", "shipped") or trait == "paid") and trait != "unpaid":
            paid = min(created + 30 + dice.below(20 * 60), latest)
        completed: int | None = None
        if status in ("completed", "refunded"):
            completed = min(created + DAY + dice.below(3 * DAY), latest)
        changed = max(created, paid or 0, completed or 0)
        if "refund" in trait:
            changed = min(changed + HOUR + dice.below(9 * DAY), latest)
        elif status == "cancelled":
            changed = min(created + HOUR, latest)
        return created, paid, completed, changed

    def status(self, number: int) -> str:
        """Return the status of order `number`."""
        return KINDS[number % CYCLE][0]

    def buyer(self, number: int) -> tuple[int, str, str, str]:
        """Return (user id or 0, first name, last name, billing e-mail) of order `number`."""
        trait = KINDS[number % CYCLE][1]
        if trait in ("subscriber", "administrator", "no_role"):
            user = staff({"subscriber": 4, "administrator": 1, "no_role": 7}[trait], self.born)
            return (user["id"], user["first_name"], user["last_name"], user["email"]) if user else (0, "", "", "")
        if trait.startswith("case"):
            email = ("maria.lopez@example.net", "Maria.Lopez@Example.net", "MARIA.LOPEZ@EXAMPLE.NET")[int(trait[4:])]
            return 0, "Maria", "Lopez", email
        if trait == "no_billing":
            return 0, "", "", ""
        dice = Dice(self.seed, "guest", number)
        first, last = dice.pick(FIRST), dice.pick(LAST)
        if trait.endswith("_name"):
            first, last = ODD_NAMES[trait.removesuffix("_name")]
        elif number % 3 and trait != "no_email":
            which = self.layout.customer_of(number)
            first, last, email = person(which, self.seed)
            first, last = first.replace("&amp;", "&"), last
            email = f"work.{which}@example.org" if trait == "other_email" else email
            return FIRST_USER_OF_ROLE_CUSTOMER + which, first, last, email
        email = "" if trait == "no_email" else f"{slug(first) or 'guest'}.{slug(last) or 'x'}{number}@example.net"
        return 0, first, last, email

    def document(self, number: int) -> Json:
        """Return order `number` as a document."""
        status, trait = KINDS[number % CYCLE]
        dice = Dice(self.seed, "order", number)
        created, paid, completed, modified = self.moments(number)
        user, first, last, email = self.buyer(number)
        delivery = empty_address(billing=False) if trait == "no_billing" else address(dice, first, last)
        if user >= FIRST_USER_OF_ROLE_CUSTOMER and trait != "other_email":
            account = customer(user - FIRST_USER_OF_ROLE_CUSTOMER, self.seed, self.born)
            if account["shipping"]["city"]:
                delivery = {**delivery, **account["shipping"]}
                delivery["first_name"], delivery["last_name"] = first, last
        euro = trait == "euro_tax_included"
        method = ("", "") if status == "checkout-draft" or trait == "no_items" else METHODS[dice.below(4)]
        doc: Json = {
            "id": self.layout.first_order + number,
            "parent_id": self.layout.first_order + number - 5 if trait == "child" else 0,
            "status": status,
            "currency": "EUR" if euro else "USD",
            "prices_include_tax": euro,
            "created": created,
            "modified": modified,
            "paid": paid,
            "completed": completed,
            "customer_id": user,
            "order_key": f"wc_order_{dice.text(13)}",
            "billing": billing(delivery, email, "" if trait == "no_billing" else phone(dice)),
            "shipping": delivery,
            "payment_method": method[0],
            "payment_method_title": method[1],
            "transaction_id": f"txn_{dice.text(14)}" if paid and method[0] in ("stripe", "ppcp-gateway") else "",
            "customer_ip_address": f"203.0.113.{1 + dice.below(250)}",
            "customer_user_agent": "Mozilla/5.0 (X11; Linux x86_64) ExampleBrowser/1.0",
            "created_via": "admin" if trait == "by_admin" else ("checkout", "store-api")[dice.below(2)],
            "customer_note": "Please leave it with the neighbor." if dice.below(9) == 0 else "",
            "meta_data": _meta(number, trait),
        }
        self._fill(doc, number, trait, dice)
        doc["refunds"] = [
            {
                "id": refund["id"],
                "reason": refund["reason"],
                "total": f"-{refund['amount']}",
                "total_tax": refund["tax"],
            }
            for refund in self._refunds(doc, number)
        ]
        return doc

    def refunds(self, number: int) -> list[Json]:
        """Return the refunds of order `number` as documents, oldest first."""
        return self._refunds(self.document(number), number) if "refund" in KINDS[number % CYCLE][1] else []

    def _fill(self, doc: Json, number: int, trait: str, dice: Dice) -> None:
        """Put lines, shipping, fees, coupons, taxes and totals into the document."""
        first_item = number * 24 + 1
        country, state = doc["billing"]["country"], doc["billing"]["state"]
        standard = SEEDED.found(country, state)

        def rates(thing: Sellable) -> tuple[Rate, ...]:
            return SEEDED.found(country, state, thing.tax_class) if thing.tax_class else standard

        lines: list[Json] = []
        discount = 0
        tangible = False
        count = 0 if trait == "no_items" else 12 if trait == "many_lines" else (1, 1, 2, 1, 3)[dice.below(5)]
        percent = {"coupon": 10, "two_coupons": 15}.get(trait, 0)
        for place in range(count):
            thing = self.sellables[dice.below(len(self.sellables))]
            quantity = 1 + dice.below(3) if dice.below(3) == 0 else 1
            subtotal = 0 if trait == "zero_total" else thing.cents * quantity
            off = rounded(subtotal * percent, 100)
            discount += off
            tangible = tangible or not thing.virtual
            line = order_line(first_item + place, thing, quantity, subtotal, subtotal - off, rates(thing))
            if thing.keeps_stock and doc["status"] in _HOLDS_STOCK:
                line["meta_data"].append(reduced_stock(line["id"] * 4 + len(thing.meta), quantity))
            lines.append(line)
        _vanish(lines, trait)
        shipping = 0 if not lines or trait == "zero_total" else (0, 750, 750, 990)[dice.below(4)]
        fee = {"fee": 300, "negative_fee": -500}.get(trait, 0)
        if fee < 0:
            fee = -min(-fee, sum_of(lines, "total"))
        doc["needs_processing"] = tangible
        doc["line_items"] = lines
        doc["shipping_lines"] = (
            [shipping_line(first_item + 14, shipping, standard)] if lines and trait != "zero_total" else []
        )
        doc["fee_lines"] = (
            [fee_line(first_item + 15, "Gift wrap" if fee > 0 else "Goodwill", fee, standard)] if fee else []
        )
        doc["coupon_lines"] = [
            coupon_line(first_item + 16 + which, COUPON_IDS[code], code, kind, amount, share)
            for which, (code, kind, amount, share) in enumerate(_coupons(trait, discount))
        ]
        doc["tax_lines"] = tax_lines(first_item + 20, SEEDED, doc)
        total_up(doc)

    def _refunds(self, doc: Json, number: int) -> list[Json]:
        trait = KINDS[number % CYCLE][1]
        if "refund" not in trait:
            return []
        total = round(float(doc["total"]) * 100)
        when = doc["modified"]
        made: list[Json] = []
        shares = {"partial_refund": [3], "two_refunds": [4, 5], "full_refund": [1]}[trait]
        for which, share in enumerate(shares):
            lines: list[Json] = []
            amount = total // share
            if trait == "partial_refund" and doc["line_items"]:
                lines = [refund_line(number * 24 + 23, doc["line_items"][0], 1)]
                amount = -rounded(round(float(lines[0]["total"]) * 100) + round(float(lines[0]["total_tax"]) * 100), 1)
            made.append(
                {
                    "id": self.layout.refund_id(number, which),
                    "parent_id": doc["id"],
                    "created": when - 60 * (len(shares) - which - 1),
                    "amount": text(amount),
                    "tax": lines[0]["total_tax"] if lines else "0.00",
                    "reason": ("One returned", "", "Order fully refunded.")[
                        0 if trait == "partial_refund" else 2 if trait == "full_refund" else 1
                    ],
                    "refunded_by": 1,
                    "refunded_payment": False,
                    "meta_data": [
                        {
                            "id": number * 8 + 6 + which,
                            "key": "_refund_type",
                            "value": "full" if trait == "full_refund" else "partial",
                        }
                    ],
                    "line_items": lines,
                }
            )
        return made


def _meta(number: int, trait: str) -> list[Json]:
    first = number * 8 + 1
    sources: tuple[tuple[str, Any], ...] = (
        (("_wc_order_attribution_source_type", "admin"),)
        if trait == "by_admin"
        else (
            ("_wc_order_attribution_source_type", ("typein", "organic", "utm", "referral")[number % 4]),
            ("_wc_order_attribution_utm_source", ("(direct)", "google", "newsletter", "example.org")[number % 4]),
            ("_wc_order_attribution_session_count", str(1 + number % 5)),
        )
    )
    if trait == "long_meta":
        sources += (("_gift_message", "Happy birthday! " * 60), ("pos", {"terminal": "T-3", "rows": [1, 2]}))
    return [{"id": first + place, "key": key, "value": value} for place, (key, value) in enumerate(sources)]


def _coupons(trait: str, discount: int) -> list[tuple[str, str, int, int]]:
    if trait == "coupon":
        return [("welcome10", "percent", 10, discount)]
    if trait == "two_coupons":
        first = rounded(discount * 2, 3)
        return [("welcome10", "percent", 10, first), ("friends5", "percent", 5, discount - first)]
    return []


def _vanish(lines: list[Json], trait: str) -> None:
    """Let the first line's product be gone, as after a deletion in the shop (fact 23)."""
    if not lines:
        return
    first = lines[0]
    if trait == "deleted_product":
        first |= {"product_id": 0, "variation_id": 0, "sku": None, "global_unique_id": None, "meta_data": []}
        first |= {"name": "Discontinued Teapot", "image": {"id": 0, "src": ""}, "parent_name": None}
    elif trait == "deleted_variation":
        first |= {"variation_id": 0, "parent_name": None}
