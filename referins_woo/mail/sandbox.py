"""The language of merchants' texts: Jinja2 of which only a short list of things is let in.

Jinja2's sandbox stops escapes to Python, not abuse of time and memory: `{{ 10**100000000 }}` alone runs for minutes.
So a text is parsed, its tree is checked against a white list (no calls, no arithmetic, no macros, no includes, no
assignment), loops pay from a budget, and what comes out is counted. Filters are our own: each is linear in its input.
Store data is looked up while rendering and never parsed.
"""

from __future__ import annotations

import html
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from jinja2 import TemplateSyntaxError, Undefined, nodes, pass_context, pass_eval_context
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

from referins_woo.errors import Final as FinalError
from referins_woo.mail import shown

MOST_TEXT: Final = 20_000
"""Characters of one text as the merchant wrote it."""
MOST_OUTPUT: Final = 500_000
"""Characters of one rendered part."""
MOST_SECONDS: Final = 0.2
"""Of this thread's own work: on a busy machine an e-mail must not fail for time that others took."""
_LOOK_EVERY: Final = 16
"""Pieces of text between two looks at the clock, which cost as much as the pieces."""
_COMPLICATED: Final = "The text is too complicated: use fewer conditions, or several e-mails."
_MOST_TOKENS: Final = 3_000
"""Looked at before parsing: the lexer can be stopped, the parser cannot."""
_MOST_NODES: Final = 1_000
_DEEPEST: Final = 25
_DEEPEST_LOOP: Final = 2
_BUDGET: Final = 60_000
"""Nodes that all loops of one rendering may visit: about 10 ms."""
_LOOP_NAMES: Final = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})

_LET_IN: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem),
    *(nodes.Filter, nodes.Test, nodes.Not, nodes.And, nodes.Or, nodes.Compare, nodes.Operand, nodes.CondExpr),
    *(nodes.If, nodes.For, nodes.List, nodes.Tuple),
)


class TemplateFault(FinalError):
    """A text cannot be rendered as it is written; the message says why, for the merchant."""


class Budget:
    """What the loops of one rendering may still visit."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = _BUDGET


class _Blank(Undefined):
    """What is not there: shown as nothing, and so is everything below it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> Any:
        return self


class Language(ImmutableSandboxedEnvironment):
    """Jinja2 without callables, attributes of Python objects, arithmetic and globals."""

    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)
    intercepted_unops = frozenset(ImmutableSandboxedEnvironment.default_unop_table)

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(autoescape=autoescape, undefined=_Blank, finalize=_finalize, cache_size=0)
        self.globals = {}
        self.filters = dict(_FILTERS)
        self.tests = {"defined": _is_defined, "undefined": _is_undefined, "none": _is_none}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Look a name up in plain data: an attribute of a Python object is never reached."""
        if isinstance(obj, dict):  # nearly all; an `undefined` is made for what is not there alone
            return obj[attribute] if attribute in obj else self.undefined(name=attribute)
        if isinstance(obj, LoopContext) and attribute in _LOOP_NAMES:
            return getattr(obj, attribute)
        return self.undefined(name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Like `getattr`, and a place in a list."""
        if isinstance(obj, dict):
            return obj.get(argument, self.undefined(name=str(argument)))
        if isinstance(obj, list | tuple) and isinstance(argument, int) and -len(obj) <= argument < len(obj):
            return obj[argument]
        return self.undefined(name=str(argument))

    def is_safe_callable(self, obj: Any) -> bool:
        """Nothing is called."""
        return False

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """No arithmetic: a power or a repetition would take for ever."""
        raise TemplateFault(f"Arithmetic ({operator}) is not available in texts.")

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        """No arithmetic."""
        raise TemplateFault(f"Arithmetic ({operator}) is not available in texts.")


def parse(language: Language, text: str, most: int = MOST_TEXT, *, lines: bool = False) -> nodes.Template:
    """Return the checked tree of a merchant's `text`, its loops bound to the budget. Raises TemplateFault.

    `lines`: what is refused names its line.
    """
    if len(text) > most:
        raise TemplateFault(f"The text is too long: {len(text)} characters, at most {most}.")
    try:
        if next(islice(language.lexer.tokeniter(text, None), _MOST_TOKENS, None), None) is not None:
            raise TemplateFault(_COMPLICATED)
        tree = language.parse(text)
    except TemplateSyntaxError as error:
        raise TemplateFault(f"Line {error.lineno}: {error.message}") from None
    except (RecursionError, ValueError, OverflowError, MemoryError):
        raise TemplateFault("The text is nested too deeply, or holds a number that is too large.") from None
    _check(tree, lines=lines)
    for loop in tree.find_all(nodes.For):
        cost = nodes.Const(_count(loop))
        loop.iter = nodes.Filter(loop.iter, "_spend", [cost], [], None, None)
    return tree


