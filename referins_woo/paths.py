"""Where templates, migrations and the front-end bundle lie: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def templates_dir() -> Path:
    """Return the folder of all Jinja2 templates."""
    return _beside_or_inside("templates", "_templates")


def migrations_dir() -> Path:
    """Return the folder of the Alembic chain."""
    return _beside_or_inside("migrations", "_migrations")


def bundle_dir() -> Path:
    """Return the folder of the built front end (`manifest.json` and hashed files)."""
    return _PACKAGE / "static" / "dist"


def _beside_or_inside(beside: str, inside: str) -> Path:
    wheel = _PACKAGE / inside
    return wheel if wheel.is_dir() else _PACKAGE.parent / beside
