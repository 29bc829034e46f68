"""Turns a template and facts into an e-mail: subject, preview text, HTML and plain text. Nothing is looked up here.

A merchant's template is compiled once per process (MJML → inlined CSS → Jinja2 tree) and kept by its content; per
message only the sandboxed Jinja2 runs, in well under a millisecond.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Final

import orjson
from jinja2 import nodes

from automations.blocks import CODE
from automations.conditions import Ready, evaluate
from referins_woo import clock
from referins_woo.mail import blocks, folders, layout, sandbox, shown, words
from referins_woo.mail.brand import Brand
from referins_woo.mail.draft import Draft
from referins_woo.mail.sandbox import TemplateFault

MOST_SUBJECT: Final = 250
_COMPILED: Final = frozenset({"subject", "preheader", "body", "plain", "brand"})
_HREF: Final = re.compile(r'href="[^"]*"')
_ADDRESS: Final = re.compile(r"(?:https?://|mailto:)([^\s/?#]+)\S*")
_ITEMS = frozenset({"order.lines", "order.total", "order.shipping_total", "order.total_tax"})


@dataclass(frozen=True, slots=True)
class Composed:
    """An e-mail as a person sees it."""

    subject: str
    preheader: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Footer:
    """What stands below every marketing e-mail, whatever its template says."""

    sender: str
    address: str
    unsubscribe: str
    preferences: str
    view: str = ""
    """Where the e-mail stands on the web; empty: nowhere."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    subject: Any
    preheader: Any
    html: Any
    text: Any
    links: tuple[Any, ...]
    labels: Mapping[str, Mapping[str, Any]]
    shown: tuple[Ready, ...]
    names: frozenset[str]
    brand: Brand


def compose(template: dict[str, Any], facts: dict[str, Any], footer: Footer | None = None) -> Composed:
    """Return the e-mail.

    `template` is {"subject", "preheader", "body": [blocks]}, perhaps with `plain` (text instead of the one made of the
    blocks), `brand` (see `brand.Brand`), `test` (its links lead nowhere) and `test_footer`, or {"email": name of a
    folder}. `facts` has the shape of `automations.facts.Facts` (or what the folder's texts name). Raises TemplateFault.
    """
    if "email" in template:
        return Composed(*folders.render(str(template["email"]), facts))
    if footer is None and template.get("test_footer"):
        footer = Footer(**template["test_footer"])
    language = shown.language_of(facts, str((template.get("brand") or {}).get("language") or ""))
    compiled = _compiled(_document(template), language, with_footer=footer is not None)
    values = shown.ready(facts, compiled.names, language)
    values["_links"] = [shown.link(sandbox.render(one, values)) for one in compiled.links]
    now = clock.now() if compiled.shown else None
    values["_shown"] = [evaluate(one, facts, now).passed for one in compiled.shown]
    for name, labels in compiled.labels.items():
        values[name] = _labels(labels, values, language)
    if footer is not None:
        own = words.of(language)
        said = {f"{key}_word": own[key] for key in ("unsubscribe", "preferences", "view")}
        values[blocks.FOOTER] = {**asdict(footer), **said, "colour": compiled.brand.below}
    composed = Composed(
        subject=_one_line(sandbox.render(compiled.subject, values)),
        preheader=_one_line(sandbox.render(compiled.preheader, values)),
        html=sandbox.render(compiled.html, values),
        text=sandbox.render(compiled.text, values).strip("\n") + "\n",
    )
    return _inert(composed) if template.get("test") else composed


def problem_of(template: dict[str, Any]) -> str | None:
    """Return what is wrong with a merchant's template, as a sentence; None if it can be rendered."""
    try:
        _compiled(_document(template), "en_GB", with_footer=False)
    except TemplateFault as fault:
        return str(fault)
    return None


def compose_line(text: str, facts: dict[str, Any]) -> str:
    """Return one line of text with its merge variables filled in. Raises TemplateFault."""
    tree = sandbox.parse(sandbox.PLAIN, text)
    values = shown.ready(facts, frozenset(sandbox.names_in(tree)), shown.language_of(facts))
    return _one_line(sandbox.render(_code(sandbox.PLAIN, tree), values))


def _document(template: dict[str, Any]) -> bytes:
    """Return what is compiled: the template without what is of one message."""
    return orjson.dumps({key: template[key] for key in template if key in _COMPILED}, option=orjson.OPT_SORT_KEYS)


