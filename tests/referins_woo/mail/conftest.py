"""A real SMTP server in a thread that misbehaves as told, a provider in memory, and messages to send."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import select

from referins_woo.commerce.models import Contact
from referins_woo.db import Database
from referins_woo.mail import outbox
from referins_woo.mail.letters import Sender
from referins_woo.mail.models import Message
from referins_woo.mail.pace import Pace
from referins_woo.mail.providers import Envelope as OurEnvelope
from referins_woo.mail.providers import Provider
from referins_woo.mail.providers.smtp import Smtp
from referins_woo.mail.providers.smtp_settings import SmtpSettings
from referins_woo.mail.send import Drain
from referins_woo.queues import MemoryBells

SENDER = Sender("Referins", "no-reply@referins.example")
TEMPLATE: dict[str, Any] = {
    "subject": "Order {{ order.number }}",
    "preheader": "",
    "body": [{"kind": "text", "text": "Hello {{ contact.first_name|default('there') }}"}],
}


class Sink:
    """What arrived, and how the server behaves. Each list is used up one entry a time; then all is well."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.connections = 0
        self.greet_after: deque[float] = deque()
        self.rcpt: deque[str] = deque()
        self.mail: deque[str] = deque()
        self.data: deque[str] = deque()
        """Replies to the content; `drop` keeps it and hangs up without a word."""
        self.in_data: deque[str] = deque()
        """`drop`: hangs up after the first line of content; else the reply to DATA."""
        self.takes_ahead = False
        """Whether it says PIPELINING."""
        self.lets_in_nobody = False
        """Whether it waits for content without a recipient."""
        self.port = 0
        self.loop: Any = None
        self.transports: list[Any] = []

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Say what it can."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]] if self.takes_ahead else responses

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer RCPT."""
        answer = self.rcpt.popleft() if self.rcpt else "250 2.1.5 Ok"
        if answer == "drop":
            server.transport.abort()
        elif answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer MAIL."""
        answer = self.mail.popleft() if self.mail else "250 2.1.0 Ok"
        if answer == "drop":
            server.transport.abort()
        elif answer.startswith("2"):
            envelope.mail_from = address
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Answer the content."""
        answer = self.data.popleft() if self.data else f"250 2.0.0 Ok: {len(self.mails) + 1}"
        if answer == "drop" or answer.startswith("2"):
            self.mails.append(envelope)
        if answer == "drop":
            server.transport.abort()
        return answer

    def hang_up(self) -> None:
        """Close all connections without a word, as networks do with idle ones."""
        for transport in self.transports:
            self.loop.call_soon_threadsafe(transport.abort)

    @property
    def recipients(self) -> list[str]:
        """To whom e-mails arrived, in order."""
        return [mail.rcpt_tos[0] for mail in self.mails]


class _Server(SMTP):
    sink: Sink

    def connection_made(self, transport: Any) -> None:
        self.sink.connections += 1
        self.sink.transports.append(transport)
        super().connection_made(transport)

    async def _handle_client(self) -> None:
        if self.sink.greet_after:
            await asyncio.sleep(self.sink.greet_after.popleft())
        await super()._handle_client()

    async def smtp_DATA(self, arg: str) -> None:
        if self.sink.lets_in_nobody:
            await self.push("354 go on")
            while await self._reader.readline() not in (b".\r\n", b""):
                pass
            self.sink.mails.append(self.envelope)
            return
        # A line whose MAIL or RCPT was refused may still have a DATA said ahead, which comes here when the test is on
        # another line already: the answers told are for e-mails that have a recipient.
        if not self.sink.in_data or not self.envelope.rcpt_tos:
            await super().smtp_DATA(arg)
            return
        answer = self.sink.in_data.popleft()
        if answer == "drop":
            await self.push("354 go on")
            await self._reader.readline()
            self.transport.abort()
            return
        await self.push(answer)


class _Controller(Controller):
    def factory(self) -> SMTP:
        server = _Server(self.handler, hostname="sink.example", enable_SMTPUTF8=False, data_size_limit=5_000_000)
        server.sink = self.handler
        return server


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A real SMTP server on the loopback."""
    made = Sink()
    controller = _Controller(made, hostname="127.0.0.1", port=0)
    controller.port = _free_port()
    made.port = controller.port
    controller.start()
    made.loop = controller.loop
    made.connections = 0  # aiosmtpd looks once whether its server answers
    yield made
    controller.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def smtp(sink: Sink) -> Iterator[Smtp]:
    """Our provider, pointed at the sink."""
    made = Smtp(SmtpSettings.from_url(f"smtp://127.0.0.1:{sink.port}"))
    yield made
    made.close()


