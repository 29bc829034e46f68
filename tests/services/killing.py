"""Kills the processes of an instance at random moments, by a seed, and writes down what it did."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TypeVar

from redis import Redis
from redis.exceptions import RedisError

from referins_woo.run import valkey
from tests.services.instance import Instance

ROLES = ("web", "live", "mail", "bulk", "outbound", "clock", "valkey")
Result = TypeVar("Result")
EVERYTHING = (*ROLES, "flush", "lose-valkey", "supervisor")
"""`flush` is FLUSHALL; `lose-valkey` kills Valkey and deletes its file; `supervisor` kills all at once."""


class Killer:
    """Kills while something else goes on. `deeds` counts what it did, `story` tells it in order."""

    def __init__(
        self,
        instance: Instance,
        rng: random.Random,
        victims: Sequence[str] = EVERYTHING,
        pauses: tuple[float, float] = (0.2, 1.2),
        flags: Sequence[str] = ("--no-practice-store",),
        most: int = 1_000,
    ) -> None:
        self.deeds: Counter[str] = Counter()
        self.story: list[str] = []
        self._instance, self._rng, self._victims = instance, rng, tuple(victims)
        self._pauses, self._flags, self._most = pauses, flags, most

    def kill_during(self, call: Callable[[], Result]) -> Result:
        """Run `call` in another thread and kill until it ends, then wait until all roles run; returns its result.

        The killing is done here, because a supervisor started again dies with the thread that started it.
        """
        with ThreadPoolExecutor(1) as pool:
            work = pool.submit(call)
            began = time.monotonic()
            for _ in range(self._most):
                if wait([work], self._rng.uniform(*self._pauses)).done:
                    break
                victim = self._rng.choice(self._victims)
                if strike(self._instance, victim, self._rng, self._flags):
                    self.deeds[victim] += 1
                    self.story.append(f"{time.monotonic() - began:.1f} {victim}")
            result = work.result()
        self._instance.wait_for_all(60)
        return result


def strike(instance: Instance, victim: str, rng: random.Random, flags: Sequence[str] = ()) -> bool:
    """Do one deed; returns False where there was nothing to kill just then."""
    if victim == "supervisor":
        instance.kill_supervisor()
        instance.start(*flags)
        return True
    if victim == "flush":
        with contextlib.suppress(RedisError):
            Redis.from_url(valkey.url(valkey.socket_path(instance.data_dir)), socket_timeout=2).flushall()
            return True
        return False
    if victim == "lose-valkey":
        killed = _kill(instance.roles().get("valkey"))
        shutil.rmtree(instance.data_dir / "valkey" / "appendonlydir", ignore_errors=True)
        return killed
    pid = instance.roles().get(victim)
    if victim == "web" and pid and rng.random() < 0.5:
        children = _children(pid)  # gunicorn's worker dies alone, its master starts another
        return _kill(children[0] if children else pid)
    return _kill(pid)


def _kill(pid: int | None) -> bool:
    if not pid:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