@lru_cache(maxsize=256)
def _compiled(document: bytes, language: str, *, with_footer: bool) -> _Compiled:
    template = orjson.loads(document)
    subject, preheader = str(template.get("subject") or ""), str(template.get("preheader") or "")
    body = template.get("body")
    if not isinstance(body, list):
        raise TemplateFault(f"The content is not a list of at most {blocks.MOST_BLOCKS} blocks.")
    brand = replace(Brand.of(template.get("brand")), language=language)
    draft = Draft(right_to_left=words.is_right_to_left(language))
    html = _html(draft, body, preheader, brand, with_footer=with_footer)
    plain = _own_plain(draft, template.get("plain"), brand, with_footer=with_footer)
    texts = [sandbox.parse(sandbox.PLAIN, text) for text in (subject, preheader, *draft.links)]
    labels = [{name: _label(value) for name, value in labels.items()} for labels in draft.labels]
    trees = [tree for one in labels for tree in one.values() if isinstance(tree, nodes.Template)]
    names = frozenset[str]().union(*map(sandbox.names_in, (html, plain, *texts, *trees)))
    subject_code, preheader_code, *links = (_code(sandbox.PLAIN, tree) for tree in texts)
    return _Compiled(
        subject=subject_code,
        preheader=preheader_code,
        html=_code(sandbox.HTML, html),
        text=_code(sandbox.PLAIN, plain),
        links=tuple(links),
        labels={
            f"_labels{number}": {
                name: _code(sandbox.PLAIN, value) if isinstance(value, nodes.Template) else value
                for name, value in one.items()
            }
            for number, one in enumerate(labels)
        },
        shown=tuple(draft.shown),
        names=names | _ITEMS if draft.labels else names,
        brand=brand,
    )


def _html(draft: Draft, body: list[Any], preheader: str, brand: Brand, *, with_footer: bool) -> nodes.Template:
    """Return the tree of the HTML part; the draft has the plain text then."""
    if len(body) == 1 and isinstance(body[0], dict) and body[0].get("kind") == CODE:
        from referins_woo.mail import code  # noqa: PLC0415  (most processes meet no e-mail in code: 6 MB)

        below = blocks.marketing_footer(draft, brand) if with_footer else ""
        return code.written(draft, body[0], preheader, below, brand)
    sections = blocks.sections(draft, body, brand)
    below = blocks.footer_section(draft, brand) if with_footer else ""
    return layout.html_of(draft, sections, preheader, below, brand)


def _own_plain(draft: Draft, plain: Any, brand: Brand, *, with_footer: bool) -> nodes.Template:
    """Return the tree of the plain text: the merchant's own where there is one, else what the blocks say."""
    if not isinstance(plain, str) or not plain.strip():
        return nodes.Template(draft.plain)
    own = Draft()
    own.say(*sandbox.parse(sandbox.PLAIN, plain).body, "\n\n")
    if with_footer:
        blocks.marketing_footer(own, brand)
    return nodes.Template(own.plain)


def _label(value: Any) -> Any:
    """A word of a block may hold merge variables like any other text."""
    return sandbox.parse(sandbox.PLAIN, value) if isinstance(value, str) and "{" in value else value


def _labels(labels: Mapping[str, Any], values: dict[str, Any], language: str) -> dict[str, Any]:
    """Return what a snippet calls `labels`, for one message."""
    found: dict[str, Any] = {}
    for name, value in labels.items():
        if name == "cards":
            bought = (values.get("order") or {}).get("lines")
            bought = bought if isinstance(bought, list) else []
            found[name] = (shown.cards(value, language) if value is not None else bought)[: blocks.MOST_CARDS]
        else:
            found[name] = value if isinstance(value, str) else sandbox.render(value, values)
    return found


def _inert(composed: Composed) -> Composed:
    """Return a test of an e-mail: its subject says so, and its links, which would act for a person, lead nowhere."""
    return Composed(
        subject=_one_line(f"[Test] {composed.subject}"),
        preheader=composed.preheader,
        html=_HREF.sub('href="#"', composed.html),
        text=_ADDRESS.sub(lambda found: f"[link: {found[1]}]", composed.text),
    )


def _code(language: sandbox.Language, tree: nodes.Template) -> Any:
    """Return the compiled tree."""
    tree.set_environment(language)
    tree.set_lineno(1)
    try:
        return language.from_string(tree)
    except (SyntaxError, RecursionError):
        raise TemplateFault("The text is nested too deeply.") from None


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MOST_SUBJECT else line[: MOST_SUBJECT - 1] + "…"
