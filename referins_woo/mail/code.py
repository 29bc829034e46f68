"""An e-mail that a merchant wrote as code, MJML or HTML: checked, cleaned, inlined. Raises TemplateFault throughout.

Order: our whitelist looks at the Jinja of the code as it was written; its places become marks; MJML; what is not for
e-mails is taken out (tables, styles and classes stay; links lead to http, https and mailto alone); CSS is inlined; the
places come back, and every address among them is rendered and checked anew for each message (`draft.Draft.links`).
"""

from __future__ import annotations

import difflib
import html
import re
from typing import Any, Final

import nh3
from inscriptis import get_text
from inscriptis.model.config import ParserConfig
from jinja2 import nodes

from automations.blocks import MOST_CODE
from referins_woo.mail import sandbox, shown
from referins_woo.mail.brand import Brand
from referins_woo.mail.draft import SLOT, Draft, Slot, filled_tree, marks_bared
from referins_woo.mail.inlining import from_mjml, inlined
from referins_woo.mail.sandbox import TemplateFault

_MOST_FINISHED: Final = 4 * MOST_CODE
_MARK: Final = re.compile(r"(?:<!--)?CODE(\d+)EDOC(?:-->)?")
_COMMENT: Final = re.compile(r"<!--.*?(?:-->|$)", re.DOTALL)
_TAG: Final = re.compile(r"<(/?)(mj[a-z-]*)\b([^<>]*?)(/?)>")
_STYLE: Final = re.compile(r"<style\b([^>]*)>(.*?)</style\s*>", re.DOTALL | re.IGNORECASE)
_BODY: Final = re.compile(r"<body\b([^>]*)>(.*?)(?:</body\s*>|$)", re.DOTALL | re.IGNORECASE)
_HEAD: Final = re.compile(r"<(head|title)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_REFUSED: Final = re.compile(
    r"<(script|iframe|object|embed|form|input|select|textarea|svg|math|video|audio|base|applet|frame)\b", re.IGNORECASE
)
_HOLDS_TEXT: Final = frozenset(
    {"mj-text", "mj-button", "mj-table", "mj-raw", "mj-title", "mj-preview", "mj-navbar-link", "mj-social-element"}
)
_KNOWN: Final = (
    *("mjml", "mj-head", "mj-body", "mj-attributes", "mj-all", "mj-class", "mj-style", "mj-breakpoint", "mj-font"),
    *("mj-html-attributes", "mj-wrapper", "mj-section", "mj-column", "mj-group", "mj-hero", "mj-image", "mj-divider"),
    *("mj-spacer", "mj-social", "mj-navbar", "mj-accordion", "mj-accordion-element", "mj-accordion-title"),
    *("mj-accordion-text", "mj-carousel", "mj-carousel-image", *sorted(_HOLDS_TEXT)),
)
_TAGS: Final = frozenset(
    re.findall(
        r"\w+",
        "a abbr address b bdi bdo big blockquote br caption center cite code col colgroup dd del div dl dt em font h1 "
        "h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s small span strike strong sub sup table tbody td tfoot th "
        "thead tr u ul",
    )
)
_ATTRIBUTES: Final = {
    "*": {"style", "class", "id", "dir", "lang", "title", "align", "valign", "bgcolor", "width", "height", "role"},
    "a": {"href", "target", "name"},
    "img": {"src", "alt", "border", "hspace", "vspace"},
    "table": {"cellpadding", "cellspacing", "border", "background", "summary"},
    "td": {"colspan", "rowspan", "nowrap", "background", "scope", "headers"},
    "th": {"colspan", "rowspan", "nowrap", "background", "scope", "headers"},
    "col": {"span"},
    "colgroup": {"span"},
    "font": {"color", "face", "size"},
    "ol": {"start", "type"},
    "blockquote": {"cite"},
    "q": {"cite"},
}
_BEFORE_ROWS: Final = re.compile(r"((?:<!--CODE\d+EDOC-->\s*)+)<tbody>")
_ROW: Final = re.compile(r"<(/?)(?:table|thead|tbody|tfoot|tr|caption)\b[^>]*>")
_CELL: Final = re.compile(r"<(/?)(?:td|th)\b[^>]*>")
_LINKS: Final = frozenset({"href", "src", "background", "cite"})
_NOT_CSS: Final = re.compile(
    r"@import[^;]*;?|expression\s*\(|javascript:|-moz-binding|behavior\s*:|</|<!", re.IGNORECASE
)
_FOREIGN: Final = re.compile(r"url\(\s*['\"]?(?!https://)[^)]*\)", re.IGNORECASE)
_HIDDEN: Final = "display:none;max-height:0;overflow:hidden"
_SHOWS_LINKS: Final = ParserConfig(display_links=True)


