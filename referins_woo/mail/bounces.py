"""Mails that come back: which message of ours it was, and what became of its address (E3).

A delivery status notification (RFC 3464) or a complaint (RFC 5965) counts only if it holds the Message-ID of a message
that we sent, and only for the address that this message went to: a forged one can at most stop mail to its forger.
"""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import dataclass
from datetime import datetime
from email.message import Message as Mail
from typing import Final

from flufl.bounce import all_failures
from sqlalchemy.orm import Session

from referins_woo.commerce.matching import email_key
from referins_woo.mail import consent, reported

LARGEST: Final = 10 * 1024 * 1024
_OURS: Final = re.compile(rb"<\d{1,19}\.[0-9a-f]{24}@[A-Za-z0-9.-]{1,253}>")
_DIAGNOSTIC: Final = re.compile(rb"^(?:Diagnostic-Code|Status):\s*(.{1,300})", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Report:
    """What a mail that came back says."""

    kind: str
    """`bounced`, `delayed` or `complained`; empty: it is no report that we understand."""
    addresses: frozenset[str]
    """As addresses compare; of a complaint perhaps none, as many providers hide them."""
    message_ids: tuple[str, ...]
    said: str


def read(raw: bytes) -> Report:
    """Return what one mail says. Pure."""
    mail = email.message_from_bytes(raw, policy=email.policy.compat32)
    ids = tuple(dict.fromkeys(found.decode("ascii") for found in _OURS.findall(raw)))
    if _is_complaint(mail):
        return Report("complained", frozenset(), ids, "Marked as spam by the recipient.")
    try:
        temporary, permanent = all_failures(mail)
    except (LookupError, TypeError, ValueError, AttributeError):
        return Report("", frozenset(), ids, "")  # not even its From can be read: no mail server wrote it
    found = _DIAGNOSTIC.search(raw)
    said = " ".join(found[1].decode("utf-8", "replace").split()) if found else ""
    if permanent:
        return Report("bounced", _keys(permanent), ids, said)
    if temporary:
        return Report("delayed", _keys(temporary), ids, said)
    return Report("", frozenset(), ids, said)


def take(session: Session, raw: bytes, now: datetime) -> tuple[str, int]:
    """Take one mail in; returns (what it was, id of the message). ("", 0): nothing of ours, nothing done."""
    report = read(raw)
    if not report.kind or not report.message_ids:
        return "", 0
    message = reported.message_of(session, report.message_ids)
    if message is None or (report.kind != consent.COMPLAINED and not reported.is_for(message, report.addresses)):
        return "", 0
    done = reported.note(session, message, reported.Report(report.kind, report.said), now)
    return (report.kind, message.id) if done else ("", 0)


def _is_complaint(mail: Mail) -> bool:
    return (
        mail.get_content_type() == "multipart/report"
        and str(mail.get_param("report-type") or "").casefold() == "feedback-report"
    )


def _keys(addresses: object) -> frozenset[str]:
    found = addresses if isinstance(addresses, (set, frozenset, list, tuple)) else ()
    texts = (one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in found)
    return frozenset(email_key(text) for text in texts)
