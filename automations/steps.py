"""What can happen in an automation. Each step is declared once: its settings draw the form and the validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from automations.fields import Field

_UNLESS = Field(
    "unless",
    "Leave out",
    "choice",
    choices=("store_cancels_unpaid",),
    labels=("Where the store cancels unpaid orders by itself",),
    help="Such a store has no use for a late reminder.",
)
_REREAD_HELP = "Asks the store for the order's state at that moment; while it cannot be reached, the run waits."


@dataclass(frozen=True, slots=True)
class StepKind:
    """One kind of step."""

    key: str
    label: str
    group: str
    help: str
    fields: tuple[Field, ...]
    branches: tuple[str, ...] = ()
    """Names of the lists of steps that it holds."""
    branch_labels: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()
    """Top-level facts without which it can do nothing."""


EXIT_CONDITIONS: Final[dict[str, str]] = {
    "paid": "The order is paid",
    "cancelled": "The order is cancelled",
    "refunded": "The order is refunded",
    "completed": "The order is completed",
    "on_hold": "The order is on hold",
    "trashed": "The order is in the trash",
    "gone": "The order is no longer in WooCommerce",
    "another_order_paid": "Another order of that e-mail, placed within 2 h, is paid",
    "another_order_placed": "The contact has placed another order since",
    "unsubscribed": "The contact is unsubscribed",
    "tag": "The contact has one of the tags given",
}
"""Key → label; each is looked at before anything else, whenever a run is looked at. `tag` goes with `exit_tags`."""

AWAITED: Final = ("paid", "completed", "cancelled", "refunded", "another_order_placed", "unsubscribed", "tag")
"""What `wait_for` can wait for: states of which one may hope that they come."""

CONTACT_FIELDS: Final = {"first_name": "First name", "last_name": "Last name", "phone": "Phone", "comments": "Comments"}
"""What `update_field` can write."""

COMMON_FIELDS: Final = (
    Field("name", "Name of the step", "text", most=100, help="Shown on its card instead of the kind."),
    Field("note", "Note", "lines", most=2_000, help="For your colleagues; nobody else sees it."),
    Field("disabled", "Switched off", "flag", help="The run goes on as if the step were not there."),
)
"""Settings that every step has."""

STEPS: Final[dict[str, StepKind]] = {
    kind.key: kind
    for kind in (
        StepKind(
            "send_email",
            "Send e-mail",
            "Messages",
            "Sends one e-mail to the address of the order.",
            (
                Field("subject", "Subject", "text", required=True, most=200, merges=True),
                Field("preheader", "Preview text", "text", most=200, merges=True),
                Field("template", "Template", "template"),
                Field("body", "Content", "blocks", required=True),
                Field(
                    "plain",
                    "Plain-text part",
                    "lines",
                    most=20_000,
                    merges=True,
                    help="For readers without HTML. Empty: made from the content.",
                ),
                Field(
                    "transactional",
                    "Keep it about the order",
                    "flag",
                    help="Promotional blocks are refused, so that it always goes to whoever ordered.",
                ),
                Field(
                    "reread",
                    "Read the order anew just before",
                    "flag",
                    help=f"For reminders: never sent to who paid. {_REREAD_HELP}",
                ),
                _UNLESS,
            ),
        ),
        StepKind(
            "notify",
            "Notify the team",
            "Messages",
            "Sends an e-mail to the users of this account.",
            (
                Field("subject", "Subject", "text", required=True, most=200, merges=True),
                Field("text", "Text", "lines", required=True, most=5_000, merges=True),
                Field(
                    "to",
                    "To",
                    "choice",
                    choices=("everybody", "owners"),
                    labels=("All users", "Owners only"),
                    default="everybody",
                ),
            ),
        ),
        StepKind(
            "wait",
            "Wait",
            "Timing",
            "Waits for a period.",
            (
                Field("period", "For", "period", required=True, help="Like 30m, 1h, 2d or 1w."),
                Field(
                    "at_most_half_of_hold_stock",
                    "At most half of the store's time limit for unpaid orders",
                    "flag",
                    help="So that a reminder comes before the store cancels the order.",
                ),
                _UNLESS,
            ),
        ),
        StepKind(
            "wait_until",
            "Wait until",
            "Timing",
            "Waits until a time of day, a weekday or a date. A date that has passed is not waited for.",
            (
                Field("time", "Time of day", "time", help="Like 09:00, which counts where it is left empty."),
                Field("weekdays", "On", "weekdays", help="The next of these days; none: any day."),
                Field("date", "On the date", "date", help="Instead of weekdays."),
                Field(
                    "zone",
                    "Time zone of",
                    "choice",
                    choices=("store", "contact"),
                    labels=("The store", "The contact's country, else the store"),
                    default="store",
                ),
            ),
        ),
        StepKind(
            "wait_for",
            "Wait for an event",
            "Timing",
            "Waits until something has happened, or until the time is up, and goes one of two ways.",
            (
                Field(
                    "event",
                    "Until",
                    "choice",
                    required=True,
                    choices=AWAITED,
                    labels=tuple(EXIT_CONDITIONS[name] for name in AWAITED),
                ),
                Field("tags", "Tags", "names", offers="tags", help="For “has one of the tags given”."),
                Field("timeout", "At most", "period", required=True, help="Like 30m, 1h, 2d or 1w."),
            ),
            branches=("yes", "no"),
            branch_labels=("It happened", "The time is up"),
        ),
        StepKind(
            "split",
            "If / else",
            "Logic",
            "Goes one of two ways.",
            (
                Field("condition", "Condition", "condition", required=True),
                Field("reread", "Read the order anew just before", "flag", help=_REREAD_HELP),
            ),
            branches=("yes", "no"),
            branch_labels=("Yes", "No"),
        ),
        StepKind("exit", "Exit", "Logic", "Ends the run here.", ()),
        StepKind(
            "add_tag",
            "Add a tag",
            "Contact",
            "Gives the contact a tag; one that it has already stays as it is.",
            (Field("tag", "Tag", "text", required=True, most=60, offers="tags"),),
            needs=frozenset({"contact"}),
        ),
        StepKind(
            "remove_tag",
            "Remove a tag",
            "Contact",
            "Takes a tag from the contact.",
            (Field("tag", "Tag", "text", required=True, most=60, offers="tags"),),
            needs=frozenset({"contact"}),
        ),
        StepKind(
            "update_field",
            "Update a field",
            "Contact",
            "Writes a field of the contact. What WooCommerce sends of a registered customer later replaces it.",
            (
                Field(
                    "field",
                    "Field",
                    "choice",
                    required=True,
                    choices=tuple(CONTACT_FIELDS),
                    labels=tuple(CONTACT_FIELDS.values()),
                ),
                Field("value", "Value", "text", required=True, most=500, merges=True),
                Field(
                    "how",
                    "How",
                    "choice",
                    choices=("replace", "if_empty", "append"),
                    labels=("Replace what is there", "Only where it is empty", "Add to what is there"),
                    default="replace",
                ),
            ),
            needs=frozenset({"contact"}),
        ),
        StepKind(
            "call_webhook",
            "Call a webhook",
            "Integrations",
            "Sends the order, the contact and what happened to an address of yours, signed by Standard Webhooks.",
            (Field("url", "Address", "address", required=True, most=1_000, help="It begins with https://."),),
        ),
    )
}
"""Key → kind, in the order in which the builder shows them."""


def holding(names: frozenset[str], tags: frozenset[str], facts: Any) -> str | None:
    """Return the first of the conditions `names` (see EXIT_CONDITIONS) that holds, or None.

    `tags`: lower-cased, for the condition `tag`.
    """
    if not names:
        return None
    order = _part(facts, "order")
    status = order.get("woo_status", "")
    state = order.get("payment_state", "")
    contact, related = _part(facts, "contact"), _part(facts, "related")
    holds = {
        "paid": bool(order.get("paid")),
        "cancelled": status == "cancelled",
        "refunded": status == "refunded" or state == "refunded",
        "completed": status == "completed",
        "on_hold": status == "on-hold",
        "trashed": bool(order.get("in_trash")),
        "gone": bool(order.get("gone")),
        "unsubscribed": contact.get("consent") == "unsubscribed",
        "another_order_paid": bool(related.get("another_order_paid_within_2h")),
        "another_order_placed": bool(related.get("another_order_placed")),
        "tag": "tag" in names and not tags.isdisjoint(tag_keys(contact.get("tags"))),
    }
    return next((name for name in EXIT_CONDITIONS if name in names and holds[name]), None)


def tag_keys(tags: Any) -> frozenset[str]:
    """Return tags as they compare: trimmed and without regard to capitals."""
    return frozenset(str(tag).strip().casefold() for tag in tags) if isinstance(tags, list | tuple) else frozenset()


def _part(facts: Any, name: str) -> dict[str, Any]:
    part = facts.get(name)
    return part if isinstance(part, dict) else {}
