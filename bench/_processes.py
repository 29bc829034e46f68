"""Processes that a benchmark starts, measures and ends."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@contextlib.contextmanager
def serving(module: str, *arguments: object) -> Iterator[int]:
    """Run `python -m module`, which prints the port it listens on, for the length of the block."""
    process = subprocess.Popen(_command(module, arguments), stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.strip().isdigit():
            raise RuntimeError(f"{module} did not start")
        yield int(line)
    finally:
        process.terminate()
        process.wait()


def measured(module: str, *arguments: object) -> dict[str, Any]:
    """Run `python -m module` to its end and return the JSON object that it prints last."""
    done = subprocess.run(_command(module, arguments), stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def running(
    arguments: list[str], environ: Mapping[str, str], log: Path
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """Run a console command of ours for the length of the block; what it says goes to `log`."""
    return _alone("from referins_woo.cli import main", arguments, environ, log)


def supervised(
    port: int, folder: Path, environ: Mapping[str, str], log: Path
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """Run what `bin/start` runs, without the practice store, for the length of the block."""
    arguments = ["--port", str(port), "--data", str(folder), "--no-practice-store"]
    return _alone("from referins_woo.run.supervisor import main", arguments, environ, log)


def _alone(
    importing: str, arguments: list[str], environ: Mapping[str, str], log: Path
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """Run a `main` as in an installation, where no developer's tool has brought `rich`: structlog loads it, 5 MB."""
    alone = f"import sys; sys.modules['rich'] = None; {importing}; sys.exit(main())"
    return python(["-c", alone, *arguments], environ, log)


@contextlib.contextmanager
def python(arguments: list[str], environ: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run this Python with `arguments` for the length of the block; what it says goes to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, **environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=ROOT,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, seconds: float = 30) -> None:
    """Wait until the server on `port` answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def peak_mb(pid: int) -> float:
    """Return the largest resident size of a process so far, in MB (2**20 bytes)."""
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmHWM") / 1024


def proportional_mb(pid: int) -> float:
    """Return the proportional set size of a process and its children, in MB: shared pages count once among them."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own_proportional_mb(pid) + sum(proportional_mb(int(child)) for child in children)


def own_proportional_mb(pid: int) -> float:
    """Return the proportional set size of a process alone."""
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss") / 1024


def _kilobytes(path: Path, name: str) -> int:
    for line in path.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise LookupError(name)


def _command(module: str, arguments: tuple[object, ...]) -> list[str]:
    return [sys.executable, "-m", module, *map(str, arguments)]
