"""A receiver of webhooks and callbacks for tests: it remembers what came, and answers as its path says."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Received:
    """One request as it came."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for known, value in self.headers if known.lower() == name.lower()), "")


@dataclass
class Receiver:
    """`/ok/…` answers 200, `/status/N/…` N, `/redirect/…` 302, `/close/…` drops the connection.

    `answers` overrule that, one for each request.
    """

    answers: list[int] = field(default_factory=list)
    got: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                receiver.got.append(Received(self.command, self.path, list(self.headers.items()), body))
                if self.path.startswith("/close"):
                    self.close_connection = True
                    return
                status = receiver.answers.pop(0) if receiver.answers else 200
                if found := re.match(r"/status/(\d+)/", self.path):
                    status = int(found[1])
                elif self.path.startswith("/redirect"):
                    status = 302
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"{receiver.url}/ok/redirected")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def deliveries(self) -> list[Received]:
        """Return what came without pings."""
        return [one for one in self.got if one.header("X-WC-Webhook-Topic")]

    def pings(self) -> list[Received]:
        """Return the pings."""
        return [one for one in self.got if one.body.startswith(b"webhook_id=")]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
