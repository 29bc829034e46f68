"""The only way out to addresses that somebody else chose: shops, and whatever they name.

One connection pool per origin. Every request: the host is resolved once, every non-public address refused, and the
connection made to the very address that was checked (no second look-up to lie to); proxies, netrc and cookies are
ignored; redirects are never followed, so that keys cannot travel; 5 s to connect, 60 s between two bytes, 120 s in all
(a peer that drips its answer byte by byte ends there too); 64 MiB of body, packed or unpacked. Private addresses are
let through only where `Config.allows_private_store` names the origin. TLS is always verified.

Raises Unreachable, and nothing else, for whatever goes wrong below HTTP.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import logging
import os
import socket
import ssl
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests_hardened import Config as HardenedConfig
from requests_hardened import HTTPSession
from requests_hardened.ip_filter import InvalidIPAddress
from requests_hardened.ip_filter_adapter import IPFilterAdapter
from urllib3.util.ssl_ import create_urllib3_context

from referins_woo.config import Config
from referins_woo.errors import ReferinsError

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
TOTAL_SECONDS = 120.0
MAX_BODY = 64 * 1024 * 1024
USER_AGENT = "Referins/1 (for WooCommerce)"
"""Some firewalls refuse requests without a name (woocommerce#18030)."""
for _name in ("urllib3.connection", "urllib3.connectionpool"):
    # They log whole addresses, with the keys where a store takes them in the query; broken headers do it as a warning.
    logging.getLogger(_name).addFilter(lambda record: False)

_KEPT_POOLS = 64
_CHUNK = 1 << 16
_deadline: ContextVar[float] = ContextVar("referins_http_deadline")
"""When the answer that this thread waits for must be whole (monotonic)."""


class Unreachable(ReferinsError):
    """No whole answer came.

    `kind`: `dns`, `refused`, `timeout`, `tls`, `reset` (connection lost, answer cut short), `private_address`,
    `too_large`, `broken_gzip` or `bad_url`. `unsent`: no byte of the request can have reached the host.
    """

    def __init__(self, kind: str, message: str, *, unsent: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.unsent = unsent


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whole and unpacked. Header names in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class _Kept:
    """The connections to one origin, and the right to use one of them."""

    session: requests.Session
    slots: threading.BoundedSemaphore


class SafeHttp:
    """Sends requests; one per process, shared by its threads. Pools opened before a fork are left to the parent."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._sessions: OrderedDict[tuple[str, int], _Kept] = OrderedDict()
        self._pid = os.getpid()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        connections: int = 4,
        seconds: float | None = None,
        wants_body: bool = True,
    ) -> Reply:
        """Send one request and return the whole answer, whatever its status.

        `connections`: how many are open to that origin at most; who comes on top waits. `seconds`: for all of it
        (TOTAL_SECONDS where not given). `wants_body`: False where the status says enough; the answer's body is then
        not read. Raises Unreachable.
        """
        started = time.monotonic()
        _deadline.set(started + (TOTAL_SECONDS if seconds is None else seconds))
        try:
            return self._send(method, url, headers or {}, body, connections, started, wants_body)
        except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError, OSError) as error:
            failure = _named(error)
        # Outside of the block: the texts of requests' errors hold the whole address, keys in the query included, and
        # whoever logs this error would log what it is chained to.
        raise failure

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        connections: int,
        started: float,
        wants_body: bool,
    ) -> Reply:
        request = requests.PreparedRequest()
        request.prepare(
            method=method,
            url=url,
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip", **headers},
            data=body,
        )
        kept = self._kept(request.url or url, connections)
        with kept.slots:
            left = max(0.1, _deadline.get() - time.monotonic())
            timeout = (min(CONNECT_SECONDS, left), min(READ_SECONDS, left))
            response = kept.session.send(request, stream=True, timeout=timeout)
            try:
                chunks = response.raw.stream(_CHUNK, decode_content=False)
                packed = b"".join(_within_limit(chunks)) if wants_body else b""
            finally:
                response.close()
        return Reply(response.status_code, response.headers, unpack(packed), time.monotonic() - started)

    def _kept(self, url: str, connections: int) -> _Kept:
        parts = urlsplit(url)
        key = (f"{parts.scheme}://{parts.netloc}", connections)
        with self._lock:
            if self._pid != os.getpid():
                self._sessions, self._pid = OrderedDict(), os.getpid()
            kept = self._sessions.pop(key, None)
            if kept is None:
                private = self._config.allows_private_store(key[0])
                session = _open_session(connections, private, self._config.store_ca)
                kept = _Kept(session, threading.BoundedSemaphore(connections))
            self._sessions[key] = kept
            if len(self._sessions) > _KEPT_POOLS:
                self._sessions.popitem(last=False)[1].session.close()
            return kept


def unpack(body: bytes) -> bytes:
    """Return `body` ungzipped when it is gzip by its first bytes: headers lie in both directions (wc-api-php#165)."""
    if body[:2] != b"\x1f\x8b":
        return body
    inflater = zlib.decompressobj(31)
    try:
        plain = inflater.decompress(body, MAX_BODY)
    except zlib.error as error:
        raise Unreachable("broken_gzip", f"The answer is packed and cannot be unpacked: {error}.") from error
    if inflater.unconsumed_tail:
        raise Unreachable("too_large", "The answer unpacks to more than 64 MiB.")
    if not inflater.eof:
        raise Unreachable("reset", "The packed answer was cut short.")
    return plain


def _within_limit(chunks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_BODY:
            raise Unreachable("too_large", "The answer is larger than 64 MiB.")
        yield chunk


def _open_session(connections: int, private_allowed: bool, extra_ca: Path | None) -> requests.Session:
    session: requests.Session = HTTPSession(
        HardenedConfig(
            ip_filter_enable=False,
            ip_filter_allow_loopback_ips=False,
            never_redirect=True,
            default_timeout=(CONNECT_SECONDS, READ_SECONDS),
        )
    )
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http", "https"):
        adapter: HTTPAdapter
        if private_allowed:
            adapter = _OpenAdapter(connections, extra_ca)
        else:
            adapter = _GuardedAdapter(connections, extra_ca, is_https=scheme == "https")
        session.mount(f"{scheme}://", adapter)
    return session


class _TimedReads(io.RawIOBase):
    """Reads of one answer from a socket, none of which outlives the answer's deadline."""

    def __init__(self, raw: Any, sock: socket.socket) -> None:
        self._raw, self._sock, self._deadline = raw, sock, _deadline.get()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no whole answer in time")
        self._sock.settimeout(min(READ_SECONDS, left))
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_TimedReads(self.fp.detach(), sock), _CHUNK)


class _HttpConnection(urllib3.connection.HTTPConnection):
    response_class = _TimedResponse


class _HttpsConnection(urllib3.connection.HTTPSConnection):
    response_class = _TimedResponse


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


class _OpenAdapter(HTTPAdapter):
    """Our pool classes and, beside the public authorities, the CA of REFERINS_STORE_CA."""

    def __init__(self, pool_size: int, extra_ca: Path | None) -> None:
        self._extra_ca = extra_ca
        super().__init__(pool_maxsize=pool_size)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **_with_context(pool_kwargs, self._extra_ca))
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


class _GuardedAdapter(IPFilterAdapter):  # type: ignore[misc]
    """The same behind requests-hardened's guard, with the few ranges refused that it leaves open."""

    def __init__(self, pool_size: int, extra_ca: Path | None, *, is_https: bool) -> None:
        self._extra_ca, self._size = extra_ca, pool_size
        super().__init__(is_https_proto=is_https)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        # The guard's constructor takes no pool size, hence ours from before.
        super().init_poolmanager(connections, self._size, block, **_with_context(pool_kwargs, self._extra_ca))
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, pool_kwargs = super().build_connection_pool_key_attributes(request, verify, cert)
        if not is_public(host["host"].strip("[]")):
            raise InvalidIPAddress(host["host"])
        return host, pool_kwargs


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet's, also when it wraps another one (v4-mapped, ::a.b.c.d)."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip.is_site_local or int(ip) >> 32 == 0 or ip.teredo or ip.sixtofour:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _with_context(pool_kwargs: dict[str, Any], extra_ca: Path | None) -> dict[str, Any]:
    if extra_ca is None:
        return pool_kwargs
    # requests adds its bundle of public authorities to this context at each connection.
    context = create_urllib3_context()
    context.load_verify_locations(cafile=str(extra_ca))
    return {**pool_kwargs, "ssl_context": context}


def _named(error: Exception) -> Unreachable:
    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, InvalidIPAddress):
            return Unreachable("private_address", "The address leads into a private network.", unsent=True)
        if isinstance(one, socket.gaierror | urllib3.exceptions.NameResolutionError):
            return Unreachable("dns", "The name of the host cannot be found.", unsent=True)
        if isinstance(one, ConnectionRefusedError):
            return Unreachable("refused", "The host refused the connection.", unsent=True)
    for one in chain:
        # urllib3 counts a connection that could not be made among its time-outs, whatever the reason.
        if isinstance(one, urllib3.exceptions.NewConnectionError):
            return Unreachable("refused", "There is no way to the host.", unsent=True)
        if isinstance(one, requests.exceptions.SSLError | urllib3.exceptions.SSLError):
            refused = any(isinstance(each, ssl.SSLCertVerificationError) for each in chain)
            return Unreachable("tls", f"No secure connection: {_tls_reason(chain)}.", unsent=refused)
        if isinstance(one, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
            connecting = any(isinstance(each, urllib3.exceptions.ConnectTimeoutError) for each in chain)
            return Unreachable("timeout", "The host did not answer in time.", unsent=connecting)
        if isinstance(one, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | UnicodeError):
            return Unreachable("bad_url", "This is not an address that can be called.", unsent=True)
        if isinstance(one, requests.exceptions.MissingSchema):
            return Unreachable("bad_url", "The address lacks https://.", unsent=True)
    return Unreachable("reset", "The connection was lost before the answer was complete.")


def _tls_reason(chain: list[BaseException]) -> str:
    for one in reversed(chain):
        reason = getattr(one, "verify_message", "") or getattr(one, "reason", "")
        if isinstance(reason, str) and reason:
            return reason.lower().replace("_", " ")
    return "the certificate is not accepted"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it wraps: requests keeps urllib3's as an argument, urllib3 the cause as `reason`."""
    seen: set[int] = set()
    todo: list[BaseException] = [error]
    while todo:
        one = todo.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        todo.extend(each for each in inner if isinstance(each, BaseException))
