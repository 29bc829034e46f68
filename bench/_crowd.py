"""A great many e-mails of one account that are due at once, and how long another account's waits beside them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, text

from bench._databases import analyze
from referins_woo import queues
from referins_woo.db import Database
from referins_woo.mail import outbox
from referins_woo.mail.letters import Sender
from referins_woo.mail.models import Message
from referins_woo.mail.providers import Provider
from referins_woo.mail.send import Drain

_PART = 50_000
_CROWD, _OTHER = 11, 12
"""Accounts."""
_OTHERS = 5
_OWN = ("id", "once_key", "link_token")
"""Columns of which every e-mail has its own."""
_NUMBERS = {
    True: "WITH RECURSIVE n(i) AS (SELECT :begin UNION ALL SELECT i + 1 FROM n WHERE i < :last) SELECT i FROM n",
    False: "SELECT generate_series(CAST(:begin AS integer), CAST(:last AS integer)) AS i",
}
"""Whether it is SQLite → how it counts."""


def seconds_beside(url: str, provider: Provider, sender: Sender, template: Mapping[str, Any], size: int) -> float:
    """Return the longest that one of five e-mails of another account waits while `size` are due and being sent."""
    queues.connect(None)
    database = Database(url)
    _fill(database, template, size)
    stop = threading.Event()
    sending = threading.Thread(target=_drain_until, args=(database, provider, sender, stop))
    sending.start()
    try:
        return max(_waits(database, number, template) for number in range(_OTHERS))
    finally:
        stop.set()
        sending.join()
        database.dispose()


def _waits(database: Database, number: int, template: Mapping[str, Any]) -> float:
    """Put an e-mail a second later; returns the seconds until it is sent."""
    time.sleep(1.0)
    began = time.monotonic()
    message_id = _put(database, _OTHER, f"other:{number}", f"o{number}@example.com", template)
    while _state(database, message_id) != "sent":
        time.sleep(0.02)
        if time.monotonic() - began > 120:
            raise RuntimeError("it is not sent at all")
    return time.monotonic() - began


def _drain_until(database: Database, provider: Provider, sender: Sender, stop: threading.Event) -> None:
    while not stop.is_set():
        Drain(database, provider, sender).run(2.0)


def _put(database: Database, account_id: int, key: str, to_email: str, template: Mapping[str, Any]) -> int:
    facts = {"contact": {"first_name": "Ana"}, "order": {"number": "7", "lines": []}, "store": {"name": "Shop"}}
    letter = outbox.Letter(
        account_id=account_id,
        once_key=key,
        purpose="transactional",
        to_email=to_email,
        template=dict(template),
        facts=facts,
    )
    with database.unit() as session:
        made = outbox.put(session, letter)
    assert made is not None
    return made


def _state(database: Database, message_id: int) -> str:
    with database.reading() as session:
        return str(session.scalar(select(Message.state).where(Message.id == message_id)))


def _fill(database: Database, template: Mapping[str, Any], size: int) -> None:
    """Put one e-mail, and copy it in the database."""
    first = _put(database, _CROWD, "crowd:0", "crowd@example.com", template)
    columns = ", ".join(one.key for one in Message.__table__.c if one.key not in _OWN)
    for begin in range(1, size, _PART):
        copy = text(
            f"INSERT INTO messages ({columns}, once_key) SELECT {columns}, 'crowd:' || i FROM messages, "
            f"({_NUMBERS[database.is_sqlite]}) AS numbers WHERE id = :first"
        )
        with database.unit() as session:
            session.execute(copy, {"first": first, "begin": begin, "last": min(begin + _PART, size) - 1})
    analyze(database)
