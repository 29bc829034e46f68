"""compose.yaml and the systemd units run what the command line has, with patience and without rights."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from referins_woo.bells import QUEUES
from referins_woo.cli import COMMANDS, cli
from referins_woo.run import supervisor
from tests.conftest import ROOT

UNITS = sorted((ROOT / "docs" / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
PATIENCE = {"web": 22, "worker": 25, "clock": 5}
"""Seconds that bin/start gives each."""


def unit(path: Path) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read_string(path.read_text())
    return parsed


def parses(arguments: list[str]) -> None:
    """The command line takes these arguments; nothing is run."""
    assert arguments[0] in COMMANDS, arguments
    command = cli.get_command(click.Context(cli), arguments[0])
    assert command is not None
    rest = arguments[1:]
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), rest.pop(0))
        assert command is not None, arguments
    command.make_context(arguments[0], rest)


def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return parsed


def ours() -> dict[str, dict[str, Any]]:
    return {name: service for name, service in compose()["services"].items() if service["image"] == "referins-woo"}


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_each_unit_runs_a_command_with_patience_and_few_rights(path: Path) -> None:
    service = unit(path)["Service"]
    arguments = shlex.split(service["ExecStart"].replace("%i", "live"))
    assert arguments[0] == "/opt/referins/bin/referins"
    parses(arguments[1:])
    assert int(service["TimeoutStopSec"]) > PATIENCE[arguments[1]]
    assert service["KillMode"] == "mixed", "gunicorn's arbiter tells its worker itself"
    assert service["Restart"] == "always"
    assert service["NoNewPrivileges"] == service["ProtectHome"] == "yes"
    assert service["User"] == "referins"
    assert unit(path)["Unit"]["StartLimitIntervalSec"] == "0", "a worker whose Redis is away starts until it is back"


def test_the_target_wants_every_role() -> None:
    wanted = set(re.findall(r"referins-[\w@]+\.service", (ROOT / "docs/systemd/referins.target").read_text()))
    assert wanted == {
        "referins-web.service",
        "referins-clock.service",
        *(f"referins-worker@{queue}.service" for queue in QUEUES),
    }


def test_systemd_itself_finds_no_fault(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        return  # another init; the tests above have read the units
    for path in UNITS:
        text = path.read_text().replace("/opt/referins/bin/referins", shutil.which("true") or "/bin/true")
        (tmp_path / path.name).write_text(text)
    template = tmp_path / "referins-worker@.service"
    for queue in QUEUES:
        (tmp_path / f"referins-worker@{queue}.service").write_text(template.read_text())
    names = [str(path) for path in sorted(tmp_path.iterdir()) if path != template]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *names], capture_output=True, text=True, check=False
    )
    about_ours = [line for line in done.stderr.splitlines() if "referins" in line and "not found" not in line]
    assert about_ours == []


def test_compose_runs_every_role_with_commands_that_there_are() -> None:
    found = ours()
    for service in found.values():
        if service["command"] == ["--help"]:
            continue
        parses([str(part) for part in service["command"]])
    roles = {tuple(service["command"][:2]) for service in found.values()}
    assert {("worker", queue) for queue in QUEUES} <= roles
    assert {("clock",), ("db", "upgrade")} <= roles
    assert set(supervisor.QUEUES) <= set(found)


def test_compose_gives_workers_time_and_publishes_nothing_but_the_pages() -> None:
    for name, service in compose()["services"].items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{name} is published to everybody"
        if name in QUEUES:
            assert int(service["stop_grace_period"].rstrip("s")) > PATIENCE["worker"]
        if name in ("postgres", "valkey"):
            assert "ports" not in service
            assert re.search(r":\d+$", service["image"]), "a version, not the newest"


def test_no_role_of_compose_shares_a_folder_with_another() -> None:
    """Hosts share the database and Redis, nothing else; what would need a common folder breaks here first."""
    volumes = [volume for service in ours().values() for volume in service.get("volumes", [])]
    assert volumes == ["practice:/data"]


def test_the_image_is_built_from_what_is_there() -> None:
    recipe = compose()["services"]["web"]["build"]["dockerfile_inline"]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", recipe, re.MULTILINE)
    assert copied
    for names in copied:
        for name in names.split():
            assert (ROOT / name).exists(), name
