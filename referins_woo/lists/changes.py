"""What can be done to many rows of a list at once, and what takes it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from referins_woo.commerce import online_store, removal, tags
from referins_woo.commerce.models import Collection, Contact, Order, Product
from referins_woo.outbound.contacts import tell_updated
from referins_woo.runs import exits

Apply = Callable[[Session, Sequence[Any], str, datetime, str], list[int]]
"""(session, rows, value, now, who) → ids of the rows that were not so before."""


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the bar that shows once rows are ticked."""

    list: str
    label: str
    icon: str
    question: str
    """Asked before it is done: `{rows}` is "25 contacts"."""
    table: Any
    apply: Apply | None = None
    """None: their store is asked, in the background (`lists.fetching`)."""
    done: str = ""
    """Said afterwards: `{rows}` is of those that changed, `{value}` what it was given."""
    rest: str = ""
    """Said of the others: `{rows}` is of those that did not change."""
    undo: str = ""
    """The change that takes it back."""
    value: str = ""
    """Label of what it is given; empty: nothing."""
    warning: str = ""
    """Destructive: what is lost, and what stays."""
    says: str = ""
    """What happens, where the question does not say it all."""


def _add_tag(session: Session, rows: Sequence[Contact], value: str, now: datetime, who: str) -> list[int]:
    return _tagged(session, rows, tags.add(session, rows, value, now, who))


def _remove_tag(session: Session, rows: Sequence[Contact], value: str, now: datetime, who: str) -> list[int]:
    return _tagged(session, rows, tags.remove(session, rows, value, now, who))


def _tagged(session: Session, rows: Sequence[Contact], changed: list[int]) -> list[int]:
    """Webhooks are told, and runs that wait for the tag end."""
    if changed:
        session.flush()
        tell_updated(session, rows[0].account_id, changed, ["tags"])
        exits.contacts_changed(session, changed)
    return changed


def _include(_session: Session, rows: Sequence[Product], _value: str, now: datetime, _who: str) -> list[int]:
    changed = [row for row in rows if not row.include_in_online_store and not online_store.why_not(row)]
    for product in changed:
        online_store.include(product, True, now)
    return [product.id for product in changed]


def _leave_out(_session: Session, rows: Sequence[Product], _value: str, now: datetime, _who: str) -> list[int]:
    changed = [row for row in rows if row.include_in_online_store]
    for product in changed:
        online_store.include(product, False, now)
    return [product.id for product in changed]


def _delete(session: Session, rows: Sequence[Order], _value: str, now: datetime, who: str) -> list[int]:
    ids = [row.id for row in rows]
    for order in rows:
        removal.delete_order(session, order, now, who)
    return ids


def _sync_now(key: str, table: Any) -> Change:
    """Fetch exactly these again from their stores (S7)."""
    return Change(
        list=key,
        label="Sync now",
        icon="refresh",
        question="Fetch {rows} again from WooCommerce?",
        says="Each is asked for in its store, and brought up to date here. Nothing changes in WooCommerce.",
        table=table,
    )


CHANGES: Final[Mapping[str, Change]] = {
    "sync_contacts": _sync_now("contacts", Contact),
    "sync_orders": _sync_now("orders", Order),
    "sync_products": _sync_now("products", Product),
    "sync_collections": _sync_now("collections", Collection),
    "add_tag": Change(
        list="contacts",
        label="Add tag",
        icon="tag",
        question="Add a tag to {rows}?",
        done="Tagged {rows} “{value}”.",
        rest="{rows} had it already.",
        table=Contact,
        apply=_add_tag,
        undo="remove_tag",
        value="Tag",
    ),
    "remove_tag": Change(
        list="contacts",
        label="Remove tag",
        icon="tag-off",
        question="Remove a tag from {rows}?",
        done="Took the tag “{value}” from {rows}.",
        rest="{rows} did not have it.",
        table=Contact,
        apply=_remove_tag,
        undo="add_tag",
        value="Tag",
    ),
    "include": Change(
        list="products",
        label="Include in online store",
        icon="eye",
        question="Include {rows} in the online store?",
        done="Included {rows} in the online store.",
        rest="{rows} were in it already or are not published in WooCommerce.",
        table=Product,
        apply=_include,
        undo="leave_out",
    ),
    "leave_out": Change(
        list="products",
        label="Leave out of online store",
        icon="eye-off",
        question="Leave {rows} out of the online store?",
        done="Left {rows} out of the online store.",
        rest="{rows} were left out already.",
        table=Product,
        apply=_leave_out,
        undo="include",
    ),
    "delete": Change(
        list="orders",
        label="Delete here",
        icon="trash",
        question="Delete {rows} here?",
        done="Deleted {rows} here.",
        rest="{rows} were deleted already.",
        table=Order,
        apply=_delete,
        warning=(
            "They leave Referins with their lines and transactions, and no import or sync brings them back. "
            "In WooCommerce they stay as they are. This cannot be undone."
        ),
    ),
}


def of_list(key: str) -> list[tuple[str, Change]]:
    """Return the changes that a list offers, each with its key."""
    return [(name, change) for name, change in CHANGES.items() if change.list == key]
