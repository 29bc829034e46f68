"""Settings of an instance: keys are made once, what the environment says wins."""

from __future__ import annotations

import stat
from pathlib import Path

from cryptography.fernet import Fernet

from referins_woo import config
from referins_woo.run import settings


def test_keys_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    first = settings.instance(tmp_path, 8080, 8090, {})
    second = settings.instance(tmp_path, 9090, 9100, {})
    for name in ("SECRET_KEY", "ENCRYPTION_KEYS", "DEMO_PASSWORD"):
        assert first[name] == second[name]
    Fernet(first["ENCRYPTION_KEYS"])
    assert stat.S_IMODE((tmp_path / "settings.env").stat().st_mode) == 0o600


def test_what_was_made_is_a_configuration(tmp_path: Path) -> None:
    made = config.load(settings.instance(tmp_path, 8080, 8090, {}))
    assert made.data_dir == tmp_path
    assert made.uses_dev_mailbox


def test_exactly_the_practice_store_is_allowed_beside_public_stores(tmp_path: Path) -> None:
    made = config.load(settings.instance(tmp_path, 8080, 8090, {}))
    assert made.allows_private_store("http://127.0.0.1:8090")
    assert not made.allows_private_store("http://127.0.0.1:8091")
    assert not made.allow_any_private_store
    without = config.load(settings.instance(tmp_path, 8080, None, {}))
    assert not without.allows_private_store("http://127.0.0.1:8090")
    more = settings.instance(tmp_path, 8080, 8090, {"REFERINS_ALLOW_PRIVATE_STORES": "https://10.0.0.7"})
    assert more["REFERINS_ALLOW_PRIVATE_STORES"] == "https://10.0.0.7,http://127.0.0.1:8090"


def test_the_environment_wins_over_what_was_made(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("x" * 40)
    given = {"SECRET_KEY_FILE": str(key), "DATABASE_URL": "postgresql://there/db", "REDIS_URL": "redis://there:6379"}
    made = settings.instance(tmp_path, 8080, None, given)
    assert "SECRET_KEY" not in made
    assert config.load(made).secret_key == "x" * 40
    kept = settings.read(tmp_path / "settings.env")
    assert kept["REDIS_URL"] == "redis://there:6379"
    assert kept["DATABASE_URL"] == "postgresql://there/db"


def test_a_file_of_settings_may_have_comments_quotes_and_exports(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# a comment\nexport SMTP_URL='smtp://there:25'\n\nMAIL_FROM=My Shop <a@example.com>\nbad line\n")
    assert settings.read(path) == {"SMTP_URL": "smtp://there:25", "MAIL_FROM": "My Shop <a@example.com>"}
