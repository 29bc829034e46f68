"""Invented people and addresses. Nobody here exists; the domains are reserved for examples (RFC 2606)."""

from __future__ import annotations

from referins_woo.practice_store.seed.dice import Dice
from referins_woo.practice_store.site import Json

FIRST = (
    *("Maya", "Theo", "Iris", "Jonas", "Priya", "Callum", "Nora", "Felix", "Amara", "Hugo", "Leila", "Owen", "Freya"),
    *("Mateo", "Clara", "Silas", "Zoe", "Ravi", "Elsie", "Marcus", "Ingrid", "Dante", "June", "Rowan", "Tessa", "Kofi"),
    *("Lena", "Arthur", "Mina", "Ezra", "Paula", "Samir", "Greta", "Noel", "Wren", "Isak", "Odette", "Bram", "Yuki"),
)
LAST = (
    *("Ellis", "Marsh", "Whitlock", "Okafor", "Lindqvist", "Barros", "Penrose", "Hale", "Novak", "Quill", "Sato"),
    *("Bennett", "Castell", "Draper", "Ferris", "Granger", "Hollis", "Ibarra", "Jarvis", "Keene", "Lowry", "Mercer"),
    *("Norwood", "Orr", "Pike", "Rennick", "Sorrel", "Tamm", "Usher", "Vance", "Winslow", "Yates", "Zeller", "Abbot"),
)
STREETS = ("Mill Road", "Harbor Street", "Orchard Lane", "Canal Walk", "Quarry Hill", "Station Road", "Linden Avenue")
PLACES = (
    ("Hudson", "NY", "12534", "US"),
    ("Beacon", "NY", "12508", "US"),
    ("Troy", "NY", "12180", "US"),
    ("Portland", "OR", "97205", "US"),
    ("Burlington", "VT", "05401", "US"),
    ("Madison", "WI", "53703", "US"),
    ("Leeds", "", "LS1 4DY", "GB"),
    ("Berlin", "DE-BE", "10115", "DE"),
    ("Halifax", "NS", "B3H 1A1", "CA"),
)
ODD_NAMES = {
    "emoji": ("Sunny 🌻", "Vale"),
    "cjk": ("山田", "花子"),
    "arabic": ("ليلى", "حداد"),
    "html": ("<b>Bold</b>", "O'Neil & Sons"),
    "accents": ("Renée", "Nuñez-Ångström"),
}


def empty_address(*, billing: bool) -> Json:
    """Return an address of which nothing is known, in the key order of orders."""
    names = ["first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode", "country"]
    return dict.fromkeys([*names, "email", "phone"] if billing else [*names, "phone"], "")


def address(dice: Dice, first: str, last: str) -> Json:
    """Return a delivery address for a person."""
    city, state, postcode, country = dice.pick(PLACES)
    return {
        "first_name": first,
        "last_name": last,
        "company": "",
        "address_1": f"{1 + dice.below(98)} {dice.pick(STREETS)}",
        "address_2": f"Apt {1 + dice.below(30)}" if dice.below(6) == 0 else "",
        "city": city,
        "state": state,
        "postcode": postcode,
        "country": country,
        "phone": "",
    }


def billing(delivery: Json, email: str, phone: str) -> Json:
    """Return the billing address that belongs to a delivery address."""
    made = {**delivery, "email": email}
    made.pop("phone")
    made["phone"] = phone
    return made


def slug(text: str) -> str:
    """Return the letters and digits of a name, for an e-mail address."""
    return "".join(letter for letter in text.lower() if letter.isascii() and letter.isalnum())
