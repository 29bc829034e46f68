"""Sends what is due, at most once whatever crashes (E2).

A drain leases a batch, then takes one message after the other: offers it to the provider, commits it as `sending` (in
the same transaction the one before as `sent`), hands it over. Meanwhile a second thread composes the next one, with no
transaction open: half of the time of a drain is spent waiting for the disk and the line. There is one commit per
message, and at most one message per killed worker whose fate nobody knows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.alone import Alone
from referins_woo.crypto import Vault
from referins_woo.db import Database
from referins_woo.errors import Final as FinalError
from referins_woo.mail import claims, letters, sealed, settings, suppression, told, tracking
from referins_woo.mail.bodies import NOTHING, Body
from referins_woo.mail.claims import Claimed, Outcome
from referins_woo.mail.compose import Composed, compose
from referins_woo.mail.headers import BadAddress, bare_address
from referins_woo.mail.letters import Sender
from referins_woo.mail.models import BULK
from referins_woo.mail.pace import Pace
from referins_woo.mail.providers import Away, Envelope, MaybeSent, NotNow, Provider, Refused
from referins_woo.outbound import outbox

log = structlog.get_logger(__name__)

DRAIN_SECONDS: Final = 8.0
"""Short enough that a worker that is told to stop has stopped after ten seconds."""
BATCH_SECONDS: Final = 2.0
"""At a slow mail server a batch is given back after so long: what came meanwhile, from others or about an order, takes
its turn with the rest."""
WAITS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240, 480, 720))
"""After each "not now"; then it is given up. Greylists want 1 to 30 minutes."""
_AFTER_AWAY: Final = timedelta(seconds=5)
_FAULTS: Final = (FinalError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A message, composed and in bytes."""

    message: Claimed
    envelope: Envelope
    rendered: dict[str, Any]
    body: Body
    """What is kept of it."""
    content: bytes


