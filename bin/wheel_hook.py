"""Build hook of the wheel: bundles the front end first, so that an installed wheel needs no Node.js."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent))

import environment


class FrontEnd(BuildHookInterface):  # type: ignore[type-arg]
    """Runs bin/build.mjs where the bundle is missing or older than its sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Bundle; a build without Node.js ends with one clear sentence."""
        environment.bundle()
