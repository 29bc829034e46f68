"""`/healthz`, `/readyz` and `/metrics`: what operators and their tools ask."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from sqlalchemy import update

from referins_woo import clock, lease, migrate, process, queues
from referins_woo.ingest.models import Delivery
from referins_woo.mail.models import Message
from referins_woo.process import Process
from referins_woo.web import metrics
from tests.factories.rows import account_with_everything
from tests.services.valkey import Valkey


def with_config(running: Process, **changes: object) -> None:
    """Let this process have other settings, without opening anything anew."""
    process.use(dataclasses.replace(running, config=dataclasses.replace(running.config, **changes)))  # type: ignore[arg-type]


def samples(client: FlaskClient) -> dict[tuple[str, ...], float]:
    """Scrape, and return the values by name and labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_it_lives(client: FlaskClient) -> None:
    assert client.get("/healthz").text == "ok\n"


def test_it_is_ready_when_database_migrations_and_queue_are(
    client: FlaskClient, running: Process, valkey_server: Valkey
) -> None:
    with_config(running, redis_url=valkey_server.url)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {
        "status": "ready",
        "checks": {name: {"ok": True, "detail": "ok"} for name in ("database", "migrations", "queue")},
    }


def test_without_redis_it_goes_on_and_says_so(client: FlaskClient, running: Process) -> None:
    with_config(running, redis_url="redis://:very-secret-word@127.0.0.1:1/0")
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json is not None and answer.json["status"] == "degraded"
    assert answer.json["checks"]["queue"]["detail"].startswith("Redis does not answer: ConnectionError")
    assert "very-secret-word" not in answer.text


def test_it_is_not_ready_before_the_migrations_ran(client: FlaskClient, running: Process) -> None:
    migrate.downgrade(running.database, "-1")
    try:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json is not None and answer.json["checks"]["migrations"]["detail"].startswith("not migrated")
        assert answer.json["checks"]["database"]["ok"]
    finally:
        migrate.upgrade(running.database)


def test_metrics_show_rows_queues_stores_and_the_clock(
    client: FlaskClient, running: Process, valkey_server: Valkey, valkey: Redis, bells: queues.MemoryBells
) -> None:
    account_with_everything(running.database, "ours@example.com", store_state="needs_reconnect")
    mine = account_with_everything(running.database, "theirs@example.com")
    with running.database.unit() as session:
        session.execute(update(Delivery).where(Delivery.account_id == mine.account_id).values(state="received"))
        session.execute(update(Delivery).values(received_at=clock.now() - timedelta(seconds=90)))
        session.execute(
            update(Message).where(Message.account_id == mine.account_id).values(state="created", due_at=clock.now())
        )
        lease.acquire(session, lease.CLOCK, lease.new_holder(), lease.CLOCK_SECONDS)
    with_config(running, redis_url=valkey_server.url)
    rung = queues.RedisBells(valkey_server.url)
    rung.ring("drain_deliveries", "live", (1,))
    metrics.ROWS.forget()
    found = samples(client)
    assert found["referins_up", "database"] == found["referins_up", "redis"] == 1
    assert found["referins_waiting", "deliveries"] == 1
    assert 89 < found["referins_waiting_oldest_seconds", "deliveries"] < 600
    assert found["referins_waiting", "messages"] == 1
    assert found["referins_deliveries", "done"] == found["referins_deliveries", "received"] == 1
    assert found["referins_imports", "done"] == found["referins_runs", "done"] == 2
    assert found["referins_messages", "sent"] == found["referins_messages", "created"] == 1
    assert found["referins_stores", "key_revoked", "needs_reconnect"] == 1
    assert found["referins_queue_depth", "live"] == 1
    assert found["referins_queue_depth", "mail"] == found["referins_queue_workers", "mail"] == 0
    assert found["referins_clock_silent_seconds",] < 60
    assert found["referins_bells_failed_total",] == 0


def test_metrics_tell_of_a_lost_redis_and_count_answers(client: FlaskClient, running: Process) -> None:
    with_config(running, redis_url="redis://127.0.0.1:1/0")
    before = samples(client)
    client.post("/hooks/woocommerce/nobody")
    client.open("/healthz", method="EVIL\x0d")
    after = samples(client)
    assert after["referins_up", "redis"] == 0
    hooks = ("referins_hooks_answered_total", "404")
    assert after[hooks] == before.get(hooks, 0) + 1
    assert not any("EVIL" in part for name in after for part in name)


def test_no_metric_is_named_after_anybody(client: FlaskClient, running: Process) -> None:
    made = account_with_everything(running.database, "ours@example.com")
    text = client.get("/metrics").text
    for word in ("ours", "example.com", "Ana", "HOOD", made.api_token):
        assert word not in text


@pytest.mark.parametrize("backend", ["sqlite"])
def test_metrics_are_for_this_machine_unless_a_token_says_otherwise(client: FlaskClient, running: Process) -> None:
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.9"}).status_code == 403
    for header in ("X-Forwarded-For", "Forwarded", "Via"):
        assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 403, header
    with_config(running, metrics_token="a-token-of-24-characters")
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
    far = {"REMOTE_ADDR": "203.0.113.9"}
    answer = client.get("/metrics", headers={"Authorization": "Bearer a-token-of-24-characters"}, environ_base=far)
    assert answer.status_code == 200
    assert re.fullmatch(r"text/plain; version=0\.0\.4; charset=utf-8", answer.headers["Content-Type"])
