"""What the body of an e-mail is made of. Each block is declared once: its fields draw the form and the check.

A body is a list like [{"kind": "heading", "text": "Thank you"}, {"kind": "order_items"}]. Texts may hold merge
variables. Any block may carry `promotional: true`, which makes the e-mail marketing (E3), and `show_if`, a condition
as filters have it. `columns` holds two lists of blocks; a `code` block stands alone: the e-mail as MJML or HTML.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from automations import conditions
from automations.fields import Field, Problem, check, unknown_keys
from automations.triggers import TRIGGERS
from automations.variables import leads_to_link, syntax_problems, unknown_in_code, unknown_variables

CODE: Final = "code"
MOST_CODE: Final = 100_000
_MOST_BLOCKS: Final = 100
_TEXT_KINDS: Final = frozenset({"text", "lines", "link"})


@dataclass(frozen=True, slots=True)
class BlockKind:
    """One kind of block."""

    key: str
    label: str
    fields: tuple[Field, ...] = ()


_LINK_HELP = "An address that begins with https://, or a variable that is a link."
_ALIGN: Final = Field(
    "align",
    "Position",
    "choice",
    choices=("start", "center"),
    labels=("At the start", "In the middle"),
    default="start",
)
SIDES: Final = ("left", "right")
"""The two lists of blocks that `columns` holds."""

BLOCKS: Final[dict[str, BlockKind]] = {
    kind.key: kind
    for kind in (
        BlockKind("heading", "Heading", (Field("text", "Text", "text", required=True, most=200), _ALIGN)),
        BlockKind("text", "Text", (Field("text", "Text", "lines", required=True, most=10_000), _ALIGN)),
        BlockKind(
            "button",
            "Button",
            (
                Field("text", "Text", "text", required=True, most=100),
                Field("url", "Leads to", "link", required=True, most=2_000, help=_LINK_HELP),
                _ALIGN,
            ),
        ),
        BlockKind(
            "image",
            "Image",
            (
                Field("url", "Address of the image", "link", required=True, most=2_000, help=_LINK_HELP),
                Field("alt", "What it shows", "text", most=300, help="Read aloud, and shown where images are off."),
                Field("link", "Leads to", "link", most=2_000, help=_LINK_HELP),
                Field("width", "Width in pixels", "number", most=600, help="Empty: as wide as the e-mail allows."),
                _ALIGN,
            ),
        ),
        BlockKind(
            "order_items",
            "Ordered products",
            tuple(
                Field(f"{key}_label", f"Word for “{word}”", "text", most=60, help="For shops of other languages.")
                for key, word in (
                    ("shipping", "Shipping"),
                    ("tax", "Tax"),
                    ("total", "Total"),
                    ("more", "and more:"),
                    ("each", "each"),
                )
            ),
        ),
        BlockKind(
            "product_cards",
            "Product cards",
            (
                Field(
                    "source",
                    "Which products",
                    "choice",
                    choices=("chosen", "order"),
                    labels=("Those chosen here", "Those of the order"),
                    default="chosen",
                ),
                Field("products", "Products", "names", offers="products", help="At most six are shown."),
                Field("button", "Word on their buttons", "text", most=60, help="Empty: no button."),
            ),
        ),
        BlockKind(
            "coupon",
            "Coupon",
            (
                Field("text", "What it gives", "lines", required=True, most=500),
                Field("code", "Code", "text", required=True, most=100, help="As it is kept in WooCommerce."),
                Field("until", "Until when", "text", most=200, help="Like “Valid until 31 December”."),
            ),
        ),
        BlockKind("columns", "Two columns"),
        BlockKind("divider", "Line"),
        BlockKind("footer", "Footer", (Field("text", "Text", "lines", required=True, most=2_000),)),
        BlockKind(
            CODE,
            "Code",
            (
                Field(
                    "language", "Language", "choice", required=True, choices=("mjml", "html"), labels=("MJML", "HTML")
                ),
                Field("code", "Code", "lines", required=True, most=MOST_CODE),
            ),
        ),
    )
}

BLOCK_KINDS: Final = tuple(BLOCKS)
"""Their keys, in the order in which the builder shows them."""

PROMOTIONAL_BLOCKS: Final = frozenset({"coupon", "product_cards"})
"""Blocks that make an e-mail marketing, wherever it stands."""


def walk(body: Any, path: str = "body") -> Iterator[tuple[dict[str, Any], str]]:
    """Yield every block of a body with its path, a block of columns before what it holds."""
    for number, block in enumerate(body if isinstance(body, list) else ()):
        if isinstance(block, dict):
            here = f"{path}[{number}]"
            yield block, here
            for side in SIDES if block.get("kind") == "columns" else ():
                yield from walk(block.get(side), f"{here}.{side}")


def is_promotional(body: Any) -> bool:
    """Whether a block of `body` makes the e-mail marketing."""
    return any(_promotes(block) for block, _ in walk(body))


def is_code(body: Any) -> bool:
    """Whether the e-mail is written as code."""
    return any(block.get("kind") == CODE for block, _ in walk(body))


def promotional_problems(body: Any, path: str) -> list[Problem]:
    """Return a problem for every promotional block where only what is about the order may stand."""
    return [
        Problem(
            here,
            "kind",
            f"{label_of(block)} is promotional, and this e-mail is to stay about the order.",
            "Take it away, or let the e-mail become marketing: it then goes to subscribed contacts only.",
        )
        for block, here in walk(body, path)
        if _promotes(block)
    ]


def label_of(block: dict[str, Any]) -> str:
    """Return the name of a block's kind."""
    kind = BLOCKS.get(str(block.get("kind")))
    return kind.label if kind is not None else str(block.get("kind"))


