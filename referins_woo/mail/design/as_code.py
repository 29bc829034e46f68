"""Blocks written out as MJML, for who goes on in code. One way: code does not become blocks again."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any, Final

from automations.blocks import SIDES
from referins_woo.mail.brand import Brand

Block = dict[str, Any]
_TITLE: Final = "margin:0;font-size:24px;line-height:1.3"
_CELL: Final = 'style="padding:8px 0"'
_ITEMS: Final = f"""<mj-table>
{{% for line in order.lines %}}<tr>
<td {_CELL}><a href="{{{{ line.url }}}}">{{{{ line.name }}}}</a><br>{{{{ line.quantity }}}} × {{{{ line.price }}}}</td>
<td {_CELL} align="right">{{{{ line.total }}}}</td>
</tr>
{{% endfor %}}<tr>
<td {_CELL}><strong>Total</strong></td>
<td {_CELL} align="right"><strong>{{{{ order.total }}}}</strong></td>
</tr>
</mj-table>"""
_CARDS: Final = f"""<mj-table>
{{% for line in order.lines %}}<tr>
<td {_CELL}><img src="{{{{ line.image_url }}}}" width="96" alt=""></td>
<td {_CELL}><a href="{{{{ line.url }}}}">{{{{ line.name }}}}</a><br>{{{{ line.price }}}}</td>
</tr>
{{% endfor %}}</mj-table>"""


def mjml_of(body: list[Any], brand: Brand) -> str:
    """Return MJML that looks like the blocks; conditions under which they are shown are left out."""
    rows: list[str] = []
    column: list[str] = []
    for block in (one for one in body if isinstance(one, dict)):
        if block.get("kind") != "columns":
            column.append(_one(block))
            continue
        rows.extend(_section(["\n".join(column)]) if column else [])
        column = []
        sides = [block.get(side) for side in SIDES]
        rows.extend(_section(["\n".join(_one(one) for one in side or () if isinstance(one, dict)) for side in sides]))
    rows.extend(_section(["\n".join(column)]) if column else [])
    return "\n".join(
        (
            "<mjml>",
            "<mj-head>",
            "<mj-attributes>",
            f'<mj-all font-family="{brand.font_stack}"/>',
            '<mj-text font-size="16px" line-height="1.5" color="#1f2937"/>',
            '<mj-table font-size="15px" line-height="1.4" color="#1f2937"/>',
            f'<mj-button background-color="{brand.accent}" color="{brand.on_accent}" font-size="16px" />',
            "</mj-attributes>",
            "</mj-head>",
            f'<mj-body background-color="{brand.background}">',
            *rows,
            "</mj-body>",
            "</mjml>",
            "",
        )
    )


def _section(columns: list[str]) -> list[str]:
    inner = [part for column in columns for part in ("<mj-column>", column, "</mj-column>")]
    return ['<mj-section background-color="#ffffff">', *inner, "</mj-section>"]


def _one(block: Block) -> str:
    make = _MAKERS.get(str(block.get("kind")))
    return make(block) if make is not None else ""


def _said(block: Block, key: str) -> str:
    """Text in the markup: braces of variables stay as they are."""
    return html.escape(str(block.get(key) or ""), quote=False).replace("\n", "<br>")


def _attribute(block: Block, key: str) -> str:
    """Text in an attribute; a variable's own quotation marks are single there."""
    return str(block.get(key) or "").replace('"', "'").replace("<", "&lt;")


def _align(block: Block) -> str:
    return "center" if block.get("align") == "center" else "left"


def _image(block: Block) -> str:
    link = f' href="{_attribute(block, "link")}"' if block.get("link") else ""
    width = f' width="{block["width"]}px"' if isinstance(block.get("width"), int) else ""
    return f'<mj-image src="{_attribute(block, "url")}" alt="{_attribute(block, "alt")}"{width}{link}/>'


_MAKERS: Final[dict[str, Callable[[Block], str]]] = {
    "heading": lambda one: (
        f'<mj-text font-size="24px" font-weight="700" align="{_align(one)}">'
        f'<h1 style="{_TITLE}">{_said(one, "text")}</h1></mj-text>'
    ),
    "text": lambda one: f'<mj-text align="{_align(one)}">{_said(one, "text")}</mj-text>',
    "button": lambda one: (
        f'<mj-button align="{_align(one)}" href="{_attribute(one, "url")}">{_said(one, "text")}</mj-button>'
    ),
    "image": _image,
    "order_items": lambda _: _ITEMS,
    "product_cards": lambda _: _CARDS,
    "coupon": lambda one: (
        f'<mj-text align="center">{_said(one, "text")}<br><strong>{_said(one, "code")}</strong><br>'
        f"{_said(one, 'until')}</mj-text>"
    ),
    "divider": lambda _: '<mj-divider border-width="1px" border-color="#dce1e7"/>',
    "footer": lambda one: f'<mj-text font-size="13px" color="#525b69">{_said(one, "text")}</mj-text>',
}
