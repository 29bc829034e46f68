"""Seeded users: a few of every role first, then the customers, all made by number."""

from __future__ import annotations

from referins_woo.practice_store.seed.dice import Dice
from referins_woo.practice_store.seed.layout import FIRST_USER_OF_ROLE_CUSTOMER
from referins_woo.practice_store.seed.people import FIRST, LAST, ODD_NAMES, address, billing, empty_address, slug
from referins_woo.practice_store.site import Json

DAY = 86_400
STAFF: tuple[tuple[int, str, str, str, str, str], ...] = (
    (1, "administrator", "admin", "admin@example.com", "", ""),
    (2, "shop_manager", "marta.finch", "marta.finch@example.com", "Marta", "Finch"),
    (3, "editor", "editor", "editor@example.com", "Ed", "Itor"),
    (4, "subscriber", "newsreader", "newsreader@example.org", "Nina", "Reader"),
    (5, "subscriber", "plainsub", "plainsub@example.org", "", ""),
    (6, "subscriber", "subscriber3", "subscriber3@example.org", "Sam", "Scriber"),
    (7, "", "norole", "norole@example.org", "Nora", "Rolle"),
    (8, "customer,subscriber", "tworoles", "tworoles@example.org", "Tova", "Rolls"),
)
"""Id, roles, user name, e-mail, first and last name. A user without a role is shown as customer (fact 46)."""


def person(number: int, seed: int) -> tuple[str, str, str]:
    """Return first name, last name and account e-mail of customer `number`."""
    first = FIRST[(number * 7 + seed) % len(FIRST)]
    last = LAST[(number * 11 + number // len(LAST) + seed) % len(LAST)]
    email = f"{slug(first)}.{slug(last)}{number if number >= len(LAST) else ''}@example.com"
    odd = number % 50
    if odd == 6:
        return "", "", email
    if odd == 9:
        return "Smith &amp; Sons", "Ltd", email
    if odd in (12, 13):
        return "Alex", "Kim", email
    if odd in (15, 16, 17, 18):
        first, last = ODD_NAMES[("cjk", "arabic", "accents", "emoji")[odd - 15]]
        return first, last, f"customer{number}@example.com"
    if odd == 21:
        return first, last, email.title().replace("@Example.Com", "@Example.com")
    return first, last, email


def staff(user_id: int, born: int) -> Json | None:
    """Return the user `user_id` of the fixed few, or None."""
    for known, roles, username, email, first, last in STAFF:
        if known == user_id:
            return {
                "id": user_id,
                "created": born - 500 * DAY + user_id * 3600,
                "modified": None if "subscriber" in roles or not roles else born - 20 * DAY,
                "email": email,
                "first_name": first,
                "last_name": last,
                "roles": roles.split(",") if roles else [],
                "username": username,
                "billing": _account_order(empty_address(billing=True)),
                "shipping": _account_order(empty_address(billing=False)),
                "is_paying_customer": user_id == 1,
                "meta_data": [],
            }
    return None


def customer(number: int, seed: int, born: int) -> Json:
    """Return customer `number` (from 0) as a document."""
    dice = Dice(seed, "customer", number)
    first, last, email = person(number, seed)
    created = born - 370 * DAY - dice.below(200 * DAY)
    odd = number % 50
    delivery = address(dice, first, last) if odd != 6 else empty_address(billing=False)
    other = odd == 25
    return {
        "id": FIRST_USER_OF_ROLE_CUSTOMER + number,
        "created": created,
        "modified": None if odd == 30 else min(created + dice.below(360 * DAY), born - 1800),
        "email": email,
        "first_name": first,
        "last_name": last,
        "roles": ["customer"],
        "username": f"customer{number + 1}",
        "billing": _account_order(
            billing(delivery, f"billing{number}@example.net" if other else "" if odd == 6 else email, phone(dice))
        ),
        "shipping": _account_order(delivery),
        "is_paying_customer": odd != 6,
        "meta_data": [
            {"id": 4 * number + 1, "key": "loyalty_tier", "value": dice.pick(("bronze", "silver", "gold"))},
            {"id": 4 * number + 2, "key": "prefs", "value": {"newsletter": bool(dice.below(2)), "topics": ["tea"]}},
        ]
        if odd % 3 == 0
        else [],
    }


def phone(dice: Dice) -> str:
    """Return a telephone number of the range kept for fiction."""
    return f"+1 518 555 01{dice.below(100):02d}" if dice.below(3) else ""


def _account_order(given: Json) -> Json:
    """Return an address in the key order of customers: postcode and country stand before state."""
    names = ["first_name", "last_name", "company", "address_1", "address_2", "city", "postcode", "country", "state"]
    return {name: given[name] for name in [*names, *(["email"] if "email" in given else []), "phone"]}
