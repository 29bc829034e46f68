"""Whether an opening or a click was a person's. Pure.

Gateways of companies open and click everything the moment an e-mail arrives, and some mail programs load all pictures
beforehand. Nobody can tell for sure: what looks like a machine is kept, marked, and left out of figures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

PREFETCH: Final = "prefetch"
SCANNER: Final = "scanner"
PROXY: Final = "proxy"

WORDS: Final = {
    PREFETCH: "loaded beforehand by a program",
    SCANNER: "a scanner of a mail provider",
    PROXY: "a privacy proxy, which loads every picture",
}

AT_ONCE: Final = timedelta(seconds=5)
"""Nobody has read an e-mail that soon after it left."""
BURST: Final = timedelta(seconds=2)
"""Two different links within this time are not clicked by a hand."""

_ON_DEMAND: Final = re.compile(r"GoogleImageProxy|YahooMailProxy|ggpht", re.IGNORECASE)
"""Proxies that load a picture when a person opens the e-mail."""
_PROGRAMS: Final = re.compile(
    r"bot\b|crawl|spider|scan|preview|prefetch|monitor|headless|curl|wget|python|java/|okhttp|go-http|libwww|"
    r"barracuda|mimecast|proofpoint|safelinks|symantec|trendmicro|ironport|fireeye|forcepoint|slack|facebookexternal|"
    r"whatsapp|telegram|skypeuri|discord|linkexpander",
    re.IGNORECASE,
)


def machine(headers: Mapping[str, str], sent_at: datetime | None, now: datetime, *, picture: bool) -> str:
    """Return what asked, a key of WORDS; "" for what may well be a person. `picture`: for the picture of opens."""
    asked = " ".join(headers.get(name, "") for name in ("Purpose", "Sec-Purpose", "X-Purpose", "X-Moz"))
    if re.search(r"prefetch|preview|prerender", asked, re.IGNORECASE):
        return PREFETCH
    program = headers.get("User-Agent", "").strip()
    if picture and _ON_DEMAND.search(program):
        return ""
    if not program or _PROGRAMS.search(program):
        return SCANNER
    if program == "Mozilla/5.0":  # Apple's Mail Privacy Protection says no more, and loads what nobody has opened
        return PROXY
    if sent_at is not None and now - sent_at < AT_ONCE:
        return SCANNER
    return ""
