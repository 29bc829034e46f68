"""The provider that the settings name."""

from __future__ import annotations

from referins_woo.config import Config
from referins_woo.mail.providers import Provider
from referins_woo.mail.providers.postmark import Postmark
from referins_woo.mail.providers.smtp import Smtp
from referins_woo.mail.providers.smtp_settings import SmtpSettings
from referins_woo.safe_http import SafeHttp


def opened(config: Config) -> Provider | None:
    """Return Postmark or an SMTP server, not connected yet; None: e-mails go to the dev mailbox."""
    if config.postmark is not None:
        streams = {"marketing": config.postmark.broadcast_stream}
        streams |= dict.fromkeys(("transactional", "system"), config.postmark.stream)
        return Postmark(SafeHttp(config), config.postmark.token, streams, config.postmark.api)
    if config.smtp_url is not None:
        return Smtp(SmtpSettings.from_url(config.smtp_url))
    return None
