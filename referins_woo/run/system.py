"""What a process asks of the C library for itself; where it has none of it, nothing happens."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from typing import Final

_M_ARENA_MAX: Final = -8
"""glibc's number of the setting that MALLOC_ARENA_MAX makes."""
_PR_SET_NAME: Final = 15
_libc: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


def one_heap() -> None:
    """Let all threads share one heap: each keeps what pages of a store were read into, 15 MB of a worker."""
    with suppress(AttributeError):  # not glibc
        if _libc is not None:
            _libc.mallopt(_M_ARENA_MAX, 1)


def name_process(name: str) -> None:
    """Let `ps` and `top` show this process by `name`, as far as 15 bytes of it go: a fork looks like its parent."""
    if _libc is not None:
        _libc.prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)
