"""Bells: rung after the commit, collapsed, never in the way."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from redis import Redis

from referins_woo import db, queues
from referins_woo.bells import LIVE
from referins_woo.db import Database
from referins_woo.lingering import Door
from tests.services.valkey import Valkey


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[object, ...]]]:
    """A job behind the bell `drain_deliveries` that writes down its arguments."""
    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr(queues, "_jobs", dict(queues._jobs))
    queues.job("drain_deliveries")(lambda *args: calls.append(args))
    yield calls


def test_it_rings_after_the_commit_and_not_before(
    database: Database, bells: queues.MemoryBells, answered: list[tuple[object, ...]]
) -> None:
    with database.unit() as session:
        queues.ring_after_commit(session, "drain_deliveries", 7)
        assert bells.pending == []
    assert bells.pending == [("live", "drain_deliveries", (7,))]
    assert bells.drain() == 1
    assert answered == [(7,)]


def test_it_does_not_ring_when_the_unit_rolls_back(database: Database, bells: queues.MemoryBells) -> None:
    with pytest.raises(ZeroDivisionError), database.unit() as session:
        queues.ring_after_commit(session, "drain_deliveries", 7)
        raise ZeroDivisionError
    assert bells.pending == []


def test_the_list_of_calls_after_a_commit_is_the_one_that_the_database_reads() -> None:
    assert db._AFTER == queues.AFTER_COMMIT


def test_an_unknown_bell_fails_beside_its_caller(bells: queues.MemoryBells) -> None:
    with pytest.raises(LookupError):
        queues.ring("no_such_bell")
    with pytest.raises(LookupError):
        queues.job("no_such_bell")


def test_a_thousand_bells_become_one_job_until_it_starts(valkey_server: Valkey, valkey: Redis) -> None:
    queues.connect(valkey_server.url)
    for _ in range(1_000):
        queues.ring("drain_deliveries", 7)
    queues.ring("drain_deliveries", 8)
    assert valkey.llen("rq:queue:live") == 2


def test_work_that_comes_while_the_job_runs_rings_again(
    valkey_server: Valkey, valkey: Redis, answered: list[tuple[object, ...]]
) -> None:
    queues.connect(valkey_server.url)
    queues.ring("drain_deliveries", 7)
    queues.run_job("drain_deliveries", 7)
    queues.ring("drain_deliveries", 7)
    assert valkey.llen("rq:queue:live") == 2
    assert answered == [(7,)]


def test_a_lost_redis_is_counted_and_raises_nothing() -> None:
    lost = queues.connect("unix:///nowhere/valkey.sock")
    queues.ring("drain_deliveries", 7)
    queues.ring("send_messages")
    assert lost.failed == 2


def test_a_job_that_fails_ends_its_shell_quietly(bells: queues.MemoryBells, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ValueError("on purpose")

    monkeypatch.setattr(queues, "_jobs", {})
    queues.job("drain_deliveries")(broken)
    queues.run_job("drain_deliveries")
    queues.ring("drain_deliveries")
    with pytest.raises(ValueError, match="on purpose"):
        bells.drain()


def test_a_worker_answers_at_once_what_its_job_rings_for(
    valkey_server: Valkey, valkey: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def drain(_store: int) -> None:
        told.append("drain")
        for _ in range(3):
            queues.ring("start_runs")
        queues.ring("send_messages")

    def start() -> None:
        told.append("start")
        queues.ring("advance_runs")

    monkeypatch.setattr(queues, "_jobs", {})
    queues.job("drain_deliveries")(drain)
    queues.job("start_runs")(start)
    queues.job("advance_runs")(lambda: told.append("advance"))
    queues.connect(valkey_server.url, worker_of=LIVE)
    queues.run_job("drain_deliveries", 7)
    assert told == ["drain", "start", "advance"]
    assert (valkey.llen("rq:queue:live"), valkey.llen("rq:queue:mail")) == (0, 1)


def test_a_worker_whose_job_took_long_leaves_the_rest_to_the_queue(
    valkey_server: Valkey, valkey: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "_jobs", {})
    monkeypatch.setattr(queues, "_AT_ONCE_SECONDS", -1.0)
    queues.job("drain_deliveries")(lambda _store: queues.ring("start_runs"))
    queues.connect(valkey_server.url, worker_of=LIVE)
    queues.run_job("drain_deliveries", 7)
    assert valkey.llen("rq:queue:live") == 1


def test_a_bell_of_a_newer_version_at_the_door_is_told_and_holds_up_nothing(
    valkey_server: Valkey, valkey: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    said: list[tuple[str, str]] = []
    newer = Door(valkey, LIVE)

    def drain(store: int) -> None:
        told.append(store)
        if store == 7:  # while this worker is at its door
            valkey.set("lingers:live", 1)
            assert newer.ring(("not_known_yet", (1,)))
            assert newer.ring(("drain_deliveries", (8,)))

    monkeypatch.setattr(queues, "_jobs", {})
    monkeypatch.setattr(
        queues,
        "log",
        SimpleNamespace(debug=lambda *_, **__: None, error=lambda text, *, bell, args: said.append((text, bell))),
    )
    queues.job("drain_deliveries")(drain)
    queues.connect(valkey_server.url, worker_of=LIVE, stopped=lambda: False)
    queues.run_job("drain_deliveries", 7)
    assert told == [7, 8]
    assert said == [("bell without a job", "not_known_yet")]
    assert valkey.llen("rq:queue:live") == 0
