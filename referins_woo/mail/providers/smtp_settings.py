"""SMTP_URL, read."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Where to connect and how, from SMTP_URL."""

    host: str
    port: int
    tls: bool
    starttls: bool
    user: str
    password: str = field(repr=False)

    @classmethod
    def from_url(cls, url: str) -> SmtpSettings:
        """Read `smtp://user:password@host:587?starttls=1` or `smtps://host` (TLS from the start)."""
        parts = urlsplit(url)
        tls = parts.scheme == "smtps"
        starttls = parse_qs(parts.query).get("starttls", ["0"])[-1] not in ("", "0", "false", "no")
        port = parts.port or (465 if tls else 587 if starttls else 25)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.hostname or "localhost", port, tls, starttls and not tls, user, password)
