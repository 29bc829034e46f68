"""Values of e-mail headers: one line each, whatever a shop's customer typed into a name.

Encoding is our own (RFC 5322, RFC 2047), because the standard library's takes a millisecond a mail; a property test
holds it against the standard library's parser. A line break, NUL or another control character never reaches a header,
and a text that looks like an encoded word (`=?utf-8?q?=0a?=`) is encoded, so that nobody decodes it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import lru_cache
from typing import Final

from email_validator import EmailNotValidError, validate_email

from referins_woo.errors import Final as FinalError

MOST_NAME: Final = 120
_UNWANTED = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]+"
)
"""Controls, invisible characters, marks that turn the writing direction, and halves of characters."""
_PLAIN = re.compile(r"[ !-~]*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_BARE_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_WORD_BYTES: Final = 39
"""UTF-8 bytes in one encoded word: 52 characters of base64 and 12 around them stay under RFC 2047's 75."""
_LINE: Final = 76
_LONGEST_LINE: Final = 900


class BadAddress(FinalError):
    """A text that is no e-mail address which plain SMTP can carry."""


def one_line(text: str, most: int = 250) -> str:
    """Return `text` in one line, without what is invisible, cut after `most` characters."""
    line = " ".join(_UNWANTED.sub(" ", text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


@lru_cache(maxsize=8_192)
def bare_address(text: str) -> str:
    """Return the address in ASCII (its domain in punycode). Raises BadAddress."""
    text = text.strip()
    if len(text) > 254 or _UNWANTED.search(text):
        raise BadAddress("The e-mail address cannot be used.")
    if _BARE_ADDRESS.fullmatch(text) and len(text.partition("@")[0]) <= 64:
        return text
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise BadAddress(f"The e-mail address cannot be used: {error}") from None
    if found.ascii_email is None or not _BARE_ADDRESS.fullmatch(found.ascii_email):
        raise BadAddress("The e-mail address has letters before the @ that plain SMTP cannot carry.")
    return found.ascii_email


def text(name: str, value: str) -> bytes:
    """Return a header of free text (Subject), folded, with its line end."""
    value = one_line(value)
    if _PLAIN.fullmatch(value) and "=?" not in value and not _too_long(name, value):
        return f"{name}: {value}\r\n".encode("ascii")
    return _lines(name, _encoded_words(value))


def mailbox(name: str, shown: str, address: str) -> bytes:
    """Return a header of one address with its shown name (From, To, Reply-To). Raises BadAddress."""
    bare = f"<{bare_address(address)}>"
    shown = one_line(shown, MOST_NAME)
    if not shown:
        return _lines(name, [bare])
    return _lines(name, [*phrase(shown), bare])


def phrase(shown: str) -> list[str]:
    """Return a shown name as words that may stand before an address."""
    if "=?" not in shown:
        if _ATOMS.fullmatch(shown):
            return [shown]
        if _PLAIN.fullmatch(shown):
            return ['"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"']
    return _encoded_words(shown)


def plain(name: str, value: str) -> bytes:
    """Return a header that we made ourselves. Raises ValueError unless it is one line of printable ASCII."""
    if not _PLAIN.fullmatch(value) or len(value) > _LONGEST_LINE:
        raise ValueError(f"header {name} is not one line of printable ASCII")
    return f"{name}: {value}\r\n".encode("ascii")


def _too_long(name: str, value: str) -> bool:
    """Whether an unencoded line is past what lines may measure: then it is encoded, which folds safely."""
    return len(name) + len(value) + 2 > 200


def _encoded_words(value: str) -> list[str]:
    words: list[str] = []
    chunk = b""
    for character in value:
        encoded = character.encode()
        if len(chunk) + len(encoded) > _WORD_BYTES:
            words.append(_word(chunk))
            chunk = b""
        chunk += encoded
    words.append(_word(chunk))
    return words


def _word(chunk: bytes) -> str:
    return f"=?utf-8?b?{b64encode(chunk).decode('ascii')}?="


def _lines(name: str, words: list[str]) -> bytes:
    """Put words behind a header's name, folded: a line break before each that would pass the line's end."""
    line, done = f"{name}:", []
    for word in words:
        if len(line) + 1 + len(word) > _LINE and line.strip() != f"{name}:":
            done.append(line)
            line = ""
        line = f"{line} {word}"
    return ("\r\n".join([*done, line]) + "\r\n").encode("ascii")
