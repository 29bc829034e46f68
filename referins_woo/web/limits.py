"""Limits on guessing: how often a browser or a name may fail to sign in.

Counted in Redis, in memory while Redis is away. Only failures count: a merchant who signs in often is not a burglar.
"""

from __future__ import annotations

from flask import Flask, Response, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user
from limits import parse
from limits.errors import StorageError
from redis.exceptions import RedisError

from referins_woo.config import Config
from referins_woo.web import scope, visitors

limiter = Limiter(key_func=get_remote_address, strategy="moving-window", headers_enabled=False)

PER_BROWSER = "20 per minute; 200 per hour"
PER_NAME_AND_BROWSER = "10 per 15 minutes"
PER_NAME = "100 per hour"
"""From wherever: so many that nobody can lock somebody else out from one address."""
PER_FACTOR = "10 per 15 minutes; 50 per day"
"""Of codes: a million of them, three good at a time."""
NEW_USERS = "20 per hour"
MAILS_ASKED_FOR = "10 per hour"
MAILS_PER_NAME = "3 per hour"
INVITATIONS = "30 per hour"

_BURST = parse("5 per 15 minutes")
_ONCE = parse("1 per 15 minutes")


def install(app: Flask, config: Config) -> None:
    """Count in the Redis of `config`."""
    url = config.redis_url or "memory://"
    if url.startswith("unix://"):
        url = "redis+" + url
    app.config.update(
        RATELIMIT_STORAGE_URI=url,
        RATELIMIT_STORAGE_OPTIONS={"socket_timeout": 1, "socket_connect_timeout": 1} if "redis" in url else {},
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
        RATELIMIT_KEY_PREFIX="signin",
    )
    limiter.init_app(app)


def failed(response: Response) -> bool:
    """Whether a try was wrong: the forms answer 422 then."""
    return response.status_code == 422


def name_typed() -> str:
    """The e-mail that a sign-in form carries."""
    return "name:" + request.form.get("email", "").strip().lower()[:320]


def name_and_browser() -> str:
    """The same, from this address alone."""
    return f"{name_typed()} {get_remote_address()}"


def person_halfway() -> str:
    """The person whose code is asked for."""
    found = visitors.halfway()
    return f"code:{found.user_id}" if found is not None else f"code:{get_remote_address()}"


def person() -> str:
    """Who is signed in."""
    return f"user:{scope.who().user_id}" if current_user.is_authenticated else f"user:{get_remote_address()}"


def account() -> str:
    """The account of who is signed in."""
    return f"account:{scope.account_id()}" if current_user.is_authenticated else f"account:{get_remote_address()}"


def has_room(limit: str, name: str, key: str) -> bool:
    """Count one of `name` for `key`, and say whether that is still within `limit`; yes while Redis is away."""
    try:
        return limiter.limiter.hit(parse(limit), name, key.strip().lower()[:320])
    except (RedisError, StorageError):
        return True


def is_burst(email: str) -> bool:
    """Count a failed try for this e-mail; whether it is one of many and the first that is to be told of."""
    key = email.strip().lower()[:320]
    try:
        return not limiter.limiter.hit(_BURST, "burst", key) and limiter.limiter.hit(_ONCE, "burst told", key)
    except (RedisError, StorageError):
        return False
