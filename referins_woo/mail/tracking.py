"""Opens and clicks (E5): what goes into an e-mail to measure them, and what is written down when they come.

A short link is a number in the message's own list of links: it leads nowhere that the e-mail did not name, and nobody
can make one that does. Neither the address nor the browser of the recipient is kept. The HTML that is stored, and shown
to the merchant, holds none of this: who looks at an e-mail on our pages opens and clicks nothing.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, quote_plus, urlsplit

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from referins_woo.mail import machines, settings
from referins_woo.mail.models import Message, MessageEvent
from referins_woo.mail.settings import Wishes

CREDIT: Final = timedelta(days=5)
"""For so long after the last click an order is credited to the e-mail."""
OPENED: Final = "opened"
CLICKED: Final = "clicked"
MOST_EVENTS: Final = 50
"""Of one kind and message: whoever asks more often tells nothing new."""
_TOKEN: Final = 32
_HREF: Final = re.compile(r"(<(?:a|area)\b[^>]*?\shref=)([\"'])(https?://.*?)\2", re.IGNORECASE | re.DOTALL)
_END: Final = re.compile(r"</body\s*>", re.IGNORECASE)


def measured(html: str, message: Any, wishes: Wishes, public_url: str) -> tuple[str, list[str] | None]:
    """Return the HTML as it is sent, and where its short links lead; None: nothing is measured.

    The plain-text part keeps its links as they are: there they are read.
    """
    may = message.link_token is not None and wishes.measures(message.purpose)
    clicks, opens = may and wishes.clicks, may and wishes.opens
    links: list[str] = []
    own = tuple(f"{public_url}/{path}/" for path in ("u", "preferences", "view", "confirm"))

    def short(found: re.Match[str]) -> str:
        url = entities.unescape(found[3]).strip()
        if url.startswith(own):
            return found[0]
        target = with_utm(url, message.campaign, message.step_id) if wishes.utm else url
        if clicks:
            if target not in links:
                links.append(target)
            target = f"{public_url}/c/{message.link_token}{links.index(target)}"
        return f"{found[1]}{found[2]}{entities.escape(target)}{found[2]}"

    if message.purpose != "system" and (clicks or wishes.utm):
        html = _HREF.sub(short, html)
    if opens:
        pixel = f'<img src="{public_url}/o/{message.link_token}.gif" width="1" height="1" alt="" style="border:0">'
        place = _END.search(html)
        html = f"{html[: place.start()]}{pixel}{html[place.start() :]}" if place else html + pixel
    return html, links if clicks or opens else None


@lru_cache(maxsize=1024)  # an e-mail's links are those of the one before, but for the order's own
def with_utm(url: str, campaign: str, content: str) -> str:
    """Return `url` with the tags that shops' statistics read; those that it has already, and all else, stay."""
    if not campaign:
        return url
    try:
        has = {name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    except ValueError:
        return url
    tags = {"utm_source": "referins", "utm_medium": "email", "utm_campaign": campaign, "utm_content": content}
    added = "&".join(f"{name}={quote_plus(value)}" for name, value in tags.items() if value and name not in has)
    if not added:
        return url
    front, hash_, fragment = url.partition("#")
    glue = "" if front.endswith(("?", "&")) else "&" if "?" in front else "?"
    return f"{front}{glue}{added}{hash_}{fragment}"


def opened(session: Session, token: str, headers: Mapping[str, str], now: datetime) -> None:
    """Write down that the picture of an e-mail was asked for; silent about tokens that are none."""
    message = _message(session, token)
    if message is None or not _wishes(session, message).opens:
        return
    machine = machines.machine(headers, message.sent_at, now, picture=True)
    if _keep(session, message, OPENED, now, machine=machine) and not machine and message.opened_at is None:
        message.opened_at = now


def target(session: Session, place: str) -> str | None:
    """Return where a short link leads; None where there is none. Nothing is written down."""
    found = _place(session, place)
    return found[0].links[found[1]] if found is not None and found[0].links else None


def clicked(session: Session, place: str, headers: Mapping[str, str], now: datetime) -> None:
    """Write down that a link was followed."""
    found = _place(session, place)
    if found is None or not _wishes(session, found[0]).clicks:
        return
    message, number = found
    machine = machines.machine(headers, message.sent_at, now, picture=False)
    if not machine and _clicked_elsewhere(session, message, number, now):
        machine = machines.SCANNER
    if _keep(session, message, CLICKED, now, machine=machine, link=number) and not machine:
        message.clicked_at = message.clicked_at or now


def _place(session: Session, place: str) -> tuple[Message, int] | None:
    """The message and the number of one of its links, of the last part of a short link's address."""
    token, number = place[:_TOKEN], place[_TOKEN:]
    if not (number.isascii() and number.isdigit() and len(number) <= 4):
        return None
    message = _message(session, token)
    if message is None or int(number) >= len(message.links or ()):
        return None
    return message, int(number)


def _message(session: Session, token: str) -> Message | None:
    """The message, if anything is measured of it, and its person was not erased."""
    if len(token) != _TOKEN:
        return None
    found = session.scalar(select(Message).where(Message.link_token == token))
    return found if found is not None and found.links is not None and found.to_email else None


def _wishes(session: Session, message: Message) -> Wishes:
    """What the account wants now: what it has switched off since is written down no more."""
    return settings.of(session, [message.account_id]).get(message.account_id, settings.UNSET)


def _clicked_elsewhere(session: Session, message: Message, number: int, now: datetime) -> bool:
    """Whether another link was followed just before; that one was no person's either then."""
    just_now = (
        MessageEvent.message_id == message.id,
        MessageEvent.kind == CLICKED,
        MessageEvent.at > now - machines.BURST,
    )
    if session.scalar(select(MessageEvent.id).where(*just_now, MessageEvent.link != number).limit(1)) is None:
        return False
    session.execute(
        update(MessageEvent)
        .where(*just_now, MessageEvent.machine == "")
        .values(machine=machines.SCANNER, credit_until=None)
    )
    message.clicked_at = session.scalar(
        select(func.min(MessageEvent.at)).where(
            MessageEvent.message_id == message.id, MessageEvent.kind == CLICKED, MessageEvent.machine == ""
        )
    )
    return True


def _keep(
    session: Session, message: Message, kind: str, now: datetime, *, machine: str, link: int | None = None
) -> bool:
    """Add an event, unless there are many of its kind."""
    mine = (MessageEvent.message_id == message.id, MessageEvent.kind == kind)
    if (session.scalar(select(func.count()).select_from(MessageEvent).where(*mine)) or 0) >= MOST_EVENTS:
        return False
    session.add(
        MessageEvent(
            account_id=message.account_id,
            message_id=message.id,
            kind=kind,
            at=now,
            link=link,
            machine=machine,
            detail=message.links[link] if link is not None and message.links else "",
            credit_until=now + CREDIT if kind == CLICKED and not machine else None,
        )
    )
    session.flush()
    return True
