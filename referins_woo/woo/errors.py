"""What a store's answer means when it is not the thing asked for.

Six classes, told apart as the recorded answers of WooCommerce 9.9 and 11.0 show, and as hosts and firewalls in front
of it behave. They say what happened to one request; what follows from it (probe, reconnect, wait) is the door's.
Messages come from the store, may be translated and hold HTML, which is taken out: `code` decides, they are only shown.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from referins_woo import clock
from referins_woo.errors import ReferinsError

LONGEST_WAIT = 3600.0
_FIREWALL_MARKS = re.compile(
    rb"cf-chl|cf-error|challenge-platform|just a moment|attention required|captcha|sucuri|wordfence|incapsula"
    rb"|imunify360|mod_security|access denied",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[^<>]{1,2000}>")
_TRANSIENT_CODES = frozenset({"wp_die", "internal_server_error", ""})


class WooError(ReferinsError):
    """Base: one request to a store failed."""


class Unauthorized(WooError):
    """401 or 403 (also 406, 455 and challenge pages): this request is not let in.

    `firewall`: it was not WooCommerce that said no, but something in front of it; the keys may be good. `date`: the
    store's clock, where the answer told it.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        is_html: bool = False,
        firewall: bool = False,
        date: datetime | None = None,
    ) -> None:
        super().__init__(message or f"HTTP {status}")
        self.status, self.code, self.message = status, code, message
        self.is_html, self.firewall, self.date = is_html, firewall, date

    @property
    def lacks_permission(self) -> Literal["", "read", "write"]:
        """Which kind of access the key itself was not granted (fact 63); "" when that is not the reason."""
        if self.code != "woocommerce_rest_authentication_error":
            return ""
        if "write permissions" in self.message:
            return "write"
        return "read" if "read permissions" in self.message else ""


class Gone(WooError):
    """404: one record is not there (`record`; 400 `*_invalid_id` on a PUT too), or the route is not (`route`)."""

    def __init__(self, code: str, message: str, kind: Literal["record", "route"], *, is_html: bool = False) -> None:
        super().__init__(message or "HTTP 404")
        self.code, self.message, self.kind, self.is_html = code, message, kind, is_html


class RateLimited(WooError):
    """429. `after_seconds`: the pause asked for, at most an hour; None where none was named."""

    def __init__(self, after_seconds: float | None, message: str = "The store asks for fewer requests.") -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class Unavailable(WooError):
    """The store or the way to it is down for now: 5xx, 408, 425, maintenance, TLS, DNS, sockets, time-outs.

    `status` is None where no answer came; `kind` is then that of `safe_http.Unreachable`, else `http`.
    """

    def __init__(
        self, status: int | None, message: str, after_seconds: float | None = None, *, kind: str = "http"
    ) -> None:
        super().__init__(message or f"HTTP {status}")
        self.status, self.message, self.after_seconds, self.kind = status, message, after_seconds, kind


class BadReply(WooError):
    """An answer that is not what the API sends: HTML, empty, truncated, another shape, or a redirect.

    With `is_html` or `redirect_by_wordpress` the cause may be plain permalinks: `/?rest_route=/` tells. A PUT answered
    so has not happened (recorded: 200 with the home page).
    """

    def __init__(
        self,
        message: str,
        *,
        is_html: bool = False,
        redirect_by_wordpress: bool = False,
        status: int = 200,
        location: str = "",
        leads_away: bool = False,
    ) -> None:
        """`leads_away`: a redirect to another site, or to this one over another scheme."""
        super().__init__(message)
        self.message, self.is_html, self.redirect_by_wordpress = message, is_html, redirect_by_wordpress
        self.status, self.location, self.leads_away = status, location, leads_away


class Refused(WooError):
    """The store understood and says no (other 4xx; refund errors, which are 500 with a code of Woo's: fact 42)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message or f"HTTP {status}")
        self.status, self.code, self.message = status, code, message


def from_answer(
    method: str, status: int, headers: Mapping[str, str], body: bytes, data: Any, origin: str = ""
) -> WooError:
    """Return the error that an answer with a status other than 2xx means.

    `headers` in any case; `data` is the parsed body, or None when it is not JSON; `origin` is the scheme and host that
    were asked.
    """
    code, message = _code_and_message(data)
    is_html = data is None and body.lstrip()[:1] == b"<"
    if 300 <= status < 400:
        return BadReply(
            f"The store redirects ({status}) instead of answering.",
            is_html=is_html,
            redirect_by_wordpress=headers.get("x-redirect-by", "").lower() == "wordpress",
            status=status,
            location=headers.get("location", ""),
            leads_away=_leads_away(headers.get("location", ""), origin),
        )
    after = retry_after(headers)
    challenged = "cf-mitigated" in headers or (is_html and _FIREWALL_MARKS.search(body[:65536]) is not None)
    if status in (401, 403, 455) or (status == 406 and not code) or (challenged and status in (406, 429, 503)):
        # Woo and WordPress always send a code; whoever sends none stands in front of them.
        date = http_date(headers.get("date", ""))
        return Unauthorized(status, code, message, is_html=is_html, firewall=challenged or not code, date=date)
    if status == 404:
        # Also in HTML: then even WordPress's REST API did not take the request.
        is_route = code in ("rest_no_route", "")
        return Gone(code, message, "route" if is_route else "record", is_html=is_html)
    if status == 400 and method in ("PUT", "PATCH", "DELETE") and code.endswith("_invalid_id"):
        return Gone(code, message, "record")
    if status == 429:
        return RateLimited(after)
    if status in (500, 501) and code not in _TRANSIENT_CODES:
        return Refused(status, code, message)
    if status >= 500 or status in (408, 425):
        return Unavailable(status, message or f"The store answers with an error ({status}).", after)
    return Refused(status, code, message)


def _leads_away(location: str, origin: str) -> bool:
    there, here = urlsplit(location), urlsplit(origin)
    if not there.netloc or not here.netloc:
        return False
    return (there.scheme, there.hostname, there.port) != (here.scheme, here.hostname, here.port)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of `Retry-After`, 0 to 3600; None without one, or where it makes no sense (-1, words).

    A date is counted from the answer's own `Date`: the store's clock may be wrong.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), LONGEST_WAIT)
    until = http_date(text)
    if until is None:
        return None
    seconds = (until - (http_date(headers.get("date", "")) or clock.now())).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT)


def http_date(text: str) -> datetime | None:
    """Return the time of an HTTP date, aware, in UTC; None when it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _code_and_message(data: Any) -> tuple[str, str]:
    if not isinstance(data, dict):
        return "", ""
    code, message = data.get("code"), data.get("message")
    return code if isinstance(code, str) else "", _plain(message)[:500] if isinstance(message, str) else ""


def _plain(message: str) -> str:
    """WordPress writes HTML into its messages; people read them as text."""
    return " ".join(html.unescape(_TAG.sub(" ", message[:10_000])).split())
