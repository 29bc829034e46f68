"""An e-mail while it is put together: HTML with marks, what is set in the place of the marks, the plain text beside it.

A mark survives MJML and the CSS inliner. `filled` splits the finished HTML at the marks and sets the parsed texts in
their places, so that neither tool sees, mangles or trusts what a merchant typed.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any, Final

from jinja2 import nodes

from automations.conditions import Ready, prepare
from referins_woo.mail import sandbox

SLOT: Final = re.compile(r"(?:<!--)?SLOT(\d+)TOLS(?:-->)?")
_FOR_OUTLOOK: Final = re.compile(r"<!--\[if mso.*?<!\[endif\]-->", re.DOTALL)
_IN_COMMENT: Final = re.compile(r"<!--((?:SLOT|CODE)\d+(?:TOLS|EDOC))-->")


@dataclass(frozen=True, slots=True)
class Slot:
    """What stands at a mark: nodes, or the beginning or end of a part that is shown under a condition."""

    body: list[nodes.Node]
    opens: nodes.Expr | None = None
    closes: bool = False


@dataclass(slots=True)
class Draft:
    """The slots of one e-mail, its plain text, and what is looked up anew for every message."""

    slots: list[Slot] = field(default_factory=list)
    plain: list[nodes.Node] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    """Addresses as the merchant wrote them: rendered and checked before anything else (`_links[n]`)."""
    labels: list[dict[str, Any]] = field(default_factory=list)
    """Words and product cards of blocks that are drawn by snippets (`_labels<n>`)."""
    shown: list[Ready] = field(default_factory=list)
    """Conditions under which parts are shown (`_shown[n]`)."""
    right_to_left: bool = False
    has_heading: bool = False

    def words(self, text: str) -> str:
        """Return the mark of a slot for a merchant's `text`, shown as text with its line breaks."""
        tree = sandbox.parse(sandbox.HTML, text)
        for data in tree.find_all(nodes.TemplateData):
            data.data = html.escape(data.data).replace("\r\n", "\n").replace("\n", "<br>")
        return self.put(Slot(tree.body))

    def link(self, url: str) -> int:
        """Return the number of a link that the merchant wrote."""
        sandbox.parse(sandbox.PLAIN, url)
        self.links.append(url)
        return len(self.links) - 1

    def address(self, number: int) -> str:
        """Return the mark of a slot for a link, in an attribute."""
        return self.put(Slot([nodes.Output([link_at(number)])]))

    def only_with(self, number: int, mjml: str) -> str:
        """Return `mjml` with marks around it: without a usable link it is left out."""
        return self.only_if(link_at(number), mjml)

    def only_if(self, condition: nodes.Expr, mjml: str) -> str:
        """Return `mjml` with marks around it: it is left out where `condition` is not true."""
        opened, closed = self.put(Slot([], opens=condition)), self.put(Slot([], closes=True))
        return f"<mj-raw><!--{opened}--></mj-raw>{mjml}<mj-raw><!--{closed}--></mj-raw>"

    def condition(self, condition: Any) -> nodes.Expr:
        """Return what is true where a block's condition (as filters have it) holds for the message."""
        self.shown.append(prepare(condition))
        return nodes.Getitem(nodes.Name("_shown", "load"), nodes.Const(len(self.shown) - 1), "load")

    def put(self, slot: Slot) -> str:
        """Keep `slot`; returns its mark."""
        self.slots.append(slot)
        return f"SLOT{len(self.slots) - 1}TOLS"

    def say(self, *parts: str | nodes.Node) -> None:
        """Add to the plain text: literal strings, or nodes."""
        self.plain.extend(said(part) if isinstance(part, str) else part for part in parts)


def link_at(number: int) -> nodes.Expr:
    """Return the looked-up link with that number."""
    return nodes.Getitem(nodes.Name("_links", "load"), nodes.Const(number), "load")


def said(text: str) -> nodes.Node:
    """Return literal text as a node."""
    return nodes.Output([nodes.TemplateData(text)])


def marks_bared(html_text: str) -> str:
    """Take the comment signs off marks that stand inside comments for Outlook: comments do not nest."""
    return _FOR_OUTLOOK.sub(lambda found: _IN_COMMENT.sub(r"\1", found[0]), html_text)


def filled(draft: Draft, finished: str) -> nodes.Template:
    """Return the tree of finished HTML with its slots filled."""
    levels: list[list[nodes.Node]] = [[]]
    conditions: list[nodes.Expr] = []
    for number, part in enumerate(SLOT.split(finished)):
        if number % 2 == 0:
            levels[-1].append(said(part))
            continue
        slot = draft.slots[int(part)]
        if slot.opens is not None:
            conditions.append(slot.opens)
            levels.append([])
        elif slot.closes:
            inner = levels.pop()
            levels[-1].append(nodes.If(conditions.pop(), inner, [], []))
        else:
            levels[-1].extend(slot.body)
    return nodes.Template(levels[0])


def filled_tree(draft: Draft, tree: nodes.Template) -> nodes.Template:
    """Fill the slots whose marks stand in the texts of a tree that was parsed already."""
    tree.body = _expanded(draft, tree.body)
    return tree


def _expanded(draft: Draft, body: list[nodes.Node]) -> list[nodes.Node]:
    found: list[nodes.Node] = []
    for statement in body:
        if isinstance(statement, nodes.Output):
            for part in statement.nodes:
                if isinstance(part, nodes.TemplateData):
                    found.extend(filled(draft, part.data).body)
                else:
                    found.append(nodes.Output([part]))
            continue
        for name in ("body", "else_"):
            if hasattr(statement, name):
                setattr(statement, name, _expanded(draft, getattr(statement, name)))
        for branch in getattr(statement, "elif_", ()):
            branch.body = _expanded(draft, branch.body)
        found.append(statement)
    return found
