"""SMTP over one kept connection (three times as fast as one per e-mail), each phase with an outcome of its own.

`smtplib.SMTP` gives the socket, the replies, TLS and sign-in; the phases of an e-mail are driven here, because its
`sendmail` does not say in which of them a line broke. Before the final dot a broken line means "surely not sent"
(RFC 5321: a server must not deliver content without its end); after it nobody knows.
"""

from __future__ import annotations

import select
import smtplib
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from referins_woo.mail.providers import Away, Envelope, MaybeSent, NotNow, Refused
from referins_woo.mail.providers.pause import Pause
from referins_woo.mail.providers.smtp_replies import is_bounce, reply
from referins_woo.mail.providers.smtp_settings import SmtpSettings

CONNECT_SECONDS: Final = 10.0
END_SECONDS: Final = 120.0
"""How long the server may think after the end of the content."""
_NOOP_AFTER: Final = 10.0
_OLDEST: Final = 300.0
_MOST_MAILS: Final = 500


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What was said without waiting for the answers."""

    envelope: Envelope
    size: int


class Smtp:
    """A line to one SMTP server. Not for several threads at once."""

    def __init__(self, settings: SmtpSettings, *, trust: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._trust = trust or ssl.create_default_context()
        self._line: smtplib.SMTP | None = None
        self._opened = self._used = 0.0
        self._mails = 0
        self._in_data = False
        self._ahead: _Ahead | None = None
        self._pause = Pause("The mail server")

    def ready(self) -> None:
        """Have a working line. While the server is away it is asked again after 1, 2, 4 … 60 s only."""
        now = time.monotonic()
        if self._line is not None:
            if now - self._opened > _OLDEST or self._mails >= _MOST_MAILS:
                self.close()
            elif now - self._used > _NOOP_AFTER and not self._answers():
                self._drop()
        if self._line is None:
            self._pause.check()
            self._open()

    def offer(self, envelope: Envelope, size: int) -> None:
        """Say MAIL and RCPT. Where the server takes that, DATA too, and all three answers are read by `deliver`.

        A kept line that turns out to be closed (many servers take only so many e-mails a line) is opened anew at once.
        """
        kept = self._mails > 0
        try:
            self._offer(envelope, size)
        except Away:
            if not kept:
                raise
            self._open()
            self._offer(envelope, size)

    def _offer(self, envelope: Envelope, size: int, *, ahead: bool = True) -> None:
        line = self._line
        if line is None:
            raise Away("The line to the mail server is closed.")
        limit = line.esmtp_features.get("size", "")
        if limit.isdigit() and 0 < int(limit) < size:
            raise Refused(f"The e-mail has {size} bytes, the mail server takes {limit}.")
        announced = f" size={size}" if line.has_extn("size") else ""
        commands = [f"MAIL FROM:<{envelope.sender}>{announced}\r\n", f"RCPT TO:<{envelope.recipient}>\r\n"]
        try:
            if ahead and line.has_extn("pipelining"):
                line.send("".join([*commands, "DATA\r\n"]))
                self._ahead = _Ahead(envelope, size)
                return
            replies = []
            for command in commands:
                line.send(command)
                replies.append(reply(line))
                if replies[-1][0] >= 400:
                    break
        except (smtplib.SMTPException, OSError) as error:
            raise self._lost(f"The line broke before the e-mail was sent: {error}") from None
        self._used = time.monotonic()
        self._taken(replies)

    def _taken(self, replies: list[tuple[int, str]]) -> None:
        """Raise what the answers to MAIL and RCPT mean, if one refuses."""
        code, words = replies[0]
        if code >= 400:
            # The sender is ours and the same for all: a wrong setting must not fail every e-mail for good.
            raise self._not_taken(min(code, 499), code, words)
        code, words = replies[1]
        if code >= 400:
            raise self._not_taken(code, code, words, bounced=is_bounce(code, words))

    def withdraw(self) -> None:
        """Say RSET, so that the next offer starts anew; hang up where DATA was said ahead, which nothing takes back."""
        if self._line is None:
            return
        if self._ahead is not None:
            self._drop()
            return
        try:
            self._line.send("RSET\r\n")
            if reply(self._line)[0] >= 400:
                self._drop()
        except (smtplib.SMTPException, OSError):
            self._drop()

    def deliver(self, content: bytes) -> str:
        """Say DATA, if it was not said ahead, and hand the content over."""
        if not self._let_in():
            self._say_data()
        line = self._line
        assert line is not None
        try:
            line.send(_stuffed(content))
            if self._spoke_up():
                code, words = reply(line)
                self._drop()
                raise self._not_taken(code if code >= 400 else 451, code, words, reset=False)
        except (smtplib.SMTPException, OSError) as error:
            raise self._lost(f"The line broke in the middle of the e-mail: {error}") from None
        try:
            line.send(b".\r\n")
            code, words = reply(line, END_SECONDS)
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise MaybeSent(f"The line broke after the e-mail, before the mail server's answer: {error}") from None
        self._in_data = False
        self._used = time.monotonic()
        self._mails += 1
        if code >= 400:
            raise self._not_taken(code, code, words, reset=False)
        if not 200 <= code < 300:
            self._drop()
            raise MaybeSent(f"The mail server answered {code} {words} to the e-mail.")
        self._pause.end()
        return f"{code} {words}"[:500]

    def _let_in(self) -> bool:
        """Read the answers to what was said ahead, if anything was; returns whether the content is waited for.

        False after a kept line turned out to be closed, too: it was opened anew then, and the offer repeated.
        """
        said, self._ahead = self._ahead, None
        if said is None:
            return False
        kept = self._mails > 0
        try:
            self._in_data = True
            self._read_ahead()
        except Away:
            if not kept:
                raise
            self._open()
            self._offer(said.envelope, said.size, ahead=False)
            return False
        return True

    def _read_ahead(self) -> None:
        assert self._line is not None
        replies: list[tuple[int, str]] = []
        try:
            for _ in range(3):
                replies.append(reply(self._line))
                if replies[-1][0] == 421:
                    break
        except (smtplib.SMTPException, OSError) as error:
            raise self._lost(f"The line broke before the e-mail was sent: {error}") from None
        self._used = time.monotonic()
        refused = next(((code, words) for code, words in replies if code >= 400), None)
        if refused is None and replies[2][0] == 354:
            return
        if replies[-1][0] == 354:  # it waits for content that has no recipient (RFC 2920, 3.1): only the end is one
            self._drop()
        self._in_data = False
        self._taken(replies)
        code, words = replies[2]
        raise self._not_taken(code if code >= 400 else 451, code, words)

    def _say_data(self) -> None:
        line = self._line
        if line is None:
            raise Away("The line to the mail server is closed.")
        self._in_data = True
        try:
            line.send("DATA\r\n")
            code, words = reply(line)
        except (smtplib.SMTPException, OSError) as error:
            raise self._lost(f"The line broke before the e-mail was sent: {error}") from None
        if code != 354:
            self._in_data = False
            raise self._not_taken(code if code >= 400 else 451, code, words)

    def close(self) -> None:
        """Say QUIT and hang up; in the middle of an e-mail only hang up, so that it is not taken for whole."""
        if self._line is not None and not self._in_data and self._ahead is None:
            with suppress(smtplib.SMTPException, OSError):
                self._line.send("QUIT\r\n")
        self._drop()

    def _open(self) -> None:
        settings = self._settings
        line: smtplib.SMTP | None = None
        try:
            if settings.tls:
                line = smtplib.SMTP_SSL(settings.host, settings.port, timeout=CONNECT_SECONDS, context=self._trust)
            else:
                line = smtplib.SMTP(settings.host, settings.port, timeout=CONNECT_SECONDS)
            assert line.sock is not None
            line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.ehlo_or_helo_if_needed()
            if settings.starttls:
                line.starttls(context=self._trust)
                line.ehlo_or_helo_if_needed()
            if settings.user:
                line.login(settings.user, settings.password)
        except (smtplib.SMTPException, OSError) as error:
            if line is not None:
                line.close()
            what = f"refuses our sign-in: {error}" if isinstance(error, smtplib.SMTPAuthenticationError) else str(error)
            raise self._lost(f"The mail server {settings.host}:{settings.port} cannot be used: {what}") from None
        self._line = line
        self._opened = self._used = time.monotonic()
        self._mails = 0
        self._in_data = False

    def _answers(self) -> bool:
        """Whether the kept line still lives (networks drop idle ones without a word)."""
        assert self._line is not None
        try:
            self._line.send("NOOP\r\n")
            return reply(self._line, CONNECT_SECONDS)[0] < 400
        except (smtplib.SMTPException, OSError):
            return False

    def _spoke_up(self) -> bool:
        """Whether the server says something, or hung up, where it should be listening.

        Not asked of TLS: there bytes may be waiting that are none of the server's words.
        """
        assert self._line is not None
        if self._line.sock is None or isinstance(self._line.sock, ssl.SSLSocket):
            return False
        return bool(select.select([self._line.sock], [], [], 0)[0])

    def _not_taken(
        self, treated_as: int, code: int, words: str, *, bounced: bool = False, reset: bool = True
    ) -> Away | NotNow | Refused:
        """Return the error for a refusing reply; the line stays usable unless the server is closing it."""
        told = f"The mail server answered {code} {words}"[:500]
        if code == 421:
            return self._lost(told)
        if reset:
            self.withdraw()
        return Refused(told, bounced=bounced) if treated_as >= 500 else NotNow(told)

    def _lost(self, why: str) -> Away:
        """Drop the line, double the pause before the next try, and return the error to raise."""
        self._drop()
        return self._pause.begin(why)

    def _drop(self) -> None:
        if self._line is not None:
            with suppress(smtplib.SMTPException, OSError):
                self._line.close()
        self._line = None
        self._in_data = False
        self._ahead = None


def _stuffed(content: bytes) -> bytes:
    """Double the dots at line starts (RFC 5321, 4.5.2), and end with a line end."""
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"
