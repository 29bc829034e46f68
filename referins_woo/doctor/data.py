"""What the rows tell: stores, their webhooks, work that is stuck, secrets, and what a restore or retention left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from referins_woo import clock, relock
from referins_woo.config import Config
from referins_woo.doctor.finding import Finding, ok, warning, wrong
from referins_woo.events.models import Event
from referins_woo.ingest.models import Delivery, Import
from referins_woo.mail.models import Message
from referins_woo.reports import operations
from referins_woo.retention.models import RetentionMark
from referins_woo.runs.models import RESTORED, Run
from referins_woo.stores.connection import words_for
from referins_woo.stores.models import Store, Webhook

_OLD: Final = 60.0
_SKEW: Final = 120
"""Seconds by which a store's clock may differ before somebody should tell the merchant."""
_SILENT: Final = timedelta(minutes=5)


def stores(session: Session) -> Iterator[Finding]:
    """Each store that cannot work, with its cause and the first thing to do."""
    well = 0
    for store in session.scalars(select(Store).where(Store.state != "disconnected").order_by(Store.id)):
        name = f"store {store.id}"
        words = words_for(store.cause)
        if store.state == "needs_reconnect":
            steps = " ".join(words.steps[:1])
            yield wrong(
                name, f"{store.url} needs reconnecting: {words.title}", f"{steps} See docs/runbooks/reconnect.md."
            )
        elif store.state == "mapping_needed":
            yield warning(name, f"{store.url} has no location", "An owner chooses one on the store's page.")
        elif store.state == "connected" and store.failing_since is not None and store.failures > 3:
            since = f"{store.failing_since:%Y-%m-%d %H:%M} UTC"
            yield warning(name, f"{store.url} has not answered well since {since}", "It is asked again by itself.")
        elif store.state == "connected":
            well += 1
        if store.state == "connected" and abs(store.clock_skew_seconds) > _SKEW:
            yield warning(
                name,
                f"its clock is {store.clock_skew_seconds:+d} s from ours",
                "Tell the merchant's host; it is allowed for.",
            )
    yield ok("stores", f"{well} connected and well")


def webhooks(session: Session) -> Iterator[Finding]:
    """Webhooks that a store no longer sends."""
    rows = session.execute(
        select(Webhook.store_id, func.count())
        .join(Store, Store.id == Webhook.store_id)
        .where(Webhook.status != "active", Store.state == "connected")
        .group_by(Webhook.store_id)
        .order_by(Webhook.store_id)
    ).all()
    for store_id, count in rows:
        yield wrong(
            "webhooks",
            f"store {store_id} has switched {count} off",
            "See docs/runbooks/hooks-disabled.md; the sweep goes on.",
        )
    if not rows:
        yield ok("webhooks", "none is switched off in a connected store")


def stuck(session: Session) -> Iterator[Finding]:
    """Rows that should have moved on."""
    now = clock.now()
    late = [each for each in operations.waiting(session, now) if each.oldest_seconds > _OLD]
    for each in late:
        yield wrong(
            "waiting work",
            f"{each.rows} {each.work} wait, the oldest for {each.oldest_seconds:.0f} s",
            "See docs/runbooks/queue-age.md.",
        )
    if not late:
        yield ok("waiting work", "nothing waits for longer than a minute")
    counts: tuple[tuple[str, object, str, str], ...] = (
        ("dead deliveries", Delivery.state == "failed", "could not be worked on", "docs/runbooks/dead-deliveries.md"),
        ("unknown e-mails", Message.state == "unknown", "may have been sent", "docs/runbooks/unknown-mails.md"),
        ("failed runs", Run.state == "failed", "ended by a fault", "docs/runbooks/queue-age.md"),
        (
            "silent imports",
            (Import.state == "running") & (Import.heartbeat_at < now - _SILENT),
            "have not stirred for five minutes",
            "docs/runbooks/queue-age.md",
        ),
        (
            "held after a restore",
            (Run.state == "held") & (Run.ended_reason == RESTORED),
            "runs wait for a person",
            "docs/runbooks/restore.md",
        ),
        (
            "events held after a restore",
            (Event.state == "suppressed") & (Event.reason == RESTORED),
            "events wait for a person",
            "docs/runbooks/restore.md",
        ),
    )
    for check, condition, what, page in counts:
        count = session.scalar(select(func.count()).where(condition)) or 0  # type: ignore[arg-type]
        if count:
            yield warning(check, f"{count} {what}", f"See {page}.")


def secrets(session: Session, config: Config) -> Iterator[Finding]:
    """Whether every stored secret can be read, and with which key."""
    found = relock.census(session, config.encryption_keys)
    if found.unreadable:
        yield wrong(
            "secrets",
            f"{found.unreadable} stored secrets cannot be read: the key that locks them is not in ENCRYPTION_KEYS",
            "Put the old key behind the others in ENCRYPTION_KEYS; without it the stores must be connected anew.",
        )
    if found.behind:
        yield warning(
            "secrets", f"{found.behind} are locked with an older key", "Run `referins keys relock`, then drop that key."
        )
    if not (found.unreadable or found.behind):
        yield ok("secrets", f"all {found.by_key[0]} are locked with the newest key")


def retention(session: Session) -> Finding:
    """Whether what is old is removed."""
    last = session.scalar(select(func.max(RetentionMark.pass_ended_at)))
    if last is not None and clock.now() - last > timedelta(hours=30):
        return warning(
            "retention", f"last done {last:%Y-%m-%d %H:%M} UTC", "The clock and `referins worker bulk` do it."
        )
    return ok("retention", f"last done {last:%Y-%m-%d %H:%M} UTC" if last else "not due yet")
