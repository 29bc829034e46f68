"""A real Valkey for one test process, the binary that bin/start runs, without its append-only file."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from referins_woo.run import valkey
from referins_woo.run.parent import die_with_parent


class Valkey:
    """A running server; `url` is what REDIS_URL wants. `stop` and `start` again: its data is lost, on purpose."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="referins-vk-"))
        self.socket = self._home / "s"
        self.url = valkey.url(self.socket)
        self._server: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        parent = os.getpid()
        command = [*valkey.arguments(valkey.find_server(), self._home, self.socket), "--appendonly", "no"]
        self._server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, preexec_fn=lambda: die_with_parent(parent)
        )
        deadline = time.monotonic() + 10
        while True:
            try:
                self.client().ping()
                return
            except RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def client(self) -> Redis:
        """Return a new client."""
        return Redis.from_url(self.url)

    def stop(self) -> None:
        """Kill it: what it held is gone."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def pause(self) -> None:
        """Let it hang: it takes connections and answers nothing."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End the pause."""
        assert self._server is not None
        self._server.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Kill it and remove its files."""
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)
