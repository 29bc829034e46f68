"""The embedded server: found, private, and on a socket whose path is short enough."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from referins_woo.run import valkey
from tests.services.valkey import Valkey


def test_the_socket_is_short_however_long_the_data_folder_is(tmp_path: Path) -> None:
    path = valkey.socket_path(tmp_path / ("long" * 20) / ("longer" * 20))
    assert len(os.fsencode(path)) <= 103
    assert path != valkey.socket_path(tmp_path)


def test_the_folder_of_the_socket_is_ours_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "valkey.sock"
    valkey.prepare_socket_dir(path)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.parent.rmdir()
    path.parent.symlink_to(tmp_path)
    with pytest.raises(valkey.NoServer, match="somebody else"):
        valkey.prepare_socket_dir(path)


def test_without_the_wheel_the_servers_on_path_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valkey, "_bundled_server", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(valkey.NoServer, match="REDIS_URL"):
        valkey.find_server()
    server = tmp_path / "redis-server"
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    assert valkey.find_server() == server


def test_it_listens_on_no_port(valkey_server: Valkey, valkey: Redis) -> None:
    assert valkey.config_get("port") == {"port": "0"}
    assert stat.S_IMODE(valkey_server.socket.stat().st_mode) == 0o700


def test_a_lost_server_is_an_error_of_redis(tmp_path: Path) -> None:
    with pytest.raises(RedisError):
        Redis.from_url(valkey.url(tmp_path / "nobody.sock")).ping()
