"""Requests that the shop sends, each on a connection of its own, nothing repeated."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

TIMEOUT = 60.0
MOST_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Sent:
    """What came back: a status, or 0 and the reason why nothing did. `location` is where a redirect points."""

    status: int
    error: str = ""
    location: str = ""


def post(url: str, body: bytes, headers: list[tuple[str, str]], *, public_only: bool, timeout: float = TIMEOUT) -> Sent:
    """POST `body`; redirects are not followed.

    `public_only` refuses what WordPress refuses by default: private addresses and odd ports (fact 91).
    """
    return _send("POST", url, body, headers, public_only=public_only, timeout=timeout)


def post_and_follow(url: str, body: bytes, headers: list[tuple[str, str]], *, public_only: bool) -> Sent:
    """POST `body` and follow redirects as WordPress does: with GET, and the body goes along (fact 96)."""
    method = "POST"
    sent = _send(method, url, body, headers, public_only=public_only, timeout=TIMEOUT)
    for _ in range(MOST_REDIRECTS):
        if sent.status not in (301, 302, 303, 307, 308) or not sent.location:
            break
        url = urljoin(url, sent.location)
        method = method if sent.status in (307, 308) else "GET"
        sent = _send(method, url, body, headers, public_only=public_only, timeout=TIMEOUT)
    return sent


def is_private(host: str) -> bool:
    """Whether a host is on this machine or in a private network."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def _send(
    method: str, url: str, body: bytes, headers: list[tuple[str, str]], *, public_only: bool, timeout: float
) -> Sent:
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return Sent(0, "A valid URL was not provided.")
    if public_only and (is_private(host) or (port or 80) not in (80, 443, 8080)):
        return Sent(0, "A valid URL was not provided.")
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context())
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.putheader("Connection", "close")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        answer.read(65_536)
        return Sent(answer.status, location=answer.headers.get("Location", ""))
    except ssl.SSLCertVerificationError as error:
        return Sent(0, f"cURL error 60: SSL certificate problem: {error.verify_message}")
    except ssl.SSLError as error:
        return Sent(0, f"cURL error 60: SSL certificate problem: {error.reason}")
    except (http.client.RemoteDisconnected, http.client.BadStatusLine):
        return Sent(0, "cURL error 52: Empty reply from server")
    except TimeoutError:
        return Sent(0, f"cURL error 28: Operation timed out after {timeout:.0f} s")
    except (OSError, socket.gaierror, http.client.HTTPException) as error:
        return Sent(0, f"cURL error 7: {error}")
    finally:
        connection.close()
