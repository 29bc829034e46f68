"""A receiver of webhooks on this machine that checks signatures as merchants do, and misbehaves when told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from referins_woo import clock as application_clock
from referins_woo.accounts import users
from referins_woo.outbound import endpoints
from referins_woo.outbound.models import WebhookEndpoint
from referins_woo.process import Process


@dataclass
class Receiver:
    """What came in, and what it answers: by path, a status, or what it does to the request."""

    url: str
    secrets: list[str] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    """Path → status, or (status, headers), or an event that is waited for before the connection is dropped."""
    taken: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """(path, webhook-id, body) of calls with a good signature."""
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """(path, headers) of all calls."""
    bad: int = 0

    def verify(self, path: str, headers: dict[str, str], body: bytes) -> bool:
        """Check a call with the verifier that merchants use; the clock's hand may have been moved, so not its age."""
        for secret in self.secrets:
            try:
                document = Webhook(secret).verify(body, headers)
            except WebhookVerificationError:
                continue
            self.taken.append((path, headers["webhook-id"], document))
            return True
        self.bad += 1
        return False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.receiver.seen.append((self.path, headers))
        self.receiver.verify(self.path, headers, body)
        answer = self.receiver.answers.get(self.path, 200)
        if isinstance(answer, threading.Event):
            answer.wait(30)
            self.close_connection = True
            return
        status, more = answer if isinstance(answer, tuple) else (answer, {})
        self.send_response(status)
        for name, value in {"Content-Length": "0", **more}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    made = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass = type("Handler", (_Handler,), {"receiver": made})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    for answer in made.answers.values():
        if isinstance(answer, threading.Event):
            answer.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def account_id(running: Process) -> int:
    """An account with an owner."""
    with running.database.unit() as session:
        user = users.create_user_with_hash(session, "owner@example.com", "not a hash")
        return users.accounts_of(session, user.id)[0].id


Make = Callable[..., int]


@pytest.fixture
def endpoint(running: Process, receiver: Receiver, account_id: int) -> Make:
    """Makes endpoints at the receiver, which learns their secrets; returns the id."""

    def make(path: str = "/hook", *types: str, account: int | None = None) -> int:
        with running.database.unit() as session:
            made: WebhookEndpoint = endpoints.create(
                session,
                running.config,
                running.vault,
                account or account_id,
                receiver.url + path,
                types or ("order.submitted", "contact.created"),
                "",
                application_clock.now(),
            )
            receiver.secrets.append(running.vault.unlock(made.secret_locked))
            return made.id

    return make
