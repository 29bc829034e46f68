"""The text of a CSV file as rows of cells, whatever program wrote it. Pure.

UTF-8 with or without its mark, UTF-16 with its mark, else Windows' western letters; parted by comma, semicolon, tab or
bar; with Excel's `sep=` line or without.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from referins_woo.errors import InvalidInput

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LONGEST_MARK: Final = 3
_SEPARATORS: Final = ",;\t|"
_FALLBACK: Final = "cp1252"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""With a line's end as well: a lone CR has become one by now."""
MOST_COLUMNS: Final = 300


def encoding_of(parts: Iterable[bytes]) -> str:
    """Return the name of the encoding that all of `parts` can be read in."""
    pieces, head = iter(parts), b""
    while len(head) < _LONGEST_MARK and (piece := next(pieces, None)) is not None:
        head += piece
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    decoder = codecs.getincrementaldecoder("utf-8")()
    for piece in chain([head], pieces):
        try:
            decoder.decode(piece)
        except UnicodeDecodeError:
            return _FALLBACK
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _FALLBACK
    return "utf-8"


def rows(parts: Iterable[bytes], encoding: str) -> Iterator[list[str]]:
    """Yield the rows of the file, the header first; empty rows are left out but counted by nobody.

    Raises InvalidInput where it is no table: a quote that never closes, a cell of more than 128 KB.
    """
    lines = _lines(parts, encoding)
    first = next(lines, "")
    if first.lower().startswith("sep=") and len(first.strip()) == 5:
        separator, head = first.strip()[4], []
    else:
        separator, head = _separator(first), [first]
    reader = csv.reader(chain(head, lines), delimiter=separator, strict=False)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield [_cell(cell) for cell in row[:MOST_COLUMNS]]
    except csv.Error as error:
        raise InvalidInput("file", f"Line {reader.line_num} of the file cannot be read as a table: {error}.") from None


def _lines(parts: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Lines with their ends, so that a line break within quotes stays what it was."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    left = ""
    for part in parts:
        left += decoder.decode(part).replace("\0", "")
        *whole, left = _split(left)
        yield from whole
    left += decoder.decode(b"", final=True)
    yield from _split(left + "\n")[:-1]


def _split(text: str) -> list[str]:
    """Split into lines that end in one line feed each; the last piece has none yet, and may be half of `\\r\\n`."""
    half = "\r" if text.endswith("\r") else ""
    pieces = text.removesuffix(half).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [*(piece + "\n" for piece in pieces[:-1]), pieces[-1] + half]


def _separator(header: str) -> str:
    """The sign that parts the header into the most cells; quoted text does not count."""
    outside = "".join(header.split('"')[::2])
    return max(_SEPARATORS, key=outside.count)


def _cell(text: str) -> str:
    """Blanks at the ends go, and the apostrophe that exports put before what looks like a formula."""
    text = text.strip()
    return text[1:].strip() if text.startswith("'") and text[1:].startswith(_FORMULA) else text
