"""A shop that answers with recorded exchanges, and stores connected to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from requests.structures import CaseInsensitiveDict
from sqlalchemy import select

from referins_woo import queues
from referins_woo.accounts.users import create_user
from referins_woo.commerce.models import Location
from referins_woo.crypto import new_token, new_webhook_secret
from referins_woo.process import Process
from referins_woo.safe_http import Reply, Unreachable
from referins_woo.stores.models import Store

SHOP = "https://store.localhost:8443"
KEY, SECRET = "ck_" + "1" * 40, "cs_" + "2" * 40
T0_HEADER = "Sun, 22 Nov 2026 11:36:21 GMT"


@dataclass
class Call:
    """One request as the shop received it."""

    method: str
    url: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass
class RecordedShop:
    """Stands in for `SafeHttp`: answers each path with recordings, in turn; the last one goes on."""

    folder: Path
    answers: dict[tuple[str, str], list[Callable[[Call], Reply]]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def plays(self, method: str, path: str, *names: str) -> None:
        """Answer `path` (below wc/v3, or from the root with a slash) with these recordings, one after the other."""
        self.answers[method, path] = [lambda call, name=name: self.recorded(name) for name in names]  # type: ignore[misc]

    def says(self, method: str, path: str, *bodies: Any, status: int = 200, **headers: str) -> None:
        """Answer `path` with these JSON bodies (text as it is), one after the other."""
        self.answers[method, path] = [lambda call, body=body: reply(status, body, headers) for body in bodies]  # type: ignore[misc]

    def does(self, method: str, path: str, *calls: Callable[[Call], Reply]) -> None:
        """Answer `path` with what these calls return or raise."""
        self.answers[method, path] = list(calls)

    def recorded(self, name: str) -> Reply:
        """Return the answer of a recorded exchange."""
        found = json.loads((self.folder / f"{name}.json").read_text())["response"]
        return reply(found["status"], found["body"], found["headers"])

    def asked(self, method: str, path: str) -> list[Call]:
        """Return the requests that came for `path`."""
        return [call for call in self.calls if (call.method, call.path) == (method, path)]

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        connections: int = 4,
    ) -> Reply:
        """Answer as the shop would."""
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        path = parts.path.partition("/wp-json/wc/v3/")[2] or parts.path
        if "rest_route" in query:
            path = f"{parts.path}?rest_route={query['rest_route']}"
        content = json.loads(body) if body else None
        call = Call(method, url, path, query, CaseInsensitiveDict(headers or {}), content)
        self.calls.append(call)
        turns = self.answers.get((method, path)) or self.answers.get((method, path.partition("/")[0] + "/*"))
        if not turns:
            raise AssertionError(f"nothing is recorded for {method} {path} {query}")
        turn = turns.pop(0) if len(turns) > 1 else turns[0]
        return turn(call)


def reply(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Reply:
    """Return an answer; text goes out as it is, anything else as JSON."""
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return Reply(status, CaseInsensitiveDict({"Date": T0_HEADER, **(headers or {})}), content, 0.01)


def raising(kind: str) -> Callable[[Call], Reply]:
    """Return an answer that never comes, for the reason `kind` of `safe_http.Unreachable`."""

    def turn(call: Call) -> Reply:
        raise Unreachable(kind, f"{kind}.")

    return turn


@pytest.fixture
def backend() -> str:
    """These tests look at decisions, not at SQL: one database is enough unless a test says otherwise."""
    return "sqlite"


@pytest.fixture
def shop(shared: Path, monkeypatch: pytest.MonkeyPatch) -> RecordedShop:
    """Store A, healthy: its answers to everything that connecting asks."""
    made = RecordedShop(shared / "woocommerce" / "recordings")
    made.plays("GET", "/wp-json/", "settings/wp-root-index")
    made.plays("GET", "orders", "auth/https-basic-ok", "orders/list-page-beyond-end", "auth/https-basic-ok")
    made.plays("PUT", "orders/2147483647", "errors/put-unknown-order")
    made.plays("GET", "system_status", "system_status/get-fields-environment")
    made.plays("GET", "settings/products", "settings/group-products")
    monkeypatch.setattr("referins_woo.stores.door.reaching.http_of", lambda config: made)
    return made


@pytest.fixture
def ready(running: Process, bells: queues.MemoryBells) -> Iterator[Process]:
    """A process with its database, and bells to drain."""
    yield running


@pytest.fixture
def account_id(ready: Process) -> int:
    """An account with one user, owner@shop.example, and the location Main."""
    with ready.database.unit() as session:
        create_user(session, "owner@shop.example", "correct horse battery", name="Olga")
        return session.scalars(select(Location.account_id)).one()


@pytest.fixture
def store_id(ready: Process, account_id: int) -> int:
    """A store of that account, connected to store A over https."""
    with ready.database.unit() as session:
        store = Store(
            account_id=account_id,
            url=SHOP,
            name="Larkspur Outfitters",
            identity="52544b03-dd16-4801-b030-82c1d0bf4188",
            state="connected",
            location_id=session.scalars(select(Location.id)).first(),
            key_locked=ready.vault.lock(KEY),
            secret_locked=ready.vault.lock(SECRET),
            hook_token=new_token(),
            hook_secret_locked=ready.vault.lock(new_webhook_secret()),
        )
        session.add(store)
        session.flush()
        return store.id


@pytest.fixture
def read_store(ready: Process) -> Callable[[int], Store]:
    """Reads a store as it stands in the database now."""

    def read(store_id: int) -> Store:
        with ready.database.reading() as session:
            return session.get_one(Store, store_id)

    return read
