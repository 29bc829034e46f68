"""From the webhook to the e-mail: real processes, a Valkey of its own, an SMTP server on the loopback, both databases.

A signed `order.created` of a customer whom we do not know yet; the recipe "order confirmation" is live; latency counts
from the delivery's time to the end of DATA at the SMTP server. What is sustained is measured beside the least that does
the same (`bench._flask`, `bench._mailer`): a burst tells about how much is borne, then deliveries come at that rate,
each at its time, and at a tenth less until the slowest hundredth waits less than a second.
"""

from __future__ import annotations

from contextlib import ExitStack

from bench import Row
from bench._chain import Chain, ours, reference
from bench._databases import Databases, databases
from bench._processes import own_proportional_mb, proportional_mb

_NAME = "chain"
_RATE = 40
_MOST_P99 = 1.0
_FALL = 0.9
_AIMS = {"sqlite": 700, "postgresql": 500}
_FLOOD = 1_000
"""Orders a second of the long burst."""


def run(quick: bool) -> list[Row]:
    """Measure and return the rows."""
    return rows_of(
        steady=400 if quick else 1_200, burst=1_000, seconds=4 if quick else 10, flood_seconds=3 if quick else 10
    )


def rows_of(*, steady: int, burst: int, seconds: float, flood_seconds: int) -> list[Row]:
    """Measure with `steady` orders at 40 a second, a `burst` as fast as they are taken, and `seconds` at a rate."""
    rows: list[Row] = []
    with ExitStack() as stack:
        empty = stack.enter_context(databases())
        for kind in ("sqlite", "postgresql"):
            with reference(empty, kind) as chain:
                _warm(chain)
                limit = _held(chain, _mailed(chain, burst), seconds)
            rows += _ours(empty, kind, limit, steady, burst, seconds, flood_seconds)
    return rows


def _ours(
    empty: Databases, kind: str, limit: float, steady: int, burst: int, seconds: float, flood_seconds: int
) -> list[Row]:
    with ours(empty, kind) as chain:
        _warm(chain)
        latencies = _at_rate(chain, steady, _RATE)
        flood = chain.post(burst, "--connections", 32)
        arrived = chain.mails_after(flood)
        rate = _held(chain, burst / (max(arrived) - flood["began"]), seconds)
        long = chain.post(_FLOOD * flood_seconds, "--rate", _FLOOD)
        late = chain.mails_after(long)
        memory = own_proportional_mb(chain.pids["supervisor"])
        memory += sum(proportional_mb(chain.pids[role]) for role in ("web", "live", "mail"))
    lost = sum(1 for at in (*latencies, *arrived, *late) if at <= 0)
    drained, last = max(late) - long["ended"], max(arrived) - flood["ended"]
    return [
        _row(kind, f"{_RATE}/s, webhook to mail: p50", _at(latencies, 50) * 1000, "ms", 50, better=False),
        _row(kind, f"{_RATE}/s, webhook to mail: p99", _at(latencies, 99) * 1000, "ms", 1_000, better=False),
        _row(
            kind,
            f"burst of {burst:,}: last mail after the last order",
            last,
            "s",
            5,
            better=False,
        ),
        _row(kind, f"burst of {burst:,}: taken", burst / flood["seconds"], "orders/s"),
        _row(kind, f"burst of {burst:,}: mailed", burst / (max(arrived) - flood["began"]), "mails/s"),
        _row(kind, f"sustained, ours (aim {_AIMS[kind]})", rate, "orders/s"),
        _row(kind, "sustained, least that does the same", limit, "orders/s"),
        _row(kind, "sustained: ours / the least", rate / limit, "of it", 0.5),
        _row(
            kind,
            f"{_FLOOD:,}/s for {flood_seconds} s: last mail after the last order",
            drained,
            "s",
            max(15.0, _FLOOD * flood_seconds / rate),
            better=False,
        ),
        _row(kind, "orders without a mail", lost, "orders", 0, better=False),
        _row(kind, "web + live + mail + their parent: proportional memory", memory, "MB", 300, better=False),
    ]


def _row(kind: str, what: str, value: float, unit: str, gate: float | None = None, *, better: bool = True) -> Row:
    return Row(_NAME, f"{kind}: {what}", value, unit, gate, better)


def _mailed(chain: Chain, burst: int) -> float:
    """Return the orders a second of a burst, to the last mail."""
    flood = chain.post(burst, "--connections", 32)
    return burst / (max(chain.mails_after(flood)) - flood["began"])


def _held(chain: Chain, rate: float, seconds: float) -> float:
    """Return the highest rate, from a little above `rate` down, at which the slowest hundredth stays below a second.

    Each rate has two tries: what else a machine does for a moment is not what is measured.
    """
    rate = rate / _FALL
    while rate > 1:
        if _holds(chain, rate, seconds) or _holds(chain, rate, seconds):
            return rate
        rate *= _FALL
    return 0.0


def _holds(chain: Chain, rate: float, seconds: float) -> bool:
    latencies = _at_rate(chain, max(10, round(rate * seconds)), rate)
    return min(latencies) > 0 and _at(latencies, 99) < _MOST_P99


def _at_rate(chain: Chain, count: int, rate: float) -> list[float]:
    """Return in seconds how long each of `count` mails took, the shortest first; below 0 for one that never came."""
    sent = chain.post(count, "--rate", rate)
    return sorted(at - (sent["began"] + place / rate) for place, at in enumerate(chain.mails_after(sent)))


def _warm(chain: Chain) -> None:
    """Let everything be compiled and connected."""
    chain.mails_after(chain.post(20, "--connections", 1))


def _at(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
