"""A server that answers as Postmark's send API does (POST /email, GET /server), and misbehaves as told."""

from __future__ import annotations

import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "server-token-of-the-tests"
Answer = tuple[int, dict[str, Any], dict[str, str]]


def said(status: int, code: int, message: str, **headers: str) -> Answer:
    """An answer that is no success."""
    return status, {"ErrorCode": code, "Message": message}, {name.replace("_", "-"): v for name, v in headers.items()}


class FakePostmark:
    """`script`: what the next e-mails are answered; `drop` takes one and hangs up, `deaf` hangs up before."""

    def __init__(self, port: int = 0) -> None:
        self.mails: list[dict[str, Any]] = []
        self.script: deque[Answer | str] = deque()
        self.connections = 0
        self.asked = 0
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                fake.connections += 1
                super().setup()

            def do_GET(self) -> None:
                fake.asked += 1
                self._say(200, {"Name": "Tests"}) if self._may() else None

            def do_POST(self) -> None:
                mail = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not self._may():
                    return
                step = fake.script.popleft() if fake.script else None
                if step == "drop":
                    fake.mails.append(mail)
                if isinstance(step, str):
                    self.close_connection = True
                    self.connection.close()
                    return
                if step is None:
                    fake.mails.append(mail)
                    step = 200, {"ErrorCode": 0, "Message": "OK", "MessageID": f"pm-{len(fake.mails)}"}, {}
                self._say(*step)

            def _may(self) -> bool:
                if self.headers.get("X-Postmark-Server-Token") == TOKEN:
                    return True
                self._say(401, {"ErrorCode": 10, "Message": "Bad or missing Server API token."})
                return False

            def _say(self, status: int, answer: dict[str, Any], headers: dict[str, str] | None = None) -> None:
                body = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing is printed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def recipients(self) -> list[str]:
        """To whom e-mails arrived, in order."""
        return [mail["To"].rpartition("<")[2].rstrip(">") for mail in self.mails]

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
