"""Structured logs: one JSON object a line on standard output, with ids, without personal data or secrets.

On a terminal the same lines are made for eyes. Every line carries the id of its request or job. What others' libraries
log from WARNING on goes the same way. `scrubbed` is the last net under it all: nothing that looks like an address, a
key or a token passes, whoever logged it; a line break or an escape sequence in a value stays inside it.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog

_HIDDEN: Final = "[hidden]"
_PATTERNS: Final = (
    # https://user:password@host, redis://:password@host
    (re.compile(r"(?<=://)[^/@\s'\"]*:[^/@\s'\"]+(?=@)"), _HIDDEN),
    (re.compile(r"(?i)(/(?:hooks|callbacks)/woocommerce/)[\w.~-]{16,}"), rf"\1{_HIDDEN}"),
    (
        re.compile(
            r"(?i)\b(consumer_key|consumer_secret|oauth_\w+|password|secret|token|signature|authorization|cookie)"
            r"(['\"]?\s*[=:]\s*['\"]?)(?:Bearer\s+|Basic\s+)?[^\s&'\",;)}\]]+"
        ),
        rf"\1\2{_HIDDEN}",
    ),
    (re.compile(r"\bc[ks]_[0-9a-fA-F]{8,}"), _HIDDEN),
    (re.compile(r"\bgAAAA[\w=-]{20,}"), _HIDDEN),
    (re.compile(r"(?i)\b(Bearer|Basic)\s+[\w.~+/=-]{12,}"), rf"\1 {_HIDDEN}"),
    # What databases quote of a row that they refuse: DETAIL: Key (email_key)=(…) already exists.
    (re.compile(r"(?s)(DETAIL:\s*).*?(?=\n\S|\Z)"), rf"\1{_HIDDEN}"),
    (re.compile(r"input_value=.*?(?=, input_type=|\]|\n|\Z)"), f"input_value={_HIDDEN}"),
    (re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+"), _HIDDEN),
)
_SECRET_NAMES: Final = re.compile(
    r"(?i)(password|secret|token|cookie|authorization|signature|e_?mail|phone|address|recipient|first_name|last_name)"
)

_OURS: Final = frozenset({"level", "timestamp", "role", "request_id", "job_id", "bell", "method", "rule"})
"""What no outsider writes; looking through it would cost a third of a line."""


def configure(level: int = logging.INFO, stream: TextIO | None = None, *, role: str = "") -> None:
    """Send our logs, and those of libraries from WARNING on, to `stream` (default: standard output).

    JSON lines, or readable ones where `stream` is a terminal. `role` names the process on every line.
    """
    stream = stream or sys.stdout
    known: dict[str, Any] = {"role": role} if role else {}

    def add_role(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line.update(known)
        return line

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        add_role,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Any] = [structlog.processors.format_exc_info, scrub, *_shown_on(stream)]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def new_id() -> str:
    """Return a name for one request or job, on every line that it logs."""
    return secrets.token_hex(8)


def scrub(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Processor: take out of a line what must not be in a log."""
    for name, value in line.items():
        if name not in _OURS:
            line[name] = _HIDDEN if _SECRET_NAMES.search(name) and value else _clean(value)
    return line


def scrubbed(text: str) -> str:
    """Return `text` without addresses, keys and tokens."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def _clean(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _HIDDEN if _SECRET_NAMES.search(str(key)) else _clean(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(each) for each in value]
    return scrubbed(value if isinstance(value, str) else repr(value))


def _shown_on(stream: TextIO) -> list[Any]:
    if not stream.isatty():
        return [structlog.processors.JSONRenderer()]
    # No line break and no escape sequence of a value may reach the terminal: values are shown by their repr.
    return [
        _on_one_line,
        structlog.dev.ConsoleRenderer(repr_native_str=True, exception_formatter=structlog.dev.plain_traceback),
    ]


def _on_one_line(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    line["event"] = re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda found: repr(found[0])[1:-1], str(line.get("event", "")))
    return line
