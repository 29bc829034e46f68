"""The frame of an e-mail made of blocks: MJML to HTML, styles inlined, in the colours of the brand."""

from __future__ import annotations

import html
import re
from typing import Final

from jinja2 import nodes

from referins_woo.mail.brand import SOCIAL, Brand
from referins_woo.mail.draft import Draft, filled, marks_bared
from referins_woo.mail.sandbox import TemplateFault

_STYLES: Final = """
.page { padding: 24px 0; }
.title a, .words a { color: LINK; }
@media (prefers-color-scheme: dark) {
  body, .page { background-color: #16202c !important; }
  .card, .card > table { background: #1d2937 !important; background-color: #1d2937 !important; }
  .title div, .words div, .words td, .words a, .words strong { color: #e6ebf1 !important; }
  .words a.press { color: PRESS !important; }
  .words span { color: #a3b0c2 !important; }
  .line p, .words td { border-color: #33415a !important; }
  .below div, .below a { color: #a3b0c2 !important; }
  .logo img { background-color: #ffffff !important; border-radius: 6px; }
}
"""
_SIDES: Final = re.compile(r"(?<![\w-])((?:text-align:\s*|align=\"|direction:\s*))(left|right|ltr|rtl)")
_PADDING: Final = re.compile(r"(padding:\s*)(\d+\w*) (\d+\w*) (\d+\w*) (\d+\w*)")
_OTHER: Final = {"left": "right", "right": "left", "ltr": "rtl", "rtl": "ltr"}


def html_of(draft: Draft, sections: str, preheader: str, below: str, brand: Brand) -> nodes.Template:
    """Return the tree of the HTML part. `sections` is the MJML of the card, `below` what follows it."""
    preview = f"<mj-preview>{draft.words(preheader)}</mj-preview>" if preheader else ""
    source = (
        f'<mjml><mj-head>{preview}<mj-attributes><mj-all font-family="{brand.font_stack}"/>'
        '<mj-text font-size="16px" line-height="1.5" color="#1f2937" css-class="words"/>'
        f'<mj-button background-color="{brand.accent}" color="{brand.on_accent}" font-size="16px" font-weight="600" '
        'border-radius="6px" inner-padding="12px 24px"/>'
        '<mj-divider border-width="1px" border-color="#dce1e7" css-class="line"/>'
        f"</mj-attributes><mj-style>{styles_of(brand)}</mj-style></mj-head>"
        f'<mj-body background-color="{brand.background}" css-class="page">{_logo(draft, brand)}'
        '<mj-wrapper background-color="#ffffff" border-radius="8px" padding="24px 0" css-class="card">'
        f"{sections}</mj-wrapper>{below}{_social(brand)}</mj-body></mjml>"
    )
    from referins_woo.mail.inlining import from_mjml, inlined  # noqa: PLC0415  (see there)

    try:
        finished = inlined(marks_bared(from_mjml(source)))
    except ValueError as error:
        raise TemplateFault(f"The e-mail's layout cannot be made: {error}") from None
    return filled(draft, directed(finished, brand.language, right_to_left=draft.right_to_left))


def styles_of(brand: Brand) -> str:
    """Return the CSS that stays in the head: links, and the colours in the dark."""
    return _STYLES.replace("LINK", brand.link).replace("PRESS", brand.on_accent)


def section(mjml: str) -> str:
    """Return a row of the card with one column."""
    return f'<mj-section padding="0"><mj-column>{mjml}</mj-column></mj-section>' if mjml else ""


def directed(finished: str, language: str, *, right_to_left: bool) -> str:
    """Return HTML that says its language, mirrored where that is written from right to left."""
    lang = language.replace("_", "-")
    finished = finished.replace('lang="und" dir="auto"', f'lang="{lang}" dir="{"rtl" if right_to_left else "ltr"}"')
    return mirrored(finished) if right_to_left else finished


def mirrored(markup: str) -> str:
    """Return markup with left and right exchanged."""
    markup = _SIDES.sub(lambda found: found[1] + _OTHER[found[2]], markup)
    return _PADDING.sub(r"\1\2 \5 \4 \3", markup)


def _logo(draft: Draft, brand: Brand) -> str:
    if not brand.logo:
        return ""
    source, name = html.escape(brand.logo), draft.words("{{ store.name }}")
    return (
        '<mj-section padding="0 0 8px"><mj-column>'
        f'<mj-image src="{source}" alt="{name}" width="{brand.logo_width}px" css-class="logo"/>'
        "</mj-column></mj-section>"
    )


def _social(brand: Brand) -> str:
    links = [(SOCIAL[key], html.escape(url)) for key, url in brand.social.items() if key in SOCIAL and url]
    if not links:
        return ""
    style = f"color:{brand.below};text-decoration:underline"
    inner = " · ".join(f'<a href="{url}" style="{style}">{label}</a>' for label, url in links)
    return (
        '<mj-section padding="8px 0"><mj-column><mj-text font-size="13px" align="center" css-class="below" '
        f'color="{brand.below}">{inner}</mj-text></mj-column></mj-section>'
    )
