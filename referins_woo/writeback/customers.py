"""Sends one contact to its store as a customer: makes it there, or changes what was changed here (W2, W3).

The store is looked at first: a taken e-mail, a change on both sides or a customer that is gone become a conflict that
somebody decides, and never a write. A customer that was made is linked to its contact by the answer; the contact itself
changes by the store's own records alone. No password is ever given; what the answer says of one is not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.commerce import mapping
from referins_woo.commerce.matching import usable_email
from referins_woo.commerce.models import Contact, ContactLink, CustomerMapping, StoreMapping
from referins_woo.commerce.records import CustomerRecord, Unreadable
from referins_woo.commerce.upsert import links
from referins_woo.process import Process
from referins_woo.stores.door import Door, Rejected
from referins_woo.stores.door.line import GoneRecord
from referins_woo.stores.models import StoreLog
from referins_woo.writeback.models import StoreWrite

_EMAIL_TAKEN: Final = frozenset({"registration-error-email-exists", "woocommerce_rest_customer_invalid_email"})
_USERNAME: Final = frozenset({"registration-error-username-exists", "registration-error-invalid-username"})
_SLACK: Final = timedelta(minutes=2)
"""Between the store's clock and ours, when a customer's age tells whether our lost request made it."""
NO_INVITATION: Final = "WooCommerce will not invite this customer."


@dataclass(frozen=True, slots=True)
class End:
    """What became of a write: its state, the words for it, what is kept of the answer."""

    state: str
    words: str = ""
    answer: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    """Of a conflict: what its row is asked."""
    offered: int | None = None


@dataclass(slots=True)
class _Known:
    contact: Contact
    row: CustomerMapping
    link: ContactLink | None
    fields: dict[str, str]


class Attempt:
    """One try to send one contact."""

    def __init__(self, process: Process, door: Door, write: StoreWrite, begin: Callable[[], bool]) -> None:
        """`begin` commits that it is being sent; False: it was taken back."""
        self._process, self._door, self._write, self._begin = process, door, write, begin
        self.begun = False

    def run(self) -> End | None:
        """Return what became of it; None: it was taken back while we looked. Raises what the door raises."""
        known = self._known()
        if isinstance(known, End):
            return known
        end = self._change(known, known.link) if known.link is not None else self._create(known)
        if end is not None:
            note(self._process, self._write, end)
        return end

    def _known(self) -> _Known | End:
        store_id, contact_id = self._write.store_id, self._write.subject
        with self._process.database.reading() as session:
            contact = session.get(Contact, contact_id)
            row = session.scalar(_row_of(self._write))
            if contact is None or row is None:
                return End("refused", "The contact is no longer here.")
            if not row.is_ticked:
                return End("refused", "The contact is not ticked any more.")
            return _Known(contact, row, links.link_of(session, store_id, contact_id), links.fields_of(contact))

    def _create(self, known: _Known) -> End | None:
        if not usable_email(known.contact.email):
            return End("refused", "The contact has no e-mail that mail can be sent to.")
        self._read_invitations()
        found = self._door.customer_with_email(known.contact.email)
        if found is not None:
            return self._taken(known, found)
        if not self._start():
            return None
        fields = known.fields | {"email": known.contact.email.strip()}
        try:
            answer = self._door.create_customer({**mapping.body_of(fields), "username": known.row.username})
        except Rejected as error:
            return self._rejected(known, error)
        if not isinstance(answer, CustomerRecord):
            return End("failed", f"WooCommerce made a customer that cannot be read: {answer.reason}.")
        return self._link(known, answer)

    def _taken(self, known: _Known, found: CustomerRecord | Unreadable) -> End:
        if self._write.state == "unknown" and isinstance(found, CustomerRecord):
            skew = timedelta(seconds=self._door.store.clock_skew_seconds)
            made = found.registered_at
            if made is not None and made >= self._write.created_at + skew - _SLACK:
                return self._link(known, found)  # our own request, whose answer was lost
        return End(
            "refused",
            f"Customer {found.woo_id} has this e-mail in WooCommerce.",
            reason="email_taken",
            offered=found.woo_id,
        )

    def _rejected(self, known: _Known, error: Rejected) -> End:
        if error.code in _EMAIL_TAKEN:
            found = self._door.customer_with_email(known.contact.email)
            if found is not None:
                return End(
                    "refused",
                    f"Customer {found.woo_id} has this e-mail in WooCommerce.",
                    reason="email_taken",
                    offered=found.woo_id,
                )
            return End("refused", "WooCommerce does not take this e-mail.", reason="email_taken")
        if error.code in _USERNAME:
            words = "This user name is taken in WooCommerce: type another one."
            if error.code != "registration-error-username-exists":
                words = "WooCommerce does not take this user name: type another one."
            return End("refused", words, reason="username")
        return End("failed", f"WooCommerce refused it: {error}")

    def _link(self, known: _Known, made: CustomerRecord) -> End:
        """Keep who was made. By then the store's own word of it may have come, and made the same link."""
        with self._process.database.unit() as session:
            contact = session.get(Contact, known.contact.id)
            if contact is None:
                return End("done", f"Made as customer {made.woo_id}; the contact is no longer here.")
            try:
                link = links.link(session, self._write.store_id, contact, made)
            except links.LinkedElsewhere as error:
                return End("refused", str(error), reason="email_taken", offered=made.woo_id)
            link.pulled = mapping.marks(mapping.flat_record(made))
            row = session.scalars(_row_of(self._write)).one()
            row.mapped_by = "created"
        return End("done", f"Made as customer {made.woo_id}.", {"id": made.woo_id, "username": made.username})

    def _change(self, known: _Known, link: ContactLink) -> End | None:
        there = self._door.customer(link.woo_id)
        if there is None:
            return End("refused", f"Customer {link.woo_id} is no longer in WooCommerce.", reason="gone")
        if not isinstance(there, CustomerRecord):
            return End("failed", f"Customer {link.woo_id} cannot be read: {there.reason}.")
        theirs, pulled = mapping.flat_record(there), link.pulled
        if not pulled:
            same = there.content_hash == link.content_hash
            pulled = mapping.marks(theirs) if same else mapping.first_marks(known.fields, theirs)
        row = known.row
        found = mapping.difference(known.fields, theirs, pulled, with_email=row.with_email, overwrite=row.overwrite)
        if found.both:
            words = f"Changed here and in WooCommerce: {mapping.words_for(found.both)}."
            return End("refused", words, reason="changed_there")
        if not found.send:
            agreed = [each for each, value in known.fields.items() if theirs.get(each) == value]
            self._pulled(link, mapping.marks_after(pulled, theirs, agreed))
            return End("done", "Nothing to change: WooCommerce shows it so already.", {"id": link.woo_id, "fields": []})
        if not self._start():
            return None
        try:
            answer = self._door.change_customer(link.woo_id, mapping.body_of(found.send))
        except GoneRecord:
            return End("refused", f"Customer {link.woo_id} is no longer in WooCommerce.", reason="gone")
        except Rejected as error:
            return self._rejected(known, error)
        if not isinstance(answer, CustomerRecord) or answer.woo_id != link.woo_id:
            return End("failed", "WooCommerce answered with something else than the customer.")
        answered = mapping.flat_record(answer)
        left = [each for each, value in found.send.items() if answered.get(each) != value]
        if left:
            return End("failed", f"WooCommerce answered, but kept otherwise: {mapping.words_for(left)}.")
        self._pulled(link, mapping.marks_after(pulled, answered, found.send), told_over=pulled)
        words = f"Changed: {mapping.words_for(found.send)}."
        return End("done", words, {"id": link.woo_id, "fields": sorted(found.send)})

    def _start(self) -> bool:
        self.begun = self._begin()
        return self.begun

    def _read_invitations(self) -> None:
        invites = self._door.invites_customers()
        with self._process.database.unit() as session:
            session.execute(
                update(StoreMapping)
                .where(StoreMapping.store_id == self._write.store_id)
                .values(invites=invites)
                .execution_options(synchronize_session=False)
            )

    def _pulled(self, link: ContactLink, pulled: str, told_over: str = "") -> None:
        """What of the customer is known: a pull that came meanwhile knows better.

        `told_over`: the marks that were overwritten; a look that shows them still was taken before.
        """
        with self._process.database.unit() as session:
            if told_over:
                row = session.scalars(_row_of(self._write)).one()
                row.told_at, row.told_over = clock.now(), told_over
            session.execute(
                update(ContactLink)
                .where(ContactLink.id == link.id, ContactLink.pulled == link.pulled)
                .values(pulled=pulled)
                .execution_options(synchronize_session=False)
            )


