"""The whole examination, in the order in which things need each other."""

from __future__ import annotations

from collections.abc import Iterator

from referins_woo import process
from referins_woo.config import Config
from referins_woo.doctor import data, surroundings
from referins_woo.doctor.finding import Finding


def examine(config: Config) -> Iterator[Finding]:
    """Look at everything; what cannot be looked at because something below is wrong is left out."""
    opened = process.start(config)
    yield from surroundings.settings(config)
    below = list(surroundings.database(opened.database))
    yield from below
    yield from surroundings.redis(config)
    yield from surroundings.disk(config, opened.database)
    yield surroundings.mail(config)
    yield surroundings.public_url(config)
    if any(finding.state == "wrong" for finding in below):
        return
    yield surroundings.the_clock(opened.database)
    yield from surroundings.the_time(opened)
    with opened.database.reading() as session:
        yield from data.stores(session)
        yield from data.webhooks(session)
        yield from data.stuck(session)
        yield from data.secrets(session, config)
        yield data.retention(session)
