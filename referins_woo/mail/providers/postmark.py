"""Postmark's HTTP API (postmarkapp.com/developer/api/email-api), one e-mail a request over a kept connection.

Nothing leaves with `offer`. Postmark knows no key that would make a repeated request harmless: where a request may have
arrived and no answer says what became of it, the outcome is MaybeSent. So that an outage costs no more than one of
those, `ready` asks for the server's own record first whenever the last answer is some time ago or was none.
"""

from __future__ import annotations

import email
import email.policy
import time
from email.message import EmailMessage
from typing import Any, Final

import orjson

from referins_woo.mail.providers import Away, Envelope, MaybeSent, NotNow, Refused
from referins_woo.mail.providers.pause import Pause
from referins_woo.safe_http import Reply, SafeHttp, Unreachable

API: Final = "https://api.postmarkapp.com"
LARGEST: Final = 10 * 1024 * 1024
_SECONDS: Final = 60.0
_ASK_AFTER: Final = 60.0
_WRONG_SETTING: Final = 30.0
"""Seconds before a token that was refused is tried again."""
_OF_OUR_SETTINGS: Final = frozenset({400, 401, 402, 405, 412, 413, 1235, 1236})
"""Error codes about the sender, the account or the stream, the same for all e-mails: to be mended, not the end."""
_INACTIVE: Final = 406
"""The address bounced, complained or was suppressed before: Postmark sends nothing there."""
_OWN: Final = frozenset(
    {"from", "to", "subject", "reply-to", "date", "mime-version", "content-type", "content-transfer-encoding"}
)


class Postmark:
    """A line to one Postmark server. Not for several threads at once."""

    def __init__(self, http: SafeHttp, token: str, streams: dict[str, str], api: str = API) -> None:
        """`streams`: the message stream by the purpose of an e-mail."""
        self._http, self._token, self._streams, self._api = http, token, streams, api.rstrip("/")
        self._pause = Pause("Postmark")
        self._answered = 0.0
        self._offered: Envelope | None = None

    def ready(self) -> None:
        """See that Postmark answers and knows our token, unless it has answered a moment ago."""
        self._pause.check()
        if self._answered and time.monotonic() - self._answered < _ASK_AFTER:
            return
        try:
            reply = self._ask("GET", "/server")
        except Unreachable as error:
            raise self._away(f"Postmark cannot be reached: {error}") from None
        if reply.status != 200:
            raise self._away(_said(reply), _WRONG_SETTING if reply.status in (401, 404) else 0)
        self._answered = time.monotonic()

    def offer(self, envelope: Envelope, size: int) -> None:
        """Take note of whom it is for."""
        if size > LARGEST:
            raise Refused(f"The e-mail has {size} bytes, Postmark takes {LARGEST}.")
        self._offered = envelope

    def withdraw(self) -> None:
        """Forget the offer."""
        self._offered = None

    def deliver(self, content: bytes) -> str:
        """Post the e-mail."""
        envelope, self._offered = self._offered, None
        if envelope is None:
            raise Away("Nothing was offered to Postmark.")
        body = orjson.dumps(_as_json(content, envelope, self._streams.get(envelope.purpose, "outbound")))
        try:
            reply = self._ask("POST", "/email", body)
        except Unreachable as error:
            self._answered = 0.0
            if error.unsent:
                raise self._away(f"Postmark cannot be reached: {error}") from None
            raise MaybeSent(f"The line to Postmark broke before its answer: {error}") from None
        return self._outcome(reply)

    def close(self) -> None:
        """The connections belong to the process."""

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Reply:
        headers = {"Accept": "application/json", "X-Postmark-Server-Token": self._token}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self._http.send(method, self._api + path, headers=headers, body=body, seconds=_SECONDS)

    def _outcome(self, reply: Reply) -> str:
        answer = _answer(reply)
        code = answer.get("ErrorCode")
        if reply.status == 200 and code == 0:
            self._answered = time.monotonic()
            self._pause.end()
            return f"{answer.get('Message') or 'OK'}, MessageID {answer.get('MessageID')}"[:500]
        told = _said(reply)
        if reply.status == 422:
            self._answered = time.monotonic()
            if code in _OF_OUR_SETTINGS:
                raise NotNow(told)
            raise Refused(told, bounced=code == _INACTIVE)
        if reply.status == 413:
            raise Refused(told)
        if reply.status == 401:
            raise self._away(told, _WRONG_SETTING)
        if reply.status == 429:
            raise self._away(told, _asked_to_wait(reply))
        if reply.status == 503 or (300 <= reply.status < 500 and reply.status != 408):
            raise self._away(told)
        # 408, 500 and what gateways say: the e-mail may have been taken before something broke.
        self._answered = 0.0
        raise MaybeSent(told)

    def _away(self, why: str, least: float = 0.0) -> Away:
        self._answered = 0.0
        return self._pause.begin(why, least)


def _as_json(content: bytes, envelope: Envelope, stream: str) -> dict[str, Any]:
    """Return the e-mail as Postmark's API wants it. Its Message-ID stays ours: bounces are known by it."""
    mail = email.message_from_bytes(content, policy=email.policy.SMTP)
    assert isinstance(mail, EmailMessage)
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    further = [
        {"Name": name, "Value": " ".join(str(value).split())}
        for name, value in mail.items()
        if name.lower() not in _OWN
    ]
    return {
        "From": str(mail["From"]),
        "To": str(mail["To"]) if mail["To"] else envelope.recipient,
        "Subject": str(mail["Subject"] or ""),
        "ReplyTo": str(mail["Reply-To"] or ""),
        "HtmlBody": _words(html),
        "TextBody": _words(text),
        "Headers": [*further, {"Name": "X-PM-KeepID", "Value": "true"}],
        "Metadata": {"message_id": str(mail["Message-ID"] or "").strip("<>")},
        "MessageStream": stream,
        "TrackOpens": False,
        "TrackLinks": "None",
    }


def _words(part: Any) -> str:
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""


def _answer(reply: Reply) -> dict[str, Any]:
    try:
        found = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _said(reply: Reply) -> str:
    answer = _answer(reply)
    code, words = answer.get("ErrorCode"), " ".join(str(answer.get("Message") or "").split())
    return f"Postmark answered {reply.status}{f' (code {code})' if code else ''} {words}".strip()[:500]


def _asked_to_wait(reply: Reply) -> float:
    text = reply.headers.get("Retry-After", "")
    return min(float(text), 600.0) if text.isascii() and text.isdigit() and len(text) < 7 else 10.0
