"""Signed-in browsers without script, and two accounts that must not see each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from referins_woo.process import Process
from referins_woo.web.limits import limiter
from tests.factories.rows import PASSWORD, Made, account_with_everything


@pytest.fixture
def backend() -> str:
    """Pages are tried on SQLite; what differs on PostgreSQL lies below them and is tested there."""
    return "sqlite"


@pytest.fixture(autouse=True)
def _no_old_limits(app: Flask) -> Iterator[None]:
    """Failures of the test before do not count."""
    with app.app_context():
        limiter.reset()
    yield


@pytest.fixture
def ours(running: Process, app: Flask) -> Made:
    """An account with one row of each kind."""
    return account_with_everything(running.database, "ours@example.com")


@pytest.fixture
def theirs(running: Process, app: Flask) -> Made:
    """Another account with one row of each kind."""
    return account_with_everything(running.database, "theirs@example.com")


class Visitor:
    """A browser without script that fills in the CSRF token of the page it saw last."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self._token = ""

    def get(self, path: str, **more: object) -> TestResponse:
        """Open a page."""
        return self._seen(self.client.get(path, **more))  # type: ignore[arg-type]

    def post(self, path: str, data: dict[str, object] | None = None, **more: object) -> TestResponse:
        """Send a form."""
        return self._seen(self.client.post(path, data={"csrf_token": self._token, **(data or {})}, **more))  # type: ignore[arg-type]

    def follow(self, response: TestResponse) -> TestResponse:
        """Go where the answer leads."""
        assert response.status_code in (302, 303), (response.status_code, response.text[:300])
        return self.get(response.headers["Location"])

    def sign_in(self, email: str, password: str = PASSWORD) -> TestResponse:
        """Sign in through the form."""
        self.get("/sign-in")
        response = self.post("/sign-in", {"email": email, "password": password})
        self.get("/")
        return response

    def _seen(self, response: TestResponse) -> TestResponse:
        if response.mimetype == "text/html":
            found = re.search(r'name="csrf_token" value="([^"]+)"', response.text)
            if found:
                self._token = found[1]
        return response


@pytest.fixture
def visitor(client: FlaskClient) -> Visitor:
    """Nobody yet."""
    return Visitor(client)


@pytest.fixture
def merchant(visitor: Visitor, ours: Made) -> Visitor:
    """A browser that is signed in to `ours`."""
    assert visitor.sign_in(ours.email).status_code == 303
    return visitor
