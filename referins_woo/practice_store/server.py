"""The HTTP server: HTTP/1.1 with connections kept open, a thread for each, https where asked.

Own, because a server meant for real use will not drop connections, cut bodies short or show a wrong date on request.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from http.client import responses
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from urllib.parse import unquote

from referins_woo import clock
from referins_woo.practice_store.exchange import Incoming, Reply

Answering = Callable[[Incoming], Reply]
LONGEST_LINE = 8192
"""Request lines beyond this are 414 with a page, as behind nginx (fact 10)."""

IDLE = 75.0


class Server(ThreadingMixIn, TCPServer):
    """Listens on `host`:`port` (0: a free one) and hands every request to `answering`."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512
    block_on_close = False

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None = None) -> None:
        self.context = context
        self.answering: Answering = lambda incoming: Reply(503)
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__((host, port), _Handler)

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        return int(self.server_address[1])

    def finish_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Serve one connection in its own thread; the TLS handshake happens here, not where connections come in."""
        assert isinstance(request, socket.socket)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request.settimeout(IDLE)
        with self._guard:
            self._open.add(request)
        try:
            with contextlib.suppress(OSError):
                if self.context:
                    request = self.context.wrap_socket(request, server_side=True)
                _Handler(request, client_address, self)
        finally:
            with self._guard:
                self._open.discard(request)
            if self.context:
                request.close()

    def close_connections(self) -> None:
        """Drop the connections that are still open."""
        with self._guard:
            still = list(self._open)
        for connection in still:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def handle_one_request(self) -> None:
        """Read one request, have it answered, write the answer."""
        try:
            self.raw_requestline = self.rfile.readline(LONGEST_LINE + 1)
            if not self.raw_requestline:
                self.close_connection = True
                return
            if len(self.raw_requestline) > LONGEST_LINE:
                self.close_connection = True
                self.command, self.request_version = "GET", "HTTP/1.1"
                title = "414 Request-URI Too Large"
                page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>{title}</body>\r\n</html>\r\n"
                self._write(Reply(414, [("Content-Type", "text/html")], page.encode()))
                # What is left unread would turn the polite end into a reset that eats the answer.
                while len(self.rfile.readline(1 << 20)) > 2:
                    pass
                return
            if self.parse_request():
                self._write(self.server.answering(self._incoming()))
        except (TimeoutError, ConnectionError, ssl.SSLError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the request log holds it."""

    def _incoming(self) -> Incoming:
        path, _, raw_query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._chunks()
        else:
            length = headers.get("content-length", "0")
            body = self.rfile.read(int(length)) if length.isdigit() else b""
        return Incoming(self.command, unquote(path), raw_query, headers, body, self.server.context is not None)

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(1024).partition(b";")[0].strip() or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline(8)
        while self.rfile.readline(LONGEST_LINE).strip():
            pass
        return body

    def _write(self, reply: Reply) -> None:
        if reply.reset:
            # Linger 0 makes the close a reset, not a polite end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        if reply.cut_after is not None:
            self.close_connection = True
        date = format_datetime(clock.now() + timedelta(seconds=reply.clock_skew), usegmt=True)
        lines = [f"HTTP/1.1 {reply.status} {responses.get(reply.status, 'Unknown')}", "Server: nginx", f"Date: {date}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        lines.append(f"Content-Length: {len(reply.body)}")
        lines.append(f"Connection: {'close' if self.close_connection else 'keep-alive'}")
        head = "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n"
        body = b"" if self.command == "HEAD" else reply.body[: reply.cut_after]
        if not reply.drip:
            self.wfile.write(head + body)
            return
        self.wfile.write(head)
        for byte in body:  # whoever has had enough hangs up: the next write fails
            self.wfile.write(bytes((byte,)))
            time.sleep(reply.drip)
