"""Opens what a command works with: settings, database, bells."""

from __future__ import annotations

import sys

import structlog

from referins_woo import config, logs, process, queues
from referins_woo.process import Process


def open_process(*, synchronous: str = "FULL") -> Process:
    """Start this process from the environment; raises ConfigError with one clear line.

    Logs go to standard error, unless the command has said otherwise: standard output is for its answer.
    """
    if not structlog.is_configured():
        logs.configure(stream=sys.stderr)
    opened = process.start(config.load(), synchronous=synchronous)
    queues.connect(opened.config.needed_redis_url)
    return opened
