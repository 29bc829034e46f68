"""Processes forked from the one that has imported all: as separate as if each had been started by itself."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.referins_woo.run.test_child import ROOT, alive, wait_until

PARENT = """
import os, pathlib, signal, sys, time
from referins_woo.run.child import Child
from referins_woo.run.fork import Fork

folder = pathlib.Path(sys.argv[1])
lock = (folder / "lock").open("w")
woken = []
signal.signal(signal.SIGTERM, lambda number, frame: woken.append(number))

def run():
{body}

own = {{"PATH": "/bin", "ONLY": "this"}}
child = Child("role", lambda log: Fork("referins-role", run, own, log.fileno()), folder, 2)
child.start()
print(child.pid, flush=True)
{then}
"""


def start(tmp_path: Path, body: str, then: str = "time.sleep(60)") -> subprocess.Popen[str]:
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    script = PARENT.format(body=indented, then=then)
    command = [sys.executable, "-c", script, str(tmp_path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_it_has_its_own_surroundings_and_nothing_of_its_parents(tmp_path: Path) -> None:
    body = (
        "print(sorted(os.environ.items()), os.getsid(0) == os.getpid(), sys.stdin.read() == '')\n"
        "print(sorted(os.listdir('/proc/self/fd')), signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)\n"
        "time.sleep(60)"
    )
    parent = start(tmp_path, body)
    child = int(first_line(parent))
    wait_until(lambda: (tmp_path / "role.log").read_text().count("\n") == 2)
    said, held = (tmp_path / "role.log").read_text().splitlines()
    assert said == "[('ONLY', 'this'), ('PATH', '/bin')] True True"
    # The fourth is the listing's own. The lock of the parent is not among them.
    assert held == "['0', '1', '2', '3'] True"
    assert Path(f"/proc/{child}/comm").read_text() == "referins-role\n"
    held_by_child = [str(fd.resolve()) for fd in Path(f"/proc/{child}/fd").iterdir()]
    assert not [path for path in held_by_child if path.endswith("/lock")]
    parent.kill()
    parent.wait()
    wait_until(lambda: not alive(child))


@pytest.mark.parametrize(
    ("body", "code"),
    [("sys.exit(3)", "3"), ("raise ValueError('on purpose')", "1"), ("os.kill(os.getpid(), 9)", "-9"), ("pass", "0")],
)
def test_its_end_is_known_by_its_code(tmp_path: Path, body: str, code: str) -> None:
    then = "while (code := child.ended()) is None: time.sleep(0.01)\nprint(code, flush=True)"
    parent = start(tmp_path, body, then)
    first_line(parent)
    assert first_line(parent) == code
    assert parent.wait(20) == 0
    assert ("on purpose" in (tmp_path / "role.log").read_text()) == ("on purpose" in body)


@pytest.mark.parametrize(("body", "by_itself"), [("time.sleep(60)", "True"), ("_stubborn", "False")])
def test_it_is_asked_to_end_and_killed_where_it_does_not(tmp_path: Path, body: str, by_itself: str) -> None:
    waiting = ""
    if body == "_stubborn":
        body = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf')\ntime.sleep(60)"
        waiting = "while not (folder / 'role.log').read_text(): time.sleep(0.01)\n"
    then = f"{waiting}child.ask_to_end()\nprint(child.wait_or_kill(time.monotonic() + 0.5), woken, flush=True)"
    started = time.monotonic()
    parent = start(tmp_path, body, then)
    child = int(first_line(parent))
    assert first_line(parent) == f"{by_itself} []", "the parent's own handler is not called in its place"
    assert parent.wait(20) == 0 and time.monotonic() - started < 30
    assert not alive(child)
