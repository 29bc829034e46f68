"""Guards over the sources: the time, names, purity, what may not be committed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from referins_woo import __version__

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("referins_woo", "automations")
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "manager", "types"}
OTHER_CLOCKS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "localtime"),
    ("time", "gmtime"),
}
INDEX_HOSTS = ["pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "yarn" + "pkg.com"]


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def test_the_time_comes_from_the_clock_alone() -> None:
    found = [
        f"{path}:{node.lineno} {node.func.value.id}.{node.func.attr}()"
        for path, tree in modules()
        if path != Path("referins_woo/clock.py")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and (node.func.value.id, node.func.attr) in OTHER_CLOCKS
    ]
    assert found == [], "use referins_woo.clock.now()"


def test_automations_is_pure() -> None:
    allowed = set(sys.stdlib_module_names) | {"automations"}
    impure = {"os", "socket", "subprocess", "pathlib", "sqlite3", "urllib", "http", "random", "threading", "time"}
    for path, tree in modules():
        if path.parts[0] != "automations":
            continue
        for node in ast.walk(tree):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                top = name.partition(".")[0]
                assert top in allowed, f"{path}:{node.lineno} imports {name}: standard library only"
                assert top not in impure, f"{path}:{node.lineno} imports {name}: no input, output, chance or clock"


def test_no_module_has_a_name_that_draws_everything_in() -> None:
    named = [path for path, _ in modules() if path.stem in FORBIDDEN_NAMES or path.parent.name in FORBIDDEN_NAMES]
    assert named == []


def test_exceptions_are_caught_whole_only_in_job_shells() -> None:
    """A shell logs and goes on; anywhere else a bare `except` hides a mistake."""
    shells = {"run_line"}
    shells |= {"_answer"}  # run_job, for one bell
    for path, tree in modules():
        if Path(path).name == "jobs.py":
            continue  # all of it is shells
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or function.name in shells:
                continue
            for node in ast.walk(function):
                whole = isinstance(node, ast.ExceptHandler) and (
                    node.type is None
                    or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})
                )
                assert not whole, f"{path}:{node.lineno} {function.name}() catches everything"


@pytest.mark.parametrize("host", INDEX_HOSTS)
def test_no_file_names_the_host_of_a_package_index(host: str) -> None:
    named = [str(path.relative_to(ROOT)) for path in tracked_files() if host.encode() in path.read_bytes()]
    assert named == []


def test_lock_files_carry_hashes_and_no_address() -> None:
    for path in ROOT.glob("requirements*.lock"):
        text = path.read_text()
        pins, hashed = text.count("=="), len(re.findall(r"== ?[^\n]*\\\n    --hash=", text))
        assert pins and hashed >= len(re.findall(r"^\S+==", text, re.MULTILINE)), path.name
        assert "://" not in text, path.name
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text()


def test_what_others_wrote_is_not_committed() -> None:
    names = [str(path.relative_to(ROOT)) for path in tracked_files()]
    foreign = [
        name for name in names if re.search(r"(^|/)(node_modules|dist|vendor)/|\.min\.(js|css)$|\.woff2?$", name)
    ]
    assert foreign == []


def test_the_package_says_the_version_of_the_project() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None and __version__ == version[1]


def test_version_bounds_of_the_wheel_are_locked() -> None:
    """Each dependency of pyproject stands in requirements.lock."""
    text = (ROOT / "pyproject.toml").read_text()
    block = text[text.index("dependencies = [") : text.index("]\n", text.index("tzdata"))]
    locked = {
        name.lower()
        for name in re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    }
    wanted = {name.lower().replace(".", "-") for name in re.findall(r'^    "([A-Za-z0-9_.-]+)', block, re.MULTILINE)}
    assert wanted - locked == set()
