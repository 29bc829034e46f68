"""Files of contacts that merchants upload: kept in pieces, decided upon, ended. Their content goes with the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from referins_woo import clock, queues
from referins_woo.accounts import audit
from referins_woo.db import Database
from referins_woo.errors import InvalidInput
from referins_woo.ingest.contact_files import columns, rows, table
from referins_woo.ingest.contact_files.models import ContactFile, ContactFilePart, ContactFileProblem
from referins_woo.ingest.contact_files.rows import Choices
from referins_woo.mail import consent

LARGEST_FILE: Final = 50 * 1024 * 1024
_PART: Final = 1024 * 1024
OPEN_STATES: Final = ("reading", "ready", "running")


def keep(session: Session, account_id: int, user_id: int | None, name: str, content: Iterator[bytes]) -> ContactFile:
    """Keep an uploaded file and ring for its look. Raises InvalidInput for an empty file or one that is too large."""
    file = ContactFile(account_id=account_id, user_id=user_id, name=_name(name), size=0)
    session.add(file)
    session.flush()
    for position, part in enumerate(content):
        file.size += len(part)
        if file.size > LARGEST_FILE:
            raise InvalidInput("file", "The file is larger than 50 MB: split it, and import the parts one by one.")
        session.add(ContactFilePart(file_id=file.id, position=position, content=part))
        session.flush()
    if not file.size:
        raise InvalidInput("file", "The file is empty: choose a CSV file with a line of column names on top.")
    file.choices = asdict(Choices(consent=_guess_from_name(file.name)))
    queues.ring_after_commit(session, "take_contact_file", file.id)
    return file


def parts_of(stream: Any) -> Iterator[bytes]:
    """Cut a stream into the pieces that are kept."""
    while part := stream.read(_PART):
        yield part


def decide(session: Session, file: ContactFile, mapping: dict[str, int], choices: Choices) -> None:
    """Change what columns hold and what is said of the whole file; the file is looked through anew.

    Raises InvalidInput for what cannot be: no e-mail column, a yes without its day.
    """
    if file.state not in ("ready", "reading", "failed"):
        raise InvalidInput("file", "This import has begun: what its columns hold can no longer be changed.")
    known = {field.key for field in columns.FIELDS}
    if set(mapping) - known or any(not 0 <= column < len(file.header) for column in mapping.values()):
        raise InvalidInput("mapping", "Choose columns of this file only.")
    if "email" not in mapping:
        raise InvalidInput(
            "email", "Choose the column that holds the e-mail address: without it nobody can be told apart."
        )
    if choices.consent and choices.consent not in consent.STATES:
        raise InvalidInput("consent", "Choose what holds for rows that say nothing about consent.")
    if choices.consent == consent.SUBSCRIBED and not choices.confirm:
        at = rows.moment(choices.consent_at)
        if at is None or at > clock.now():
            raise InvalidInput(
                "consent_at", "Give the day when these people agreed; without it their consent is not shown."
            )
        if not choices.consent_source.strip():
            raise InvalidInput("consent_source", "Say where they agreed, like “newsletter form in the shop”.")
    file.mapping, file.choices, file.state, file.note = mapping, asdict(choices), "reading", ""
    queues.ring_after_commit(session, "take_contact_file", file.id)


def begin(session: Session, file: ContactFile) -> None:
    """Start taking a file in. Raises InvalidInput unless it was looked through."""
    if file.state != "ready":
        raise InvalidInput("file", "This file cannot be imported now: look at it again.")
    file.state, file.cursor, file.counts = "running", 0, {}
    session.execute(delete(ContactFileProblem).where(ContactFileProblem.file_id == file.id))
    audit.record(session, file.account_id, "contacts_imported", file.name, rows=file.total)
    queues.ring_after_commit(session, "take_contact_file", file.id)


def cancel(session: Session, file: ContactFile) -> None:
    """End it; who came in stays."""
    if file.state in OPEN_STATES:
        end(session, file, "cancelled")


def open_rows(database: Database, file_id: int) -> tuple[str, Iterator[list[str]]]:
    """Return the file's encoding and its rows, the header first."""
    encoding = table.encoding_of(content(database, file_id))
    return encoding, table.rows(content(database, file_id), encoding)


def content(database: Database, file_id: int) -> Iterator[bytes]:
    """Yield the pieces of a file; no connection is held between them."""
    position = 0
    while True:
        with database.reading() as session:
            part = session.scalar(
                select(ContactFilePart.content).where(
                    ContactFilePart.file_id == file_id, ContactFilePart.position == position
                )
            )
        if part is None:
            return
        yield part
        position += 1


def end(session: Session, file: ContactFile, state: str) -> None:
    """End an import and forget the file's content; what was counted and refused stays to be read."""
    file.state, file.finished_at, file.sample = state, clock.now(), []
    session.execute(delete(ContactFilePart).where(ContactFilePart.file_id == file.id))


def fail(session: Session, file_id: int, note: str) -> None:
    """End work on a file that cannot be read; it is kept, so that its columns can be chosen otherwise."""
    session.execute(
        update(ContactFile)
        .where(ContactFile.id == file_id, ContactFile.state.in_(("reading", "running")))
        .values(state="failed", note=note, finished_at=clock.now())
    )


def waiting(session: Session) -> list[int]:
    """Return the files that a worker should look at."""
    return list(session.scalars(select(ContactFile.id).where(ContactFile.state.in_(("reading", "running")))))


def problem_reasons(session: Session, file_id: int) -> list[tuple[str, str, int]]:
    """Return (code, an example in words, how many) of a file's problems, most frequent first."""
    found = session.execute(
        select(ContactFileProblem.reason_code, func.min(ContactFileProblem.reason), func.count())
        .where(ContactFileProblem.file_id == file_id)
        .group_by(ContactFileProblem.reason_code)
        .order_by(func.count().desc(), ContactFileProblem.reason_code)
    )
    return [(code, text, number) for code, text, number in found]


def _name(name: str) -> str:
    return (
        "".join(letter for letter in name.replace("\\", "/").rpartition("/")[2] if letter.isprintable())[:200] or "file"
    )


def _guess_from_name(name: str) -> str:
    """Mailchimp exports one file per status, and says in its name which."""
    for start, state in (("unsubscribed", consent.UNSUBSCRIBED), ("cleaned", consent.BOUNCED)):
        if name.casefold().startswith(start):
            return state
    return ""
