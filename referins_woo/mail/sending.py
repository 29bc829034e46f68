"""An account's sender, its domain, and what is measured: checked, kept, and looked up (E5, E6)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from referins_woo.config import Config
from referins_woo.errors import InvalidInput
from referins_woo.mail import domain as domains
from referins_woo.mail import headers
from referins_woo.mail.letters import Sender
from referins_woo.mail.models import MailSettings

_ADDRESSES: Final = ("from_email", "marketing_from_email", "reply_to")
_SWITCHES: Final = ("measures_opens", "measures_clicks", "measures_orders", "adds_utm")


def of_account(session: Session, account_id: int) -> MailSettings:
    """Return the account's settings; where it has none, a row with the defaults that is not stored yet."""
    found = session.get(MailSettings, account_id)
    if found is not None:
        return found
    return MailSettings(
        account_id=account_id,
        reply_to="",
        domain="",
        proof="",
        from_email="",
        marketing_from_email="",
        dkim_selector="",
        measures_opens=True,
        measures_clicks=True,
        measures_orders=False,
        adds_utm=True,
    )


def change_sender(session: Session, account_id: int, given: Mapping[str, str], now: datetime) -> MailSettings:
    """Set the domain and addresses that were typed. A new domain must be proven anew. Raises InvalidInput."""
    row = of_account(session, account_id)
    typed = given.get("domain", "").strip()
    domain = domains.usable(typed.rpartition("@")[2] if "@" in typed else typed)
    if typed and not domain:
        raise InvalidInput("domain", "This is no domain: type it like example.com, without https:// and www.")
    selector = domains.usable_selector(given.get("dkim_selector", ""))
    if selector is None:
        raise InvalidInput("dkim_selector", "A selector has letters, digits, dots and dashes, like s1 or 2026-11.")
    addresses = {name: _address(name, given.get(name, "")) for name in _ADDRESSES}
    for name in ("from_email", "marketing_from_email"):
        at = addresses[name].rpartition("@")[2].lower()
        if addresses[name] and not domain:
            raise InvalidInput("domain", "Type the domain of these addresses, so that it can be proven yours.")
        if addresses[name] and at != domain and not at.endswith(f".{domain}"):
            raise InvalidInput(name, f"This address is not at {domain}.")
    if domain != row.domain:
        row.domain, row.proven_at, row.findings, row.checked_at = domain, None, None, None
        row.proof = secrets.token_hex(16) if domain else ""
    elif selector != row.dkim_selector:
        row.findings = None
    row.dkim_selector = selector
    for name, address in addresses.items():
        setattr(row, name, address)
    row.updated_at = now
    session.add(row)
    return row


def change_measuring(session: Session, account_id: int, given: Mapping[str, str], now: datetime) -> MailSettings:
    """Set what is measured. From the next e-mail on; what is switched off is written down no more at once."""
    row = of_account(session, account_id)
    for name in _SWITCHES:
        setattr(row, name, given.get(name) == "1")
    row.updated_at = now
    session.add(row)
    return row


def keep_findings(
    session: Session,
    account_id: int,
    domain: str,
    found: list[domains.Finding],
    now: datetime,
    *,
    keep_proof: bool = False,
) -> bool:
    """Keep what the DNS said of `domain`, unless the account has another one by now; returns whether it was kept.

    `keep_proof`: a proof that was not found does not end the use of the domain yet.
    """
    row = session.get(MailSettings, account_id, with_for_update=True)
    if row is None or row.domain != domain:
        return False
    row.findings, row.checked_at = [one.as_json() for one in found], now
    proven = domains.is_proven(found)
    if proven or (proven is False and not keep_proof):
        row.proven_at = (row.proven_at or now) if proven else None
    return True


def findings(row: MailSettings) -> list[domains.Finding]:
    """Return what was kept."""
    return [_finding(one) for one in row.findings or ()]


def way(config: Config) -> domains.Sending:
    """Return how e-mails of this installation leave."""
    sender = Sender.from_setting(config.mail_from)
    if config.postmark is not None:
        return domains.Sending(sender.domain, "include:spf.mtasv.net", "Postmark")
    host = urlsplit(config.smtp_url).hostname if config.smtp_url else None
    mechanism = f"a:{host}" if host and domains.usable(host) else ""
    return domains.Sending(sender.domain, mechanism, "Your mail server")


def _address(name: str, typed: str) -> str:
    try:
        return headers.bare_address(typed) if typed.strip() else ""
    except headers.BadAddress as error:
        raise InvalidInput(name, str(error)) from None


def _finding(kept: dict[str, Any]) -> domains.Finding:
    record = domains.Record(**kept["record"]) if kept["record"] else None
    return domains.Finding(kept["key"], kept["state"], kept["says"], tuple(kept["found"]), record)
