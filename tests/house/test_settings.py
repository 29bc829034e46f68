"""Guards over settings and processes: what config reads, bin/start keeps and .env.example explains."""

from __future__ import annotations

import re
from pathlib import Path

from referins_woo.bells import BELLS, QUEUES
from referins_woo.run import settings, supervisor

ROOT = Path(__file__).resolve().parents[2]


def settings_read() -> set[str]:
    source = (ROOT / "referins_woo" / "config.py").read_text()
    return set(re.findall(r'_(?:value|days)\(env, "([A-Z_]+)"', source))


def test_bin_start_keeps_every_setting_for_bin_referins() -> None:
    assert settings_read() == set(settings.NAMES)


def test_the_example_explains_every_setting() -> None:
    text = (ROOT / ".env.example").read_text()
    explained = {name for name in settings_read() if re.search(rf"^#?{name}=", text, re.MULTILINE)}
    assert settings_read() - explained <= {"REFERINS_TEST_CLOCK"}


def test_every_queue_has_a_worker() -> None:
    assert supervisor.QUEUES == QUEUES
    assert {kind.queue for kind in BELLS.values()} <= set(QUEUES)
