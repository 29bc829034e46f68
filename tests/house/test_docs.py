"""Every command, setting, address of a page and path of the API stands in the docs; what the docs link to is there."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from flask import Flask

from referins_woo.cli import COMMANDS, cli
from tests.conftest import ROOT
from tests.house.test_settings import settings_read

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def text() -> str:
    """README and docs in one."""
    return "\n".join(path.read_text(encoding="utf-8") for path in PAGES)


@pytest.fixture
def backend() -> str:
    """One database is enough to know the routes."""
    return "sqlite"


def commands() -> list[str]:
    found = []
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        if isinstance(command, click.Group):
            found += [f"{name} {sub}" for sub in command.list_commands(click.Context(command))]
        else:
            found.append(name)
    return found


def places(address: str) -> str:
    """An address with every placeholder alike: `/orders/<int:order_id>` and `/orders/<id>` are one."""
    return re.sub(r"<[^>]*>", "<>", address)


def addresses(text: str) -> set[str]:
    """All addresses in a text; `…/<id>` goes on from the address before it in its line."""
    found = set()
    for line in text.splitlines():
        before = ""
        for more, address in re.findall(r"(…?)(?<![\w.])(/[\w<>:/.@-]*)", line):
            before = places((before if more else "") + address).rstrip("/.") or "/"
            found.add(before)
    return found


def test_every_command_is_in_the_docs() -> None:
    written = (ROOT / "docs" / "commands.md").read_text()
    missing = [command for command in commands() if not re.search(rf"(?:referins |`){command}\b", written)]
    assert missing == [], "add a line to docs/commands.md"


def test_every_setting_is_in_the_docs() -> None:
    written = (ROOT / "docs" / "settings.md").read_text()
    missing = sorted(name for name in settings_read() if f"`{name}`" not in written)
    assert missing == [], "add a line to docs/settings.md"


def test_every_page_is_in_the_docs(app: Flask) -> None:
    written = addresses((ROOT / "docs" / "pages.md").read_text())
    pages = {
        places(rule.rule)
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.rule.startswith(("/api/v1/", "/static/"))
    }
    assert sorted(pages - written) == [], "add it to docs/pages.md"


def test_every_path_of_the_api_is_in_the_docs(app: Flask, text: str) -> None:
    written = addresses(text)
    paths = {places(rule.rule) for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1/")}
    assert sorted(paths - written) == [], "add it to docs/api.md"


def test_no_page_in_the_docs_is_gone(app: Flask) -> None:
    there = {places(rule.rule) for rule in app.url_map.iter_rules()}
    rows = [line for line in (ROOT / "docs" / "pages.md").read_text().splitlines() if line.startswith("| `")]
    written = {places(found) for row in rows for found in re.findall(r"`(/[^` ]*)`", row.split(" | ")[0])}
    assert written and sorted(written - there) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    written = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", written):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, part = target.partition("#")
        found = path.parent / name if name else path
        assert found.exists(), f"{path.name} links to {target}"
        if part:
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
            assert part in anchors, f"{path.name} links to {target}"


def test_the_readme_stays_short_and_has_pictures() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 60
    assert len(re.findall(r"!\[[^\]]{20,}\]\(docs/images/", readme)) >= 2