def address(text: str) -> nodes.Node:
    """Return the checked tree of an address in an attribute: what it gives is a link, or nothing, at every place."""
    tree = parse(PLAIN, text, lines=False)
    return nodes.FilterBlock(tree.body, nodes.Filter(None, "_address", [], [], None, None))


def pieces(text: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, source) of a text that `parse` took: `data`, `value` ({{ … }}), `statement` ({% … %}), in order.

    Comments are left out.
    """
    kind, held = "data", ""
    begins = {"variable_begin": "value", "block_begin": "statement", "comment_begin": "comment", "raw_begin": "raw"}
    for _line, token, source in HTML.lexer.tokeniter(text, None):
        if token in begins:
            kind, held = begins[token], source
        elif token in ("variable_end", "block_end", "comment_end", "raw_end"):
            if kind != "comment":
                yield kind, held + source
            kind, held = "data", ""
        elif kind == "data":
            yield "data", source
        else:
            held += source


def render(template: Any, values: Mapping[str, Any]) -> str:
    """Render a template compiled in a Language. Raises TemplateFault past size or time."""
    parts: list[str] = []
    size = 0
    until = time.thread_time() + MOST_SECONDS
    try:
        stream = _stream(template, values)
        while some := list(islice(stream, _LOOK_EVERY)):
            parts += some
            size += sum(map(len, some))
            if size > MOST_OUTPUT:
                raise TemplateFault(f"The e-mail grows too large: more than {MOST_OUTPUT} characters.")
            if time.thread_time() > until:
                raise TemplateFault("The e-mail takes too long to write.")
    except (TypeError, ValueError, RecursionError) as error:
        raise TemplateFault(f"The text compares things that cannot be compared: {error}") from None
    return "".join(parts)


def names_in(tree: nodes.Node) -> frozenset[str]:
    """Return the dotted names that a tree looks up: what is not named need not be made ready."""
    found: set[str] = set()
    for node in tree.find_all((nodes.Name, nodes.Getattr, nodes.Getitem)):
        path = _path(node)
        if path:
            found.add(path)
    return frozenset(found)


def _stream(template: Any, values: Mapping[str, Any]) -> Iterator[str]:
    chunks: Iterator[str] = template.root_render_func(template.new_context({**values, "_budget": Budget()}))
    return chunks


def _check(tree: nodes.Template, *, lines: bool) -> None:
    waiting: list[tuple[nodes.Node, int, int]] = [(tree, 0, 0)]
    seen = 0
    while waiting:
        node, depth, loops = waiting.pop()
        seen += 1
        if seen > _MOST_NODES or depth > _DEEPEST:
            raise TemplateFault(_COMPLICATED)
        if isinstance(node, nodes.For):
            loops += 1
            if loops > _DEEPEST_LOOP or node.recursive or node.test is not None:
                raise TemplateFault("Loops may hold one other loop, and have no condition of their own.")
        try:
            _check_one(node)
        except TemplateFault as fault:
            raise TemplateFault(f"Line {node.lineno}: {fault}" if lines else str(fault)) from None
        waiting.extend((child, depth + 1, loops) for child in node.iter_child_nodes())


def _check_one(node: nodes.Node) -> None:
    if not isinstance(node, _LET_IN):
        raise TemplateFault(f"{_word(node)} is not available in texts.")
    if isinstance(node, nodes.Name) and (node.name.startswith("_") or node.name == "self"):
        raise TemplateFault(f"{node.name!r} is not available in texts.")
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        raise TemplateFault(f"{node.attr!r} is not available in texts.")
    if isinstance(node, nodes.Const) and isinstance(node.value, int | float) and not abs(node.value) < 10**15:
        raise TemplateFault("The text holds a number that is too large.")
    if isinstance(node, nodes.Getitem) and not _is_plain_key(node.arg):
        raise TemplateFault("Only a name or a number may stand in square brackets.")
    if isinstance(node, nodes.Filter) and (node.name not in _FILTERS or node.name.startswith("_")):
        raise TemplateFault(f"There is no filter {node.name!r}; there are {', '.join(FILTER_NAMES)}.")
    if isinstance(node, nodes.Filter | nodes.Test) and (node.dyn_args is not None or node.dyn_kwargs is not None):
        raise TemplateFault("A filter takes plain arguments only.")
    if isinstance(node, nodes.Test) and node.name not in ("defined", "undefined", "none"):
        raise TemplateFault(f"There is no test {node.name!r}; there are defined, undefined and none.")


def _is_plain_key(node: nodes.Node) -> bool:
    if not isinstance(node, nodes.Const):
        return False
    return isinstance(node.value, int) or (isinstance(node.value, str) and not node.value.startswith("_"))


def _word(node: nodes.Node) -> str:
    words = {nodes.Call: "Calling something", nodes.Assign: "Setting a variable", nodes.Slice: "A slice"}
    return words.get(type(node), f"{type(node).__name__}")


def _count(node: nodes.Node) -> int:
    return 1 + sum(_count(child) for child in node.iter_child_nodes())


def _path(node: nodes.Node) -> str:
    parts: list[str] = []
    while not isinstance(node, nodes.Name):
        if isinstance(node, nodes.Getattr):
            parts.append(node.attr)
        elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
            parts.append(str(node.arg.value))
        else:
            return ""
        node = node.node
    return ".".join((node.name, *reversed(parts)))


def _finalize(value: Any) -> Any:
    """What a value looks like when it is put out: nothing for nothing, a list as its names."""
    if value is None or isinstance(value, dict):
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(_named(one) for one in value[:100])
    return value


def _named(value: Any) -> str:
    if isinstance(value, dict):
        quantity, name = value.get("quantity"), str(value.get("name", ""))
        return f"{quantity} × {name}" if quantity else name
    return str(_finalize(value))


def _text(value: Any) -> str:
    return str(_finalize(value))


def _default(value: Any, fallback: Any = "", _empty_too: Any = True) -> Any:
    """An empty value counts as missing: a contact without a first name has an empty one."""
    return fallback if value is None or value == "" or isinstance(value, Undefined) else value


def _join(value: Any, between: Any = ", ") -> str:
    items = [_named(one) for one in value] if isinstance(value, list | tuple) else [_text(value)]
    glue = _text(between)
    if sum(map(len, items)) + len(glue) * len(items) > MOST_TEXT:
        raise TemplateFault("What is joined grows too large.")
    return glue.join(items)


def _truncate(value: Any, length: Any = 255, *_ignored: Any) -> str:
    text, most = _text(value), length if isinstance(length, int) and length > 0 else 255
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _end(value: Any, place: int) -> Any:
    if isinstance(value, Undefined) or not isinstance(value, str | list | tuple):
        return ""
    return value[place] if value else ""


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | list | tuple | dict) else 0


@pass_context
def _spend(context: Context, value: Any, cost: int) -> Sequence[Any]:
    """The items of a loop, paid for: items × nodes of its body."""
    if not isinstance(value, list | tuple):
        return ()
    budget = context.get("_budget")
    assert isinstance(budget, Budget)
    budget.left -= len(value) * cost
    if budget.left < 0:
        raise TemplateFault("The loops of this text go round too often.")
    return value


@pass_eval_context
def _address(context: nodes.EvalContext, value: Any) -> Any:
    """A web or mail address, escaped where the text around it is; nothing for anything else."""
    found = shown.link(html.unescape(str(value)) if context.autoescape else str(value))
    return escape(found) if context.autoescape else found


def _is_defined(value: Any) -> bool:
    return not isinstance(value, Undefined)


def _is_undefined(value: Any) -> bool:
    return isinstance(value, Undefined)


def _is_none(value: Any) -> bool:
    return value is None


_FILTERS: Final[dict[str, Any]] = {
    "default": _default,
    "d": _default,
    "upper": lambda value: _text(value).upper(),
    "lower": lambda value: _text(value).lower(),
    "title": lambda value: _text(value).title(),
    "capitalize": lambda value: _text(value).capitalize(),
    "trim": lambda value: _text(value).strip(),
    "truncate": _truncate,
    "join": _join,
    "first": lambda value: _end(value, 0),
    "last": lambda value: _end(value, -1),
    "length": _length,
    "count": _length,
    "_spend": _spend,
    "_address": _address,
}
FILTER_NAMES: Final = tuple(name for name in _FILTERS if not name.startswith("_"))

HTML: Final = Language(autoescape=True)
PLAIN: Final = Language(autoescape=False)
