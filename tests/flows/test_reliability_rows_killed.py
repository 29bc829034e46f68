"""Row 45 in full: an importer that is killed at any statement, commit or question goes on where it was."""

from __future__ import annotations

import math
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlalchemy import select

from referins_woo import queues
from referins_woo.db import Database
from referins_woo.ingest import importing
from referins_woo.ingest.models import Import, ImportElement
from referins_woo.practice_store import PracticeStore
from referins_woo.process import Process
from referins_woo.stores.choices import ELEMENTS
from referins_woo.stores.models import Store
from tests.conftest import ENCRYPTION_KEY, SECRET_KEY, ClockHand
from tests.flows.merchants import merchant_of
from tests.replay import merchant as replay
from tests.services.mortal import Mortals
from tests.services.postgres import Postgres

PAGE = 5


class Scene:
    """A store whose import has just begun, as often as it is wanted: the same rows each time."""

    def __init__(
        self, running: Process, practice: PracticeStore, import_id: int, request: pytest.FixtureRequest
    ) -> None:
        self.running, self.practice, self.import_id = running, practice, import_id
        self._postgres: Postgres | None = None
        running.database.dispose()
        if not running.database.is_sqlite:
            self._postgres = request.getfixturevalue("postgres")
        self._url, self._number = running.config.database_url, 0

    def again(self) -> Process:
        """Set it up anew; returns the process whose database that is."""
        self._number += 1
        if self._postgres is not None:
            name = f"mortal_{self._number}"
            self._postgres.drop(name)
            url = self._postgres.create(name, self.running.database.url.database or "")
        else:
            first = Path(self.running.database.url.database or "")
            copy = first.with_name("mortal.sqlite3")
            for old in first.parent.glob("mortal.sqlite3*"):
                old.unlink()
            shutil.copyfile(first, copy)
            url = f"sqlite:///{copy}"
        self.practice.forget_requests()
        return replace(self.running, database=Database(url))

    def over(self, current: Process) -> None:
        """Take it down."""
        current.database.dispose()
        if self._postgres is not None:
            self._postgres.drop(current.database.url.database or "")


@pytest.fixture
def scene(
    running: Process, bells: queues.MemoryBells, clock: ClockHand, request: pytest.FixtureRequest
) -> Iterator[Scene]:
    with merchant_of(running, bells, clock, size=16) as merchant:
        merchant.connect(elements=frozenset())
        with running.database.unit() as session:
            store = session.get_one(Store, merchant.store_id)
            store.page_size, store.connections = PAGE, 1
            import_id = importing.start(session, store, ELEMENTS).id
        yield Scene(running, merchant.practice, import_id, request)


@pytest.fixture
def mortals(clock: ClockHand, tmp_path: Path) -> Iterator[Mortals]:
    made = Mortals(
        {
            **clock.environ,
            "SECRET_KEY": SECRET_KEY,
            "ENCRYPTION_KEYS": ENCRYPTION_KEY,
            "REFERINS_DATA": str(tmp_path / "mortal"),
            "REFERINS_ALLOW_PRIVATE_STORES": "1",
            "DATABASE_URL": "sqlite:///unused",
        }
    )
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("backend", "seeds"),
    [
        pytest.param("sqlite", 200, marks=pytest.mark.storm),
        pytest.param("postgresql", 40, marks=pytest.mark.storm),
        pytest.param("sqlite", 20, marks=pytest.mark.brief),
    ],
)
def test_row_45_killed_at_any_statement_it_ends_with_the_same(
    scene: Scene, mortals: Mortals, seed: int, seeds: int
) -> None:
    current = scene.again()
    places = mortals.work(_url(current), scene.import_id, 0)
    assert places is not None
    whole, counts = _found(current)
    scene.over(current)
    kills = imports = 0
    while kills < seeds:
        current, story, lives = scene.again(), list[int](), False
        imports += 1
        while not lives:
            # Near enough that an import is killed a dozen times before it comes to its end.
            story.append(random.Random(f"{seed} {kills}").randrange(1, places // 6))
            taken = _taken(current)
            scene.practice.forget_requests()
            lives = mortals.work(_url(current), scene.import_id, story[-1]) is not None
            kills += not lives
            assert len(story) < 100, f"no headway: {imports} {story}"
            assert _first_page_asked(scene.practice) >= taken, f"asked again for what was kept: {imports} {story}"
        found, counted = _found(current)
        assert counted == counts, (imports, story)
        replay.assert_equal(found, whole)
        scene.over(current)
    print(f"{kills} killed in {imports} imports of {places} places")


def _url(current: Process) -> str:
    return current.database.url.render_as_string(hide_password=False)


def _found(current: Process) -> tuple[dict[str, Any], dict[str, Any]]:
    """What lies there when the import has ended, and what it counted; no record came by a second look (I6)."""
    with current.database.reading() as session:
        assert {row.state for row in session.scalars(select(Import))} == {"done"}
        assert {row.filled for row in session.scalars(select(ImportElement))} == {0}
        return replay.mirror(session), replay.counts(session)


def _taken(current: Process) -> int:
    """The place of the last order that was taken."""
    with current.database.reading() as session:
        row = session.scalars(select(ImportElement).where(ImportElement.element == "orders")).one()
        return int(row.cursor.get("offset", 0)) if row.state == "running" else 0


def _first_page_asked(practice: PracticeStore) -> float:
    """The lowest place from which orders were asked for."""
    asked = [parse_qs(line.query) for line in practice.requests if line.path.endswith("/orders")]
    pages = [query for query in asked if query.get("order") == ["asc"] and "_fields" not in query]
    return min((int(query.get("offset", ["0"])[0]) for query in pages), default=math.inf)
