"""Settings, read once from the environment, typed, and checked before anything starts.

Each secret may also come from a file: `SECRET_KEY_FILE` names a file that holds what `SECRET_KEY` would.
What is wrong or missing raises `ConfigError` with one line that names the setting and the remedy.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography.fernet import Fernet

from referins_woo.errors import ReferinsError

API_RATE: Final = "3000 per minute"


class ConfigError(ReferinsError):
    """A setting is missing or cannot be used; the process must not start."""


@dataclass(frozen=True, slots=True)
class Kept:
    """For how many days what is kept (N5); 0: for ever. A nightly job enforces it (`referins_woo.retention`)."""

    deliveries: int
    """Raw deliveries, and what providers reported, as it came."""
    store_log: int
    run_traces: int
    """After the end of the run."""
    message_bodies: int
    audit_log: int


@dataclass(frozen=True, slots=True)
class PostmarkSettings:
    """How e-mails leave over Postmark's HTTP API instead of SMTP."""

    token: str = field(repr=False)
    """Of the server at Postmark."""
    stream: str
    broadcast_stream: str
    """The message streams of e-mails about orders and of marketing: Postmark wants them apart."""
    api: str
    hook_password: str | None = field(repr=False)
    """What Postmark's webhooks sign in with; None: they are refused."""


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of one process. Secrets are kept out of `repr`."""

    database_url: str = field(repr=False)
    redis_url: str | None = field(repr=False)
    secret_key: str = field(repr=False)
    encryption_keys: tuple[str, ...] = field(repr=False)
    public_url: str
    smtp_url: str | None = field(repr=False)
    mail_from: str
    postmark: PostmarkSettings | None
    mail_rate: str | None
    """How fast e-mails may leave, like `50 per second`; None: as fast as they are taken."""
    mail_start_rate: int
    """With how many e-mails a second a burst of marketing begins; 0: at full speed."""
    data_dir: Path
    allow_any_private_store: bool
    allowed_store_origins: tuple[str, ...]
    store_ca: Path | None
    test_clock: Path | None
    metrics_token: str | None = field(repr=False)
    rates_url: str | None = field(repr=False)
    """Where rates of currencies are fetched: an address with `{currency}`, `{base}` and `{day}`; None: nowhere."""
    kept: Kept
    api_rate: str
    """How often one token may call the API, like `3000 per minute`."""

    @property
    def needed_redis_url(self) -> str:
        """REDIS_URL; raises ConfigError where it is missing."""
        if self.redis_url is None:
            raise ConfigError("REDIS_URL is missing: give the address of a Redis or Valkey, or use bin/start")
        return self.redis_url

    @property
    def public_is_loopback(self) -> bool:
        """Whether PUBLIC_URL can be reached from this machine only."""
        return is_loopback(urlsplit(self.public_url).hostname or "")

    @property
    def public_is_https(self) -> bool:
        """Whether browsers reach us over https: cookies are then `Secure` and HSTS is sent."""
        return self.public_url.startswith("https://")

    @property
    def uses_dev_mailbox(self) -> bool:
        """Whether mails go to `/dev/mail` (N7): only without a mail provider and on loopback."""
        return self.smtp_url is None and self.postmark is None and self.public_is_loopback

    def allows_private_store(self, url: str) -> bool:
        """Whether the store at `url` may be on a private address, on plain http and on any port."""
        if self.allow_any_private_store:
            return True
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}".lower() in self.allowed_store_origins


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine: localhost, *.localhost, 127.0.0.0/8 or ::1."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load(environ: Mapping[str, str] | None = None) -> Config:
    """Read the settings from `environ` (default: the process environment).

    Raises ConfigError: the message names the setting and says what to do.
    """
    env = os.environ if environ is None else environ
    data_dir = Path(_value(env, "REFERINS_DATA") or "data").absolute()
    public_url = (_value(env, "PUBLIC_URL") or "http://127.0.0.1:8080").rstrip("/")
    parts = urlsplit(public_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"PUBLIC_URL is {public_url!r}: give the address that browsers use, like https://app.example.com"
        )
    loopback = is_loopback(parts.hostname)
    smtp_url = _value(env, "SMTP_URL")
    if smtp_url and urlsplit(smtp_url).scheme not in ("smtp", "smtps"):
        raise ConfigError(
            "SMTP_URL must look like smtp://user:password@host:587?starttls=1 (or smtps://… for TLS from the start)"
        )
    postmark = _postmark(env)
    if smtp_url and postmark:
        raise ConfigError("SMTP_URL and POSTMARK_TOKEN are both set: keep the one that e-mails are to leave by")
    if smtp_url is None and postmark is None and not loopback:
        raise ConfigError("SMTP_URL is missing: without it mails go to the dev mailbox, which exists on loopback only")
    test_clock = _value(env, "REFERINS_TEST_CLOCK")
    if test_clock and not loopback:
        raise ConfigError("REFERINS_TEST_CLOCK is for tests on loopback: remove it")
    allow_any, origins = _private_stores(_value(env, "REFERINS_ALLOW_PRIVATE_STORES"))
    store_ca = _value(env, "REFERINS_STORE_CA")
    if store_ca and not Path(store_ca).is_file():
        raise ConfigError(f"REFERINS_STORE_CA names {store_ca}, which is not a file")
    return Config(
        database_url=_value(env, "DATABASE_URL") or f"sqlite:///{data_dir / 'referins.sqlite3'}",
        redis_url=_value(env, "REDIS_URL"),
        secret_key=_secret_key(env),
        encryption_keys=_encryption_keys(env),
        public_url=public_url,
        smtp_url=smtp_url,
        mail_from=_value(env, "MAIL_FROM")
        or f"Referins <no-reply@{parts.hostname if not loopback else 'localhost.example'}>",
        postmark=postmark,
        mail_rate=_mail_rate(_value(env, "MAIL_RATE")),
        mail_start_rate=_start_rate(_value(env, "MAIL_START_RATE")),
        data_dir=data_dir,
        allow_any_private_store=allow_any,
        allowed_store_origins=origins,
        store_ca=Path(store_ca) if store_ca else None,
        test_clock=Path(test_clock) if test_clock else None,
        metrics_token=_metrics_token(env),
        rates_url=_rates_url(_value(env, "RATES_URL")),
        kept=Kept(
            deliveries=_days(env, "KEEP_DELIVERIES_DAYS", 30),
            store_log=_days(env, "KEEP_STORE_LOG_DAYS", 90),
            run_traces=_days(env, "KEEP_RUN_TRACES_DAYS", 365),
            message_bodies=_days(env, "KEEP_MESSAGE_BODIES_DAYS", 90),
            audit_log=_days(env, "KEEP_AUDIT_LOG_DAYS", 730),
        ),
        api_rate=_rate(_value(env, "REFERINS_API_RATE")),
    )


def _value(env: Mapping[str, str], name: str) -> str | None:
    direct, from_file = env.get(name, "").strip(), env.get(f"{name}_FILE", "").strip()
    if direct and from_file:
        raise ConfigError(f"{name} and {name}_FILE are both set: keep one")
    if from_file:
        try:
            return Path(from_file).read_text(encoding="utf-8").strip() or None
        except OSError as error:
            raise ConfigError(f"{name}_FILE names {from_file}, which cannot be read: {error.strerror}") from None
    return direct or None


def _secret_key(env: Mapping[str, str]) -> str:
    key = _value(env, "SECRET_KEY")
    if key is None:
        raise ConfigError(
            "SECRET_KEY is missing: give at least 32 random characters "
            "(python -c 'import secrets; print(secrets.token_urlsafe(32))')"
        )
    if len(key) < 32:
        raise ConfigError("SECRET_KEY is too short: give at least 32 random characters")
    return key


def _encryption_keys(env: Mapping[str, str]) -> tuple[str, ...]:
    raw = _value(env, "ENCRYPTION_KEYS")
    keys = tuple(key.strip() for key in (raw or "").split(",") if key.strip())
    if not keys:
        raise ConfigError(
            "ENCRYPTION_KEYS is missing: give one Fernet key, or several with the newest first, parted by commas "
            "(python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())')"
        )
    for position, key in enumerate(keys, start=1):
        try:
            Fernet(key)
        except ValueError:
            raise ConfigError(
                f"ENCRYPTION_KEYS: key {position} is not a Fernet key (32 bytes, url-safe base64)"
            ) from None
    return keys


def _metrics_token(env: Mapping[str, str]) -> str | None:
    token = _value(env, "METRICS_TOKEN")
    if token is not None and len(token) < 16:
        raise ConfigError("METRICS_TOKEN is too short: give at least 16 random characters, or none (loopback only)")
    return token


def _rates_url(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    if not parts.hostname or (parts.scheme != "https" and not is_loopback(parts.hostname)):
        raise ConfigError("RATES_URL must be an address that begins with https://")
    missing = [name for name in ("{currency}", "{base}", "{day}") if name not in url]
    if missing:
        raise ConfigError(f"RATES_URL must hold {', '.join(missing)}: what is asked for stands there")
    return url


def _days(env: Mapping[str, str], name: str, default: int) -> int:
    raw = _value(env, name)
    if raw is None:
        return default
    if not (raw.isascii() and raw.isdigit() and len(raw) <= 5):
        raise ConfigError(f"{name} is {raw!r}: give a number of days, or 0 to keep it for ever")
    return int(raw)


def _rate(raw: str | None) -> str:
    rate = raw or API_RATE
    if not re.fullmatch(r"[1-9]\d{0,8} per (second|minute|hour|day)", rate):
        raise ConfigError(f"REFERINS_API_RATE is {rate!r}: give it like {API_RATE}")
    return rate


def _postmark(env: Mapping[str, str]) -> PostmarkSettings | None:
    token, password = _value(env, "POSTMARK_TOKEN"), _value(env, "POSTMARK_HOOK_PASSWORD")
    stream, broadcast = _value(env, "POSTMARK_STREAM"), _value(env, "POSTMARK_BROADCAST_STREAM")
    api = _value(env, "POSTMARK_API") or "https://api.postmarkapp.com"
    if token is None:
        return None
    parts = urlsplit(api)
    if not parts.hostname or (parts.scheme != "https" and not is_loopback(parts.hostname)):
        raise ConfigError(f"POSTMARK_API is {api!r}: leave it out, or give an address that begins with https://")
    if password is not None and len(password) < 16:
        raise ConfigError("POSTMARK_HOOK_PASSWORD is too short: give at least 16 random characters")
    return PostmarkSettings(token, stream or "outbound", broadcast or "broadcast", api.rstrip("/"), password)


def _mail_rate(raw: str | None) -> str | None:
    if raw is not None and not re.fullmatch(r"[1-9]\d{0,5} per (second|minute|hour)", raw):
        raise ConfigError(f"MAIL_RATE is {raw!r}: give it like 50 per second")
    return raw


def _start_rate(raw: str | None) -> int:
    if raw is None:
        return 20
    found = re.fullmatch(r"(0|[1-9]\d{0,3})(?: per second)?", raw)
    if found is None:
        raise ConfigError(f"MAIL_START_RATE is {raw!r}: give e-mails a second, like 20, or 0 to begin at full speed")
    return int(found[1])


def _private_stores(raw: str | None) -> tuple[bool, tuple[str, ...]]:
    if raw in (None, "", "0"):
        return False, ()
    if raw == "1":
        return True, ()
    origins = tuple(origin.strip().rstrip("/").lower() for origin in str(raw).split(",") if origin.strip())
    for origin in origins:
        if urlsplit(origin).scheme not in ("http", "https") or not urlsplit(origin).hostname:
            raise ConfigError(
                "REFERINS_ALLOW_PRIVATE_STORES is 1, or origins parted by commas, like http://127.0.0.1:8090"
            )
    return False, origins
