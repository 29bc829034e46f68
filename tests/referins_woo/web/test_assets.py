"""The built front end: packed files for whoever takes them, and how heavy a page is."""

from __future__ import annotations

import gzip
import re
from urllib.parse import urljoin

import pytest
from flask import Flask
from flask.testing import FlaskClient

from referins_woo import paths
from referins_woo.process import Process
from referins_woo.web.assets import asset
from tests.factories.rows import account_with_everything
from tests.house.test_routes import _rules, _sign_in, _url

LARGEST = {"js": 65 * 1024, "css": 90 * 1024}
"""Bytes on the wire that a page names, packed."""


@pytest.fixture
def addresses(app: Flask) -> dict[str, str]:
    """Where the built files are served."""
    with app.test_request_context():
        return {name: asset(name) for name in ("app.js", "theme.js", "app.css", "icons.svg")}


@pytest.mark.parametrize(
    ("name", "kind"), [("app.js", "text/javascript"), ("app.css", "text/css"), ("icons.svg", "image/svg+xml")]
)
def test_a_file_goes_out_packed_to_whoever_takes_that(
    client: FlaskClient, addresses: dict[str, str], name: str, kind: str
) -> None:
    packed = client.get(addresses[name], headers={"Accept-Encoding": "gzip, deflate, br"})
    plain = client.get(addresses[name], headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert packed.status_code == plain.status_code == 200
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed.data) == plain.data
    for answer in (packed, plain):
        assert answer.mimetype == kind
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "attachment" not in answer.headers.get("Content-Disposition", "")
    assert packed.headers["ETag"] != plain.headers["ETag"]
    again = client.get(addresses[name], headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]})
    assert again.status_code == 304


def test_what_was_not_packed_goes_out_as_it_is(client: FlaskClient) -> None:
    font = next(paths.bundle_dir().glob("*.woff2")).name
    answer = client.get(f"/static/dist/{font}", headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("path", ["dist/none.css", "../app.py", "..%2fapp.py", "dist/%00.js", "/etc/passwd"])
def test_nothing_outside_the_bundle_is_served(client: FlaskClient, path: str) -> None:
    assert client.get(f"/static/{path}", headers={"Accept-Encoding": "gzip"}).status_code in (308, 404)


def _with_imports(client: FlaskClient, addresses: set[str]) -> set[str]:
    """The scripts, and the parts that they import before anything happens."""
    found: set[str] = set()
    todo = list(addresses)
    while todo:
        address = todo.pop()
        if address in found:
            continue
        found.add(address)
        source = client.get(address).text
        todo += [urljoin(address, part) for part in re.findall(r'(?:\bfrom|\bimport)\s*"(\./[^"]+\.js)"', source)]
    return found


def test_every_page_is_light(app: Flask, running: Process) -> None:
    """All scripts and styles that a page names, and what those import, packed; not what comes once somebody is at work.

    The API's viewer is for developers, and heavy.
    """
    ours = account_with_everything(running.database, "ours@example.com")
    client = app.test_client()
    _sign_in(client, ours.email)
    sizes: dict[str, int] = {}

    def size(address: str) -> int:
        if address not in sizes:
            sizes[address] = len(client.get(address, headers={"Accept-Encoding": "gzip"}).data)
        return sizes[address]

    looked_at: set[str] = set()
    for rule, method in _rules(app):
        if method != "GET" or rule.endpoint.startswith(("api", "static", "callbacks.")):
            continue
        page = client.get(_url(app, rule, ours.ids))
        if page.mimetype != "text/html" or "</html>" not in page.text:
            continue
        looked_at.add(rule.endpoint)
        for kind, pattern in (
            ("js", r'<script[^>]* src="([^"]+)"'),
            ("css", r'<link[^>]* rel="stylesheet"[^>]* href="([^"]+)"|<link[^>]* href="([^"]+)"[^>]* rel="stylesheet"'),
        ):
            named = {"".join(found) for found in re.findall(pattern, page.text)}
            if kind == "js":
                named = _with_imports(client, named)
            weight = sum(size(address) for address in named)
            assert weight <= LARGEST[kind], (rule.rule, kind, weight, named)
    assert len(looked_at) > 50
    assert {"builder.page", "template_editor.page"} <= looked_at, "the heaviest"
    assert {address.rpartition(".")[2] for address in sizes} == {"js", "css"}
