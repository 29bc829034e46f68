"""Pictures for e-mails: checked by decoding them whole, made no larger than mailboxes show, without what cameras add.

Only kinds that every mailbox shows are taken. SVG is none: it may hold scripts, and mailboxes do not show it.
"""

from __future__ import annotations

import hashlib
import io
import secrets
import warnings
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from referins_woo.errors import InvalidInput
from referins_woo.mail.design.models import Picture

if TYPE_CHECKING:
    from PIL import Image

MOST_BYTES: Final = 5_000_000
MOST_SIDE: Final = 6_000
"""Pixels, as uploaded."""
_MOST_PIXELS: Final = 24_000_000
_WIDEST: Final = 1_200
"""Pixels, as served: twice the width of an e-mail, for sharp screens."""
MOST_PICTURES: Final = 500
_MOST_KEPT: Final = 200_000_000
KINDS: Final = {"PNG": "png", "JPEG": "jpeg", "GIF": "gif", "WEBP": "webp"}
_FIELD: Final = "file"


def add(session: Session, account_id: int, name: str, content: bytes) -> Picture:
    """Keep a picture; one that the account has already is returned as it is. Raises InvalidInput."""
    if not content:
        raise InvalidInput(_FIELD, "Choose a picture first.")
    if len(content) > MOST_BYTES:
        raise InvalidInput(_FIELD, f"The file is larger than {MOST_BYTES // 1_000_000} MB. Make it smaller first.")
    fingerprint = hashlib.sha256(content).hexdigest()
    mine = (Picture.account_id == account_id, Picture.fingerprint == fingerprint)
    found = session.scalar(select(Picture).where(*mine))
    if found is not None:
        return found
    count, kept = session.execute(
        select(func.count(), func.coalesce(func.sum(Picture.size), 0)).where(Picture.account_id == account_id)
    ).one()
    if count >= MOST_PICTURES or kept + len(content) > _MOST_KEPT:
        raise InvalidInput(_FIELD, f"There is room for {MOST_PICTURES} pictures and 200 MB. Delete some first.")
    kind, size, served = _made_ready(content)
    picture = Picture(
        account_id=account_id,
        token=secrets.token_urlsafe(24),
        name=" ".join(name.split())[:200] or "picture",
        kind=kind,
        width=size[0],
        height=size[1],
        size=len(served),
        fingerprint=fingerprint,
        content=served,
    )
    session.add(picture)
    session.flush()
    return picture


def listed(session: Session, account_id: int) -> list[Picture]:
    """Return the account's pictures, newest first."""
    return list(session.scalars(select(Picture).where(Picture.account_id == account_id).order_by(Picture.id.desc())))


def address(picture: Picture, public_url: str) -> str:
    """Return where mailboxes load it from."""
    return f"{public_url}/pictures/{picture.token}.{picture.kind}"


def _made_ready(content: bytes) -> tuple[str, tuple[int, int], bytes]:
    """Return kind, size and bytes as they are served. Raises InvalidInput."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  (2 MB, for who uploads a picture)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=tuple(KINDS)) as opened:
                _check_size(opened.size)
                return _served(opened, content)
    except InvalidInput:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InvalidInput(_FIELD, "This is no PNG, JPEG, GIF or WebP: mailboxes show no other pictures.") from None
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, OverflowError):
        raise InvalidInput(_FIELD, "The picture is damaged. Save it anew and try again.") from None


def _check_size(size: tuple[int, int]) -> None:
    if max(size) > MOST_SIDE or size[0] * size[1] > _MOST_PIXELS:
        raise InvalidInput(_FIELD, f"It has {size[0]} × {size[1]} pixels: at most {MOST_SIDE} a side. Shrink it first.")
    if min(size) < 1:
        raise InvalidInput(_FIELD, "The picture is empty.")


def _served(opened: Image.Image, content: bytes) -> tuple[str, tuple[int, int], bytes]:
    from PIL import ImageOps  # noqa: PLC0415  (as above)

    kind = KINDS[str(opened.format)]
    if getattr(opened, "n_frames", 1) > 1:
        # What moves stays as it is; decoding every frame would be a way to keep us busy.
        opened.load()
        return kind, opened.size, content
    picture = ImageOps.exif_transpose(opened)
    if picture.width > _WIDEST:
        picture = picture.resize((_WIDEST, max(1, round(picture.height * _WIDEST / picture.width))))
    out = io.BytesIO()
    if kind == "jpeg":
        picture.convert("RGB").save(out, "JPEG", quality=85, optimize=True)
    else:
        picture.save(out, str(opened.format), optimize=True)
    return kind, picture.size, out.getvalue()


def found(session: Session, token: str, kind: str) -> Picture | None:
    """Return the picture at an address, with its bytes."""
    at = (Picture.token == token, Picture.kind == kind)
    return session.scalar(select(Picture).where(*at).options(undefer(Picture.content)))
