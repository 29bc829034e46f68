"""`referins web`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ENCRYPTION_KEY, ROOT, SECRET_KEY


def test_it_does_not_serve_without_bells_that_workers_hear(tmp_path: Path) -> None:
    environ = {key: value for key, value in os.environ.items() if key != "REDIS_URL"}
    done = subprocess.run(
        [sys.executable, "-m", "referins_woo.cli", "web"],
        env={
            **environ,
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": f"sqlite:///{tmp_path}/none.sqlite3",
            "SECRET_KEY": SECRET_KEY,
            "ENCRYPTION_KEYS": ENCRYPTION_KEY,
            "REFERINS_DATA": str(tmp_path),
        },
        cwd=tmp_path,
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert "REDIS_URL is missing" in done.stderr
    assert "Traceback" not in done.stderr
