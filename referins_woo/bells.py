"""The table of bells: on which queue each rings, and how long its job may take.

Whoever rings need not have the job: what RQ must know of it stands here and not beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LIVE: Final = "live"
MAIL: Final = "mail"
BULK: Final = "bulk"
OUTBOUND: Final = "outbound"
QUEUES: Final = (LIVE, MAIL, BULK, OUTBOUND)
"""One worker process each: RQ loses jobs of workers that listen on more than one queue (docs/decisions/0001)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What kind of bell it is."""

    queue: str
    seconds: int = 60
    """After so long RQ stops the job; a drain ends by itself after 20."""


BELLS: Final[dict[str, Kind]] = {
    "drain_deliveries": Kind(LIVE, 120),
    "start_runs": Kind(LIVE),
    "advance_runs": Kind(LIVE),
    "reread_runs": Kind(LIVE, 300),
    "try_grant": Kind(LIVE, 300),
    "probe_store": Kind(LIVE, 300),
    "send_messages": Kind(MAIL, 300),
    "tell_of_webhook": Kind(MAIL),
    "send_calls": Kind(OUTBOUND, 120),
    "call_webhooks": Kind(OUTBOUND, 300),
    "look_up_domain": Kind(OUTBOUND),
    "reschedule_runs": Kind(OUTBOUND, 300),
    "rehearse": Kind(OUTBOUND, 300),  # not bulk: an importing worker has no memory to spare for the engine
    "run_import": Kind(BULK, 300),
    "catch_up": Kind(BULK, 600),
    "reconcile": Kind(BULK, 600),
    "heal_webhooks": Kind(BULK, 300),
    "disconnect_store": Kind(BULK, 600),
    "take_contact_file": Kind(BULK, 120),
    "enforce_retention": Kind(BULK, 120),
    "work_on_list": Kind(BULK, 120),
    "fetch_rates": Kind(BULK, 120),
    "give_rates": Kind(BULK, 120),
    "push_writes": Kind(BULK, 600),
    "push_customers": Kind(BULK, 300),
    "suggest_customers": Kind(BULK, 300),
    "count_stock": Kind(BULK, 600),
    "tell_stock": Kind(BULK),
    "push_stock": Kind(BULK, 600),
}
"""Every bell by its name; a house test asks that each has a job and each job is here."""

AT_ONCE: Final = frozenset({"start_runs", "advance_runs"})
"""Bells that a job of the same queue rings for what it has just committed: its worker answers them itself."""

QUICK: Final = frozenset({"drain_deliveries", "start_runs", "advance_runs", "send_messages"})
"""Bells that ring many times a second, and that a sweep rings again within five: a worker lingers for them."""


def seconds_of(name: str) -> int:
    """Return how long a bell's job may take; of a bell that a newer version rings at our door, the longest of ours."""
    kind = BELLS.get(name)
    return kind.seconds if kind is not None else max(one.seconds for one in BELLS.values())