class Drain:
    """One drain of the outbox through one provider. `last_account` keeps the accounts' turn between drains."""

    last_account = 0

    def __init__(
        self,
        database: Database,
        provider: Provider,
        sender: Sender,
        vault: Vault | None = None,
        pace: Pace | None = None,
    ) -> None:
        """`vault` opens sealed facts, without it messages that have some fail; `pace`: how fast, None for any speed."""
        self._database = database
        self._unit: Callable[[], AbstractContextManager[Session]] = database.unit
        self._alone: Alone  # while it runs
        self._pace = pace or Pace()
        self._wishes: dict[int, settings.Wishes] = {}
        self._vault = vault
        self._provider = provider
        self._sender = sender
        self._token = claims.new_token()
        self._pending: Outcome | None = None
        self._write_ahead: Callable[[], Future[_Ready | Outcome] | None] = _nothing
        self._ahead: Future[_Ready | Outcome] | None = None
        self._listening: dict[int, dict[str, list[int]]] = {}
        """Which accounts' webhooks want to know of e-mails."""
        self.sent = 0

    def run(self, seconds: float = DRAIN_SECONDS) -> bool:
        """Send for up to `seconds`; returns whether messages may be left that could be sent now."""
        with self._database.units() as self._unit, self._database.alone() as self._alone:
            return self._run(time.monotonic() + seconds)

    def _run(self, until: float) -> bool:
        try:
            with self._hanging_up_when_broken_off():
                while True:
                    self._provider.ready()
                    batch = self._claim()
                    if not batch:
                        return False
                    whole = self._send_batch(batch, min(until, time.monotonic() + BATCH_SECONDS))
                    is_over = time.monotonic() > until
                    if is_over or not whole:
                        self._close_books()
                    if is_over:
                        return True
        except Away:
            self._close_books()
            return False

    def _send_batch(self, batch: list[Claimed], until: float) -> bool:
        """Send what there is time for; returns whether that was all of it."""
        for message, written in self._composed(batch):
            if time.monotonic() > until:
                return False
            self._send_one(message, written)
            Drain.last_account = message.account_id
        return True

    @contextmanager
    def _hanging_up_when_broken_off(self) -> Iterator[None]:
        """A line left in the middle of an e-mail (job time-out, Ctrl-C) must not be used for the next.

        What is known by then is written: the message in hand stays `sending`, and ends as `unknown`.
        """
        whole = False
        try:
            yield
            whole = True
        except Away:
            whole = True
            raise
        finally:
            if not whole:
                self._provider.close()
                with suppress(SQLAlchemyError):
                    self._close_books()

    def _claim(self) -> list[Claimed]:
        """Record the last outcome and lease the next batch, less what is not wanted."""
        with self._unit() as session:
            self._record(session)
            now = clock.now()
            claimed = claims.claim(session, self._token, now, Drain.last_account)
            accounts = {each.account_id for each in claimed}
            self._listening = outbox.wanted_by(session, accounts) if claimed else {}
            self._wishes = settings.of(session, accounts) if claimed else {}
            stops = suppression.reasons(session, [(each.account_id, each.to_email, each.purpose) for each in claimed])
            wanted = []
            for message in claimed:
                reason = stops.get((message.account_id, message.to_email, message.purpose), "")
                if message.not_after is not None and message.not_after < now:
                    reason = suppression.TOO_LATE
                if reason:
                    claims.skip(session, self._token, message, reason)
                else:
                    wanted.append(message)
        self._pending = None
        # A batch that was skipped whole is no end: others may wait behind it.
        return wanted if wanted or not claimed else self._claim()

    def _composed(self, batch: list[Claimed]) -> Iterator[tuple[Claimed, _Ready | Outcome]]:
        """Yield each message with what it was written to; the next is written while the disk has the word of one.

        Not before: two threads that work take turns, and the one that sends would wait for the one that writes.
        """
        with ThreadPoolExecutor(1, "compose") as writer:
            ready = self._write(batch[0])  # one alone, the common case, needs no thread
            for message, following in zip(batch, [*batch[1:], None], strict=True):
                self._ahead = None
                if following is not None:
                    self._write_ahead = partial(writer.submit, self._write, following)
                yield message, ready
                if following is not None:
                    ready = self._ahead.result() if self._ahead is not None else self._write(following)
                self._write_ahead = _nothing

    def _send_one(self, message: Claimed, ready: _Ready | Outcome) -> None:
        """Bring one message as far as it gets; its outcome is kept for the next transaction. Raises Away."""
        if isinstance(ready, Outcome):
            self._note(ready)
            return
        if not self._pace.turn(bulk=message.lane == BULK):
            raise Away("E-mails leave no faster than they may.")
        try:
            self._provider.offer(ready.envelope, len(ready.content))
        except (Away, NotNow, Refused) as error:
            self._note(_not_sent(message, error))
            if isinstance(error, Away):
                raise
            return
        if not self._begin(ready):
            self._provider.withdraw()
            return
        try:
            reply = self._provider.deliver(ready.content)
        except (Away, NotNow, Refused) as error:
            self._note(replace(_not_sent(message, error), body=ready.body))
            if isinstance(error, Away):
                raise
        except MaybeSent as error:
            self._note(Outcome(message.id, "unknown", f"{claims.UNKNOWN_REASON} {error}", body=ready.body))
        else:
            self.sent += 1
            self._note(Outcome(message.id, "sent", reply=reply, body=ready.body))

    def _write(self, message: Claimed) -> _Ready | Outcome:
        """Compose a message and write its bytes; its outcome where that cannot be done. Asks nobody."""
        try:
            recipient = bare_address(message.to_email)
        except BadAddress:
            return Outcome(message.id, "skipped", suppression.NO_ADDRESS)
        wishes = self._wishes.get(message.account_id, settings.UNSET)
        sender = self._sender.as_account(wishes.sender_of(message.purpose))
        try:
            footer = letters.footer(message, sender)
            facts = sealed.opened(self._vault, message.facts)
            composed: Composed = compose(message.template, facts, footer)
            html, links = tracking.measured(composed.html, message, wishes, sender.public_url)
            rfc_message_id = letters.message_id(message, sender)
            reply_to = message.reply_to or (wishes.reply_to if message.purpose != "system" else "")
            content = letters.write(message, replace(composed, html=html), sender, rfc_message_id, reply_to)
        except _FAULTS as error:
            log.warning("e-mail cannot be written", message_id=message.id, error=repr(error))
            return Outcome(message.id, "failed", f"The e-mail could not be written: {error}")
        envelope = Envelope(
            message.account_id, message.id, self._sender.address, recipient, composed.subject, message.purpose
        )
        body = NOTHING if sealed.is_sealed(message.facts) else Body(composed.html, composed.text)
        rendered = {
            "subject": composed.subject,
            "rfc_message_id": rfc_message_id,
            "links": links,
            "measured": links is not None,
        }
        return _Ready(message, envelope, rendered, body, content)

    def _begin(self, ready: _Ready) -> bool:
        """Commit `sending`, and the outcome of the message before; False: it must not be sent."""
        message = ready.message
        committed = time.monotonic()
        before = self._pending
        if not self._listening and (before is None or before.state == "sent"):
            waiting = self._start_ahead
            begun = claims.begin_alone(self._alone, self._token, message, ready.rendered, before, waiting)
        else:
            with self._unit() as session:
                self._record(session)
                begun = claims.begin(session, self._token, message, ready.rendered)
                self._start_ahead()
        self._pending = None
        if not begun:
            self._skip_unwanted(message)
        # Stopped and woken after the lease: somebody has given this message up meanwhile.
        return begun and time.monotonic() - committed < claims.SENDING_LEASE.total_seconds()

    def _start_ahead(self) -> None:
        self._ahead = self._write_ahead()

    def _skip_unwanted(self, message: Claimed) -> None:
        """Say why a message was not begun, where somebody wants it no more; else another worker has it."""
        asked = (message.account_id, message.to_email, message.purpose)
        with self._unit() as session:
            reason = suppression.reasons(session, [asked]).get(asked)
            if reason is not None:
                claims.skip(session, self._token, message, reason)

    def _note(self, outcome: Outcome) -> None:
        """Keep an outcome for the next transaction, and write the one before if it still waits."""
        if self._pending is not None:
            with self._unit() as session:
                self._record(session)
        self._pending = outcome

    def _record(self, session: Session) -> None:
        if self._pending is not None:
            claims.record(session, self._token, self._pending)
            if self._listening:
                told.tell(session, self._pending.message_id, self._pending.state, self._listening)

    def _close_books(self) -> None:
        """Record the last outcome and give back what was not begun."""
        with self._unit() as session:
            self._record(session)
            claims.release(session, self._token)
        self._pending = None


def _nothing() -> None:
    """Nothing follows."""


def _not_sent(message: Claimed, error: Away | NotNow | Refused) -> Outcome:
    """Return the outcome of an attempt that surely sent nothing."""
    said = str(error)
    if isinstance(error, Refused):
        bounced = (message.account_id, message.to_email) if error.bounced and message.purpose != "system" else None
        return Outcome(message.id, "failed", said, said, attempts=1, bounced=bounced)
    if isinstance(error, Away):
        # Behind the others, so that one e-mail on which a server hangs up cannot hold all of them.
        return Outcome(message.id, "created", said, said, wait=_AFTER_AWAY)
    if message.attempts >= len(WAITS):
        return Outcome(message.id, "failed", f"Given up after {message.attempts + 1} attempts. {said}", said, 1)
    return Outcome(message.id, "created", said, said, 1, WAITS[message.attempts])
