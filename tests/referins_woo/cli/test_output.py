"""What a command prints is its answer, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from referins_woo.db import Database
from tests.conftest import ENCRYPTION_KEY, ROOT, SECRET_KEY
from tests.factories.rows import account_with_everything


@pytest.mark.parametrize("backend", ["sqlite"])
def test_an_answer_in_json_stays_one_value_when_the_bells_are_out_of_order(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    store_id = account_with_everything(database, "ours@example.com").ids["store_id"]
    done = subprocess.run(
        [sys.executable, "-m", "referins_woo.cli", "sync", "now", str(store_id), "--json"],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url,
            "REDIS_URL": f"unix://{tmp_path}/nobody.sock",
            "SECRET_KEY": SECRET_KEY,
            "ENCRYPTION_KEYS": ENCRYPTION_KEY,
            "REFERINS_DATA": str(tmp_path),
        },
        cwd=tmp_path,
        text=True,
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout) == {"store": store_id, "rung": True}
    assert "bell not rung" in done.stderr
