"""Random automations, random orders, deliveries in any order, repeated, with crashes between: what always holds.

All that decides is the real thing (detect, matches, advance, entry keys); the database is two dictionaries with its
unique keys. Each example is a small world of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from automations import engine
from automations.definition import Definition, parse
from automations.effects import ChangeTag, SendEmail
from automations.steps import EXIT_CONDITIONS, holding
from automations.triggers import TRIGGERS
from referins_woo.commerce.order_rules import is_paid, mapped_status, payment_state
from referins_woo.commerce.records import OrderRecord, RefundRecord
from referins_woo.events.detect import Due, Known, Situation, due_events, refund_key
from referins_woo.runs.start import entry_key
from tests.referins_woo.events.test_detect import order as order_record

T0 = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BODY = [{"kind": "text", "text": "Hello"}]
STATUSES = ("pending", "processing", "on-hold", "completed", "cancelled", "failed", "refunded", "checkout-draft")

# Definitions.

conditions = st.sampled_from(
    [
        {"field": "order.paid", "operator": "is_true"},
        {"field": "order.woo_status", "operator": "one_of", "value": "pending, processing"},
        {"field": "order.total", "operator": "greater_than", "value": "5"},
        {"any": [{"field": "contact.tags", "operator": "has", "value": "vip"}, {"all": []}]},
        {"field": "order.placed_at", "operator": "in_last", "value": "1d"},
    ]
)
sends = st.builds(
    lambda promotional, reread: {
        "kind": "send_email",
        "subject": "S",
        "body": [{**BODY[0], "promotional": promotional}],
        "reread": reread,
    },
    st.booleans(),
    st.booleans(),
)
leaves = st.one_of(
    sends,
    st.builds(lambda period: {"kind": "wait", "period": period}, st.sampled_from(["5m", "1h", "1d"])),
    st.sampled_from(
        [
            {"kind": "wait_until", "time": "09:00"},
            {"kind": "wait_until", "weekdays": ["mon", "thu"], "zone": "contact"},
            {"kind": "add_tag", "tag": "vip"},
            {"kind": "remove_tag", "tag": "VIP"},
            {"kind": "notify", "subject": "N", "text": "T"},
            {"kind": "call_webhook", "url": "https://example.com/hook"},
            {"kind": "update_field", "field": "comments", "value": "x"},
            {"kind": "exit"},
            {"kind": "send_email", "disabled": True},
        ]
    ),
)


def branching(inner: Any) -> Any:
    """Steps with two ways of such steps."""
    awaited = st.sampled_from(["paid", "completed", "cancelled", "tag"])
    return st.one_of(
        st.builds(lambda c, y, n: {"kind": "split", "condition": c, "yes": y, "no": n}, conditions, inner, inner),
        st.builds(
            lambda e, y, n: {
                "kind": "wait_for",
                "event": e,
                "timeout": "2h",
                "yes": y,
                "no": n,
                **({"tags": ["vip"]} if e == "tag" else {}),
            },
            awaited,
            inner,
            inner,
        ),
    )


trees = st.recursive(
    st.lists(leaves, min_size=1, max_size=3),
    lambda inner: st.lists(st.one_of(leaves, branching(inner)), min_size=1, max_size=3),
    max_leaves=8,
)


def definition_of(tree: Any, trigger: str, exits: set[str], filters: Any, limits: dict[str, Any]) -> Definition:
    """The tree as a definition, its steps numbered."""
    numbers = iter(range(1_000))

    def numbered(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {**step, "id": f"s{next(numbers)}", **{way: numbered(step[way]) for way in ("yes", "no") if way in step}}
            for step in steps
        ]

    exits = exits - TRIGGERS[trigger].already
    document = {
        "trigger": trigger,
        "steps": numbered(tree),
        "exit_on": sorted(exits),
        "exit_tags": ["vip"] if "tag" in exits else [],
        "filters": filters,
        "settings": limits,
    }
    parsed = parse(document)
    assert isinstance(parsed, Definition), parsed
    return parsed


definitions = st.builds(
    definition_of,
    trees,
    st.sampled_from(sorted(TRIGGERS)),
    st.sets(st.sampled_from(sorted(EXIT_CONDITIONS)), max_size=4),
    st.one_of(st.just({}), conditions),
    st.sampled_from(
        [
            {},
            {"reentry": "once"},
            {"reentry": "once_in", "reentry_period": "1d"},
            {"quiet_hours": "own", "quiet_from": "20:00", "quiet_to": "08:00"},
        ]
    ),
)

# The world.

versions = st.lists(
    st.tuples(st.sampled_from(STATUSES), st.booleans(), st.booleans(), st.integers(1, 2_000)), min_size=1, max_size=4
)
"""(status, becomes paid, has one more refund, minutes after the version before)."""


def history_of(woo_id: int, placed: datetime, steps: Any) -> list[OrderRecord]:
    """The versions of one order as a store would show them, oldest first."""
    made, at = [], placed
    record = order_record(woo_id=woo_id, placed_at=placed, modified_at=placed, status="pending", refunds=())
    for number, (status, pays, refunds, minutes) in enumerate(steps):
        record = replace(
            record,
            status=status,
            modified_at=at,
            paid_at=record.paid_at or (at if pays else None),
            completed_at=at if status == "completed" and record.completed_at is None else record.completed_at,
            refunds=(*record.refunds, (woo_id * 100 + number, 10_000)) if refunds else record.refunds,
            content_hash=f"{woo_id}-{number}",
        )
        made.append(record)
        at += timedelta(minutes=minutes)
    return made


@dataclass
class Going:
    """A run."""

    definition: Definition
    event: Due
    woo_id: int
    position: engine.Position | None = field(default_factory=engine.start)
    due_at: datetime | None = None
    keys: list[str] = field(default_factory=list)
    state: str = "active"


@dataclass
class World:
    """Two dictionaries with the database's unique keys, and all that happened."""

    automations: list[tuple[Definition, datetime]]
    stored: dict[int, OrderRecord] = field(default_factory=dict)
    events: dict[tuple[str, int, str], Due] = field(default_factory=dict)
    runs: dict[tuple[int, str], Going] = field(default_factory=dict)
    entered: dict[int, datetime] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    mails: list[tuple[tuple[int, str], str, datetime]] = field(default_factory=list)

    def deliver(self, record: OrderRecord, now: datetime, crashes: bool) -> None:
        """Take one version in, in one unit; `crashes`: it is rolled back at its end, and done again."""
        before = self.stored.get(record.woo_id)
        known = Known(before.status, had_email=True) if before is not None else None
        newer = before is not None and record.modified_at > before.modified_at
        recorded = {
            refund_key(int(occurrence)) if kind == "order_refunded" else kind
            for kind, woo_id, occurrence in self.events
            if woo_id == record.woo_id
        }
        refunds = [RefundRecord(one, record.woo_id, amount, "", record.modified_at) for one, amount in record.refunds]
        situation = Situation(t0=T0, store_now=now, submitted_on=True, payment_on=True)
        found = due_events(record, known, recorded, situation, newer=newer, refunds=refunds)
        assert found == due_events(record, known, recorded, situation, newer=newer, refunds=refunds)
        if crashes:
            return
        if before is None and record.is_draft:
            return
        if before is not None and not newer:
            return  # older than what is known, or an echo
        self.stored[record.woo_id] = record
        kinds = [one.kind for one in found]
        if {"order_submitted", "payment_received"} <= set(kinds):
            assert kinds.index("order_submitted") < kinds.index("payment_received")
        for one in found:
            assert one.occurred_at >= T0, "nothing before T0"
            key = (one.kind, record.woo_id, one.occurrence)
            if key not in self.events:
                self.events[key] = one
                if one.state == "fired":
                    self._start(one, record.woo_id, now)
        for (_, entry), run in list(self.runs.items()):
            if run.woo_id == record.woo_id and run.position is not None:
                self._look((_, entry), now)

    def work(self, now: datetime, crashes: bool) -> None:
        """Advance what is due; after a crash the same is decided again."""
        for key, run in list(self.runs.items()):
            if run.position is not None and (run.due_at is None or run.due_at <= now):
                if crashes:
                    self._decide(run, now)
                self._look(key, now)

    def _start(self, event: Due, woo_id: int, now: datetime) -> None:
        for number, (definition, published) in enumerate(self.automations):
            if definition.trigger != event.kind or event.occurred_at < published:
                continue
            facts = self.facts(event, woo_id)
            facts["event"]["age_seconds"] = max(0.0, (now - event.occurred_at).total_seconds())
            last = self.entered.get(number)
            facts["entries"] = {"last_entered_at": last.isoformat() if last else None}
            if not engine.matches(definition, facts).passed:
                continue
            key = (number, entry_key(1, woo_id, event.occurrence))
            assert key not in self.runs, "one run per order"
            self.runs[key] = Going(definition, event, woo_id)
            self.entered[number] = max(last, event.occurred_at) if last else event.occurred_at

    def _decide(self, run: Going, now: datetime, reread_at: datetime | None = None) -> engine.Decision:
        assert run.position is not None
        facts = self.facts(run.event, run.woo_id)
        decision = engine.advance(run.definition, run.position, facts, now, reread_at=reread_at)
        assert decision == engine.advance(run.definition, run.position, facts, now, reread_at=reread_at)
        return decision

    def _look(self, key: tuple[int, str], now: datetime) -> None:
        run = self.runs[key]
        decision = self._decide(run, now)
        self._apply(key, run, decision, now)
        while decision.state == "rereading":
            decision = self._decide(run, now, reread_at=now)
            self._apply(key, run, decision, now)

    def _apply(self, key: tuple[int, str], run: Going, decision: engine.Decision, now: datetime) -> None:
        before = self.facts(run.event, run.woo_id)
        ends = holding(run.definition.exit_on, run.definition.exit_tag_keys, before)
        if ends is not None:
            assert (decision.state, decision.effects) == ("exited", ()), "nothing once an exit condition holds"
        for effect in decision.effects:
            if isinstance(effect, SendEmail):
                assert run.state not in ("done", "exited"), "no mail after the exit"
                self.mails.append((key, effect.step_id, now))
            elif isinstance(effect, ChangeTag):
                kept = [one for one in self.tags if one.casefold() != effect.tag.casefold()]
                self.tags = [*kept, effect.tag] if effect.add else kept
        run.keys += [one.step_key for one in decision.log if one.outcome != "rereads"]
        run.position, run.due_at, run.state = decision.position, decision.due_at, decision.state
        assert (decision.position is None) == (decision.state in ("done", "exited"))
        if decision.state == "waiting":
            assert decision.due_at is not None

    def facts(self, event: Due, woo_id: int) -> dict[str, Any]:
        """What the engine is told at this moment."""
        record = self.stored[woo_id]
        facts: dict[str, Any] = {
            "event": {"kind": event.kind, "occurred_at": event.occurred_at.isoformat()},
            "order": {
                "created_via": "checkout",
                "total": "10.00",
                "woo_status": record.status,
                "status": mapped_status(record.status),
                "paid": is_paid(record),
                "payment_state": payment_state(record),
                "placed_at": record.placed_at.isoformat(),
            },
            "contact": {"id": 1, "tags": list(self.tags), "consent": "subscribed", "time_zone": "Asia/Tokyo"},
            "store": {"time_zone": "America/New_York"},
            "related": {},
        }
        if "refund" in event.data:
            facts["refund"] = event.data["refund"]
        if "from" in event.data:
            facts["event"] |= {"from_status": event.data["from"], "to_status": event.data["to"]}
        return facts


