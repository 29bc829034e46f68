"""The brand of an account, and e-mails made ready for the outbox: with the brand and the products that they show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from automations.blocks import walk
from referins_woo import clock
from referins_woo.commerce import money
from referins_woo.commerce.models import Product
from referins_woo.db import insert
from referins_woo.errors import InvalidInput
from referins_woo.mail import shown, words
from referins_woo.mail.blocks import MOST_CARDS
from referins_woo.mail.brand import FONTS, SOCIAL, Brand
from referins_woo.mail.design.models import BrandKit

_B: Final = BrandKit.__table__.c
_LOOK: Final = select(_B.look).where(_B.account_id == bindparam("account_id"))
_COLOURS: Final = {"accent": "The colour of buttons and links", "background": "The background"}


def read(session: Session, account_id: int) -> Brand:
    """Return the account's brand; ours by default where none was chosen."""
    return Brand.of(session.execute(_LOOK, {"account_id": account_id}).scalar_one_or_none())


def write(session: Session, account_id: int, given: Mapping[str, Any]) -> Brand:
    """Keep a brand; what is not given stays. Raises InvalidInput with the field."""
    wanted = read(session, account_id).to_json()
    for name in ("logo", "font", "language", *_COLOURS):
        if given.get(name) is not None:
            wanted[name] = str(given[name]).strip()
    wanted |= {name: wanted[name].lower() for name in _COLOURS}
    if given.get("logo_width") not in (None, ""):
        wanted["logo_width"] = _width(given["logo_width"])
    if given.get("social") is not None:
        wanted["social"] = {str(key): str(url or "").strip() for key, url in dict(given["social"]).items()}
    _check(wanted)
    wanted["social"] = {key: url for key, url in wanted["social"].items() if url}
    statement = insert(session, BrandKit).values(account_id=account_id, look=wanted, updated_at=clock.now())
    session.execute(
        statement.on_conflict_do_update(index_elements=["account_id"], set_={"look": wanted, "updated_at": clock.now()})
    )
    return Brand.of(wanted)


def ready(session: Session, account_id: int, template: dict[str, Any]) -> dict[str, Any]:
    """Return a template with all that its sending needs: the brand, and the products of its cards as they are now."""
    brand = read(session, account_id)
    made = {**template, **({} if brand == Brand() else {"brand": brand.to_json()})}
    wanted = _products_in(template.get("body"))
    if wanted:
        cards = _cards(session, account_id, wanted)
        made["body"] = [_with_cards(block, cards) for block in template["body"]]
    return made


def _products_in(body: Any) -> set[int]:
    found: set[int] = set()
    for block, _ in walk(body):
        if block.get("kind") == "product_cards" and block.get("source") != "order":
            found.update(int(one) for one in _chosen(block) if one.isascii() and one.isdigit() and len(one) < 19)
    return found


def _with_cards(block: Any, cards: Mapping[str, dict[str, Any]]) -> Any:
    if not isinstance(block, dict):
        return block
    if block.get("kind") == "product_cards" and block.get("source") != "order":
        return {**block, "cards": [cards[one] for one in _chosen(block) if one in cards][:MOST_CARDS]}
    if block.get("kind") == "columns":
        sides = {key: [_with_cards(one, cards) for one in block[key]] for key in ("left", "right") if block.get(key)}
        return {**block, **sides}
    return block


def _chosen(block: dict[str, Any]) -> list[str]:
    products = block.get("products")
    return [str(one) for one in products] if isinstance(products, list) else []


def _cards(session: Session, account_id: int, ids: set[int]) -> dict[str, dict[str, Any]]:
    """Products that are gone from their store are not shown."""
    rows = session.execute(
        select(Product.id, Product.name, Product.price, Product.currency, Product.permalink, Product.image_url).where(
            Product.account_id == account_id, Product.id.in_(ids), Product.gone_at.is_(None)
        )
    )
    return {
        str(row.id): {
            "name": row.name,
            "price": money.to_text(row.price),
            "currency": row.currency,
            "url": row.permalink,
            "image_url": row.image_url,
        }
        for row in rows
    }


def _width(value: Any) -> int:
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and 20 <= int(text[:6]) <= 600):
        raise InvalidInput("logo_width", "The width of the logo is a number of pixels from 20 to 600.")
    return int(text)


def _check(wanted: Mapping[str, Any]) -> None:
    for name, label in _COLOURS.items():
        if not Brand.is_colour(wanted[name]):
            raise InvalidInput(name, f"{label} is not a colour: write it like #0054a6.")
    if wanted["font"] not in FONTS:
        raise InvalidInput("font", f"Choose a font: {', '.join(FONTS)}.")
    if wanted["language"] not in words.LANGUAGES:
        raise InvalidInput("language", f"Choose a language: {', '.join(words.LANGUAGES)}.")
    if wanted["logo"] and not _is_web(wanted["logo"]):
        raise InvalidInput("logo", "The logo is not an address that begins with https://.")
    for key, url in wanted["social"].items():
        if key not in SOCIAL:
            raise InvalidInput("social", f"There is no network {key!r}; there are {', '.join(SOCIAL)}.")
        if url and not _is_web(url):
            raise InvalidInput(f"social.{key}", f"{SOCIAL[key]}: this is not an address that begins with https://.")


def _is_web(url: str) -> bool:
    return len(url) <= 500 and url.lower().startswith(("https://", "http://")) and shown.link(url) == url
