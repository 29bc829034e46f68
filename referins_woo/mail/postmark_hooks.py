"""What Postmark's webhooks say (postmarkapp.com/developer/webhooks), in our words. They are told of ours by metadata.

A record counts only if it holds the Message-ID that we gave the e-mail, and only for the address that it went to.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from referins_woo.commerce.matching import email_key
from referins_woo.mail import consent, reported
from referins_woo.mail.reported import Report

LARGEST: Final = 1024 * 1024
_FOR_GOOD: Final = frozenset({"HardBounce", "BadEmailAddress", "AddressChange"})
_COMPLAINTS: Final = frozenset({"SpamComplaint", "SpamNotification", "VirusNotification"})
_SUPPRESSED: Final = {
    "HardBounce": consent.BOUNCED,
    "SpamComplaint": consent.COMPLAINED,
    "ManualSuppression": consent.UNSUBSCRIBED,
}
_LONGEST: Final = 500


def take(session: Session, record: Mapping[str, Any], now: datetime) -> str:
    """Take one record in; returns what it was, "" where nothing was done. Told again it does nothing."""
    report = read(record)
    metadata = record.get("Metadata")
    given = metadata.get("message_id") if isinstance(metadata, dict) else None
    address = record.get("Recipient") or record.get("Email")
    if report is None or not isinstance(given, str) or not isinstance(address, str):
        return ""
    message = reported.message_of(session, (f"<{given}>",))
    if message is None or not reported.is_for(message, frozenset({email_key(address)})):
        return ""
    return report.kind if reported.note(session, message, report, now) else ""


def read(record: Mapping[str, Any]) -> Report | None:
    """Return what a record reports; None: nothing that we keep (Postmark's own opens and clicks). Pure."""
    type_, kind = record.get("RecordType"), record.get("Type")
    key = f"postmark:{type_}:{record.get('ID') or record.get('MessageID')}"
    said = _said(record.get("Description"), record.get("Details"))
    if type_ == "Delivery":
        return Report(reported.DELIVERED, said, key[:120])
    if type_ == "SpamComplaint" or (type_ == "Bounce" and kind in _COMPLAINTS):
        return Report(consent.COMPLAINED, said or "Marked as spam by the recipient.", key[:120])
    if type_ == "Bounce":
        return Report(consent.BOUNCED if kind in _FOR_GOOD else reported.DELAYED, _said(kind, said), key[:120])
    if type_ == "SubscriptionChange" and record.get("SuppressSending") is True:
        reason = _SUPPRESSED.get(str(record.get("SuppressionReason")))
        key = f"{key}:{record.get('SuppressionReason')}:{record.get('ChangedAt')}"
        return Report(reason, "", key[:120]) if reason else None
    return None


def _said(*parts: object) -> str:
    words = ". ".join(" ".join(part.split()).rstrip(".") for part in parts if isinstance(part, str) and part.strip())
    return words[:_LONGEST]
