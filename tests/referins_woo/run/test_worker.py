"""A worker: it answers bells of its queue, and its end loses none."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from referins_woo import queues
from referins_woo.errors import ReferinsError
from referins_woo.run import worker
from tests.services.valkey import Valkey

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import sys, time
from redis import Redis
from referins_woo import queues
from referins_woo.run import worker
url = sys.argv[1]

@queues.job("probe_store")
@queues.job("drain_deliveries")
def work(number: int, milliseconds: int) -> None:
    Redis.from_url(url).sadd("begun", number)
    time.sleep(milliseconds / 1000)
    Redis.from_url(url).sadd("ended", number)

worker.load_jobs = lambda queue: queues.jobs()
sys.exit(worker.work("live", url))
"""


@contextmanager
def live_worker(url: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, url], cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(client: Redis, key: str, number: int, seconds: float = 20) -> float:
    started = time.monotonic()
    while not client.sismember(key, str(number)):
        assert time.monotonic() - started < seconds, f"{key} {number} did not come"
        time.sleep(0.01)
    return time.monotonic() - started


def test_a_bell_is_answered_at_once_and_leaves_nothing(valkey_server: Valkey, valkey: Redis) -> None:
    queues.connect(valkey_server.url)
    with live_worker(valkey_server.url):
        queues.ring("drain_deliveries", 1, 0)
        wait_for(valkey, "ended", 1)
        queues.ring("drain_deliveries", 2, 0)
        wait_for(valkey, "ended", 2)
        deadline = time.monotonic() + 20
        while left := [*valkey.keys("rq:job:*"), *valkey.keys("wake:*"), *valkey.keys("lingers:*")]:
            assert time.monotonic() < deadline, f"{left} are left"
            time.sleep(0.05)


def test_a_worker_that_lingers_answers_without_rq(valkey_server: Valkey, valkey: Redis) -> None:
    queues.connect(valkey_server.url)
    with live_worker(valkey_server.url):
        queues.ring("drain_deliveries", 0, 0)
        wait_for(valkey, "ended", 0)
        deadline = time.monotonic() + 20
        while not valkey.exists("lingers:live"):
            assert time.monotonic() < deadline, "nobody lingers"
        jobs = set(valkey.keys("rq:job:*"))
        for number in range(1, 20):
            queues.ring("drain_deliveries", number, 0)
            wait_for(valkey, "ended", number)
        assert set(valkey.keys("rq:job:*")) <= jobs, "RQ was asked for what the worker at the door could answer"
        queues.ring("probe_store", 20, 0)  # not a quick one: it goes through RQ, and the worker goes for it
        wait_for(valkey, "ended", 20)


def test_a_worker_that_is_told_to_stop_hands_back_what_rang_at_the_door(valkey_server: Valkey, valkey: Redis) -> None:
    queues.connect(valkey_server.url)
    with live_worker(valkey_server.url) as process:
        queues.ring("drain_deliveries", 0, 0)
        wait_for(valkey, "ended", 0)
        queues.ring("drain_deliveries", 1, 800)
        wait_for(valkey, "begun", 1)
        for number in (2, 3):
            queues.ring("drain_deliveries", number, 0)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert not valkey.exists("lingers:live", "bells:live")
    with live_worker(valkey_server.url):
        for number in (2, 3):
            wait_for(valkey, "ended", number)


def test_bells_at_the_door_of_a_killed_worker_are_answered_by_the_next(valkey_server: Valkey, valkey: Redis) -> None:
    """But for the one in its hand: that is what the sweeps are for."""
    queues.connect(valkey_server.url)
    with live_worker(valkey_server.url):
        queues.ring("drain_deliveries", 0, 0)
        wait_for(valkey, "ended", 0)
        queues.ring("drain_deliveries", 1, 5_000)
        wait_for(valkey, "begun", 1)
        queues.ring("drain_deliveries", 2, 0)
    with live_worker(valkey_server.url):
        time.sleep(2.1)  # by then the mark of the one that lingered is gone
        queues.ring("drain_deliveries", 3, 0)
        for number in (2, 3):
            wait_for(valkey, "ended", number)


def test_sigterm_lets_the_job_in_hand_end(valkey_server: Valkey, valkey: Redis) -> None:
    queues.connect(valkey_server.url)
    with live_worker(valkey_server.url) as process:
        queues.ring("drain_deliveries", 1, 800)
        wait_for(valkey, "begun", 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert valkey.sismember("ended", "1")


def test_a_worker_without_redis_ends_so_that_it_is_started_again(tmp_path: Path) -> None:
    with live_worker(f"unix://{tmp_path}/nobody.sock") as process:
        assert process.wait(10) == 1


def test_a_worker_is_known_again_after_redis_lost_its_memory(valkey_server: Valkey, valkey: Redis) -> None:
    queues.connect(valkey_server.url)
    with live_worker(valkey_server.url):
        queues.ring("drain_deliveries", 1, 0)
        wait_for(valkey, "ended", 1)
        (known,) = valkey.smembers("rq:workers")
        valkey.flushall()
        queues.ring("drain_deliveries", 2, 0)
        wait_for(valkey, "ended", 2)
        deadline = time.monotonic() + 20
        while not valkey.smembers("rq:workers:live"):
            assert time.monotonic() < deadline, "nobody knows the worker that answers"
            time.sleep(0.01)
        assert valkey.smembers("rq:workers") == {known}
        assert valkey.hget(known, "queues") == b"live"


def test_there_is_no_worker_for_an_unknown_queue() -> None:
    with pytest.raises(ReferinsError, match="no queue"):
        worker.work("high", "unix:///nowhere")


def test_a_worker_killed_while_it_looked_for_lost_bells_does_not_stop_the_others(
    valkey_server: Valkey, valkey: Redis
) -> None:
    connection = Redis.from_url(valkey_server.url)
    killed = worker.QueueWorker(["live"], connection=connection, serializer="json")
    assert killed.queues[0].acquire_maintenance_lock()
    worker.QueueWorker(["live"], connection=connection, serializer="json").clean_registries()
    assert 0 < int(valkey.ttl(killed.queues[0].registry_cleaning_key)) <= 30  # type: ignore[arg-type]
