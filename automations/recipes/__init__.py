"""Ready-made automations, complete with their e-mails, as data. Using one makes a draft; nothing here is live."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class Recipe:
    """One ready-made automation."""

    key: str
    name: str
    goal: str
    description: str
    warning: str
    """Where WooCommerce itself sends the same mail; empty otherwise."""
    definition: dict[str, Any]

    @property
    def emails(self) -> list[str]:
        """The subjects of its e-mails, in order."""
        return [step["subject"] for step in _mails(self.definition.get("steps", []))]


@dataclass(frozen=True, slots=True)
class Email:
    """One e-mail of a ready-made automation: what a template can begin with."""

    key: str
    """Like `order_confirmation.confirm`."""
    name: str
    goal: str
    trigger: str
    document: dict[str, Any]
    """Subject, preview text, body and whether it stays about the order."""


@cache
def all_recipes() -> tuple[Recipe, ...]:
    """Return all recipes, in the order of the gallery."""
    found = []
    for file in resources.files(__name__).iterdir():
        if file.name.endswith(".toml"):
            data = tomllib.loads(file.read_text(encoding="utf-8"))
            recipe = Recipe(
                key=file.name.removesuffix(".toml"),
                name=data["name"],
                goal=data["goal"],
                description=data["description"],
                warning=data.get("warning", ""),
                definition=data["definition"],
            )
            found.append((data["position"], recipe))
    return tuple(recipe for _, recipe in sorted(found, key=lambda one: one[0]))


def recipe(key: str) -> Recipe | None:
    """Return the recipe with this key."""
    return next((one for one in all_recipes() if one.key == key), None)


@cache
def all_emails() -> tuple[Email, ...]:
    """Return the e-mails of all recipes, in the order of the gallery."""
    found = []
    for one in all_recipes():
        steps = list(_mails(one.definition.get("steps", [])))
        for number, step in enumerate(steps, start=1):
            name = one.name if len(steps) == 1 else f"{one.name}, {number} of {len(steps)}"
            document = {key: step[key] for key in _PARTS if key in step}
            found.append(Email(f"{one.key}.{step['id']}", name, one.goal, one.definition["trigger"], document))
    return tuple(found)


def email(key: str) -> Email | None:
    """Return the e-mail with this key."""
    return next((one for one in all_emails() if one.key == key), None)


_PARTS = ("subject", "preheader", "body", "plain", "transactional")


def _mails(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the steps that send an e-mail, a branch before what follows it."""
    for step in steps:
        if step.get("kind") == "send_email":
            yield step
        for branch in ("yes", "no"):
            yield from _mails(step.get(branch, []))
