"""An e-mail as bytes: headers, and a plain and an HTML part.

Made by hand: `EmailMessage` takes a millisecond a mail, more than sending it. What is made here is checked against the
standard library's parser by a property test. A boundary can be constant: quoted-printable never holds `=_`.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Final

from referins_woo.mail import headers

_BOUNDARY: Final = "=_referins_alternative"
_PLAIN_PART: Final = (
    f"\r\n--{_BOUNDARY}\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
).encode()
_HTML_PART: Final = _PLAIN_PART.replace(b"text/plain", b"text/html")
_END: Final = f"\r\n--{_BOUNDARY}--\r\n".encode()
_FIXED: Final = (f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{_BOUNDARY}"\r\n').encode()


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes into an e-mail."""

    from_name: str
    from_address: str
    to_name: str
    to_address: str
    subject: str
    html: str
    text: str
    message_id: str
    """With its angle brackets."""
    date: datetime
    reply_to: str = ""
    further: tuple[tuple[str, str], ...] = field(default=())
    """Headers that we made ourselves: printable ASCII."""


def build(letter: Letter) -> bytes:
    """Return the e-mail, lines ended by CR LF. Raises headers.BadAddress."""
    parts = [
        headers.mailbox("From", letter.from_name, letter.from_address),
        headers.mailbox("To", letter.to_name, letter.to_address),
        headers.text("Subject", letter.subject),
        headers.plain("Date", _date(letter.date.replace(microsecond=0))),
        headers.plain("Message-ID", letter.message_id),
    ]
    if letter.reply_to:
        parts.append(headers.mailbox("Reply-To", "", letter.reply_to))
    parts.extend(headers.plain(name, value) for name, value in letter.further)
    parts.extend((_FIXED, _PLAIN_PART, _quoted(letter.text), _HTML_PART, _quoted(letter.html), _END))
    return b"".join(parts)


@lru_cache(maxsize=16)
def _date(second: datetime) -> str:
    return format_datetime(second)


def _quoted(text: str) -> bytes:
    """Return `text` in quoted-printable, its line ends as CR LF; what is no character becomes a question mark."""
    # b2a_qp breaks lines as the first line of its input does: so all of them are LF there, and CR LF after it.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    return binascii.b2a_qp(lines, istext=True).replace(b"\n", b"\r\n")