def note(process: Process, write: StoreWrite, end: End) -> None:
    """Say at the contact's row what became of it, and in the store's log where somebody must know."""
    with process.database.unit() as session:
        row = session.scalar(_row_of(write))
        if row is None:
            return
        row.updated_at = clock.now()
        row.evidence, row.reason, row.offered_woo_id = end.words, end.reason, end.offered
        row.state = mapping.CONFLICT if end.reason else ""
        if end.state == "done":
            row.evidence, row.overwrite = _done_words(session, write), False
            if "email" in end.answer.get("fields", ()):
                row.with_email = False  # it was asked for once
        else:
            row.reason = end.reason or "failed"
            words = f"Contact {write.subject} was not sent: {end.words}"
            session.add(
                StoreLog(
                    account_id=write.account_id, store_id=write.store_id, at=clock.now(), kind="customers", text=words
                )
            )


def _done_words(session: Session, write: StoreWrite) -> str:
    if write.kind != "customer_created":
        return ""
    invites = session.scalar(select(StoreMapping.invites).where(StoreMapping.store_id == write.store_id))
    return NO_INVITATION if invites is False else ""


def _row_of(write: StoreWrite) -> Any:
    return select(CustomerMapping).where(
        CustomerMapping.store_id == write.store_id, CustomerMapping.contact_id == write.subject
    )
