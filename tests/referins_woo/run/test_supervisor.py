"""bin/start: everything runs, what is killed comes back, and nothing is left behind."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from referins_woo.run import valkey
from referins_woo.run.settings import DEMO_EMAIL
from tests.conftest import ROOT
from tests.services.instance import Instance
from tests.services.postgres import Postgres

ROLES = ("valkey", "live", "mail", "bulk", "outbound", "clock", "web")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def family(pid: int) -> list[int]:
    """The process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(grandchild for child in children for grandchild in family(int(child)))]


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_it_starts_once_per_data_folder_and_stops_in_order(instance: Instance) -> None:
    instance.start("--no-practice-store")
    instance.wait_for_all()
    everyone = family(instance.pid)
    assert set(instance.roles()) == set(ROLES)

    twin = Instance(instance.data_dir, instance.port)
    with pytest.raises(RuntimeError, match="runs already"):
        twin.start("--no-practice-store")

    assert instance.stop() == 0
    assert [pid for pid in everyone if alive(pid)] == []
    assert not (instance.data_dir / "supervisor.json").exists()
    assert not valkey.socket_path(instance.data_dir).parent.exists()


def test_what_is_killed_is_started_again(instance: Instance) -> None:
    instance.start("--no-practice-store")
    instance.wait_for_all()
    for role in ROLES:
        before = instance.roles()[role]
        instance.kill(role)
        wait_until(lambda role=role, before=before: instance.roles().get(role) not in (None, before))
    wait_until(instance.answers)


def test_no_process_outlives_a_killed_supervisor(instance: Instance) -> None:
    instance.start("--no-practice-store")
    instance.wait_for_all()
    everyone = family(instance.pid)
    assert len(everyone) >= len(ROLES) + 2  # gunicorn has a worker
    instance.kill_supervisor()
    wait_until(lambda: not [pid for pid in everyone if alive(pid)], seconds=5)


def test_a_taken_port_is_said_in_one_sentence(instance: Instance, tmp_path: Path) -> None:
    instance.start("--no-practice-store")
    other = Instance(tmp_path / "other", instance.port)
    with pytest.raises(RuntimeError, match=f"Port {instance.port} is taken"):
        other.start("--no-practice-store")


@pytest.mark.storm
@pytest.mark.timeout(400)
def test_a_fresh_clone_starts_with_one_command(tmp_path: Path, free_port: int) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    instance = Instance(tmp_path / "data", free_port)
    instance.environ.pop("PYTHONPATH")
    instance.start(command=[str(clone / "bin" / "start")], seconds=300)
    try:
        instance.wait_for_all()
        wait_until(lambda: "Sign in" in instance.output())
        console = [clone / "bin" / "referins", "token", "create", DEMO_EMAIL]
        token = subprocess.run(console, cwd="/", capture_output=True, text=True, check=True).stdout
        assert len(token.split()) == 1
    finally:
        instance.stop()
    print(f"second start: {instance.start(command=[str(clone / 'bin' / 'start')], seconds=30):.2f} s")
    instance.stop()


def test_a_broken_file_of_valkey_does_not_stop_the_start(instance: Instance) -> None:
    broken = instance.data_dir / "valkey" / "appendonlydir"
    broken.mkdir(parents=True)
    (broken / "appendonly.aof.manifest").write_text("nonsense\n")
    instance.start("--no-practice-store")
    instance.wait_for_all()
    assert instance.roles()["valkey"]


@pytest.mark.storm
def test_it_runs_on_postgresql(instance: Instance, postgres: Postgres) -> None:
    instance.environ["DATABASE_URL"] = postgres.create("referins_instance", "template0")
    instance.start("--no-practice-store")
    instance.wait_for_all()
    assert instance.referins("token", "create", DEMO_EMAIL).returncode == 0
    instance.stop()
    instance.start("--no-practice-store")
    assert not (instance.data_dir / "referins.sqlite3").exists()
