"""Words as WordPress treats them: compared without accents, made into slugs, cleaned of scripts."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

_APART = str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ß": "ss", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"})
_KEPT = {"a", "abbr", "b", "blockquote", "br", "cite", "code", "del", "em", "h1", "h2", "h3", "h4", "i", "img", "ins"}
_KEPT |= {"li", "ol", "p", "pre", "q", "s", "span", "strong", "sub", "sup", "table", "td", "th", "tr", "u", "ul"}


def plain(text: str) -> str:
    """Return Latin letters without their accents."""
    parts = unicodedata.normalize("NFD", text.translate(_APART))
    return unicodedata.normalize("NFC", "".join(c for c in parts if not "\u0300" <= c <= "\u036f"))


def folded(text: str) -> str:
    """Return what the database compares: without capitals and accents."""
    return plain(text).casefold()


def slug(text: str) -> str:
    """Return the part of an address that is made of a name; what is not Latin is percent-encoded."""
    bare = re.sub(r"&\w+;|<[^>]*>", " ", text)
    joined = re.sub(r"[\s–—/]+", "-", plain(bare).lower().strip())
    kept = "".join(c for c in joined if not c.isascii() or c.isalnum() or c in "-_")
    return quote(re.sub(r"-+", "-", kept).strip("-"), safe="-_").lower()


def cleaned(text: str) -> str:
    """Return a name as a save through REST keeps it: scripts out, the plain marks kept, the rest encoded (fact 26)."""

    def tag(found: re.Match[str]) -> str:
        return found[0] if found[1].lower() in _KEPT else ""

    bare = re.sub(r"</?([a-zA-Z][\w-]*)[^>]*>", tag, text)
    return re.sub(r"&(?!#?\w+;)", "&amp;", bare)


_BLOCK_END = re.compile(r"(</(?:p|li|ul|ol|h[1-6]|div|table|tr|blockquote)>|<(?:ul|ol|table|tr)[^>]*>)")


def paragraphs(raw: str) -> str:
    """Return a kept text as a page shows it: plain lines become paragraphs, blocks stand on lines of their own."""
    text = raw.strip()
    if not text:
        return ""
    if not _BLOCK_END.search(text):
        return f"<p>{text}</p>\n"
    return re.sub(r"\n+", "\n", _BLOCK_END.sub(r"\1\n", text))
