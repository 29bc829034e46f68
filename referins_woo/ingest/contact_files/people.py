"""The people of a file become contacts, a batch in one transaction.

What a file brings is what a person typed or exported: it fires no automation and no webhook, and consent follows the
ledger's rules. It mails nobody, unless the merchant chose to ask those whom it calls subscribed. Contacts that a store
keeps get only what is empty filled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import clock, process
from referins_woo.accounts.models import Account
from referins_woo.commerce import tags
from referins_woo.commerce.matching import erased_key, name_key
from referins_woo.commerce.models import Contact, ContactLink, ErasedAddress
from referins_woo.commerce.upsert.bulk import lock_account, new_ids
from referins_woo.ingest.contact_files import rows
from referins_woo.ingest.contact_files.models import ContactFile, ContactFileProblem
from referins_woo.ingest.contact_files.rows import Choices, Person, Problem
from referins_woo.mail import consent, double_optin


def write(
    session: Session, file: ContactFile, batch: Sequence[list[str]], position: int, choices: Choices
) -> Counter[str]:
    """Take one batch of rows in; `position` is the number of rows before it."""
    now = clock.now()
    lock_account(session, file.account_id)
    counts: Counter[str] = Counter()
    people: list[tuple[int, Person]] = []
    for number, cells in enumerate(batch, start=position + 2):
        found = rows.read(cells, file.mapping, choices, now, file.name)
        if isinstance(found, Problem):
            counts["refused"] += 1
            _note(session, file, number, "", found)
        else:
            people.append((number, found))
    known = contacts_of(session, file.account_id, [person for _, person in people])
    erased = erased_of(session, file.account_id, [person for _, person in people])
    linked = _linked(session, [contact.id for found in known.values() for contact in found])
    for number, person in people:
        if person.email_key in erased:
            counts["refused"] += 1
            _note(session, file, number, "", Problem("erased", "This person's data was erased here: nobody came in."))
            continue
        for problem in person.problems:
            _note(session, file, number, person.email, problem)
        matches = known.get(person.email_key, [])
        if not matches:
            contact = _new(session, file.account_id, person, now)
            known[person.email_key] = [contact]
            counts["created"] += 1
        elif len(matches) == 1:
            contact = matches[0]
            overwrite = choices.overwrite and contact.id not in linked
            counts["updated" if _fill(session, file, contact, person, now, overwrite=overwrite) else "unchanged"] += 1
        else:
            counts["unchanged"] += 1
            text = f"{len(matches)} contacts have this address: only consent and tags were taken over."
            _note(session, file, number, person.email, Problem("several_contacts", text))
            for one in matches:
                _tag(session, file, one, person, now)
        if person.word is not None:
            applied = [
                consent.note(session, contact, person.word, now, tell=False) for contact in known[person.email_key]
            ]
            counts[person.word.state if any(applied) else "older_word"] += 1
        elif person.asked:
            counts["asked" if _ask(session, file, known[person.email_key][0], choices) else "not_asked"] += 1
    session.flush()
    return counts


def _ask(session: Session, file: ContactFile, contact: Contact, choices: Choices) -> bool:
    """Ask a person by e-mail whether they want marketing, as the merchant chose; once a file."""
    account = session.get_one(Account, file.account_id)
    return double_optin.ask(
        session,
        contact,
        asked_by=f"file {file.id}",
        sender=account.sender_name or account.name,
        address=account.postal_address,
        source=choices.consent_source,
        public_url=process.current().config.public_url,
    )


def _new(session: Session, account_id: int, person: Person, now: datetime) -> Contact:
    (contact_id,) = new_ids(session, Contact, 1)
    contact = Contact(
        id=contact_id,
        account_id=account_id,
        name=person.name,
        name_key=name_key(person.name),
        first_name=person.first_name,
        last_name=person.last_name,
        email=person.email,
        email_key=person.email_key,
        phone=person.phone,
        billing=dict(person.address),
        shipping={},
        tags=list(person.tags),
        consent="unknown",
        created_at=now,
        updated_at=now,
    )
    session.add(contact)
    session.flush()
    return contact


def _fill(
    session: Session, file: ContactFile, contact: Contact, person: Person, now: datetime, *, overwrite: bool
) -> bool:
    """Fill what is empty, or with `overwrite` all that the row has; returns whether anything changed."""
    before = (contact.first_name, contact.last_name, contact.phone, dict(contact.billing))
    if person.name and (overwrite or not contact.name):
        contact.first_name, contact.last_name = person.first_name, person.last_name
        contact.name, contact.name_key = person.name, name_key(person.name)
    if person.phone and (overwrite or not contact.phone):
        contact.phone = person.phone
    if person.address and (overwrite or not contact.billing):
        contact.billing = {**contact.billing, **person.address} if overwrite else dict(person.address)
    changed = before != (contact.first_name, contact.last_name, contact.phone, dict(contact.billing))
    if changed:
        contact.updated_at = now
    return _tag(session, file, contact, person, now) or changed


def _tag(session: Session, file: ContactFile, contact: Contact, person: Person, now: datetime) -> bool:
    source = f"File “{file.name[:150]}”"
    changed = [tags.add(session, [contact], tag, now, source) for tag in person.tags]
    return any(changed)


def contacts_of(session: Session, account_id: int, people: Sequence[Person]) -> dict[str, list[Contact]]:
    """Return the account's contacts with the addresses of `people`, by address."""
    keys = {person.email_key for person in people}
    found: dict[str, list[Contact]] = {}
    query = select(Contact).where(Contact.account_id == account_id, Contact.email_key.in_(keys)).order_by(Contact.id)
    for contact in session.scalars(query):
        found.setdefault(contact.email_key, []).append(contact)
    return found


def erased_of(session: Session, account_id: int, people: Sequence[Person]) -> set[str]:
    """Return the addresses among `people` whose persons were erased here."""
    hashes = {erased_key(account_id, person.email): person.email_key for person in people}
    query = select(ErasedAddress.email_hash).where(
        ErasedAddress.account_id == account_id, ErasedAddress.email_hash.in_(hashes)
    )
    return {hashes[one] for one in session.scalars(query)}


def _linked(session: Session, contact_ids: Sequence[int]) -> set[int]:
    return set(session.scalars(select(ContactLink.contact_id).where(ContactLink.contact_id.in_(contact_ids))))


def _note(session: Session, file: ContactFile, row: int, email: str, problem: Problem) -> None:
    session.add(
        ContactFileProblem(
            file_id=file.id,
            account_id=file.account_id,
            row=row,
            email=email[:254],
            reason_code=problem.code,
            reason=problem.text,
        )
    )
