"""`referins doctor`: what is wrong is found, with its remedy, and nothing is called wrong that is well."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from redis import Redis
from sqlalchemy import update
from sqlalchemy.orm import Session

from referins_woo import lease, migrate, process, relock
from referins_woo.bells import QUEUES
from referins_woo.cli.doctor import command
from referins_woo.crypto import Vault
from referins_woo.doctor import data, examine, surroundings
from referins_woo.doctor.finding import Finding
from referins_woo.events.models import Event
from referins_woo.ingest.models import Delivery, Import
from referins_woo.mail.models import Message
from referins_woo.process import Process
from referins_woo.retention.models import RetentionMark
from referins_woo.runs.models import RESTORED, Run
from referins_woo.stores.models import Store, Webhook
from tests.conftest import ENCRYPTION_KEY, ClockHand, LiveServer
from tests.factories.rows import PLACED, Made, account_with_everything
from tests.services.smtp_sink import SmtpSink
from tests.services.valkey import Valkey

NEW_KEY = "bmV3LW9uZS1mb3ItdGVzdHMtbmV3LW9uZS1mb3ItLSE="


@pytest.fixture
def made(running: Process) -> Made:
    made = account_with_everything(running.database, "ours@example.com")
    with running.database.unit() as session:
        session.execute(update(Store).values(hook_secret_locked=running.vault.lock("s" * 48)))
    return made


def sick(findings: Iterator[Finding] | list[Finding]) -> list[tuple[str, str]]:
    """What is not well; each has a remedy."""
    found = [finding for finding in findings if finding.state != "ok"]
    assert all(finding.remedy.endswith(".") for finding in found)
    return [(finding.check, finding.state) for finding in found]


def test_a_healthy_installation_is_well(
    running: Process, made: Made, live_server: LiveServer, valkey_server: Valkey, valkey: Redis
) -> None:
    with running.database.unit() as session:
        lease.acquire(session, lease.CLOCK, lease.new_holder(), lease.CLOCK_SECONDS)
    config = dataclasses.replace(running.config, redis_url=valkey_server.url)
    process.use(dataclasses.replace(running, config=config))
    found = list(surroundings.settings(running.config))
    assert sick(found) == [("settings", "warning")], "the tests' switch for private stores"
    assert sick(surroundings.database(running.database)) == []
    assert sick([surroundings.public_url(running.config), surroundings.mail(running.config)]) == []
    assert sick([surroundings.the_clock(running.database)]) == []
    assert sick(surroundings.the_time(process.current())) == []
    with running.database.reading() as session:
        for look in (data.stores(session), data.webhooks(session), data.stuck(session)):
            assert sick(look) == []
        assert sick(data.secrets(session, running.config)) == []
        assert sick([data.retention(session)]) == []


def _all_deliveries_fail(session: Session, made: Made) -> None:
    session.execute(update(Delivery).values(state="failed"))


CASES: list[tuple[str, Callable[[Session, Made], Any], tuple[str, str]]] = [
    (
        "a store needs reconnecting",
        lambda s, made: s.execute(
            update(Store).where(Store.state == "connected").values(state="needs_reconnect", cause="key_revoked")
        ),
        ("store {store_id}", "wrong"),
    ),
    (
        "a store has no location",
        lambda s, made: s.execute(update(Store).where(Store.state == "connected").values(state="mapping_needed")),
        ("store {store_id}", "warning"),
    ),
    (
        "a store's clock is wrong",
        lambda s, made: s.execute(update(Store).where(Store.state == "connected").values(clock_skew_seconds=-3600)),
        ("store {store_id}", "warning"),
    ),
    (
        "a webhook is switched off",
        lambda s, made: s.add(
            Webhook(store_id=made.ids["store_id"], woo_id=1, topic="order.created", status="disabled")
        ),
        ("webhooks", "wrong"),
    ),
    ("a delivery is dead", _all_deliveries_fail, ("dead deliveries", "warning")),
    (
        "a delivery waits",
        lambda s, made: s.execute(update(Delivery).values(state="received", received_at=PLACED)),
        ("waiting work", "wrong"),
    ),
    (
        "an e-mail is unknown",
        lambda s, made: s.execute(update(Message).values(state="unknown")),
        ("unknown e-mails", "warning"),
    ),
    ("a run failed", lambda s, made: s.execute(update(Run).values(state="failed")), ("failed runs", "warning")),
    (
        "an import is silent",
        lambda s, made: s.execute(update(Import).values(state="running", heartbeat_at=PLACED)),
        ("silent imports", "warning"),
    ),
    (
        "a run is held",
        lambda s, made: s.execute(update(Run).values(state="held", ended_reason=RESTORED)),
        ("held after a restore", "warning"),
    ),
    (
        "an event is held",
        lambda s, made: s.execute(update(Event).values(state="suppressed", reason=RESTORED)),
        ("events held after a restore", "warning"),
    ),
]


@pytest.mark.parametrize(("arrange", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
@pytest.mark.parametrize("backend", ["sqlite"])
def test_each_fault_in_the_rows_is_found(
    running: Process, made: Made, arrange: Callable[[Session, Made], Any], expected: tuple[str, str]
) -> None:
    with running.database.unit() as session:
        arrange(session, made)
    with running.database.reading() as session:
        found = [*data.stores(session), *data.webhooks(session), *data.stuck(session)]
    assert sick(found) == [(expected[0].format(**made.ids), expected[1])]


def test_secrets_that_no_key_opens_and_old_keys_are_found(running: Process, made: Made) -> None:
    def look(*keys: str) -> list[tuple[str, str]]:
        with running.database.reading() as session:
            return sick(data.secrets(session, dataclasses.replace(running.config, encryption_keys=keys)))

    assert look(NEW_KEY) == [("secrets", "wrong")]
    assert look(NEW_KEY, ENCRYPTION_KEY) == [("secrets", "warning")]
    keys = (NEW_KEY, ENCRYPTION_KEY)
    assert relock.relock(running.database, keys, Vault(keys)) == 3, "two stores' and an outgoing webhook's"
    assert relock.relock(running.database, keys, Vault(keys)) == 0
    assert look(NEW_KEY) == []
    with running.database.reading() as session:
        store = session.get_one(Store, made.ids["store_id"])
    assert Vault((NEW_KEY,)).unlock(store.hook_secret_locked) == "s" * 48


def test_a_silent_clock_and_old_retention_are_found(running: Process, made: Made, clock: ClockHand) -> None:
    assert sick([surroundings.the_clock(running.database)]) == [("clock", "wrong")]
    with running.database.unit() as session:
        lease.acquire(session, lease.CLOCK, lease.new_holder(), lease.CLOCK_SECONDS)
        session.add(RetentionMark(rule="deliveries", pass_ended_at=clock.now()))
    assert sick([surroundings.the_clock(running.database)]) == []
    clock.advance(hours=31)
    assert sick([surroundings.the_clock(running.database)]) == [("clock", "wrong")]
    with running.database.reading() as session:
        assert sick([data.retention(session)]) == [("retention", "warning")]


@pytest.mark.parametrize("backend", ["sqlite"])
def test_redis_is_looked_at(running: Process, valkey_server: Valkey, valkey: Redis) -> None:
    def look(url: str | None) -> list[tuple[str, str]]:
        return sick(surroundings.redis(dataclasses.replace(running.config, redis_url=url)))

    no_workers = [(f"queue {name}", "wrong") for name in QUEUES]
    assert look(None) == look("redis://127.0.0.1:1/0") == [("redis", "wrong")]
    assert look(valkey_server.url) == no_workers
    try:
        valkey.config_set("maxmemory-policy", "allkeys-lru")
        assert look(valkey_server.url) == [("redis", "warning"), *no_workers]
        valkey.config_set("maxmemory-policy", "noeviction")
        valkey.config_set("maxmemory", 1)
        assert look(valkey_server.url) == [("redis", "wrong"), *no_workers]
        valkey.config_set("maxmemory", 2**28)
        valkey.replicaof("127.0.0.1", "1")
        assert ("redis", "wrong") in look(valkey_server.url)
    finally:
        valkey.replicaof("NO", "ONE")
        valkey.config_set("maxmemory-policy", "noeviction")
        valkey.config_set("maxmemory", 2**28)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_the_mail_server_is_asked_and_nothing_is_sent(running: Process) -> None:
    sink = SmtpSink()
    try:
        assert sick([surroundings.mail(dataclasses.replace(running.config, smtp_url=sink.url))]) == []
        assert sink.mails == []
    finally:
        sink.stop()
    assert sick([surroundings.mail(dataclasses.replace(running.config, smtp_url=sink.url))]) == [("mail", "wrong")]


@pytest.mark.parametrize("backend", ["sqlite"])
def test_what_surrounds_it_is_looked_at(running: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sick([surroundings.public_url(running.config)]) == [("public address", "wrong")], "nobody listens there"
    usage = surroundings.shutil.disk_usage("/")
    running.config.data_dir.mkdir()
    for free, expected in ((50 * 2**30, []), (2**30, ["warning"] * 2), (2**20, ["wrong"] * 2)):
        monkeypatch.setattr(surroundings.shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        assert [state for _, state in sick(surroundings.disk(running.config, running.database))] == expected
    insecure = dataclasses.replace(running.config, public_url="http://app.example.com", allow_any_private_store=False)
    assert sick(surroundings.settings(insecure)) == [("settings", "warning")]
    migrate.downgrade(running.database, "-1")
    assert sick(surroundings.database(running.database)) == [("migrations", "wrong")]


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_dead_database_ends_the_examination_in_order(running: Process) -> None:
    lost = dataclasses.replace(running.config, database_url="postgresql://nobody@127.0.0.1:1/nothing")
    found = [finding.check for finding in examine.examine(lost) if finding.state == "wrong"]
    process.use(running)
    assert found == ["database", "redis", "public address"]


@pytest.mark.parametrize("backend", ["sqlite"])
def test_the_command_says_it_to_people_and_to_machines(running: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    runner = CliRunner()
    done = runner.invoke(command, [])
    assert done.exit_code == 1
    assert "WRONG  settings: SECRET_KEY is missing" in done.output and "→ " in done.output
    done = runner.invoke(command, ["--json"])
    assert done.exit_code == 1
    answer = json.loads(done.output)
    assert answer["well"] is False
    assert answer["checks"][0] | {"detail": ""} == {
        "check": "settings",
        "state": "wrong",
        "detail": "",
        "remedy": "Correct it; .env.example explains each setting.",
    }
