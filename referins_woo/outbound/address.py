"""Which addresses may be called: https, public, no password in it. What a name resolves to, `safe_http` checks."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from referins_woo.config import Config, is_loopback
from referins_woo.errors import InvalidInput
from referins_woo.safe_http import is_public

LONGEST: Final = 500
_PORTS: Final = frozenset({None, 443, 8443})


def checked(text: str, config: Config) -> str:
    """Return an endpoint's address as it is kept. Raises InvalidInput("url", …) with a sentence for each fault."""
    url = text.strip()
    if not url:
        raise _wrong("Type the address that is to be called, like https://example.com/webhooks.")
    if len(url) > LONGEST:
        raise _wrong(f"The address is longer than {LONGEST} characters.")
    if any(letter.isspace() or ord(letter) < 32 for letter in url):
        raise _wrong("The address holds a space.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _wrong("This is not an address: check the name and the port.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise _wrong("The address must begin with https:// and name a host.")
    if "@" in parts.netloc:
        raise _wrong("The address holds a user name or password: leave them out; calls are signed.")
    if parts.fragment:
        raise _wrong("Leave out what stands behind #: it is never sent.")
    if config.allows_private_store(f"{parts.scheme}://{parts.netloc}"):
        return url
    if parts.scheme != "https":
        raise _wrong("The address must begin with https://: what we send is not for others to read.")
    if _is_private(host):
        raise _wrong("This address is in a private network, which we do not call.")
    if port not in _PORTS:
        raise _wrong(f"Port {port} is not one that we call: use 443 or 8443.")
    return url


def _is_private(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        return is_loopback(host) or "." not in host or host.endswith((".local", ".internal", ".localhost"))


def _wrong(sentence: str) -> InvalidInput:
    return InvalidInput("url", sentence)
