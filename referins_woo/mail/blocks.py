"""Blocks of an e-mail: how each becomes MJML and plain text. The merchant's words pass neither (see `draft`).

A new kind of block is one entry in BLOCKS here and its declaration in `automations.blocks.BLOCKS`; what takes more
than a line of HTML is a snippet under `templates/emails/blocks/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

from jinja2 import nodes

from automations.blocks import BLOCKS as KINDS
from automations.blocks import SIDES, walk
from referins_woo import paths
from referins_woo.mail import layout, sandbox, words
from referins_woo.mail.brand import Brand
from referins_woo.mail.draft import Draft, Slot, link_at, said
from referins_woo.mail.sandbox import TemplateFault

MOST_BLOCKS: Final = 100
MOST_CARDS: Final = 6
FOOTER: Final = "_footer"
"""The name of `compose.Footer`'s values in the finished tree."""
_ROWS: Final = ("shipping", "tax", "total", "more", "each")


def sections(draft: Draft, body: list[Any], brand: Brand) -> str:
    """Return the MJML of a body: rows of the card. What it says in plain text is added to the draft."""
    if sum(1 for _ in walk(body)) > MOST_BLOCKS:
        raise TemplateFault(f"The content is not a list of at most {MOST_BLOCKS} blocks.")
    found, row = [], ""
    for block in (one for one in body if isinstance(one, dict)):
        if block.get("kind") != "columns":
            row += add(draft, block, brand)
            continue
        found.append(layout.section(row))
        found.append(_under_condition(draft, block, lambda one: _columns(draft, one, brand)))
        row = ""
    return "".join((*found, layout.section(row)))


def add(draft: Draft, block: dict[str, Any], brand: Brand) -> str:
    """Return the MJML of one block and add its plain text to the draft. Raises TemplateFault."""
    make = BLOCKS.get(str(block.get("kind")))
    if make is None:
        raise TemplateFault(f"There is no block {block.get('kind')!r}; there are {', '.join(KINDS)}.")
    return _under_condition(draft, block, lambda one: make(draft, one, brand))


def _under_condition(draft: Draft, block: dict[str, Any], make: Callable[[dict[str, Any]], str]) -> str:
    """Return what `make` makes, in both parts shown only where the block's condition holds."""
    if not block.get("show_if"):
        return make(block)
    condition, before = draft.condition(block["show_if"]), len(draft.plain)
    mjml = make(block)
    inner, draft.plain[before:] = draft.plain[before:], []
    draft.say(nodes.If(condition, inner, [], []))
    return draft.only_if(condition, mjml)


def _columns(draft: Draft, block: dict[str, Any], brand: Brand) -> str:
    """Two columns, one below the other on phones."""
    made = []
    for side in SIDES:
        inner = block.get(side)
        inside = [one for one in (inner if isinstance(inner, list) else ()) if isinstance(one, dict)]
        made.append("".join(add(draft, one, brand) for one in inside))
    columns = "".join(f"<mj-column>{mjml}</mj-column>" for mjml in made)
    return f'<mj-section padding="0">{columns}</mj-section>'


def _heading(draft: Draft, block: dict[str, Any], brand: Brand) -> str:
    tag = "h2" if draft.has_heading else "h1"
    draft.has_heading = True
    text = _text(block, "text")
    draft.say(*_plain(text), "\n\n")
    return (
        f'<mj-text font-size="24px" line-height="1.3" font-weight="700" css-class="title" align="{_align(block)}">'
        f'<{tag} style="margin:0;font-size:24px;line-height:1.3">{draft.words(text)}</{tag}></mj-text>'
    )


def _words(draft: Draft, block: dict[str, Any], brand: Brand) -> str:
    text = _text(block, "text")
    draft.say(*_plain(text), "\n\n")
    return f'<mj-text align="{_align(block)}">{draft.words(text)}</mj-text>'


def _button(draft: Draft, block: dict[str, Any], brand: Brand) -> str:
    text, number = _text(block, "text"), draft.link(_text(block, "url"))
    inner = [*_plain(text), said(": "), nodes.Output([link_at(number)]), said("\n\n")]
    draft.say(nodes.If(link_at(number), inner, [], []))
    address = draft.address(number)
    return draft.only_with(
        number, f'<mj-button align="{_align(block)}" href="{address}">{draft.words(text)}</mj-button>'
    )


def _image(draft: Draft, block: dict[str, Any], brand: Brand) -> str:
    source, alt, target = draft.link(_text(block, "url")), _text(block, "alt"), _text(block, "link")
    if alt.strip():
        draft.say(nodes.If(link_at(source), [said("["), *_plain(alt), said("]\n\n")], [], []))
    width = block.get("width")
    image = f'src="{draft.address(source)}" alt="{draft.words(alt.replace(chr(10), " "))}" align="{_align(block)}"'
    if isinstance(width, int) and 0 < width <= 600:
        image += f' width="{width}px"'
    if not target:
        return draft.only_with(source, f"<mj-image {image}/>")
    return draft.only_with(source, f'<mj-image {image} href="{draft.address(draft.link(target))}"/>')


