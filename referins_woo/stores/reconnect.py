"""A store loses its connection, and everybody who can mend it hears of it once (X1).

The state changes by one conditional UPDATE: whoever changed the row puts the mails, everybody else is silent. The
mails lie in the same transaction as the state, so neither exists without the other.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from referins_woo import queues
from referins_woo.accounts.users import active_users
from referins_woo.config import Config
from referins_woo.mail import outbox
from referins_woo.stores import connection, links
from referins_woo.stores.models import Store, StoreLog

REMINDER_DAYS: Final = (1, 3, 7)
_RELAPSE: Final = timedelta(days=1)
"""A store that came back by itself and is lost again for the same cause so soon is in the same episode: a firewall
that opens and shuts all day is one mail."""
_TEMPLATE: Final[dict[str, Any]] = {"email": "reconnect"}


def lose(session: Session, config: Config, store_id: int, cause: str, detail: str, now: datetime) -> bool:
    """Put the store into `needs_reconnect` for `cause` and write to every active user; returns whether we did it.

    `cause` may be marked with a resource (`key_rights:customers`): the mark goes into the detail only.
    """
    bare = cause.partition(":")[0]
    changed = session.execute(
        update(Store)
        .where(Store.id == store_id, Store.state.in_(connection.LIVE_STATES))
        .values(
            state="needs_reconnect",
            cause=bare,
            cause_detail=detail,
            cause_since=now,
            suspect_cause="",
            suspect_since=None,
            suspect_probes=0,
            last_error=detail,
            last_error_at=now,
        )
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        return False
    store = session.get_one(Store, store_id, populate_existing=True)
    if not _is_relapse(session, store, bare, now):
        store.reconnect_episode += 1
    text = f"Lost the connection: {connection.words_for(bare).title.lower()}."
    _log(session, store, "connection_lost", text, now, {"cause": bare, "detail": detail})
    _write_to_users(session, config, store, f"reconnect:{store.id}:{store.reconnect_episode}", now)
    return True


def _is_relapse(session: Session, store: Store, cause: str, now: datetime) -> bool:
    if store.mended_at is None or now - store.mended_at > _RELAPSE:
        return False
    last = session.scalar(
        select(StoreLog)
        .where(StoreLog.store_id == store.id, StoreLog.kind == "connection_lost")
        .order_by(StoreLog.id.desc())
        .limit(1)
    )
    return last is not None and (last.detail or {}).get("cause") == cause


def answers_again(session: Session, store: Store, now: datetime) -> None:
    """A store that was unreachable answers: what happened meanwhile is caught up."""
    begin_catching_up(session, store, store.failing_since or store.cause_since or now)
    store.cause, store.cause_since, store.cause_detail = "ok", None, ""
    _log(session, store, "answers_again", "The store answers again.", now)


def begin_catching_up(session: Session, store: Store, since: datetime) -> None:
    """Note that what happened from `since` on is being caught up, and ring for it and for the webhooks (X4)."""
    store.catching_up_since = min(since, store.catching_up_since or since)
    queues.ring_after_commit(session, "heal_webhooks", store.id)
    queues.ring_after_commit(session, "catch_up", store.id)


def remind(session: Session, config: Config, now: datetime) -> int:
    """Put the reminders that are due after 1, 3 and 7 days; returns how many stores are still waiting.

    Run again, it puts nothing twice: each reminder has its own once key.
    """
    waiting = list(
        session.scalars(
            select(Store).where(
                Store.state == "needs_reconnect", Store.cause_since <= now - timedelta(days=REMINDER_DAYS[0])
            )
        )
    )
    for store in waiting:
        lasted = now - (store.cause_since or now)
        day = max(each for each in REMINDER_DAYS if lasted >= timedelta(days=each))
        _write_to_users(session, config, store, f"reconnect:{store.id}:{store.reconnect_episode}:day{day}", now, day)
    return len(waiting)


def tell_unreachable(session: Session, config: Config, store_id: int, now: datetime) -> bool:
    """Mark a store that has not answered for a day, and tell its users once; it stays connected (X2)."""
    changed = session.execute(
        update(Store)
        .where(
            Store.id == store_id,
            Store.state.in_(connection.LIVE_STATES),
            Store.cause == "ok",
            Store.failing_since <= now - timedelta(days=1),
        )
        .values(cause="unreachable", cause_since=now)
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        return False
    store = session.get_one(Store, store_id, populate_existing=True)
    _log(session, store, "unreachable", "The store has not answered for a day.", now)
    _write_to_users(session, config, store, f"unreachable:{store.id}:{int(now.timestamp())}", now)
    return True


def open_link(session: Session, config: Config, token: str, now: datetime) -> Store:
    """Return the store that a reconnect link repairs. Raises links.LinkInvalid.

    The link ends with its episode: once the store is connected again it opens nothing.
    """
    link = links.read_reconnect_link(config, token, now)
    store = session.scalar(
        select(Store).where(
            Store.id == link.store_id,
            Store.reconnect_episode == link.episode,
            or_(Store.state == "needs_reconnect", Store.cause == "unreachable"),
        )
    )
    if store is None:
        raise links.LinkInvalid(
            "This store is connected again, or was disconnected: nothing is left to do here.", expired=True
        )
    return store


def renew_link(session: Session, config: Config, store_id: int, now: datetime) -> bool:
    """Send a new link to every user of the store's account, at most once an hour; False where nothing needs mending.

    Whoever asks gets no link to see: it goes to those who may mend the store.
    """
    store = session.get(Store, store_id)
    if store is None or store.state != "needs_reconnect":
        return False
    hour = int(now.timestamp()) // 3600
    _write_to_users(session, config, store, f"reconnect:{store.id}:{store.reconnect_episode}:again{hour}", now)
    return True


def _write_to_users(
    session: Session, config: Config, store: Store, once_key: str, now: datetime, reminder_day: int = 0
) -> None:
    words = connection.words_for(store.cause)
    for user in active_users(session, store.account_id):
        outbox.put(
            session,
            outbox.Letter(
                account_id=store.account_id,
                store_id=store.id,
                once_key=f"{once_key}:{user.id}",
                purpose="system",
                to_email=user.email,
                to_name=user.name,
                template=_TEMPLATE,
                facts={
                    "store_name": store.name or store.url,
                    "store_url": store.url,
                    "cause": words.key,
                    "title": words.title,
                    "sentence": words.sentence,
                    "steps": list(words.steps),
                    "since": (store.cause_since or now).strftime("%d %B %Y, %H:%M UTC"),
                    "reminder_day": reminder_day,
                    "is_lost": store.state == "needs_reconnect",
                    "link": links.make_reconnect_link(config, store.id, store.reconnect_episode, now),
                },
            ),
        )


def _log(
    session: Session, store: Store, kind: str, text: str, now: datetime, detail: dict[str, Any] | None = None
) -> None:
    session.add(StoreLog(account_id=store.account_id, store_id=store.id, at=now, kind=kind, text=text, detail=detail))