def written(draft: Draft, block: dict[str, Any], preheader: str, below: str, brand: Brand) -> nodes.Template:
    """Return the tree of the HTML part, and add the plain text to the draft. `below` (HTML) follows the content."""
    code, language = str(block.get("code") or ""), block.get("language")
    if language not in ("mjml", "html"):
        raise TemplateFault("Code is MJML or HTML: say which.")
    _checked(code, language)
    marked, places = _marked(code, is_mjml=language == "mjml")
    styles, look, body = _parts(_html_of(marked) if language == "mjml" else marked)
    cleaned = _cleaned(draft, body, places)
    preview = (
        f'<div style="display:none;max-height:0;overflow:hidden">{draft.words(preheader)}</div>' if preheader else ""
    )
    foot = f'<div style="padding:16px;text-align:center;font-size:13px;color:{brand.below}" class="below">{below}</div>'
    direction = "rtl" if draft.right_to_left else "ltr"
    document = (
        f'<!doctype html><html lang="{brand.language.replace("_", "-")}" dir="{direction}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title></title>'
        f"<style>{styles}</style></head><body{look}>{preview}{cleaned}{foot if below else ''}</body></html>"
    )
    try:
        finished = inlined(marks_bared(document))
    except ValueError as error:
        raise TemplateFault(f"The styles of the code cannot be read: {error}") from None
    _all_there(finished, places, code)
    draft.plain[:0] = _plain(draft, cleaned, places)
    tree = sandbox.parse(sandbox.HTML, _restored(finished, places), _MOST_FINISHED)
    return filled_tree(draft, tree)


def _checked(code: str, language: str) -> None:
    """Refuse what the whitelist, the mailboxes or MJML do not take, with its line."""
    sandbox.parse(sandbox.HTML, code, MOST_CODE, lines=True)
    found = _REFUSED.search(code)
    if found is not None:
        raise TemplateFault(
            f"Line {_line(code, found.start())}: <{found[1].lower()}> is not shown by mailboxes. Take it out."
        )
    if language == "mjml":
        _balanced(code)


def _balanced(code: str) -> None:
    """MJML's own reader forgives wrong nesting in silence, and then loses content: so we look first."""
    bare = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), code)
    opened: list[tuple[str, int]] = []
    for tag in _TAG.finditer(bare):
        closes, name, _, alone = tag.groups()
        line = _line(bare, tag.start())
        if name not in _KNOWN:
            close = difflib.get_close_matches(name, _KNOWN, n=1)
            hint = f" Did you mean <{close[0]}>?" if close else ""
            raise TemplateFault(f"Line {line}: there is no <{name}>.{hint}")
        if not closes and not alone:
            opened.append((name, line))
        elif closes and (not opened or opened[-1][0] != name):
            where = f"<{opened[-1][0]}> of line {opened[-1][1]} is still open" if opened else "nothing is open"
            raise TemplateFault(f"Line {line}: </{name}> closes nothing: {where}.")
        elif closes:
            opened.pop()
    if opened:
        raise TemplateFault(f"Line {opened[-1][1]}: <{opened[-1][0]}> is never closed.")
    if not re.search(r"<mj-body\b", bare):
        raise TemplateFault("Line 1: MJML needs <mjml><mj-body> … </mj-body></mjml> around the content.")


def _marked(code: str, *, is_mjml: bool) -> tuple[str, list[str]]:
    """Return the code with a mark in each place of Jinja, and the places. Comments of the merchant are left out."""
    places: list[str] = []
    made = ""
    for kind, source in sandbox.pieces(code):
        if kind == "data":
            made += source
            continue
        places.append(source)
        mark = f"CODE{len(places) - 1}EDOC"
        commentless = _COMMENT.sub("", made)
        in_tag = commentless.rfind("<") > commentless.rfind(">")
        if kind == "statement" and not in_tag:
            mark = f"<!--{mark}-->"
            if is_mjml:
                around = _open_tags(commentless)
                mark = mark if around and around[-1] in _HOLDS_TEXT else f"<mj-raw>{mark}</mj-raw>"
        made += mark
    kept = _MARK.sub(lambda found: found[0].replace("<!--", "\0").replace("-->", "\1"), made)
    kept = _COMMENT.sub("", kept)
    return kept.replace("\0", "<!--").replace("\1", "-->"), places


