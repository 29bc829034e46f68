"""Backup and restore, from each kind of database into each."""

from __future__ import annotations

import dataclasses
import gzip
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from sqlalchemy import func, select, update

from referins_woo import lease, schema
from referins_woo.accounts.models import Account, UserSession
from referins_woo.backup import dump, form, restore
from referins_woo.backup.form import BadBackup
from referins_woo.backup.restore import Refused
from referins_woo.commerce.models import Contact, Order
from referins_woo.crypto import Vault
from referins_woo.db import Database
from referins_woo.errors import Final
from referins_woo.ingest.models import Delivery
from referins_woo.mail.models import DevMail
from referins_woo.process import Process
from referins_woo.stores.models import Store, StoreLog
from tests.conftest import ENCRYPTION_KEY, ClockHand
from tests.factories.rows import Made, account_with_everything

NEW_KEY = "bmV3LW9uZS1mb3ItdGVzdHMtbmV3LW9uZS1mb3ItLSE="


@pytest.fixture
def made(running: Process) -> Made:
    """An account with one row of each kind, with text that is not easy."""
    made = account_with_everything(running.database, "ours@example.com")
    with running.database.unit() as session:
        session.execute(update(Store).values(hook_secret_locked=running.vault.lock("s" * 48)))
        session.execute(
            update(Contact).values(name='Zoë "O\'Hara"\n\\x \U0001f600\t,', billing={"a": [None, True, 1.5]})
        )
        session.execute(update(DevMail).values(raw=bytes(range(256))))
    return made


@pytest.fixture(params=["sqlite", "postgresql"])
def other(request: pytest.FixtureRequest, running: Process, tmp_path: Path) -> Iterator[Process]:
    """An empty database of either kind, not even migrated."""
    if request.param == "sqlite":
        opened = Database(f"sqlite:///{tmp_path / 'other.sqlite3'}")
        yield Process(running.config, opened, running.vault)
        opened.dispose()
        return
    server = request.getfixturevalue("postgres")
    opened = Database(server.create("referins_other", "template0"))
    yield Process(running.config, opened, running.vault)
    opened.dispose()
    server.drop("referins_other")


def everything(database: Database) -> dict[str, list[str]]:
    """All rows as a backup has them."""
    with database.engine.connect() as connection:
        return {
            table.name: sorted(
                orjson.dumps([_same(value) for value in row], default=form._plain, option=orjson.OPT_SORT_KEYS).decode()
                for row in connection.execute(select(*table.columns))
            )
            for table in form.tables_of(connection)
        }


def _same(value: object) -> object:
    aware = getattr(value, "astimezone", None)
    if aware is None:
        return value
    return value.isoformat() if value.tzinfo is None else value.astimezone(form.UTC).replace(tzinfo=None).isoformat()  # type: ignore[attr-defined]


