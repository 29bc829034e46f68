"""Small CSV files as people send them: read at once, with commas, semicolons or tabs, as spreadsheets write them.

Long files (contacts) are read piece by piece in `ingest.contact_files`.
"""

from __future__ import annotations

import csv
import io
from typing import Final

from referins_woo.errors import InvalidInput

LARGEST: Final = 2 * 1024 * 1024
_STARTS_A_FORMULA: Final = ("'=", "'+", "'-", "'@")


def decoded(content: bytes, field: str = "file") -> str:
    """Return the text of a file. Raises InvalidInput where it is too large, or no UTF-8."""
    if len(content) > LARGEST:
        raise InvalidInput(field, "The file is larger than 2 MB: send it in parts.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput(field, "The file is not UTF-8 text: save it as CSV in UTF-8.") from None


def rows(text: str) -> list[list[str]]:
    """Return the cells of a CSV text; what parts them is seen in its first line."""
    text = text.replace("\x00", "").removeprefix("\ufeff")
    head = text.partition("\n")[0]
    parted_by = "," if "," in head else ";" if ";" in head else "\t" if "\t" in head else ","
    return list(csv.reader(io.StringIO(text), delimiter=parted_by))


def as_typed(cell: str) -> str:
    """Return a cell without the apostrophe that our files put before what a spreadsheet would run as a formula."""
    return cell[1:] if cell.startswith(_STARTS_A_FORMULA) else cell
