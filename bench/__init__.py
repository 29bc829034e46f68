"""Benchmarks: each module has `run(quick: bool) -> list[Row]`; `bin/bench` runs them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. A gate, where there is one, is a promise of the product (issue, performance goals)."""

    benchmark: str
    what: str
    value: float
    unit: str
    gate: float | None = None
    higher_is_better: bool = True

    @property
    def passes(self) -> bool | None:
        """Whether the gate holds; None where there is none."""
        if self.gate is None:
            return None
        return self.value >= self.gate if self.higher_is_better else self.value <= self.gate
