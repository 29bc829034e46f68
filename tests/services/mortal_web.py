"""A web server whose worker dies by a real kill -9 at the commit of the first delivery that it takes.

`python -m tests.services.mortal_web before|after PORT MARK`: the product's own server, which starts another worker;
the file MARK says that the kill has been, and is not again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from referins_woo import config as configuration
from referins_woo.alone import Alone
from referins_woo.app import create_app
from referins_woo.run import web
from referins_woo.run.parent import die_with_parent
from tests.services.inside import wait_until
from tests.services.instance import answers

Place = Literal["before", "after"]


@contextmanager
def mortal_web(place: Place, port: int, mark: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Run one, to be killed before or after the commit; yields its address. It must have been killed at the end."""
    parent = os.getpid()
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.services.mortal_web", place, str(port), str(mark)],
        env={**os.environ, **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: die_with_parent(parent),
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(url), 60, "the web server does not answer")
        yield url
    finally:
        server.terminate()
        assert server.wait(30) == 0
    assert mark.exists(), "it was killed"


def main(place: str, port: str, mark: str) -> None:
    """Serve, until SIGTERM."""

    def die(at: str) -> None:
        if at == place and threading.current_thread().name == "intake" and not Path(mark).exists():
            Path(mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)

    changing = Alone.changing

    @contextmanager
    def mortal(alone: Alone) -> Iterator[Any]:
        with changing(alone) as cursor:
            yield cursor
            die("before")
        die("after")

    Alone.changing = mortal  # type: ignore[method-assign]
    web.serve(lambda: create_app(configuration.load(os.environ)), f"127.0.0.1:{port}")


if __name__ == "__main__":
    main(*sys.argv[1:])
