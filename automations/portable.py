"""An automation on its way out and in again: JSON or TOML, the name beside the definition. Pure text, no I/O.

What comes in may be incomplete like any draft; only its shape is asked for here.
"""

from __future__ import annotations

import json
import tomllib
from typing import Any, Final

FORMAT: Final = "referins-automation/1"
MOST: Final = 1_000_000
"""Characters of a document."""


class Unportable(ValueError):
    """A document that is no automation; the message says what is wrong with it and what to do."""


def to_document(name: str, definition: dict[str, Any]) -> dict[str, Any]:
    """Return what is written out; e-mails stand in it whole, so the templates that they follow are left out."""
    return {"format": FORMAT, "name": name, "definition": _without_templates(definition)}


def _without_templates(part: Any) -> Any:
    if isinstance(part, list):
        return [_without_templates(one) for one in part]
    if not isinstance(part, dict):
        return part
    is_mail = part.get("kind") == "send_email"
    return {key: _without_templates(one) for key, one in part.items() if not (is_mail and key == "template")}


def read(text: str, kind: str) -> tuple[str, dict[str, Any]]:
    """Return the name and definition that a text of `kind` (`json` or `toml`) holds. Raises Unportable."""
    if len(text) > MOST:
        raise Unportable(f"The document is longer than {MOST:,} characters. Take the automation apart.")
    try:
        document = json.loads(text) if kind == "json" else tomllib.loads(text)
    except RecursionError:
        raise Unportable("The document is nested too deeply.") from None
    except ValueError as error:
        raise Unportable(f"The document cannot be read as {kind.upper()}: {error}.") from None
    return taken(document)


def taken(document: Any) -> tuple[str, dict[str, Any]]:
    """Return the name and definition of a decoded document. Raises Unportable."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise Unportable(f"This is no automation: it must say format = {FORMAT!r} beside name and definition.")
    name, definition = document.get("name"), document.get("definition")
    if not isinstance(name, str) or not name.strip() or not isinstance(definition, dict):
        raise Unportable("The document must have a name and a definition.")
    return name, definition
