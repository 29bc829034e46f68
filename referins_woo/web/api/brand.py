"""How an account's e-mails look: its brand, and the pictures in them."""

from __future__ import annotations

import base64
from typing import Annotated, Final

from flask import Response
from pydantic import ConfigDict, Field

from referins_woo import process
from referins_woo.errors import InvalidInput
from referins_woo.mail.design import brands
from referins_woo.mail.design import pictures as picture_room
from referins_woo.mail.design.models import Picture as PictureRow
from referins_woo.web import scope
from referins_woo.web.api import answers, paging
from referins_woo.web.api.bearer import account_id, api
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import Document, Id, Input, ListOf, Page, Time, Written, example
from referins_woo.web.api.writing import writing

LONGEST: Final = picture_room.MOST_BYTES * 4 // 3 + 100
"""Characters of the largest picture in Base64."""
_DOT: Final = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


class Brand(Document):
    """How the account's e-mails look."""

    logo: Annotated[str, Field(description="Address; empty: none.", examples=[""])]
    logo_width: Annotated[int, Field(examples=[160])]
    accent: Annotated[str, Field(examples=["#0054a6"])]
    background: Annotated[str, Field(examples=["#f4f6fa"])]
    font: Annotated[str, Field(examples=["modern"])]
    language: Annotated[str, Field(examples=["en_GB"])]
    social: Annotated[dict[str, str], Field(examples=[{"instagram": "https://www.instagram.com/example"}])]


class ChangedBrand(Input):
    """What to change of it; what is not sent stays."""

    model_config = ConfigDict(json_schema_extra=example({"accent": "#0f766e", "language": "de_DE"}))

    logo: Annotated[Written | None, Field(max_length=500)] = None
    logo_width: Annotated[int | None, Field(ge=20, le=600)] = None
    accent: Annotated[Written | None, Field(max_length=7)] = None
    background: Annotated[Written | None, Field(max_length=7)] = None
    font: Annotated[Written | None, Field(max_length=20)] = None
    language: Annotated[Written | None, Field(max_length=10)] = None
    social: Annotated[dict[str, Written] | None, Field(max_length=20)] = None


class Picture(Document):
    """A picture for e-mails."""

    id: Id
    name: Annotated[str, Field(examples=["logo.png"])]
    kind: Annotated[str, Field(description="`png`, `jpeg`, `gif` or `webp`.", examples=["png"])]
    url: Annotated[str, Field(description="Whoever has it can see the picture: mailboxes must.")]
    width: int
    height: int
    size: Annotated[int, Field(description="Bytes.")]
    created_at: Time


class NewPicture(Input):
    """A picture to add."""

    model_config = ConfigDict(json_schema_extra=example({"name": "dot.gif", "content": _DOT}))

    name: Annotated[Written, Field(min_length=1, max_length=200, examples=["dot.gif"])]
    content: Annotated[str, Field(max_length=LONGEST, description="The bytes of the file, in Base64.", examples=[_DOT])]


@api.get("/brand")
@operation(Brand, tag="Templates")
def get_brand() -> Response:
    """Read the brand"""
    with scope.reading() as session:
        return answers.answer(Brand.model_validate(brands.read(session, account_id())))


@api.patch("/brand")
@operation(Brand, tag="Templates")
def change_brand(json: ChangedBrand) -> Response:
    """Change the brand

    E-mails that are put from now on look like this.
    """
    with writing() as work:
        wanted = {name: getattr(json, name) for name in json.model_fields_set}
        return work.answer(Brand.model_validate(brands.write(work.session, work.account_id, wanted)))


@api.get("/pictures")
@operation(Page[Picture], tag="Templates")
def list_pictures(query: ListOf) -> Response:
    """List pictures

    `POST` adds one, as does Settings > Brand > Pictures.
    """
    with scope.reading() as session:
        conditions = [PictureRow.account_id == account_id()]
        return paging.rows(session, PictureRow, conditions, query, lambda rows: [_picture(row) for row in rows])


@api.post("/pictures")
@operation(Picture, tag="Templates", status=201)
def create_picture(json: NewPicture) -> Response:
    """Add a picture

    PNG, JPEG, GIF or WebP of at most 5 MB and 6,000 pixels a side; wider ones are shrunk to 1,200 pixels, and what
    cameras add is taken out. One that the account has already is answered as it is.
    """
    try:
        content = base64.b64decode(json.content, validate=True)
    except ValueError:
        raise InvalidInput("content", "This is no Base64: encode the bytes of the file, without line breaks.") from None
    try:
        with writing() as work:
            made = picture_room.add(work.session, work.account_id, json.name, content)
            return work.answer(_picture(made), 201)
    except InvalidInput as wrong:
        raise InvalidInput("content", wrong.message) from None


def _picture(row: PictureRow) -> Picture:
    kept = {name: getattr(row, name) for name in Picture.model_fields if name != "url"}
    return Picture.model_validate({**kept, "url": picture_room.address(row, process.current().config.public_url)})
