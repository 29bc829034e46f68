"""What this web process counts while it answers; `/metrics` shows it. Counts begin at 0 with each process."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY: Final = CollectorRegistry(auto_describe=False)

HOOKS: Final = Counter(
    "referins_hooks_answered_total",
    "Webhook deliveries answered by this process, by HTTP status (401: wrong signature, 503: not stored).",
    ["status"],
    registry=REGISTRY,
)
REQUESTS: Final = Histogram(
    "referins_request_seconds",
    "Pages and API calls answered by this process.",
    ["method", "status"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 10),
    registry=REGISTRY,
)
