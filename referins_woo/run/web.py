"""The web server: gunicorn with one process of eight threads (a second process bought nothing on two cores)."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger as GunicornLogger

from referins_woo.run.parent import die_with_parent, watch_parent
from referins_woo.run.system import one_heap

_SWITCH_SECONDS = 0.0005
"""How long the thread that writes deliveries waits for the interpreter, several times for each batch."""

Wsgi = Callable[..., Iterable[bytes]]


def serve(create_app: Callable[[], Wsgi], bind: str, *, threads: int = 8) -> None:
    """Serve the application on `bind` (host:port) until SIGTERM; does not return.

    `create_app` runs in the worker process: what it opens is not shared over a fork.
    """
    one_heap()
    _Server(create_app, bind, threads).run()


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn carries no types
    def __init__(self, create_app: Callable[[], Wsgi], bind: str, threads: int) -> None:
        self._create_app = create_app
        self._options: dict[str, Any] = {
            "bind": [bind],
            "workers": 1,
            "threads": threads,
            "worker_class": "gthread",
            "timeout": 60,
            "graceful_timeout": 20,
            "keepalive": 2,
            "backlog": 2048,
            "max_requests": 0,
            "loglevel": "warning",
            "proc_name": "referins-web",
            "control_socket_disable": True,
            "logger_class": _Logger,
            "post_fork": _forked,
        }
        super().__init__()

    def load_config(self) -> None:
        """Hand our options to gunicorn; its own files and environment variables are not read."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Wsgi:
        """Make the application, in the worker. Nothing of it is garbage: it is not looked through, now or later."""
        gc.disable()
        made = self._create_app()
        gc.freeze()
        gc.enable()
        return made


class _Logger(GunicornLogger):  # type: ignore[misc]
    """Gunicorn's words go the way of all logs, instead of to a handler of its own."""

    def setup(self, cfg: Any) -> None:
        """Take gunicorn's handlers off again; the root logger has ours."""
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            logger.handlers[:] = []
            logger.propagate = True


def _forked(_arbiter: object, _worker: object) -> None:
    """A worker ends with its arbiter, which ends with the supervisor; its threads wait shortly for each other."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    die_with_parent()
    watch_parent()
