"""All periodic jobs, in one table. The clock process runs them (`referins_woo.run.clock`), one clock at a time.

A line is (name, seconds, call). A call takes nothing, is short (a query and some bells), may run twice, and repairs:
whatever a lost bell, a killed worker or a wiped Redis left lying is rung for again here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from referins_woo import planner
from referins_woo.accounts import jobs as accounts
from referins_woo.customer_mapping import jobs as customer_mapping
from referins_woo.ingest import jobs as ingest
from referins_woo.lists import jobs as lists
from referins_woo.mail import jobs as mail
from referins_woo.outbound import jobs as outbound
from referins_woo.retention import jobs as retention
from referins_woo.runs import jobs as runs
from referins_woo.stores import jobs as stores
from referins_woo.writeback import jobs as writeback

TABLE: Final[tuple[tuple[str, float, Callable[[], None]], ...]] = (
    ("deliveries", 5, ingest.ring_for_deliveries),
    ("first imports", 10, ingest.start_first_imports),
    ("imports", 5, ingest.ring_for_imports),
    ("sweeps", 15, ingest.ring_for_sweeps),
    ("files of contacts", 10, ingest.ring_for_contact_files),
    ("comparisons", 600, ingest.ring_for_reconciles),
    ("tables that have grown", 5, planner.look_again),
    ("events", 5, runs.ring_for_events),
    ("due runs", 1, runs.ring_for_due_runs),
    ("re-reads", 5, runs.ring_for_rereads),
    ("people to reschedule", 10, runs.ring_for_reschedules),
    ("webhooks of automations", 5, runs.ring_for_calls),
    ("rehearsals", 10, runs.ring_for_rehearsals),
    ("old rehearsals", 3_600, runs.forget_rehearsals),
    ("messages", 2, mail.sweep_messages),
    ("webhook calls", 5, outbound.ring_for_calls),
    ("sending domains", 600, accounts.ring_for_domains),
    ("webhook notices", 60, accounts.ring_for_notices),
    ("suspects", 5, stores.ring_for_suspects),
    ("grants", 5, stores.ring_for_grants),
    ("webhooks", 900, stores.ring_for_webhooks),
    ("deletions of data", 60, stores.ring_for_deletions),
    ("mended stores", 300, stores.ring_for_mended),
    ("list tasks", 10, lists.ring_for_tasks),
    ("old list tasks", 3_600, lists.forget_old),
    ("reconnect reminders", 600, stores.remind),
    ("changes for stores", 10, writeback.ring_for_writes),
    ("customer mappings", 30, customer_mapping.ring_for_mappings),
    ("rates", 30, ingest.ring_for_rates),
    ("rates of a source", 900, ingest.ring_for_missing_rates),
    ("opening stock", 15, ingest.ring_for_stock),
    ("stock for stores", 30, ingest.ring_for_pushes),
    ("kept answers", 3_600, accounts.forget_answers),
    ("retention", 600, retention.ring_at_night),
)