@settings(max_examples=250, deadline=None)
@given(
    st.lists(st.tuples(definitions, st.integers(-60, 600)), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(-2_000, 2_000), versions), min_size=1, max_size=3),
    st.data(),
)
def test_random_automations_on_random_orders_keep_the_invariants(automations: Any, orders: Any, data: Any) -> None:
    world = World([(definition, T0 + timedelta(minutes=minutes)) for definition, minutes in automations])
    deliveries = [
        record
        for number, (minutes, steps) in enumerate(orders)
        for record in history_of(number + 1, T0 + timedelta(minutes=minutes), steps)
    ]
    repeated = deliveries + data.draw(st.lists(st.sampled_from(deliveries), max_size=4), label="repeated")
    shuffled = data.draw(st.permutations(repeated), label="order of arrival")
    now = max(record.modified_at for record in deliveries if record.modified_at is not None)
    for record in shuffled:
        now += timedelta(minutes=data.draw(st.integers(0, 300), label="minutes later"))
        crashes = data.draw(st.booleans(), label="crashes")
        if crashes:
            world.deliver(record, now, crashes=True)
        world.deliver(record, now, crashes=False)
        world.work(now, crashes)
    for _ in range(60):
        now += timedelta(hours=13)
        world.work(now, crashes=False)

    kinds = [(kind, woo_id) for kind, woo_id, _ in world.events if kind in ("order_submitted", "payment_received")]
    assert len(kinds) == len(set(kinds)), "Submitted and Payment once per order"
    for run in world.runs.values():
        assert len(run.keys) == len(set(run.keys)), "no step twice"
        assert run.event.occurred_at >= T0
        assert run.state in ("done", "exited"), "every run comes to its end"
    sent = [(key, step) for key, step, _ in world.mails]
    assert len(sent) == len(set(sent)), "no e-mail twice"
    for (number, _), run in world.runs.items():
        assert run.event.occurred_at >= world.automations[number][1], "nothing from before it was published"
