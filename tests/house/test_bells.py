"""Bells and the schedule: whoever is rung for answers, and what the clock runs is well formed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from referins_woo import schedule
from referins_woo.bells import BELLS, QUEUES
from referins_woo.run import worker

ROOT = Path(__file__).resolve().parents[2]


def rung() -> set[str]:
    """The names that the sources ring for."""
    found = set()
    for path in (ROOT / "referins_woo").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                name = {"ring": 0, "ring_after_commit": 1}.get(node.func.attr)
                if name is not None and isinstance(node.func.value, ast.Name) and node.func.value.id == "queues":
                    argument = node.args[name]
                    assert isinstance(argument, ast.Constant), f"{path}:{node.lineno}: the name of a bell is a literal"
                    found.add(argument.value)
    return found


def test_every_bell_that_is_rung_has_a_job() -> None:
    assert rung() - worker.load_jobs() == set()


def test_every_bell_in_the_table_has_a_job() -> None:
    assert set(BELLS) - worker.load_jobs() == set()


@pytest.mark.parametrize("queue", QUEUES)
def test_a_worker_knows_the_jobs_of_all_bells_of_its_queue(queue: str) -> None:
    program = f"from referins_woo.run import worker; print(*worker.load_jobs({queue!r}))"
    known = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {bell for bell, its in BELLS.items() if its.queue == queue} <= set(known.stdout.split())


def test_the_schedule_names_each_line_once() -> None:
    names = [name for name, _, _ in schedule.TABLE]
    assert len(set(names)) == len(names)
    assert all(0 < seconds <= 86_400 for _, seconds, _ in schedule.TABLE)