def test_what_is_restored_is_what_was_there(running: Process, other: Process, made: Made, tmp_path: Path) -> None:
    file = tmp_path / "referins.backup"
    counts = dump.write(running.database, running.config, file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert counts["orders"] == 1 and sum(counts.values()) > 25
    done = restore.restore(other, file, moved=True)
    assert done.counts == counts
    assert everything(other.database) == everything(running.database)
    assert schema.is_current(other.database)
    with other.database.unit() as session:  # keys go on behind those that were restored
        session.add(Account(name="The next one"))
        session.flush()
    assert not any(made.api_token in line for lines in everything(other.database).values() for line in lines)


def test_no_key_and_no_secret_is_readable_in_the_file(running: Process, made: Made, tmp_path: Path) -> None:
    file = tmp_path / "referins.backup"
    dump.write(running.database, running.config, file)
    text = gzip.decompress(file.read_bytes()).decode()
    for secret in (ENCRYPTION_KEY, running.config.secret_key, "s" * 48, made.api_token):
        assert secret not in text
    assert json.loads(text.splitlines()[0])["keys"] == [form.key_name(ENCRYPTION_KEY)]


def test_a_file_that_is_there_is_not_overwritten_unless_it_is_said(
    running: Process, made: Made, tmp_path: Path
) -> None:
    file = tmp_path / "referins.backup"
    file.write_text("mine")
    with pytest.raises(Final, match="--force"):
        dump.write(running.database, running.config, file)
    assert file.read_text() == "mine"
    dump.write(running.database, running.config, file, force=True)
    assert restore.examine(file)[1]["orders"] == 1
    with pytest.raises(Final, match="could not be written"):
        dump.write(running.database, running.config, tmp_path / "nowhere" / "file")


def test_a_database_that_holds_something_is_not_overwritten_unless_it_is_said(
    running: Process, made: Made, tmp_path: Path
) -> None:
    file = tmp_path / "referins.backup"
    dump.write(running.database, running.config, file)
    with running.database.unit() as session:
        session.execute(update(Contact).values(name="Changed since"))
    before = everything(running.database)
    with pytest.raises(Refused, match="not empty"):
        restore.restore(running, file)
    assert everything(running.database) == before
    restore.restore(running, file, force=True)
    with running.database.reading() as session:
        assert session.scalars(select(Contact.name)).one().startswith("Zoë")


def test_a_broken_file_changes_nothing(running: Process, made: Made, tmp_path: Path) -> None:
    file = tmp_path / "referins.backup"
    dump.write(running.database, running.config, file)
    whole, before = file.read_bytes(), everything(running.database)
    lines = gzip.decompress(whole).splitlines(keepends=True)
    header = json.loads(lines[0])
    newer = [json.dumps({**header, "revision": "9999", "version": "9.0.0"}).encode() + b"\n", *lines[1:]]
    form_2 = [json.dumps({**header, "referins_backup": 2}).encode() + b"\n", *lines[1:]]
    for content, words in (
        (b"", "no backup"),
        (b"hello", "cannot be read"),
        (gzip.compress(b'{"x": 1}\n'), "no backup"),
        (whole[: len(whole) // 2], "cut short"),
        (gzip.compress(b"".join(lines[:-1])), "cut short"),
        (gzip.compress(b"".join(lines[:3] + lines[4:])), "does not hold"),
        (gzip.compress(b"".join(newer)), "newer than this one: install"),
        (gzip.compress(b"".join(form_2)), "form 2"),
    ):
        file.write_bytes(content)
        with pytest.raises(BadBackup, match=words):
            restore.restore(running, file, force=True)
    file.unlink()
    with pytest.raises(BadBackup, match="No such file"):
        restore.restore(running, file, force=True)
    assert everything(running.database) == before


def test_what_fails_in_the_middle_leaves_the_old_database(
    running: Process, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "referins.backup"
    dump.write(running.database, running.config, file)
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if line.startswith(b'{"table":"users"'))
    row = json.loads(lines[place + 1])
    bad = [row[0] + 1, *row[1:]]  # the e-mail of a user twice
    counts = json.loads(lines[-1])
    counts["end"]["users"] += 1
    lines[place + 1 : place + 1] = [json.dumps(bad).encode() + b"\n"]
    lines[-1] = json.dumps(counts).encode() + b"\n"
    file.write_bytes(gzip.compress(b"".join(lines)))
    before = everything(running.database)
    with pytest.raises(Refused, match="refused the backup, and nothing was changed"):
        restore.restore(running, file, force=True)
    assert everything(running.database) == before


def test_the_keys_that_locked_it_must_be_there(running: Process, other: Process, made: Made, tmp_path: Path) -> None:
    file = tmp_path / "referins.backup"
    dump.write(running.database, running.config, file)
    stranger = _with_keys(other, NEW_KEY)
    with pytest.raises(Refused, match="add the keys of the installation"):
        restore.restore(stranger, file)
    with stranger.database.engine.connect() as connection:
        assert form.tables_of(connection) == []
    restore.restore(_with_keys(other, NEW_KEY, ENCRYPTION_KEY), file)


def _with_keys(process: Process, *keys: str) -> Process:
    return Process(dataclasses.replace(process.config, encryption_keys=keys), process.database, Vault(keys))


def test_nothing_is_restored_under_a_running_application(
    running: Process, made: Made, tmp_path: Path, clock: ClockHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "referins.backup"
    dump.write(running.database, running.config, file)
    monkeypatch.setattr(restore.time, "sleep", lambda seconds: clock.advance(seconds=0))
    monkeypatch.setattr(restore.lease, "CLOCK_SECONDS", -0.9)
    with running.database.unit() as session:
        lease.acquire(session, lease.CLOCK, "a-living-clock", 60)
    with pytest.raises(Refused, match="stop web, workers and clock"):
        restore.restore(running, file, force=True)
    clock.advance(seconds=61)
    restore.restore(running, file, force=True)


def test_a_backup_of_a_running_database_is_one_moment(running: Process, made: Made, tmp_path: Path) -> None:
    """Every unit adds an order's delivery and counts up the contact's name: a backup sees both or neither."""
    stop, units = threading.Event(), 0

    def work() -> None:
        nonlocal units
        while not stop.is_set():
            units += 1
            with running.database.unit() as session:
                session.add(
                    Delivery(
                        account_id=made.account_id, store_id=made.ids["store_id"], topic="order.updated",
                        body=b"x" * 3_000, body_sha256=str(units), state="done",
                    )
                )  # fmt: skip
                session.execute(update(Contact).values(name=str(units)))

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for number in range(4):
            file = tmp_path / f"{number}.backup"
            dump.write(running.database, running.config, file)
            lines = gzip.decompress(file.read_bytes()).splitlines()
            tables: dict[str, list[list[object]]] = {}
            for line in map(json.loads, lines[1:-1]):
                if isinstance(line, dict):
                    tables[line["table"]] = rows = []
                    if line["table"] == "contacts":
                        place = line["columns"].index("name")
                else:
                    rows.append(line)
            seen = tables["contacts"][0][place]
            assert len(tables["deliveries"]) - 1 == (int(str(seen)) if str(seen).isdigit() else 0)
    finally:
        stop.set()
        worker.join()
    assert units > 4


def test_after_a_restore_nobody_is_signed_in_and_every_store_knows(
    running: Process, made: Made, tmp_path: Path, clock: ClockHand
) -> None:
    with running.database.unit() as session:
        session.add(
            UserSession(
                user_id=made.user_id, account_id=made.account_id, token_hash="h",
                expires_at=clock.now() + timedelta(days=9),
            )
        )  # fmt: skip
        session.execute(update(Store).values(clock_skew_seconds=30))
    file = tmp_path / "referins.backup"
    dump.write(running.database, running.config, file)
    clock.advance(hours=1)
    restore.restore(running, file, force=True)
    with running.database.reading() as session:
        assert session.scalar(select(func.count()).where(UserSession.ended_at.is_(None))) == 0
        for store in session.scalars(select(Store)):
            assert store.restored_at is not None
            assert timedelta(seconds=20) < store.restored_at - clock.now() < timedelta(seconds=31)
        assert session.scalar(select(func.count()).where(StoreLog.kind == "restored")) == 2
        assert session.scalar(select(func.count()).select_from(Order)) == 1
