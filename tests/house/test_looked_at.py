"""Every page is looked at in a browser: a new route is on its list, or on the written list of what is no page."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from flask import Flask
from werkzeug.exceptions import NotFound

from tests.referins_woo.web.test_in_browser import NO_PAGES, PAGES, WAYS_IN


@pytest.fixture
def backend() -> str:
    """One database is enough to know the routes."""
    return "sqlite"


def test_no_page_escapes_the_eye(app: Flask) -> None:
    addresses = app.url_map.bind("127.0.0.1")
    seen = set()
    for path in (*PAGES, *WAYS_IN):
        with suppress(NotFound):
            seen.add(addresses.match(re.sub(r"{\w+}", "1", path).partition("?")[0])[0])
    pages = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.endpoint.startswith("api.")
    }
    assert pages - seen - set(NO_PAGES) == set(), "add it to PAGES in test_in_browser.py"
    assert set(NO_PAGES) - pages == set()
    assert seen & set(NO_PAGES) == set()
