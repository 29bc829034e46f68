"""`bin/bench [--quick] [NAME…]`: runs bench/*.py, prints a table, writes JSON to bench/results.

A benchmark is a module with `run(quick: bool) -> list[bench.Row]`. It measures its limit and ours in the same run, so
that a ratio holds on any machine; a row with a gate that it misses makes the exit code 1.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import platform
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import bench
from bench import Row

_HERE = Path(__file__).resolve().parent


def names() -> list[str]:
    """Return the benchmarks that there are."""
    return sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_"))


def table(rows: list[Row]) -> str:
    """Return `rows` as lines of text with aligned columns."""
    cells = [("benchmark", "what", "value", "unit", "gate", "")]
    for row in rows:
        verdict = "" if row.gate is None else ("ok" if row.passes else "MISSED")
        gate = "" if row.gate is None else f"{'≥' if row.higher_is_better else '≤'} {row.gate:g}"
        cells.append((row.benchmark, row.what, f"{row.value:,.4g}", row.unit, gate, verdict))
    widths = [max(len(line[column]) for line in cells) for column in range(6)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)


def main() -> int:
    """Run the chosen benchmarks; returns 1 where a gate was missed."""
    parser = argparse.ArgumentParser(prog="bin/bench")
    parser.add_argument("--quick", action="store_true", help="smaller sizes: a look, not a figure")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(names()) or 'none yet'}")
    given = parser.parse_args()
    unknown = set(given.names) - set(names())
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    for name in given.names or names():
        print(f"· {name}", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"bench.{name}").run(given.quick)
    print(table(rows))
    results = _HERE / "results"
    results.mkdir(exist_ok=True)
    at = datetime.now(UTC)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    report = {"at": at.isoformat(), "quick": given.quick, "machine": machine, "rows": [asdict(row) for row in rows]}
    path = results / f"{at:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(f"\n{path}")
    return 1 if any(row.passes is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