class FakeProvider:
    """A provider in memory: `script` holds what the next steps raise (None: all is well)."""

    def __init__(self) -> None:
        self.delivered: list[tuple[OurEnvelope, bytes]] = []
        self.steps: list[str] = []
        self.script: dict[str, deque[BaseException | None]] = {
            step: deque() for step in ("ready", "offer", "deliver", "after")
        }
        self._offered: OurEnvelope | None = None

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if self.script[name] and (error := self.script[name].popleft()) is not None:
            raise error

    def ready(self) -> None:
        """Have a line."""
        self._step("ready")

    def offer(self, envelope: OurEnvelope, size: int) -> None:
        """Take note."""
        self._step("offer")
        self._offered = envelope

    def withdraw(self) -> None:
        """Forget it."""
        self.steps.append("withdraw")

    def deliver(self, content: bytes) -> str:
        """Take it."""
        self._step("deliver")
        assert self._offered is not None
        self.delivered.append((self._offered, content))
        self._step("after")
        return "250 taken"

    def close(self) -> None:
        """Hang up."""
        self.steps.append("close")

    @property
    def recipients(self) -> list[str]:
        """To whom it was given."""
        return [envelope.recipient for envelope, _ in self.delivered]


@pytest.fixture
def fake() -> FakeProvider:
    """A provider in memory."""
    return FakeProvider()


class Post:
    """The outbox of a test."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def put(self, to_email: str = "ada@example.com", due_at: datetime | None = None, **changes: Any) -> int:
        """Put one message; returns its id."""
        fields: dict[str, Any] = {
            "account_id": 1,
            "once_key": f"test:{to_email}",
            "purpose": "transactional",
            "template": TEMPLATE,
            "facts": {"order": {"number": "7"}, "contact": {"first_name": "Ada"}},
        }
        with self.database.unit() as session:
            message_id = outbox.put(session, outbox.Letter(to_email=to_email, **fields | changes), due_at=due_at)
        assert message_id is not None
        return message_id

    def put_many(self, count: int, **changes: Any) -> list[int]:
        """Put several; returns their ids."""
        return [self.put(f"c{number}@example.com", **changes) for number in range(count)]

    def subscribe_many(self, count: int, account_id: int = 1) -> None:
        """Let those that `put_many` writes to have agreed to marketing."""
        with self.database.unit() as session:
            for number in range(count):
                address = f"c{number}@example.com"
                session.add(Contact(account_id=account_id, email=address, email_key=address, consent="subscribed"))

    def drain(self, provider: Provider, seconds: float = 10, limits: Pace | None = None) -> bool:
        """One drain."""
        return Drain(self.database, provider, SENDER, pace=limits).run(seconds)

    def drain_all(self, sink: Sink) -> None:
        """Send all that is due to the sink, over a fresh line."""
        provider = Smtp(SmtpSettings.from_url(f"smtp://127.0.0.1:{sink.port}"))
        while self.drain(provider):
            pass
        provider.close()

    def get(self, message_id: int) -> Message:
        """A message as it is stored."""
        with self.database.reading() as session:
            return session.get_one(Message, message_id)

    def states(self) -> list[str]:
        """The states of all messages, oldest first."""
        with self.database.reading() as session:
            return list(session.scalars(select(Message.state).order_by(Message.id)))

    def reason(self, message_id: int) -> str:
        """State and reason of a message."""
        message = self.get(message_id)
        return f"{message.state}: {message.reason}"


@pytest.fixture
def post(database: Database, bells: MemoryBells) -> Iterator[Post]:
    """The outbox on both databases."""
    Drain.last_account = 0
    yield Post(database)
