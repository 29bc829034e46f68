"""E-mails of our own, to merchants: a folder each under `templates/emails/`, with subject.txt, body.txt, body.html.

They are written by us and reviewed, so they are plain Jinja2; what they are given is data and is never parsed.
A body may extend `emails/layout.html`; its styles are inlined here.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateNotFound, Undefined, select_autoescape

from referins_woo import paths
from referins_woo.mail.sandbox import TemplateFault

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")


def names() -> list[str]:
    """Return the names of all e-mails."""
    return sorted(found.parent.name for found in (paths.templates_dir() / "emails").glob("*/subject.txt"))


def render(name: str, facts: dict[str, Any], *, strict: bool = False) -> tuple[str, str, str, str]:
    """Return subject, preview text (empty), HTML and plain text of e-mail `name`. Raises TemplateFault.

    `strict` is for tests: a name that nobody supplies is then an error instead of nothing.
    """
    if not _NAME.fullmatch(name):
        raise TemplateFault(f"There is no e-mail {name!r}.")
    from referins_woo.mail.inlining import inlined  # noqa: PLC0415  (see there)

    environment = _environment(strict)
    try:
        subject, text, html = (
            environment.get_template(f"emails/{name}/{part}").render(facts)
            for part in ("subject.txt", "body.txt", "body.html")
        )
    except TemplateNotFound as error:
        raise TemplateFault(f"The e-mail {name!r} lacks {error.name}.") from None
    return " ".join(subject.split()), "", inlined(html), re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


@lru_cache(maxsize=2)
def _environment(strict: bool) -> Environment:
    return Environment(
        loader=FileSystemLoader(paths.templates_dir()),
        autoescape=select_autoescape(("html",), default=False),
        undefined=StrictUndefined if strict else Undefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
