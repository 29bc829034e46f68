"""What a mail server answers."""

from __future__ import annotations

import re
import smtplib
from typing import Final

REPLY_SECONDS: Final = 30.0
_NO_SUCH_ADDRESS: Final = re.compile(r"5\.1\.(1|2|3|6|10)\b|5\.2\.1\b")
_HAS_CODE: Final = re.compile(r"^[245]\.\d{1,3}\.\d{1,3}\b")


def reply(line: smtplib.SMTP, seconds: float = REPLY_SECONDS) -> tuple[int, str]:
    """Read one reply: its code and words. Raises SMTPException or OSError."""
    if line.sock is not None:
        line.sock.settimeout(seconds)
    code, words = line.getreply()
    if code == -1:
        raise smtplib.SMTPServerDisconnected("the server answered something that is not SMTP")
    return code, " ".join(words.decode("utf-8", "replace").split())


def is_bounce(code: int, words: str) -> bool:
    """Whether a refused recipient means "no such address", and not "we do not like you" (5.7.x)."""
    if _NO_SUCH_ADDRESS.search(words):
        return True
    return code in (550, 551, 553) and not _HAS_CODE.match(words)
