"""Adjustments and mappings as CSV from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from referins_woo.accounts import audit
from referins_woo.cli import cli, mapping, stock
from referins_woo.commerce.models import CustomerMapping, StockAdjustment
from referins_woo.errors import InvalidInput
from referins_woo.process import Process
from tests.factories.rows import Made, account_with_everything

Run = Callable[..., str]


@pytest.fixture
def backend() -> str:
    """What the commands call is tried on both databases beside them."""
    return "sqlite"


@pytest.fixture
def ours(running: Process) -> Made:
    """An account with one row of each kind."""
    return account_with_everything(running.database, "ours@example.com")


@pytest.fixture
def run(running: Process, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a command in this process and returns what it printed."""
    for module in (mapping, stock):
        monkeypatch.setattr(module, "open_process", lambda: running)

    def answered(*arguments: str) -> str:
        done = CliRunner().invoke(cli, arguments)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    yield answered
    audit.act_as(None)


def test_an_adjustment_is_entered_from_a_file_and_the_ledger_printed(
    run: Run, running: Process, ours: Made, tmp_path: Path
) -> None:
    path = tmp_path / "counted.csv"
    path.write_text("sku;quantity\nHOOD-RED;-2\n", encoding="utf-8")
    made = json.loads(run("stock", "adjust", str(path), "--email", ours.email, "--reason", "Counted", "--json"))
    assert made["lines"] == 1
    with running.database.reading() as session:
        row = session.get_one(StockAdjustment, made["id"])
        assert (row.account_id, row.reason, row.by) == (ours.account_id, "Counted", "Command line")
    heading, *lines = run("stock", "export", "--email", ours.email).splitlines()
    assert heading.startswith("adjustment,") and len(lines) == 2 and ",HOOD-RED,-2," in lines[1]
    [line] = run("stock", "export", "--email", ours.email, "--kind", "by_hand").splitlines()[2:]
    assert ",HOOD-RED,-2," in line
    path.write_text("HOOD-RED,1\nNONE,2\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="No product here has the SKU NONE"):
        run("stock", "adjust", str(path), "--email", ours.email)
    with pytest.raises(InvalidInput, match="no location 'Nowhere'"):
        run("stock", "adjust", str(path), "--email", ours.email, "--location", "Nowhere")


def test_a_mapping_is_printed_and_taken_in(run: Run, running: Process, ours: Made, tmp_path: Path) -> None:
    store, path = str(ours.ids["store_id"]), tmp_path / "mapping.csv"
    text = run("mapping", "export", store)
    assert text.splitlines()[0].startswith("contact_id,name,email,username") and len(text.splitlines()) == 2
    assert len(run("mapping", "export", store, "--state", "unmapped").splitlines()) == 1
    path.write_text(text.replace(",no,7,", ",yes,7,"), encoding="utf-8")
    assert run("mapping", "import", store, str(path)) == "Read: 1. Changed: 1. Mapped: 0.\n"
    with running.database.reading() as session:
        assert session.scalars(select(CustomerMapping.is_ticked)).all() == [True]
    with pytest.raises(InvalidInput, match="no store 999"):
        run("mapping", "import", "999", str(path))
