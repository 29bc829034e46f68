"""Settings of the instance that `bin/start` runs, kept in its data folder so that `bin/referins` finds them.

`settings.env` (0600) holds the keys made at the first start, the demo account's password, and what the last start
used. What stands in the environment wins, then `.env` in the checkout, then this file.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from referins_woo.run import valkey

SETTINGS_FILE = "settings.env"
DEMO_EMAIL = "demo@referins.example"
DEMO_ADDRESS = "1 Practice Street\nExample Town"

NAMES = (
    *("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS", "PUBLIC_URL", "SMTP_URL", "MAIL_FROM"),
    *("REFERINS_DATA", "REFERINS_ALLOW_PRIVATE_STORES", "REFERINS_STORE_CA", "REFERINS_TEST_CLOCK"),
    *("METRICS_TOKEN", "RATES_URL", "KEEP_DELIVERIES_DAYS", "KEEP_STORE_LOG_DAYS", "KEEP_RUN_TRACES_DAYS"),
    *("KEEP_MESSAGE_BODIES_DAYS", "KEEP_AUDIT_LOG_DAYS"),
    "REFERINS_API_RATE",
    *("POSTMARK_TOKEN", "POSTMARK_STREAM", "POSTMARK_BROADCAST_STREAM", "POSTMARK_API", "POSTMARK_HOOK_PASSWORD"),
    *("MAIL_RATE", "MAIL_START_RATE"),
)
"""Every setting of `referins_woo.config`; each has a NAME_FILE as well."""


def instance(data_dir: Path, port: int, practice_port: int | None, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the instance in `data_dir`, making and keeping what is missing.

    `environ` is the environment with `.env` under it. Keys are made once: with others, stored secrets are lost.
    """
    kept = read(data_dir / SETTINGS_FILE)
    given = {name: environ[name] for base in NAMES for name in (base, f"{base}_FILE") if environ.get(name)}
    made = {
        "SECRET_KEY": kept.get("SECRET_KEY") or secrets.token_urlsafe(48),
        "ENCRYPTION_KEYS": kept.get("ENCRYPTION_KEYS") or base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "REDIS_URL": valkey.url(valkey.socket_path(data_dir)),
    }
    settings = {name: value for name, value in made.items() if f"{name}_FILE" not in given} | given
    allowed = settings.get("REFERINS_ALLOW_PRIVATE_STORES", "")
    if practice_port is not None and allowed != "1":
        origins = [*filter(None, allowed.split(",")), f"http://127.0.0.1:{practice_port}"]
        settings["REFERINS_ALLOW_PRIVATE_STORES"] = ",".join(dict.fromkeys(origins))
    settings["REFERINS_DATA"] = str(data_dir)
    demo = {"DEMO_PASSWORD": kept.get("DEMO_PASSWORD") or secrets.token_urlsafe(9)}
    write(data_dir / SETTINGS_FILE, made | settings | demo)
    return settings | demo


def read(path: Path) -> dict[str, str]:
    """Return the NAME=value lines of `path` ({} where there is no such file); `#` begins a comment line."""
    if not path.is_file():
        return {}
    lines = re.findall(r"^\s*(?:export\s+)?([A-Z][A-Z0-9_]*)=(.*?)\s*$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: _unquoted(value) for name, value in lines}


def write(path: Path, settings: Mapping[str, str]) -> None:
    """Write `settings` to `path`, readable by its owner only, at once."""
    text = "# Written by bin/start: settings and keys of this instance. Keep it secret, and with the database.\n"
    text += "".join(f"{name}={value}\n" for name, value in sorted(settings.items()))
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    fresh.replace(path)


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
