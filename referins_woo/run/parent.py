"""No orphans: a child process ends with its parent, even when the parent is killed with SIGKILL.

On Linux the kernel does it (PR_SET_PDEATHSIG). Elsewhere our own processes watch their parent's id.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_libc: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(parent: int | None = None) -> None:
    """End this process with SIGKILL when its parent ends.

    `parent` is the id that the parent must have: where it died before this call, this process ends at once. Safe
    between fork and exec when `parent` is given.
    """
    expected = os.getppid() if parent is None else parent
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != expected:
        os._exit(1)


def watch_parent(seconds: float = 1.0) -> None:
    """Do the same in a thread, where the kernel does not: called by our own processes once they run."""
    if _libc is not None:
        return
    expected = os.getppid()

    def watch() -> None:
        while os.getppid() == expected:
            time.sleep(seconds)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
