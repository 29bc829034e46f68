"""What lies around the application: database, Redis, workers, clock, disk, mail server, public address, time."""

from __future__ import annotations

import http.client
import shutil
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from referins_woo import clock, lease, schema
from referins_woo.config import Config
from referins_woo.db import Database
from referins_woo.doctor.finding import Finding, ok, warning, wrong
from referins_woo.mail import reachable
from referins_woo.process import Process
from referins_woo.reports import operations
from referins_woo.reports.bell_queues import bell_queues, open_redis

_OLD: Final = 60.0
"""Seconds after which what waits has waited too long."""
_LITTLE_DISK: Final = 200 * 2**20
_LESS_DISK: Final = 2 * 2**30
_LARGE_WAL: Final = 2**30
_SKEW: Final = timedelta(seconds=5)


def settings(config: Config) -> Iterator[Finding]:
    """What is set, as far as it may be shown."""
    yield ok("settings", f"PUBLIC_URL {config.public_url}, data in {config.data_dir}")
    if not config.public_is_https and not config.public_is_loopback:
        yield warning(
            "settings",
            "PUBLIC_URL is not https",
            "Put a proxy that speaks TLS in front, and https:// in PUBLIC_URL.",
        )
    if config.allow_any_private_store:
        yield warning(
            "settings",
            "REFERINS_ALLOW_PRIVATE_STORES=1 lets anybody with an account reach this network",
            "Name the origins that are meant, or remove it.",
        )


def database(opened: Database) -> Iterator[Finding]:
    """Whether it answers and has today's schema. Nothing that reads rows is worth asking otherwise."""
    started = time.monotonic()
    try:
        with opened.reading() as session:
            session.execute(text("SELECT 1"))
        took = (time.monotonic() - started) * 1000
        yield ok("database", f"{opened.url.get_backend_name()} answers in {took:.0f} ms")
        if schema.is_current(opened):
            yield ok("migrations", "the schema is the newest")
            yield from _writes(opened)
        else:
            yield wrong(
                "migrations", "the schema is not this version's", "Run `referins db upgrade`, then start again."
            )
    except SQLAlchemyError as error:
        yield wrong(
            "database",
            f"does not answer: {type(error).__name__}",
            "See docs/runbooks/database-down.md; DATABASE_URL must name a server that is up.",
        )


def _writes(opened: Database) -> Iterator[Finding]:
    try:
        lease.prove_writes(opened)
    except (SQLAlchemyError, OSError) as error:
        yield wrong(
            "database",
            f"takes no writes: {type(error).__name__}. Webhooks are answered 503, imports stand still",
            "Is the disk full, or the server read-only? See docs/runbooks/database-down.md.",
        )


def redis(config: Config) -> Iterator[Finding]:
    """Whether Redis answers, takes what is written to it, and every queue has a worker."""
    if config.redis_url is None:
        yield wrong("redis", "REDIS_URL is not set", "Set it, or use bin/start, which runs a Valkey of its own.")
        return
    client = open_redis(config.redis_url)
    try:
        yield from _redis_itself(client)
        for queue in bell_queues(client):
            if not queue.workers:
                yield wrong(f"queue {queue.name}", "no worker listens", f"Start `referins worker {queue.name}`.")
            elif queue.oldest_seconds > _OLD:
                yield wrong(
                    f"queue {queue.name}",
                    f"{queue.waiting} bells wait, the first for {queue.oldest_seconds:.0f} s",
                    "See docs/runbooks/queue-age.md.",
                )
            else:
                yield ok(f"queue {queue.name}", f"{queue.workers} workers, {queue.waiting} bells wait")
    except RedisError as error:
        yield wrong(
            "redis",
            f"does not answer: {type(error).__name__}",
            "See docs/runbooks/redis-down.md. Nothing is lost; work waits in the database.",
        )


def _redis_itself(client: Redis) -> Iterator[Finding]:
    memory: dict[str, Any] = client.info("memory")
    role = client.info("replication")["role"]
    if role != "master":
        yield wrong("redis", f"it is a {role}: bells cannot be rung", "Let REDIS_URL name the primary.")
    if memory.get("maxmemory_policy") not in ("noeviction", None):
        yield warning(
            "redis", f"maxmemory-policy is {memory['maxmemory_policy']}", "Set noeviction: evicted bells ring late."
        )
    limit, used = int(memory.get("maxmemory") or 0), int(memory["used_memory"])
    if limit and used > limit * 0.9:
        yield wrong("redis", f"{used / limit:.0%} of its memory is used", "Raise maxmemory; FLUSHALL loses nothing.")
    else:
        yield ok("redis", f"answers, {used / 2**20:.0f} MB used")


