"""Takes a webhook delivery in: verified on its raw bytes, stored, answered. Nothing is decided here.

WooCommerce never sends a delivery again and disables a webhook after seven failures in a row, unseen by anybody
(facts 76, 77): so what is well signed is stored and answered with 200 whatever it holds.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import structlog
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import SQLAlchemyError

from referins_woo import clock
from referins_woo.ingest.intake import Intake
from referins_woo.process import Process
from referins_woo.stores import webhooks
from referins_woo.stores.models import Store, Webhook
from referins_woo.woo import signature

log = structlog.get_logger(__name__)

MAX_BODY = 5 * 1024 * 1024
_REMEMBERED_SECONDS = 1.0
_NOTED_SECONDS = 30.0
"""Refused deliveries and those of another site are written down so often at most: nobody can make us write more."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What to answer: an HTTP status and a short text."""

    status: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Address:
    """The store behind a hook token, remembered for a second."""

    store_id: int
    account_id: int
    state: str
    home_url: str
    secrets: tuple[str, ...]
    read_at: float


class Receiver:
    """The letter box of this process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._intake = Intake(process.database)
        self._addresses: dict[str, _Address | None] = {}
        self._lock = threading.Lock()
        self._refused: dict[int, int] = {}
        self._noted: dict[tuple[str, int], float] = {}

    def receive(self, hook_token: str, headers: Mapping[str, str], body: bytes) -> Receipt:
        """Store one delivery and say what to answer.

        404: no such hook; 410: the store was disconnected; 401: signature missing or wrong (nothing is stored);
        413: larger than 5 MB; 503: it could not be stored; 200: it is durable, or it is a ping.
        """
        if len(body) > MAX_BODY:
            return Receipt(413, "too large")
        try:
            address = self._find(hook_token)
        except (SQLAlchemyError, OSError):
            log.exception("the store of a delivery could not be read")
            return Receipt(503, "not stored")
        if address is None:
            return Receipt(404, "unknown hook")
        if address.state == "disconnected":
            return Receipt(410, "disconnected")
        signed = headers.get("X-WC-Webhook-Signature", "")
        if not signed and is_ping(body):
            self._note_ping(address, int(body.partition(b"=")[2]))
            return Receipt(200, "ping")
        if not signature.verify(body, signed, address.secrets):
            log.warning("delivery refused: wrong signature", store=address.store_id)
            self._note_refused(address)
            return Receipt(401, "wrong signature")
        return self._keep(address, headers, body)

    def _keep(self, address: _Address, headers: Mapping[str, str], body: bytes) -> Receipt:
        now = clock.now()
        source = headers.get("X-WC-Webhook-Source", "")[:500]
        topic = headers.get("X-WC-Webhook-Topic", "")[:120]
        state, reason, done_at = "received", "", None
        if address.home_url and source and not same_site(source, address.home_url):
            state, reason, done_at = "ignored", "other_site", now
        row = [
            *(address.account_id, address.store_id, topic, _number(headers.get("X-WC-Webhook-ID", ""))),
            *(headers.get("X-WC-Webhook-Delivery-ID", "")[:64], source, body, hashlib.sha256(body).hexdigest()),
            *(state, reason, "", 0, now, done_at),
        ]
        try:
            self._intake.store(row)
        except (SQLAlchemyError, OSError, TimeoutError):
            log.exception("delivery could not be stored", store=address.store_id)
            return Receipt(503, "not stored")
        if reason == "other_site" and self._may_note("other_site", address.store_id):
            self._note(address, Store.known_copy != source, other_site=source, other_site_at=now)
        return Receipt(200, "stored")

    def _find(self, hook_token: str) -> _Address | None:
        known = self._addresses.get(hook_token)
        if known is not None and time.monotonic() - known.read_at < _REMEMBERED_SECONDS:
            return known
        with self._process.database.looking() as session:
            store = session.execute(select(Store).where(Store.hook_token == hook_token)).scalar_one_or_none()
        if store is None:
            self._addresses.pop(hook_token, None)
            return None
        address = _Address(
            store.id, store.account_id, store.state, store.home_url, self._secrets(store, clock.now()), time.monotonic()
        )
        with self._lock:
            self._addresses[hook_token] = address
        return address

    def _secrets(self, store: Store, now: datetime) -> tuple[str, ...]:
        return tuple(webhooks.accepted_secrets(self._process.vault, store, now))

    def _note_ping(self, address: _Address, woo_webhook_id: int) -> None:
        with self._process.database.unit() as session:
            session.execute(update(Store).where(Store.id == address.store_id).values(last_ping_id=woo_webhook_id))
            session.execute(
                update(Webhook)
                .where(Webhook.store_id == address.store_id, Webhook.woo_id == woo_webhook_id)
                .values(pinged_at=clock.now())
            )

    def _note_refused(self, address: _Address) -> None:
        """Count deliveries with a wrong signature: a secret changed in the shop shows itself by nothing else."""
        with self._lock:
            self._refused[address.store_id] = self._refused.get(address.store_id, 0) + 1
        if self._may_note("refused", address.store_id):
            with self._lock:
                count = self._refused.pop(address.store_id, 0)
            self._note(address, refused_deliveries=Store.refused_deliveries + count, refused_at=clock.now())

    def _may_note(self, what: str, store_id: int) -> bool:
        now = time.monotonic()
        with self._lock:
            if now - self._noted.get((what, store_id), -_NOTED_SECONDS) < _NOTED_SECONDS:
                return False
            self._noted[what, store_id] = now
            return True

    def _note(self, address: _Address, *conditions: ColumnElement[bool], **values: Any) -> None:
        """Write something down at the store; the answer does not depend on it."""
        try:
            with self._process.database.unit() as session:
                session.execute(update(Store).where(Store.id == address.store_id, *conditions).values(**values))
        except (SQLAlchemyError, OSError):
            log.exception("not noted at the store", store=address.store_id)


def is_ping(body: bytes) -> bool:
    """Whether `body` is the form that WooCommerce posts, unsigned, when a webhook is created (fact 75)."""
    key, _, number = body.partition(b"=")
    return key == b"webhook_id" and number.isdigit() and len(number) < 19


def same_site(source: str, home_url: str) -> bool:
    """Whether a delivery's source is the connected site; scheme, case and a slash at the end do not matter (C13)."""
    first, second = urlsplit(source), urlsplit(home_url)
    return (first.netloc.lower(), first.path.rstrip("/")) == (second.netloc.lower(), second.path.rstrip("/"))


def _number(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 19 else 0