def _open_tags(code: str) -> list[str]:
    opened: list[str] = []
    for tag in _TAG.finditer(code):
        if tag[1]:
            if opened:
                opened.pop()
        elif not tag[4]:
            opened.append(tag[2])
    return opened


def _html_of(mjml: str) -> str:
    try:
        return from_mjml(mjml)
    except ValueError as error:
        raise TemplateFault(f"The MJML cannot be read: {error}") from None


def _parts(document: str) -> tuple[str, str, str]:
    """Return the styles, the look of the body (an attribute) and what the body holds."""
    styles = []
    for attributes, css in _STYLE.findall(document):
        media = re.search(r"media\s*=\s*[\"']([^\"'<>]*)", attributes)
        styles.append(f"@media {media[1]} {{ {css} }}" if media else css)
    if any(_MARK.search(css) for css in styles):
        raise TemplateFault("Merge variables cannot stand in <style>: write the colour or size itself.")
    rest = _STYLE.sub("", document)
    found = _BODY.search(rest)
    body = found[2] if found else _HEAD.sub("", rest)
    look = re.search(r"style\s*=\s*\"([^\"<>]*)\"", found[1]) if found else None
    style = _css(html.unescape(look[1])) if look and not _MARK.search(look[1]) else "margin:0"
    return _css("\n".join(styles)), f' style="{html.escape(style)}"', body


def _cleaned(draft: Draft, body: str, places: list[str]) -> str:
    def attribute(_tag: str, name: str, value: str) -> str | None:
        if name == "style":
            return _css(value)
        if name not in _LINKS:
            return value
        if not _MARK.search(value):
            return value if shown.link(value) or re.fullmatch(r"#[\w-]*", value) else None
        return draft.put(Slot([sandbox.address(_restored(value, places))]))

    cleaned = nh3.clean(
        body,
        tags=set(_TAGS),
        clean_content_tags={"script", "style", "title"},
        attributes=_ATTRIBUTES,
        attribute_filter=attribute,
        strip_comments=False,
        link_rel=None,
        url_schemes={"http", "https", "mailto"},
    )
    # Reading HTML puts a <tbody> between a loop and its rows.
    return _BEFORE_ROWS.sub(r"<tbody>\1", cleaned)


def _css(css: str) -> str:
    return _FOREIGN.sub("none", _NOT_CSS.sub("", css))


def _all_there(finished: str, places: list[str], code: str) -> None:
    """A statement that MJML or the cleaning lost would leave its counterpart alone."""
    there = {int(number) for number in _MARK.findall(finished)}
    for number, source in enumerate(places):
        if number not in there and source.startswith("{%"):
            line = _line(code, code.find(source))
            raise TemplateFault(f"Line {line}: {source} stands where it would be lost. Put it between two elements.")


def _plain(draft: Draft, cleaned: str, places: list[str]) -> list[nodes.Node]:
    """Return the plain text of cleaned HTML, as nodes."""
    bared = _MARK.sub(lambda found: f"CODE{found[1]}EDOC", cleaned)
    bared = SLOT.sub(lambda found: f"SLOT{found[1]}TOLS", _COMMENT.sub("", bared))
    # Tables lay e-mails out: their rows become lines, so that a loop of rows is one of lines.
    lines = _CELL.sub(r" <\1span> ", _ROW.sub(r"<\1div>", bared))
    text = get_text(f"<html><body>{lines}</body></html>", _SHOWS_LINKS).strip()
    text = re.sub(r"\n{3,}", "\n\n", re.sub(r"(?m)^[ \t]+|[ \t]+$", "", text))
    try:
        tree = sandbox.parse(sandbox.PLAIN, _restored(text, places) + "\n\n\n", _MOST_FINISHED)
    except TemplateFault:
        raise TemplateFault("The plain-text part cannot be made of this code: write it yourself.") from None
    return list(filled_tree(draft, tree).body)


def _restored(text: str, places: list[str]) -> str:
    return _MARK.sub(lambda found: places[int(found[1])], text)


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, max(0, place)) + 1
