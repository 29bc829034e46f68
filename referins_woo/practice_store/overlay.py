"""What has changed since the shop was seeded: whole documents by kind and id, in memory and in a SQLite file.

A document that is handed out is never changed in place: writers make a copy and put that.
"""

from __future__ import annotations

import copy
import sqlite3
import threading
from pathlib import Path
from typing import Any

import orjson

from referins_woo.practice_store.site import Json

_SCHEMA = """
CREATE TABLE IF NOT EXISTS doc (kind TEXT, id INTEGER, body BLOB, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
"""


class Overlay:
    """Documents laid over the seeded ones. `lock` is held by whoever reads, decides and writes."""

    def __init__(self, path: Path | None) -> None:
        self.lock = threading.RLock()
        self._docs: dict[str, dict[int, Json | None]] = {}
        self._facts: dict[str, Any] = {}
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        if path:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)
        for kind, record_id, body in self._connection.execute("SELECT kind, id, body FROM doc"):
            self._docs.setdefault(kind, {})[record_id] = orjson.loads(body)
        for name, value in self._connection.execute("SELECT name, value FROM fact"):
            self._facts[name] = orjson.loads(value)

    def of_kind(self, kind: str) -> dict[int, Json | None]:
        """Return a copy of the table of a kind: id to document, None where the record is gone."""
        with self.lock:
            return dict(self._docs.get(kind, {}))

    def knows(self, kind: str, record_id: int) -> bool:
        """Whether this record was changed, made or removed since the seeding."""
        return record_id in self._docs.get(kind, ())

    def get(self, kind: str, record_id: int) -> Json | None:
        """Return the document, or None where it is gone or not known here."""
        return self._docs.get(kind, {}).get(record_id)

    def put(self, kind: str, doc: Json) -> None:
        """Keep `doc` under its `id`."""
        with self.lock:
            self._docs.setdefault(kind, {})[doc["id"]] = doc
            self._write(kind, doc["id"], doc)

    def remove(self, kind: str, record_id: int) -> None:
        """Let the record be gone."""
        with self.lock:
            self._docs.setdefault(kind, {})[record_id] = None
            self._write(kind, record_id, None)

    def fact(self, name: str, default: Any) -> Any:
        """Return a single kept value; `default` is kept where there is none."""
        with self.lock:
            if name not in self._facts:
                self.set_fact(name, default)
            return copy.deepcopy(self._facts[name])

    def fact_or(self, name: str, default: Any) -> Any:
        """Return a single kept value, or `default` where there is none; nothing is kept by asking."""
        with self.lock:
            return copy.deepcopy(self._facts.get(name, default))

    def set_fact(self, name: str, value: Any) -> None:
        """Keep a single value."""
        with self.lock:
            self._facts[name] = value
            self._connection.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, orjson.dumps(value)))

    def next_number(self, counter: str, first: int) -> int:
        """Return the next number of a counter that begins with `first`."""
        with self.lock:
            number = int(self._facts.get(counter, first))
            self.set_fact(counter, number + 1)
            return number

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self._connection.close()

    def _write(self, kind: str, record_id: int, doc: Json | None) -> None:
        self._connection.execute("INSERT OR REPLACE INTO doc VALUES (?, ?, ?)", (kind, record_id, orjson.dumps(doc)))
