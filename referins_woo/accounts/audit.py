"""The audit log: what was done to an account, by whom, when, from where (N6).

Any room records in one line, in the transaction of what it records, so that neither exists without the other:

    audit.record(session, account_id, "store_connected", store.url)

Who acts is known to the shell alone (a request, a command, a job), which says so with `act_as`; rooms need not
pass it on. An entry is kept for two years and must hold no personal data of the merchant's customers: name a contact
by its id.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.accounts.models import AuditEntry, Membership


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where."""

    who: str
    """E-mail of the user, or the name of what acts in nobody's name."""
    via: str
    """`browser`, `api`, `command` or `application`."""
    user_id: int | None = None
    ip: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """A kind of entry: the group that it is filtered by, and its words."""

    group: str
    words: str


APPLICATION: Final = Actor("Referins", "application")
"""Jobs: nobody asked."""
COMMAND_LINE: Final = Actor("Command line", "command")

GROUPS: Final[dict[str, str]] = {
    "access": "Sign-in",
    "team": "Team",
    "keys": "API keys",
    "stores": "Stores",
    "data": "Data",
    "settings": "Settings",
}

ACTIONS: Final[dict[str, Action]] = {
    "signed_in": Action("access", "Signed in"),
    "sign_in_failed": Action("access", "Failed to sign in repeatedly"),
    "password_changed": Action("access", "Changed their password"),
    "password_reset": Action("access", "Chose a new password by e-mail"),
    "email_changed": Action("access", "Changed their e-mail"),
    "second_factor_on": Action("access", "Switched two-step sign-in on"),
    "second_factor_off": Action("access", "Switched two-step sign-in off"),
    "recovery_codes_made": Action("access", "Made new recovery codes"),
    "recovery_code_used": Action("access", "Signed in with a recovery code"),
    "sessions_ended": Action("access", "Signed other devices out"),
    "account_created": Action("team", "Created the account"),
    "user_invited": Action("team", "Invited somebody"),
    "invitation_resent": Action("team", "Sent an invitation again"),
    "invitation_revoked": Action("team", "Took an invitation back"),
    "invitation_accepted": Action("team", "Joined the account"),
    "role_changed": Action("team", "Changed a role"),
    "member_removed": Action("team", "Removed somebody from the account"),
    "member_left": Action("team", "Left the account"),
    "token_created": Action("keys", "Created an API key"),
    "token_revoked": Action("keys", "Revoked an API key"),
    "store_permission_asked": Action("stores", "Asked WooCommerce for keys to a store"),
    "store_connected": Action("stores", "Connected a store"),
    "store_reconnected": Action("stores", "Reconnected a store"),
    "store_disconnected": Action("stores", "Disconnected a store"),
    "store_keys_changed": Action("stores", "Changed a store's keys"),
    "store_data_deleted": Action("stores", "Deleted a store's data"),
    "store_settings_changed": Action("stores", "Changed a store's settings"),
    "list_exported": Action("data", "Exported a list"),
    "address_blocked": Action("data", "Blocked an address by hand"),
    "address_unblocked": Action("data", "Took an address off the suppression list"),
    "message_again": Action("data", "Sent an e-mail again"),
    "contacts_imported": Action("data", "Imported contacts from a file"),
    "contact_exported": Action("data", "Exported a contact's personal data"),
    "contact_erased": Action("data", "Erased a contact"),
    "contacts_merged": Action("data", "Merged two contacts"),
    "merge_undone": Action("data", "Undid a merge of two contacts"),
    "customer_ticked": Action("data", "Made a contact a customer of a store"),
    "customer_unticked": Action("data", "Took a contact off a store's customers"),
    "customer_mapped": Action("data", "Mapped a contact to a store's customer"),
    "customer_mapping_imported": Action("data", "Took in a file of the customer mapping"),
    "customer_unmapped": Action("data", "Took a mapping of a contact back"),
    "customer_overwritten": Action("data", "Let a contact overwrite a store's customer"),
    "suggestions_applied": Action("data", "Applied suggested mappings of contacts"),
    "suggestions_undone": Action("data", "Took suggested mappings of contacts back"),
    "customers_pushed": Action("data", "Sent contacts to a store"),
    "order_changed": Action("data", "Changed an order here"),
    "order_fulfilled": Action("data", "Said what was delivered of an order"),
    "change_sent_again": Action("data", "Sent a change to a store again"),
    "stock_adjusted": Action("data", "Adjusted stock"),
    "stock_overwritten": Action("data", "Overwrote quantities of a store"),
    "stock_adjustment_edited": Action("data", "Changed an adjustment of stock"),
    "opening_stock_confirmed": Action("data", "Confirmed the opening stock"),
    "stock_adjustment_corrected": Action("data", "Corrected an adjustment of stock"),
    "batches_switched": Action("data", "Switched the tracking of batches"),
    "batches_assigned": Action("data", "Assigned what orders took to batches"),
    "order_deleted": Action("data", "Deleted an order"),
    "rates_changed": Action("settings", "Changed rates of currencies"),
    "location_added": Action("settings", "Added a location"),
    "location_changed": Action("settings", "Changed a location"),
    "location_deleted": Action("settings", "Deleted a location"),
    "account_changed": Action("settings", "Changed the account's settings"),
    "sending_rules_changed": Action("settings", "Changed quiet hours and caps"),
    "webhook_created": Action("settings", "Created a webhook"),
    "webhook_changed": Action("settings", "Changed a webhook"),
    "webhook_deleted": Action("settings", "Deleted a webhook"),
}
"""Every kind of entry. A new one is a line here and a line in docs/accounts.md."""

_acting: ContextVar[Actor] = ContextVar("referins_actor", default=APPLICATION)


def act_as(actor: Actor | None) -> None:
    """From here on this thread acts as `actor`; None: as nobody, until the next request or command."""
    _acting.set(actor or APPLICATION)


def acting() -> str:
    """Return who acts, for what is kept beside the log: an e-mail, or the name of what acts in nobody's name."""
    return _acting.get().who


def record(session: Session, account_id: int, action: str, subject: str = "", **detail: Any) -> None:
    """Write down that the one who acts did `action` to the account.

    `subject` says to what, in few words; `detail` holds further values, as JSON takes them. Raises LookupError for an
    action that is not in ACTIONS.
    """
    if action not in ACTIONS:  # fails beside its caller, not on the page of the log
        raise LookupError(f"there is no action {action!r} in referins_woo.accounts.audit.ACTIONS")
    actor = _acting.get()
    session.add(
        AuditEntry(
            account_id=account_id,
            at=clock.now(),
            action=action,
            user_id=actor.user_id,
            who=actor.who[:320],
            via=actor.via,
            ip=actor.ip[:64],
            subject=subject[:500],
            detail=detail or None,
        )
    )


def record_for_user(session: Session, user_id: int, action: str, subject: str = "", **detail: Any) -> None:
    """Write down what concerns a user in every account that the user belongs to."""
    for account_id in session.scalars(select(Membership.account_id).where(Membership.user_id == user_id)):
        record(session, account_id, action, subject, **detail)
