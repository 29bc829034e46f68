"""A worker that is killed at any moment of a job loses no bell: RQ alone rings again, without our sweeps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from referins_woo import queues
from referins_woo.bells import BELLS
from tests.services.valkey import Valkey

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import os, sys, threading
from redis import Redis
from redis.connection import AbstractConnection
from referins_woo import queues
from referins_woo.run import worker

url, dies_at = sys.argv[1], int(sys.argv[2])
answers = Redis.from_url(url)
taken = spoken = 0
send = AbstractConnection.send_packed_command

def sent(connection, command, check_health=True):
    global taken, spoken
    if threading.current_thread() is threading.main_thread():
        taken = taken or b"MOVE" in b"".join(command)
        spoken += bool(taken)
        if spoken == dies_at > 0:
            os._exit(9)
    return send(connection, command, check_health)

AbstractConnection.send_packed_command = sent

@queues.job("probe_store")
def work(number):
    answers.sadd("ended", number)

queues._PATIENCE_SECONDS = 0.05
worker.load_jobs = lambda queue: queues.jobs()
work_on = worker.QueueWorker.work
worker.QueueWorker.work = lambda self, **options: work_on(self, burst=True, **options)
worker.work("live", url)
"""


def worker(url: str, dies_at: int = 0) -> int:
    """Let a worker answer what has rung; with `dies_at`, it ends as by kill -9 before what it says to Redis then.

    Counted from when it asks for a job, each pipeline as one.
    """
    return subprocess.run([sys.executable, "-c", SCRIPT, url, str(dies_at)], cwd=ROOT, check=False).returncode


def pass_time(client: Redis, seconds: float) -> None:
    """Move the books of RQ as if so much time had passed."""
    for member, due in client.zrange("rq:wip:live", 0, -1, withscores=True):
        client.zadd("rq:wip:live", {member: due - seconds})
    for key in client.scan_iter("*:first_seen:*"):
        client.set(key, float(client.get(key)) - seconds, keepttl=True)
    for key in client.scan_iter("rq:*"):
        left = int(client.ttl(key))
        if left >= 0:
            client.expire(key, max(0, int(left - seconds)))


@pytest.mark.storm
@pytest.mark.timeout(300)
def test_whatever_a_worker_was_about_to_say_when_it_was_killed(valkey_server: Valkey, valkey: Redis) -> None:
    queues.connect(valkey_server.url)
    again = 0
    for moment in range(1, 100):
        queues.ring("probe_store", moment)
        if worker(valkey_server.url, moment) != 9:
            break
        for seconds in (BELLS["probe_store"].seconds + 25, 75, 75):  # its time-out, then RQ's own minute
            if valkey.sismember("ended", str(moment)):
                break
            pass_time(valkey, seconds)
            worker(valkey_server.url)
            again += 1
        assert valkey.sismember("ended", str(moment)), f"killed before its word {moment}, the bell was lost"
    assert valkey.scard("ended") == moment > 20 < again
