"""Logs: one line each, whatever is in it; no address, key or token passes."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from referins_woo import logs, queues
from referins_woo.run.clock import run_line


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged; the configuration of before comes back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    logs.configure(stream=stream, role="test")
    yield stream
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    "text",
    [
        "ana.o'hara+shop@example.co.uk",
        "ck_0123456789abcdef0123456789abcdef01234567",
        "GET https://shop.example/wp-json/wc/v3/orders?consumer_key=ck_1&consumer_secret=cs_secretsecret",
        "redis://:hunter22222@10.0.0.7:6379/0",
        "postgresql://referins:hunter22222@db/referins",
        "gAAAAABlZ0FBQUFBQmxaMEZCUVVGQlFtRnpaVFkwZW1WeWJ3PT0=",
        "POST /hooks/woocommerce/Zb3n5Q3l0aGluZ0lzSGVyZQ answered",
        "Authorization: Bearer abcdefghijklmnopqrstuvwxyz",
        "duplicate key\nDETAIL:  Key (account_id, name)=(1, Ana Hunter22222) already exists.",
    ],
)
def test_what_must_not_be_in_a_log_is_hidden(text: str, written: io.StringIO) -> None:
    structlog.get_logger().warning("tried", detail=text, deep={"list": [text]}, error=ValueError(text))
    logging.getLogger("some.library").error("failed: %s", text)
    found = written.getvalue()
    for word in ("ana.o", "ck_0123", "cs_secret", "hunter22222", "gAAAAAB", "Zb3n5Q3l", "abcdefghij", "Hunter"):
        assert word not in found
    assert "[hidden]" in found


def test_names_of_values_hide_them_too(written: io.StringIO) -> None:
    structlog.get_logger().info("kept", password="pa", token="to", email="em", first_name="Ana", empty_token="")
    (line,) = lines(written)
    hidden = {name for name, value in line.items() if value == "[hidden]"}
    assert hidden == {"password", "token", "email", "first_name"}


def test_a_traceback_carries_no_personal_data(written: io.StringIO) -> None:
    try:
        raise ValueError("no such contact: ana@example.com")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = lines(written)
    assert "ValueError" in line["exception"] and "ana@" not in line["exception"]


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["json", "terminal"])
def test_a_value_cannot_make_a_second_line(stream: io.StringIO, written: io.StringIO) -> None:
    logs.configure(stream=stream)
    evil = 'x\n{"level": "info", "event": "forged"}\r\n\x1b[2J'
    structlog.get_logger().info("named", name=evil, woo_id=7)
    logging.getLogger("some.library").warning("%s", evil)
    assert len(stream.getvalue().splitlines()) == 2, stream.getvalue()
    assert "\x1b[2J" not in stream.getvalue()


def test_every_line_of_a_job_carries_its_id(written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    # A module's logger keeps the stream of its first line, which an earlier test may have given it.
    monkeypatch.setattr(queues, "log", structlog.get_logger())

    @queues.job("drain_deliveries")
    def drain(store_id: int) -> None:
        structlog.get_logger().info("inside", store=store_id)
        logging.getLogger("some.library").warning("beside")
        raise RuntimeError("broken")

    before = dict(queues._jobs)
    try:
        queues.run_job("drain_deliveries", 3)
        queues.run_job("drain_deliveries", 3)
    finally:
        queues._jobs.update(before)
    found = lines(written)
    assert [line["event"] for line in found] == ["inside", "beside", "job failed"] * 2
    first, second = {line["job_id"] for line in found[:3]}, {line["job_id"] for line in found[3:]}
    assert len(first) == len(second) == 1 and first != second
    assert {(line["bell"], line["role"]) for line in found} == {("drain_deliveries", "test")}


def test_a_periodic_job_has_an_id_as_well(written: io.StringIO) -> None:
    run_line(("sweeps", 5, lambda: structlog.get_logger().info("swept")))
    (line,) = lines(written)
    assert line["periodic"] == "sweeps" and len(line["job_id"]) == 16
