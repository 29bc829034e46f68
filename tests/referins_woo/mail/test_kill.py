"""A real process is killed (-9) while it sends: nothing twice, nothing lost, at most one unknown a kill."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from referins_woo.config import Config
from referins_woo.mail import jobs
from referins_woo.process import Process
from referins_woo.queues import MemoryBells
from tests.conftest import ENCRYPTION_KEY, ROOT, SECRET_KEY, ClockHand
from tests.referins_woo.mail.conftest import Post, Sink
from tests.services.postmark import TOKEN, FakePostmark

WORKER = """
import sys
from referins_woo import config, process, queues
from referins_woo.mail import jobs
queues.connect(None)
process.start(config.load())
print("ready", flush=True)
while True:
    jobs.send_messages()
"""
MESSAGES = 60
WAYS = {
    "smtp": lambda sink, _: {"SMTP_URL": f"smtp://127.0.0.1:{sink.port}"},
    "postmark": lambda _, fake: {
        "POSTMARK_TOKEN": TOKEN,
        "POSTMARK_API": fake.url,
        "REFERINS_ALLOW_PRIVATE_STORES": "1",
    },
}


@pytest.fixture
def postmark() -> Iterator[FakePostmark]:
    """A server that answers as Postmark does."""
    made = FakePostmark()
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("way", "kills"),
    [
        ("smtp", 2),
        ("postmark", 2),
        pytest.param("smtp", 12, marks=pytest.mark.storm),
        pytest.param("postmark", 6, marks=pytest.mark.storm),
    ],
)
def test_kill_9_while_sending_repeats_nothing_and_loses_nothing(
    way: str,
    post: Post,
    sink: Sink,
    postmark: FakePostmark,
    config: Config,
    running: Process,
    bells: MemoryBells,
    clock: ClockHand,
    tmp_path: Path,
    seed: int,
    kills: int,
) -> None:
    dice = random.Random(seed)
    environ = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
        **clock.environ,
        "DATABASE_URL": config.database_url,
        "SECRET_KEY": SECRET_KEY,
        "ENCRYPTION_KEYS": ENCRYPTION_KEY,
        "PUBLIC_URL": config.public_url,
        "REFERINS_DATA": str(tmp_path / "data"),
        **WAYS[way](sink, postmark),
        "MAIL_FROM": "Referins <no-reply@referins.example>",
        "PYTHONPATH": str(ROOT),
    }
    server = sink if way == "smtp" else postmark
    expected = []
    for round_ in range(kills):
        for number in range(MESSAGES):
            expected.append(f"r{round_}n{number}@example.com")
            post.put(expected[-1])
        arrived = len(server.mails)
        worker = subprocess.Popen([sys.executable, "-c", WORKER], env=environ, stdout=subprocess.PIPE, text=True)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        enough = arrived + dice.randrange(1, MESSAGES - 10)
        until = time.monotonic() + 20
        while len(server.mails) < enough and time.monotonic() < until:
            time.sleep(0.0005)
        time.sleep(dice.random() * 0.004)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait(10)
        worker.stdout.close()
        clock.advance(minutes=6)
        jobs.sweep_messages()
    states = Counter(post.states())
    assert states["unknown"] <= kills
    post.drain_all(sink)
    recipients = sink.recipients + postmark.recipients
    assert max(Counter(recipients).values()) == 1
    states = Counter(post.states())
    assert set(states) <= {"sent", "unknown"}
    assert states["sent"] + states["unknown"] == len(expected)
    missing = set(expected) - set(recipients)
    assert len(missing) <= states["unknown"] <= kills
