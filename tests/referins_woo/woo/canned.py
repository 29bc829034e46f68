"""A tiny web server that gives prepared answers, and the recorded exchanges of real stores to prepare them from."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).resolve().parents[4] / "shared" / "woocommerce" / "recordings"


@dataclass
class Canned:
    """One answer; `then` names what happens on the wire after the body: nothing, or the connection is cut."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    body: bytes = b"[]"
    promised_length: int | None = None


@dataclass
class Seen:
    """What the server was asked."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Server(ThreadingHTTPServer):
    """Answers every request with what `answer` returns for it, and keeps what was asked in `seen`."""

    daemon_threads = True

    def __init__(self, answer: Callable[[Seen], Canned]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer, self.seen, self.connections = answer, list[Seen](), 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        seen = Seen(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        self.server.seen.append(seen)
        canned = self.server.answer(seen)
        self.send_response_only(canned.status)
        for name, value in canned.headers.items():
            self.send_header(name, value)
        length = len(canned.body) if canned.promised_length is None else canned.promised_length
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(canned.body)
        if length != len(canned.body):
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


@contextmanager
def serving(answer: Canned | Callable[[Seen], Canned]) -> Iterator[Server]:
    """Run a server until the block ends."""
    server = Server(answer if callable(answer) else lambda _: answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def recording(name: str) -> dict[str, Any]:
    """Return a recorded exchange, like "orders/single-gbp"."""
    exchange: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))
    return exchange


def recorded_answer(exchange: dict[str, Any]) -> Canned:
    """Return the answer of a recorded exchange as bytes on the wire."""
    response = exchange["response"]
    body = response["body"]
    text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
    dropped = ("transfer-encoding", "content-length", "connection", "content-encoding")
    headers = {name: value for name, value in response["headers"].items() if name.lower() not in dropped}
    return Canned(response["status"], headers, text.encode())
