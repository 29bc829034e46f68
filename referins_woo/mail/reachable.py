"""Whether the mail provider lets us in, asked without sending anything (`referins doctor`)."""

from __future__ import annotations

from contextlib import suppress

from referins_woo.config import Config
from referins_woo.mail.providers import Away
from referins_woo.mail.providers.chosen import opened


def why_not(config: Config) -> str | None:
    """Connect and sign in as the mail worker does; returns what went wrong, or None."""
    provider = opened(config)
    if provider is None:
        return None
    try:
        provider.ready()
    except Away as error:
        return str(error)
    finally:
        with suppress(OSError):
            provider.close()
    return None
