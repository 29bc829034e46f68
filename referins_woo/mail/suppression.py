"""Who gets no mail, looked up by the address used (triggers.md, Consent).

Transactional e-mails go to the unsubscribed too, never to addresses that bounced or complained, nor to erased people.
Marketing needs a contact that is subscribed, and none with that address that unsubscribed. System e-mails, from us to
a merchant, are not an account's mail and are not looked up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, delete, exists, literal_column, not_, or_, select
from sqlalchemy.orm import Session

from referins_woo.commerce.matching import email_key, erased_key
from referins_woo.commerce.models import Contact
from referins_woo.commerce.upsert.bulk import table_of
from referins_woo.conditions import one_of, owned
from referins_woo.db import insert
from referins_woo.mail.models import Suppression

BLOCKED: Final = "blocked"
FOR_GOOD: Final = ("bounced", "complained", BLOCKED, "erased", "erased_in_store")
UNSUBSCRIBED: Final = "unsubscribed"
NO_CONSENT: Final = "no_consent"
TOO_LATE: Final = "too_late"
NO_ADDRESS: Final = "no_address"

WORDS: Final = {
    "bounced": "Not sent: e-mails to this address came back.",
    "complained": "Not sent: the recipient has complained about e-mails.",
    BLOCKED: "Not sent: this address was blocked by hand.",
    "erased": "Not sent: the data of this person was erased.",
    "erased_in_store": "Not sent: the store has erased this person's data.",
    UNSUBSCRIBED: "Not sent: the contact has unsubscribed, and this e-mail is marketing.",
    NO_CONSENT: "Not sent: this e-mail is marketing, and the contact has not subscribed.",
    TOO_LATE: "Not sent: it was too late for this e-mail when its turn came.",
    NO_ADDRESS: "Not sent: there is no e-mail address that can be used.",
}
"""`Message.reason` of a skipped message, in words for pages."""

_WORST_FIRST: Final = (*FOR_GOOD, UNSUBSCRIBED)

ERASED: Final = "erased"

_S, _C = table_of(Suppression).c, table_of(Contact).c
_STOPS, _CONSENTS = (
    select(of.email_key, word).where(owned(of.account_id, "account_id"), one_of(of.email_key, "keys"))
    for of, word in ((_S, _S.reason), (_C, _C.consent))
)

Asked = tuple[int, str, str]
"""(account id, address, purpose of the message)."""


def suppress(session: Session, account_id: int, email: str, reason: str, note: str = "") -> None:
    """Keep `email` out of the account's mail from now on; a reason that stops everything replaces `unsubscribed`.

    Of an `erased` address only a hash is kept, and what else was known of it is taken off.
    """
    if reason not in _WORST_FIRST:
        raise ValueError(f"{reason!r} is no reason to suppress an address")
    key = email_key(email)
    if reason == ERASED:
        session.execute(delete(Suppression).where(Suppression.account_id == account_id, Suppression.email_key == key))
        key = erased_key(account_id, email)
    statement = insert(session, Suppression).values(account_id=account_id, email_key=key, reason=reason, note=note)
    if reason == UNSUBSCRIBED:
        session.execute(statement.on_conflict_do_nothing(index_elements=["account_id", "email_key"]))
    else:
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["account_id", "email_key"],
                set_={"reason": reason, "note": note},
                where=Suppression.reason == UNSUBSCRIBED,
            )
        )


def reasons(session: Session, asked: Iterable[Asked]) -> dict[Asked, str]:
    """Return why messages may not be sent, for those that may not; two queries for each account."""
    wanted = {one for one in asked if one[2] != "system"}
    if not wanted:
        return {}
    found: dict[tuple[int, str], set[str]] = {}
    for account_id, email, _ in wanted:
        words: set[str] = set()
        found[account_id, email_key(email)] = found[account_id, erased_key(account_id, email)] = words
    by_account: dict[int, list[str]] = {}
    for account_id, key in found:
        by_account.setdefault(account_id, []).append(key)
    for account_id, keys in by_account.items():
        for statement in (_STOPS, _CONSENTS):
            for key, word in session.execute(statement, {"account_id": account_id, "keys": keys}):
                found[account_id, key].add(word)
    answers = ((one, _reason(found[one[0], email_key(one[1])], one[2])) for one in wanted)
    return {one: reason for one, reason in answers if reason}


def allowed(purpose: str) -> list[ColumnElement[bool]]:
    """Return the same rule as conditions, with the parameters that `address` gives; its words are written out.

    They stand in the UPDATE that begins a sending: whoever unsubscribes a moment before gets no mail.
    """
    if purpose == "system":
        return []
    stops = FOR_GOOD if purpose == "transactional" else _WORST_FIRST
    conditions = [
        not_(_suppressed(stops)),
        not_(_contact_with(stops)),
    ]
    return conditions if purpose == "transactional" else [*conditions, _contact_with(("subscribed",))]


def address(account_id: int, email: str) -> dict[str, Any]:
    """Return the parameters of `allowed` for a message of this account to this address."""
    return {"for_account": account_id, "for_key": email_key(email), "for_erased": erased_key(account_id, email)}


def _reason(words: set[str], purpose: str) -> str:
    stops = FOR_GOOD if purpose == "transactional" else _WORST_FIRST
    reason = next((word for word in stops if word in words), "")
    if not reason and purpose != "transactional" and "subscribed" not in words:
        return NO_CONSENT
    return reason


def _suppressed(words: tuple[str, ...]) -> ColumnElement[bool]:
    return exists().where(
        _S.account_id == bindparam("for_account"),
        or_(_S.email_key == bindparam("for_key"), _S.email_key == bindparam("for_erased")),
        _S.reason.in_([literal_column(f"'{word}'") for word in words]),
    )


def _contact_with(words: tuple[str, ...]) -> ColumnElement[bool]:
    return exists().where(
        _C.account_id == bindparam("for_account"),
        _C.email_key == bindparam("for_key"),
        _C.consent.in_([literal_column(f"'{word}'") for word in words]),
    )
