"""Our importer, as a process of its own: what a bulk worker does, on a database with a connected store and no more.

`python -m bench._ours DATABASE_URL --orders N` prints {"orders", "seconds", "cpu_seconds", "rss_mb"}.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time

from sqlalchemy import select

from bench._processes import peak_mb
from bench._store import start
from referins_woo import queues
from referins_woo.ingest import import_run, importing
from referins_woo.ingest.models import Import, ImportElement
from referins_woo.run.worker import settle
from referins_woo.stores.models import Store


def main() -> None:
    """Import everything once and print what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--orders", type=int, required=True)
    given = parser.parse_args(sys.argv[1:])
    running = start(given.url, synchronous="NORMAL")
    queues.connect(None)
    settle()
    with running.database.unit() as session:
        begun = importing.start_first(session, session.execute(select(Store)).scalar_one())
        assert begun is not None
        import_id = begun.id
    started = time.perf_counter()
    while import_run.run(running, import_id):
        pass
    seconds = time.perf_counter() - started
    with running.database.reading() as session:
        row = session.get_one(Import, import_id)
        done = session.execute(
            select(ImportElement.done).where(ImportElement.import_id == import_id, ImportElement.element == "orders")
        ).scalar_one()
        if row.state != "done" or done != given.orders:
            raise SystemExit(f"the import ended {row.state} with {done} of {given.orders} orders: {row.note}")
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = {"orders": given.orders, "seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime}
    print(json.dumps({**found, "rss_mb": peak_mb(os.getpid())}))


if __name__ == "__main__":
    main()
