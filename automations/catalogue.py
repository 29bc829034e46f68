"""Everything that automations are made of, as JSON: forms, API and documentation are drawn from it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from automations.blocks import BLOCKS
from automations.compare import OPERATORS, Operator
from automations.conditions import FIELDS, ConditionField
from automations.recipes import all_recipes
from automations.settings import SETTINGS
from automations.steps import COMMON_FIELDS, EXIT_CONDITIONS, STEPS, StepKind
from automations.triggers import TRIGGERS, Trigger
from automations.variables import of_trigger


def as_json() -> dict[str, Any]:
    """Return the catalogue: only what works, in the order in which the builder shows it."""
    return {
        "triggers": [_trigger(trigger) for trigger in TRIGGERS.values()],
        "conditions": [_condition(one) for one in FIELDS.values()],
        "operators": [_operator(one) for one in OPERATORS.values()],
        "steps": [_step(kind) for kind in STEPS.values()],
        "step_settings": [asdict(one) for one in COMMON_FIELDS],
        "blocks": [asdict(kind) for kind in BLOCKS.values()],
        "exit_conditions": [{"key": key, "label": label} for key, label in EXIT_CONDITIONS.items()],
        "settings": [asdict(one) for one in SETTINGS],
        "recipes": [asdict(one) for one in all_recipes()],
    }


def _condition(one: ConditionField) -> dict[str, Any]:
    return {**asdict(one), "operators": [key for key, operator in OPERATORS.items() if one.kind in operator.kinds]}


def _operator(one: Operator) -> dict[str, Any]:
    return {
        "key": one.key,
        "label": one.label,
        "kinds": sorted(one.kinds),
        "takes_value": one.takes_value,
        "takes_list": one.takes_list,
        "value_kind": one.value_kind,
    }


def _step(kind: StepKind) -> dict[str, Any]:
    return {**asdict(kind), "needs": sorted(kind.needs)}


def _trigger(trigger: Trigger) -> dict[str, Any]:
    return {
        "key": trigger.key,
        "label": trigger.label,
        "help": trigger.help,
        "subject": trigger.subject,
        "lateness_limit_hours": trigger.lateness_limit.total_seconds() / 3600,
        "excluded_sources": sorted(trigger.excluded_sources),
        "needs_amount": trigger.needs_amount,
        "fields": [asdict(one) for one in trigger.fields],
        "conditions": [key for key, one in FIELDS.items() if one.fact in trigger.facts],
        "exit_conditions": [key for key in EXIT_CONDITIONS if key not in trigger.already],
        "variables": [asdict(variable) for variable in of_trigger(trigger.key)],
    }