def _order_items(draft: Draft, block: dict[str, Any], brand: Brand) -> str:
    """A table of what was bought; its words are the language's, or the block's own."""
    known = words.of(brand.language)
    own = _labels(draft, {name: _text(block, f"{name}_label") or known[name] for name in _ROWS})
    draft.say(*_snippet("order_items.txt", own), "\n")
    inner = draft.put(Slot(_snippet("order_items.html", own, draft.right_to_left)))
    return f'<mj-text padding="10px 25px">{inner}</mj-text>'


def _product_cards(draft: Draft, block: dict[str, Any], brand: Brand) -> str:
    """Products side by side, on phones one below the other; `cards` was looked up when the e-mail was put."""
    cards = block.get("cards")
    chosen = None if block.get("source") == "order" else (cards if isinstance(cards, list) else [])
    button = {"button": _text(block, "button"), "accent": brand.accent, "on_accent": brand.on_accent}
    own = _labels(draft, {**button, "link": brand.link, "cards": chosen})
    draft.say(*_snippet("product_cards.txt", own), "\n")
    inner = draft.put(Slot(_snippet("product_cards.html", own, draft.right_to_left)))
    return f'<mj-text padding="10px 17px">{inner}</mj-text>'


def _coupon(draft: Draft, block: dict[str, Any], brand: Brand) -> str:
    text, code, until = (_text(block, key) for key in ("text", "code", "until"))
    draft.say(*_plain(text), "\n", *_plain(code), "\n", *_plain(until), "\n\n")
    note = f'<br><span style="font-size:13px;color:#525b69">{draft.words(until)}</span>' if until else ""
    return (
        '<mj-text><table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="width:100%;'
        f'border:2px dashed {brand.accent};border-radius:8px;border-collapse:separate"><tr>'
        f'<td align="center" style="padding:20px 16px">{draft.words(text)}<br>'
        '<strong style="display:inline-block;margin:8px 0;font-size:24px;line-height:1.3;letter-spacing:2px;'
        f'word-break:break-all">{draft.words(code)}</strong>{note}</td></tr></table></mj-text>'
    )


def _divider(draft: Draft, _block: dict[str, Any], brand: Brand) -> str:
    draft.say("----------------------------------------\n\n")
    return "<mj-divider/>"


def _footer(draft: Draft, block: dict[str, Any], brand: Brand) -> str:
    text = _text(block, "text")
    draft.say("-- \n", *_plain(text), "\n")
    return f'<mj-text font-size="13px" color="#525b69">{draft.words(text)}</mj-text>'


def marketing_footer(draft: Draft, brand: Brand) -> str:
    """Return the HTML below a marketing e-mail, as a mark: who writes, and the way out. Its values are `FOOTER`'s."""
    draft.say(*_snippet("marketing_footer.txt", FOOTER), "\n")
    return draft.put(Slot(_snippet("marketing_footer.html", FOOTER)))


def footer_section(draft: Draft, brand: Brand) -> str:
    """Return the same as a row below the card."""
    inner = marketing_footer(draft, brand)
    return (
        '<mj-section padding="16px 0 0"><mj-column>'
        f'<mj-text font-size="13px" color="{brand.below}" align="center" css-class="below">{inner}</mj-text>'
        "</mj-column></mj-section>"
    )


BLOCKS: Final[dict[str, Callable[[Draft, dict[str, Any], Brand], str]]] = {
    "heading": _heading,
    "text": _words,
    "button": _button,
    "image": _image,
    "order_items": _order_items,
    "product_cards": _product_cards,
    "coupon": _coupon,
    "divider": _divider,
    "footer": _footer,
}
"""Those that stand in a column: `columns` are rows of their own (`sections`), code is an e-mail of its own (`code`)."""


def _labels(draft: Draft, labels: dict[str, Any]) -> str:
    """Keep what a snippet calls `labels`; returns its name in the tree."""
    draft.labels.append(labels)
    return f"_labels{len(draft.labels) - 1}"


def _align(block: dict[str, Any]) -> str:
    return "center" if block.get("align") == "center" else "left"


def _text(block: dict[str, Any], key: str) -> str:
    value = block.get(key)
    return value if isinstance(value, str) else ""


def _plain(text: str) -> Iterable[nodes.Node]:
    return sandbox.parse(sandbox.PLAIN, text).body


def _snippet(name: str, labels: str, right_to_left: bool = False) -> list[nodes.Node]:
    """Return the nodes of a template of our own; `labels` in it becomes the block's own."""
    language = sandbox.HTML if name.endswith(".html") else sandbox.PLAIN
    source = _source(name)
    tree = sandbox.parse(language, layout.mirrored(source) if right_to_left else source)
    for found in tree.find_all(nodes.Name):
        if found.name == "labels":
            found.name = labels
    return tree.body


@lru_cache(maxsize=8)
def _source(name: str) -> str:
    return (paths.templates_dir() / "emails" / "blocks" / name).read_text(encoding="utf-8").strip("\n")
