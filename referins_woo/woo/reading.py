"""Reads the JSON of a shop as shops really send it (reliability rows 20-23).

A PHP warning, a byte order mark or blank lines in front, bytes that are no UTF-8, raw control characters, NUL, lone
surrogates: read. Cut-off JSON, HTML, nothing at all: refused, never guessed at.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import orjson

LONGEST_PREFIX = 64 * 1024
_MOST_STARTS = 64
_START = re.compile(rb"(?<=[\n\r>\xbf])[\[{]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class NotJsonError(ValueError):
    """The body holds no JSON document. `is_html`: it is a page; `is_empty`: it is nothing."""

    def __init__(self, *, is_html: bool, is_empty: bool) -> None:
        super().__init__("empty" if is_empty else "HTML" if is_html else "broken JSON")
        self.is_html, self.is_empty = is_html, is_empty


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON value, its strings free of NUL and lone surrogates; `note` says what had to be overlooked."""

    value: Any
    note: str = ""


def read(body: bytes) -> Document:
    """Return the JSON document in `body`. Raises NotJsonError."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _read_tolerantly(body)
    if b"\\u0000" not in body:
        return Document(value)
    try:
        return Document(clean(value))
    except RecursionError:
        raise NotJsonError(is_html=False, is_empty=False) from None


def clean(value: Any) -> Any:
    """Return `value` with NUL and lone surrogates taken out of every string: PostgreSQL and UTF-8 refuse them."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, list):
        return [clean(each) for each in value]
    if isinstance(value, dict):
        return {clean(key): clean(each) for key, each in value.items()}
    return value


def _read_tolerantly(body: bytes) -> Document:
    text = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] in (b"{", b"["):
        # It starts as JSON: whatever ends it early must not be mistaken for text in front of an inner object.
        found, value = _loads(text)
        if found:
            return Document(value, "byte order mark, blank lines or broken characters")
        raise NotJsonError(is_html=False, is_empty=False)
    for tries, start in enumerate(_START.finditer(text, 0, LONGEST_PREFIX)):
        if tries == _MOST_STARTS:
            break
        if text[: start.start()].rstrip()[-1:] in (b":", b",", b"[", b"{"):
            continue  # inside of a document that was cut off further on: its last inner object is not the answer
        found, value = _loads(text[start.start() :])
        if found:
            return Document(value, f"text in front of the JSON: {text[:200].decode('utf-8', 'replace')}")
    raise NotJsonError(is_html=text[:1] == b"<", is_empty=not text)


def _loads(text: bytes) -> tuple[bool, Any]:
    try:
        return True, clean(orjson.loads(text))
    except (orjson.JSONDecodeError, RecursionError):
        pass
    try:
        # The standard library takes lone surrogates and raw control characters; NaN is no number: null.
        return True, clean(json.loads(text.decode("utf-8", "replace"), strict=False, parse_constant=lambda _: None))
    except (ValueError, RecursionError):
        return False, None
