"""Reads the store address that a person typed (C2). Pure: what a host answers is seen by `preflight`."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import idna

from referins_woo.config import Config
from referins_woo.errors import InvalidInput
from referins_woo.stores.links import is_private_host

PUBLIC_PORTS: Final = frozenset({80, 443, 8080, 8443})
LONGEST: Final = 500
_WORDPRESS_PAGES = re.compile(r"/(wp-json|wp-admin|wp-login\.php|index\.php|wc-auth)(/.*)?$", re.IGNORECASE)
_FORBIDDEN = re.compile(r"[\s\\\x00-\x1f\x7f<>\"'`{}|^]")


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """A store's address in one form: scheme, host in lower case, port only if unusual, path without a slash at the end.

    `notes` say what was changed about the typed text, one sentence each.
    """

    url: str
    notes: tuple[str, ...] = ()


def normalise_url(text: str, config: Config) -> StoreAddress:
    """Return the address in `text`. Raises InvalidInput("url", …) with a sentence of its own for each fault."""
    typed = text.strip()
    notes: list[str] = []
    if not typed:
        raise _wrong("Type in the address of your store, like https://yourstore.com.")
    if len(typed) > LONGEST:
        raise _wrong("This address is too long.")
    if _FORBIDDEN.search(typed):
        raise _wrong("The address holds a space or a character that no address has.")
    if not re.match(r"[a-z][a-z0-9+.-]*://", typed, re.IGNORECASE):
        if re.match(r"[a-z][a-z0-9+.-]*:(?!\d)", typed, re.IGNORECASE):
            raise _wrong("The address must begin with https://.")
        typed = "https://" + typed
        notes.append("We added https:// in front.")
    try:
        parts = urlsplit(typed)
        port = parts.port
    except ValueError:
        raise _wrong("This is not an address: check the name and the port.") from None
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https"):
        raise _wrong(f"The address begins with {scheme}://; a store's address begins with https://.")
    if "@" in parts.netloc:
        raise _wrong("The address holds a user name or password: leave them out.")
    host = _host(parts.hostname or "")
    if parts.netloc.split(":")[0] != host and parts.netloc.lower().startswith(host):
        notes.append("We wrote the name in small letters.")
    path = _path(parts.path, notes)
    if parts.query or parts.fragment:
        notes.append("We left out what stood after ? or #.")
    if port == {"http": 80, "https": 443}[scheme]:
        port = None
    shown_host = f"[{host}]" if ":" in host else host
    origin = f"{scheme}://{shown_host}" + (f":{port}" if port else "")
    _allowed(config, origin, host, port)
    return StoreAddress(origin + path, tuple(notes))


def _host(host: str) -> str:
    if not host:
        raise _wrong("The address has no host name.")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    if re.fullmatch(r"(0x[0-9a-f]+|\d+)(\.(0x[0-9a-f]+|\d+))*\.?", host, re.IGNORECASE):
        raise _wrong("Numbers alone are not an address: give the store's name.")
    try:
        return idna.encode(host.rstrip("."), uts46=True, transitional=False).decode("ascii")
    except idna.IDNAError:
        raise _wrong(f"“{host[:80]}” is not a name that a host can have.") from None


def _path(path: str, notes: list[str]) -> str:
    short = _WORDPRESS_PAGES.sub("", path)
    if short != path:
        notes.append("We left out the part that leads into WordPress itself.")
    trimmed = re.sub(r"/{2,}", "/", short).rstrip("/")
    if trimmed != short:
        notes.append("We left out the slash at the end.")
    if any(part in (".", "..") for part in trimmed.split("/")):
        raise _wrong("The address holds /../: give it without.")
    return trimmed


def _allowed(config: Config, origin: str, host: str, port: int | None) -> None:
    # http and https of one host and port are tried both, so either being allowed lets the address in.
    other = (
        origin.replace("https://", "http://", 1) if origin.startswith("https") else origin.replace("http", "https", 1)
    )
    private_ok = config.allows_private_store(origin) or config.allows_private_store(other)
    if is_private_host(host) and not private_ok:
        if "." not in host and ":" not in host and host != "localhost":
            raise _wrong(f"“{host}” has no ending like .com: give the whole address of the store.")
        raise _wrong(
            "This address is in a private network, which we cannot reach. "
            "Whoever runs this on their own machine can allow it with REFERINS_ALLOW_PRIVATE_STORES."
        )
    if port is not None and port not in PUBLIC_PORTS and not (private_ok and port >= 1024):
        raise _wrong(f"Port {port} is not one that we call: use 443, 80, 8080 or 8443.")


def _wrong(sentence: str) -> InvalidInput:
    return InvalidInput("url", sentence)
