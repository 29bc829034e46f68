"""Supervised processes: restarted with patience, stopped without leftovers, never orphaned."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from referins_woo.run.child import Child, program

ROOT = Path(__file__).resolve().parents[3]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def child(tmp_path: Path, script: str) -> Child:
    return Child("role", program([sys.executable, "-c", script], os.environ), tmp_path, patience=5)


def test_the_first_restart_comes_at_once_and_the_next_ones_later(tmp_path: Path) -> None:
    short = child(tmp_path, "raise SystemExit(3)")
    waits = []
    for _ in range(4):
        short.start()
        wait_until(lambda: short.ended() == 3)
        waits.append(round(short.next_start - time.monotonic(), 1))
    assert waits[0] <= 0
    assert waits[1] < waits[2] < waits[3] <= 10


def test_what_ignores_sigterm_is_killed_with_all_it_started(tmp_path: Path) -> None:
    script = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    stubborn = child(tmp_path, script)
    stubborn.start()
    wait_until(lambda: (tmp_path / "role.log").read_text().strip())
    grandchild = int((tmp_path / "role.log").read_text())
    stubborn.ask_to_end()
    assert stubborn.wait_or_kill(time.monotonic() + 0.2) is False
    wait_until(lambda: not alive(grandchild))


def test_a_child_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, sys, time\n"
        "from referins_woo.run.child import Child, program\n"
        f"log = pathlib.Path({str(tmp_path)!r})\n"
        "c = Child('inner', program([sys.executable, '-c', 'import time; time.sleep(60)'], os.environ), log, 5)\n"
        "c.start(); print(c.pid, flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout is not None
    inner = int(parent.stdout.readline())
    assert alive(inner)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not alive(inner))


def test_the_end_of_the_log_says_why_it_ended(tmp_path: Path) -> None:
    talking = child(tmp_path, "raise ValueError('on purpose')")
    talking.start()
    wait_until(lambda: talking.ended() is not None)
    assert "on purpose" in talking.last_words()