def the_clock(opened: Database) -> Finding:
    """Whether a clock works: without one nothing that waits is ever looked at."""
    with opened.reading() as session:
        silent = operations.clock_silent_for(session, clock.now())
    remedy = "Start `referins clock`; a second one on another host may wait beside it."
    if silent is None:
        return wrong("clock", "none has ever worked on this database", remedy)
    if silent.total_seconds() > lease.CLOCK_SECONDS * 2:
        return wrong("clock", f"silent for {silent.total_seconds():.0f} s", remedy)
    return ok("clock", "works")


def disk(config: Config, opened: Database) -> Iterator[Finding]:
    """Whether there is room where data lies."""
    folders = {config.data_dir: "the data folder"}
    if opened.is_sqlite:
        file = Path(opened.url.database or "")
        folders[file.parent.absolute()] = "the database"
        wal = file.with_name(file.name + "-wal")
        if wal.exists() and wal.stat().st_size > _LARGE_WAL:
            yield warning(
                "disk",
                f"the database's -wal has {wal.stat().st_size / 2**20:.0f} MB",
                "Something reads for very long (a backup?); it shrinks once that has ended.",
            )
    for folder, what in folders.items():
        if not folder.is_dir():
            continue
        usage = shutil.disk_usage(folder)
        said = f"{usage.free / 2**30:.1f} GB free for {what}"
        if usage.free < _LITTLE_DISK:
            yield wrong("disk", said, "Make room now: a full disk refuses webhooks.")
        elif usage.free < _LESS_DISK:
            yield warning("disk", said, "Make room, or shorten what is kept (KEEP_…_DAYS).")
        else:
            yield ok("disk", said)


def mail(config: Config) -> Finding:
    """Whether e-mails can be handed over."""
    if config.uses_dev_mailbox:
        return ok("mail", "the dev mailbox at /dev/mail")
    why = reachable.why_not(config)
    if why is None:
        return ok("mail", "Postmark knows our token" if config.postmark else "the mail server lets us in")
    setting = "POSTMARK_TOKEN" if config.postmark else "SMTP_URL: host, port, starttls=1, user and password"
    return wrong("mail", why, f"Check {setting}. E-mails wait meanwhile.")


def public_url(config: Config) -> Finding:
    """Whether we are where PUBLIC_URL says: stores send their webhooks there."""
    remedy = "Browsers and stores must reach PUBLIC_URL: check the proxy, DNS and the certificate, and `referins web`."
    try:
        status, _ = _ask(config.public_url)
    except (OSError, http.client.HTTPException) as error:
        return wrong("public address", f"{config.public_url}/healthz does not answer: {type(error).__name__}", remedy)
    if status != 200:
        return wrong("public address", f"{config.public_url}/healthz answers {status}", remedy)
    if config.public_is_loopback:
        return ok("public address", f"{config.public_url} answers; only this machine reaches it")
    return ok("public address", f"{config.public_url} answers")


def _ask(url: str) -> tuple[int, datetime | None]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(host, parts.port, timeout=5, context=ssl.create_default_context())
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=5)
    try:
        connection.request("GET", f"{parts.path}/healthz")
        answer = connection.getresponse()
        date = answer.getheader("Date")
        return answer.status, parsedate_to_datetime(date) if date else None
    finally:
        connection.close()


def the_time(process: Process) -> Iterator[Finding]:
    """Whether the hosts agree on the time: events are judged by it."""
    remedy = "Let every host follow NTP (chrony, systemd-timesyncd)."
    seen: list[tuple[str, timedelta]] = []
    if not process.database.is_sqlite:
        with process.database.reading() as session:
            there: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
        seen.append(("the database server", there - clock.now()))
    if process.config.redis_url is not None:
        try:
            seconds, micros = open_redis(process.config.redis_url).time()
            there = datetime.fromtimestamp(int(seconds) + int(micros) / 1e6, UTC)
            seen.append(("Redis", there - clock.now()))
        except RedisError:
            pass  # said already
    for what, skew in seen:
        if abs(skew) > _SKEW:
            yield wrong("time", f"{what} is {skew.total_seconds():+.0f} s from this host", remedy)
            return
    yield ok("time", f"this host agrees with {' and '.join(what for what, _ in seen)}" if seen else "this host alone")
