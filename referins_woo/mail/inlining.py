"""The two libraries that make an e-mail's HTML; imported where one is made: few processes need their 3 MB."""

from __future__ import annotations

from typing import Final

import css_inline
from mjml import mjml2html

_INLINER: Final = css_inline.CSSInliner(keep_style_tags=True, keep_at_rules=True, load_remote_stylesheets=False)


def inlined(html: str) -> str:
    """Return HTML with its styles at its elements, where mailboxes read them. Raises ValueError."""
    try:
        return _INLINER.inline(html)
    except css_inline.InlineError as error:
        raise ValueError(str(error)) from None


def from_mjml(source: str) -> str:
    """Return the HTML of MJML. Raises ValueError."""
    return mjml2html(source, fonts={})
