"""Imports history: chosen elements, resumable at any point, silent. What starts, stops and steers an import.

The work itself is in `import_run`. Neither can reach events or runs, even indirectly: the missing path is the proof
that an import mails nobody's customers (I3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from referins_woo import clock, lease, queues
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.errors import InvalidInput
from referins_woo.ingest import set_aside
from referins_woo.ingest.elements.table import ELEMENTS
from referins_woo.ingest.models import Import, ImportElement
from referins_woo.stores.models import Store

IMPLIED: Final = {"transactions": "orders", "collections": "products"}
"""What an element cannot do without (C3)."""

OPEN_STATES: Final = ("waiting", "running", "paused")
_PARTS_OF: Final = {"variations": "products"}
"""Parts are asked for again with what they belong to."""


def with_implied(elements: Collection[str]) -> list[str]:
    """Return `elements` with what they need, in the order of import; raises InvalidInput for an unknown one."""
    for element in elements:
        if element not in ELEMENTS:
            raise InvalidInput("elements", f"There is no element {element!r}: choose from {', '.join(ELEMENTS)}.")
    wanted = set(elements) | {IMPLIED[element] for element in elements if element in IMPLIED}
    return [element for element in ELEMENTS if element in wanted]


def start(session: Session, store: Store, elements: Collection[str]) -> Import:
    """Begin an import of `elements`, under the limits that the store has now; rings its job after the commit.

    Raises InvalidInput while another import of the store is open, or for an unknown element or none.
    """
    chosen = with_implied(elements)
    if not chosen:
        raise InvalidInput("elements", "Choose at least one element to import.")
    return _begin(session, store, "import", chosen)


def start_first(session: Session, store: Store) -> Import | None:
    """Begin the import that the merchant chose when connecting, unless it began already.

    Called by whoever sees the connection first: the page that the merchant comes back to, or the sweep.
    """
    lock_account(session, store.account_id)
    if not store.import_elements or store.state != "connected" or store.connected_at is None:
        return None
    begun = select(Import.id).where(Import.store_id == store.id, Import.created_at >= store.connected_at).limit(1)
    if session.execute(begun).first() is not None:
        return None
    leave(session, store.id)  # what was open when the store was disconnected ended with it
    return start(session, store, store.import_elements)


def retry_failed(session: Session, store: Store) -> Import:
    """Begin to ask again for the records that failed, and for nothing else (I4).

    Raises InvalidInput where nothing failed, or while another import of the store is open.
    """
    failed: Counter[str] = Counter()
    for element, count in set_aside.failed_elements(session, store.id).items():
        failed[_PARTS_OF.get(element, element)] += count
    if not failed:
        raise InvalidInput("elements", "Nothing has failed: there is nothing to try again.")
    return _begin(session, store, "retry", [each for each in ELEMENTS if each in failed], failed)


def _begin(
    session: Session, store: Store, kind: str, elements: Sequence[str], totals: Mapping[str, int] | None = None
) -> Import:
    if store.state != "connected":
        raise InvalidInput("store", "Only a connected store can be imported.")
    lock_account(session, store.account_id)  # two who press the button at once
    busy = session.execute(select(Import.id).where(Import.store_id == store.id, Import.state.in_(OPEN_STATES)))
    if busy.first() is not None:
        raise InvalidInput("elements", "An import of this store is running: wait for its end, or cancel it.")
    new = Import(
        account_id=store.account_id,
        store_id=store.id,
        kind=kind,
        state="waiting",
        contacts_scope=store.contacts_scope,
        since=store.import_since,
        statuses=list(store.import_statuses),
    )
    session.add(new)
    session.flush()
    session.add_all(
        ImportElement(
            import_id=new.id, element=element, position=position, total=totals.get(element) if totals else None
        )
        for position, element in enumerate(elements)
    )
    session.flush()
    ring(session, new)
    return new


def pause(session: Session, import_: Import) -> None:
    """Stop after the page in hand; everything is kept."""
    if import_.state in ("waiting", "running"):
        import_.state, import_.note, import_.retry_at = "paused", "Paused by you", None


def resume(session: Session, import_: Import) -> None:
    """Go on where the import was paused, waits for its next try, or gave up.

    Raises InvalidInput where another import of the store has begun meanwhile.
    """
    if import_.state == "failed":
        others = select(Import.id).where(Import.store_id == import_.store_id, Import.state.in_(OPEN_STATES))
        if session.execute(others).first() is not None:
            raise InvalidInput("import", "Another import of this store has begun since.")
    if import_.state in ("paused", "failed", "waiting"):
        import_.state, import_.note, import_.retry_at, import_.retries = "waiting", "", None, 0
        import_.finished_at = None
        ring(session, import_)


def cancel(session: Session, import_: Import) -> None:
    """End the import; what came in stays. A worker that waits for the store writes nothing any more."""
    if import_.state in OPEN_STATES:
        _end(session, import_.store_id, "Cancelled by you")


def leave(session: Session, store_id: int) -> None:
    """End what is open for a store that was disconnected."""
    _end(session, store_id, "Cancelled: the store was disconnected")


def _end(session: Session, store_id: int, note: str) -> None:
    session.execute(
        update(Import)
        .where(Import.store_id == store_id, Import.state.in_(OPEN_STATES))
        .values(state="cancelled", note=note, retry_at=None, finished_at=clock.now())
    )
    lease.take_away(session, lease_name(store_id))


def lease_name(store_id: int) -> str:
    """Return the name of the lease under which a store is imported: one worker at a time."""
    return f"import:{store_id}"


def ring(session: Session, import_: Import) -> None:
    """Ring the job of an import after the commit."""
    queues.ring_after_commit(session, "run_import", import_.id)
