"""The benchmarks run and tell something. No time is asserted: another machine, another figure."""

from __future__ import annotations

import pytest

from bench import Row, chain, engine, imports, intake, lists, mails, matching, start, stock_push, waits
from bench.__main__ import names, table


def told(rows: list[Row], benchmark: str) -> None:
    """The rows belong to `benchmark` and can be shown."""
    assert rows
    assert {row.benchmark for row in rows} == {benchmark}
    assert any(row.gate is not None for row in rows)
    assert len(table(rows).splitlines()) == len(rows) + 1


@pytest.mark.storm
@pytest.mark.timeout(600)
def test_benchmarks_run() -> None:
    told(imports.rows_of(orders=300, delayed=300, pairs=1, memory=(100, 300)), "imports")
    told(intake.rows_of(count=200, pairs=1, burst_seconds=1), "intake")
    told(chain.rows_of(steady=20, burst=20, seconds=1, flood_seconds=1), "chain")
    told(lists.rows_of(count=60, times=1), "lists")
    told(engine.rows_of(seconds=0.2), "engine")
    told(mails.rows_of(count=20, pairs=1, renders=5, crowd=60), "mails")
    told(matching.rows_of(customers=200, times=1), "matching")
    told(start.rows_of(times=1), "start")
    told(stock_push.rows_of(goods=150, times=1, seconds=0.01), "stock_push")
    told(waits.rows_of(sizes={"sqlite": 200, "postgresql": 200}, times=2), "waits")


def test_every_benchmark_is_tried_here() -> None:
    assert names() == [
        "chain",
        "engine",
        "imports",
        "intake",
        "lists",
        "mails",
        "matching",
        "start",
        "stock_push",
        "waits",
    ]
