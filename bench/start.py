"""`bin/start` once everything is set up: from the command to the first page, and the memory of all its processes."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import Row
from bench._processes import free_port, proportional_mb
from tests.services.instance import ROOT, Instance

_NAME = "start"


def run(quick: bool) -> list[Row]:
    """Measure and return the rows."""
    return rows_of(times=3 if quick else 7)


def rows_of(*, times: int) -> list[Row]:
    """Measure with so many starts after the first one."""
    command = [str(ROOT / "bin" / "start")]
    with TemporaryDirectory() as folder:
        instance = Instance(Path(folder) / "data", free_port())
        try:
            first = instance.start(command=command, seconds=600)
            instance.stop()
            later = []
            for _ in range(times):
                later.append(instance.start(command=command))
                instance.wait_for_all()
                memory = sum(proportional_mb(pid) for pid in [instance.pid, *filter(None, instance.roles().values())])
                instance.stop()
        finally:
            instance.stop()
    return [
        Row(_NAME, "first start with an empty data folder", first, "s"),
        Row(_NAME, "second start: first page, median", median(later), "s", 3, higher_is_better=False),
        Row(_NAME, "second start: all processes, proportional memory", memory, "MB"),
    ]
