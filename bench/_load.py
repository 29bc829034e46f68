"""Posts signed webhook deliveries as WooCommerce does: 4 KB, a new connection each. One process, one epoll loop.

`python -m bench._load PORT PATH --count N` keeps `--connections` busy (closed loop); with `--rate R` each delivery has
its time and is sent then, however late the server is (open loop). Prints {"sent", "accepted", "seconds", "p50_ms",
"p99_ms", "began", "ended"}; latency counts from the connection, or from the delivery's time; the last two are monotonic
times. The orders are of this moment, each of a customer of its own: that of order N is customer N + 1.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import errno
import hashlib
import hmac
import json
import select
import socket
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from bench._pages import order
from bench._store import HOOK_SECRET

_MOST_AT_ONCE = 1_000
_MANY = 10**9
_PATIENCE = 30.0


def requests(port: int, path: str, count: int, first: int) -> list[bytes]:
    """Return `count` ready requests, each with another order."""
    ready = []
    date = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    for number in range(first, first + count):
        body = order(number, _MANY, date)
        signature = base64.b64encode(hmac.new(HOOK_SECRET.encode(), body, hashlib.sha256).digest()).decode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: WooCommerce/10.3.0 Hookshot (WordPress/6.8)"
            f"\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
            "X-WC-Webhook-Source: https://shop.example/\r\nX-WC-Webhook-Topic: order.created\r\n"
            "X-WC-Webhook-Resource: order\r\nX-WC-Webhook-Event: created\r\n"
            f"X-WC-Webhook-Signature: {signature}\r\nX-WC-Webhook-ID: 1\r\nX-WC-Webhook-Delivery-ID: {number}\r\n\r\n"
        )
        ready.append(head.encode() + body)
    return ready


class Load:
    """Requests on their way."""

    def __init__(self, port: int, waiting: list[bytes]) -> None:
        self._port = port
        self._waiting = waiting
        self._sent = 0
        self._epoll = select.epoll()
        self._open: dict[int, tuple[socket.socket, float, bytes]] = {}
        self._answers: dict[int, bytes] = {}
        self.accepted = 0
        self.latencies: list[float] = []

    def closed_loop(self, connections: int) -> None:
        """Send all, `connections` at a time."""
        while self._sent < len(self._waiting) or self._open:
            while self._sent < len(self._waiting) and len(self._open) < connections:
                self._connect(time.monotonic())
            self._step(1.0)

    def open_loop(self, rate: float) -> None:
        """Send each at its time."""
        started = time.monotonic()
        while self._sent < len(self._waiting) or self._open:
            now = time.monotonic()
            due = started + self._sent / rate
            while self._sent < len(self._waiting) and due <= now and len(self._open) < _MOST_AT_ONCE:
                self._connect(due)
                due = started + self._sent / rate
            left = self._sent < len(self._waiting)
            self._step(max(0.0, min(due - time.monotonic(), 1.0)) if left else 1.0)

    def _connect(self, since: float) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        code = sock.connect_ex(("127.0.0.1", self._port))
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, "cannot connect")
        self._open[sock.fileno()] = sock, since, self._waiting[self._sent]
        self._sent += 1
        self._epoll.register(sock.fileno(), select.EPOLLOUT)

    def _step(self, timeout: float) -> None:
        for number, event in self._epoll.poll(timeout):
            sock, since, request = self._open[number]
            if event & select.EPOLLOUT:
                with contextlib.suppress(OSError):
                    sock.send(request)  # it fits into the socket's buffer
                self._epoll.modify(number, select.EPOLLIN)
                continue
            try:
                part = sock.recv(65_536)
            except OSError:
                part = b""
            if part:
                self._answers[number] = self._answers.get(number, b"") + part
                continue
            self.accepted += self._answers.pop(number, b"").startswith(b"HTTP/1.1 200")
            self.latencies.append(time.monotonic() - since)
            self._epoll.unregister(number)
            sock.close()
            del self._open[number]
        for number in list(self._late()):
            sock, _, _ = self._open.pop(number)
            self._epoll.unregister(number)
            sock.close()

    def _late(self) -> Iterator[int]:
        now = time.monotonic()
        return (number for number, (_, since, _) in self._open.items() if now - since > _PATIENCE)


def main() -> None:
    """Send and print what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--first", type=int, default=1, help="number of the first order")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rate", type=float)
    given = parser.parse_args(sys.argv[1:])
    load = Load(given.port, requests(given.port, given.path, given.count, given.first))
    began = time.monotonic()
    if given.rate:
        load.open_loop(given.rate)
    else:
        load.closed_loop(given.connections)
    ended = time.monotonic()
    latencies = sorted(load.latencies)
    found = {"sent": given.count, "accepted": load.accepted, "seconds": ended - began, "began": began, "ended": ended}
    for percent in (50, 99):
        found[f"p{percent}_ms"] = latencies[min(len(latencies) - 1, len(latencies) * percent // 100)] * 1000
    print(json.dumps(found))


if __name__ == "__main__":
    main()