def conditions_of(body: Any) -> list[Any]:
    """Return the conditions under which blocks are shown."""
    return [block["show_if"] for block, _ in walk(body) if block.get("show_if")]


def _promotes(block: dict[str, Any]) -> bool:
    return block.get("kind") in PROMOTIONAL_BLOCKS or bool(block.get("promotional"))


def problems(body: Any, path: str, trigger: str) -> list[Problem]:
    """Return what is wrong with a body at `path` ("steps[0].body") after `trigger`; empty when it can be written."""
    if body is None:
        return []
    if not isinstance(body, list) or sum(1 for _ in walk(body)) > _MOST_BLOCKS:
        return [Problem(path, "body", f"The content is not a list of at most {_MOST_BLOCKS} blocks.", "Shorten it.")]
    if len(body) > 1 and any(isinstance(one, dict) and one.get("kind") == CODE for one in body):
        return [Problem(path, "body", "Code stands beside other blocks.", "Let the code be the whole content.")]
    return _problems(body, path, trigger, inside=False)


def _problems(body: list[Any], path: str, trigger: str, *, inside: bool) -> list[Problem]:
    return [
        problem
        for number, block in enumerate(body)
        for problem in _problems_of_one(block, f"{path}[{number}]", trigger, inside=inside)
    ]


def text_problems(text: Any, path: str, key: str, trigger: str) -> list[Problem]:
    """Return what is wrong with the merge variables of one text."""
    if not isinstance(text, str):
        return []
    found = [Problem(path, key, message, remedy) for message, remedy in syntax_problems(text)]
    for name, suggestion in unknown_variables(text, trigger):
        remedy = f"Did you mean {{{{ {suggestion} }}}}?" if suggestion else "Choose a variable from the list."
        found.append(Problem(path, key, f"{{{{ {name} }}}} is not known to {TRIGGERS[trigger].label}.", remedy))
    return found


def _problems_of_one(block: Any, path: str, trigger: str, *, inside: bool) -> list[Problem]:
    """`inside`: it stands in a column, where neither columns nor code can stand."""
    name = block.get("kind") if isinstance(block, dict) else None
    kind = BLOCKS.get(name) if isinstance(name, str) else None
    if kind is None:
        return [Problem(path, "kind", "There is no such block.", f"Choose: {', '.join(BLOCK_KINDS)}.")]
    if inside and kind.key in ("columns", CODE):
        return [Problem(path, "kind", f"{kind.label} cannot stand in a column.", "Take it out of the columns.")]
    lists = SIDES if kind.key == "columns" else ()
    known = {"kind", "promotional", "show_if", *lists, *(field.key for field in kind.fields)}
    found = unknown_keys(block, known, path)
    found.extend(conditions.problems(block.get("show_if"), f"{path}.show_if", facts=TRIGGERS[trigger].facts))
    for field in (*kind.fields, Field("promotional", "Promotional", "flag")):
        value = block.get(field.key)
        problem = check(field, value, path)
        if problem is not None:
            found.append(problem)
        elif field.key == CODE:
            found.extend(_code_problems(value, path, trigger))
        elif field.kind in _TEXT_KINDS:
            found.extend(text_problems(value, path, field.key, trigger))
            if field.kind == "link" and value and not leads_to_link(value):
                found.append(Problem(path, field.key, f"{field.label}: this is not a link.", _LINK_HELP))
    for side in lists:
        column = block.get(side)
        if column is not None and not isinstance(column, list):
            found.append(Problem(f"{path}.{side}", side, "The column is not a list of blocks.", "Give a list."))
        else:
            found.extend(_problems(column or [], f"{path}.{side}", trigger, inside=True))
    if kind.key == "product_cards" and block.get("source") != "order" and not block.get("products"):
        found.append(Problem(path, "products", "No product is chosen.", "Choose up to six, or those of the order."))
    return found


def _code_problems(code: Any, path: str, trigger: str) -> list[Problem]:
    """Names that the trigger does not supply; what else is wrong with code is found where it is rendered."""
    return [
        Problem(
            path,
            CODE,
            f"Line {line}: {{{{ {name} }}}} is not known to {TRIGGERS[trigger].label}.",
            f"Did you mean {{{{ {suggestion} }}}}?" if suggestion else "Choose a variable from the list.",
        )
        for line, name, suggestion in unknown_in_code(code, trigger)
    ]
