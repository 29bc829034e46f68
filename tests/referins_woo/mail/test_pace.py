"""How fast e-mails leave: a limit for all of them, and a slow start for bursts of marketing alone."""

from __future__ import annotations

import time

import pytest
from redis import Redis

from referins_woo.mail import pace
from referins_woo.mail.pace import Pace
from referins_woo.queues import MemoryBells
from tests.referins_woo.mail.conftest import SENDER, FakeProvider, Post
from tests.services.valkey import Valkey


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_PATIENCE", 0.0)


def turns(limits: Pace, purpose: str, most: int) -> int:
    """How many of `most` have their turn at once."""
    return sum(limits.turn(bulk=purpose == "marketing") for _ in range(most))


def test_without_limits_everything_has_its_turn() -> None:
    assert turns(Pace(), "marketing", 500) == 500


def test_a_limit_holds_for_all_purposes_together() -> None:
    limits = Pace("30 per hour")
    assert turns(limits, "transactional", 20) == 20
    assert turns(limits, "marketing", 20) == 10
    assert turns(limits, "transactional", 5) == 0


def test_a_burst_of_marketing_begins_slowly_and_orders_do_not_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Pace(start_rate=5)
    began = time.monotonic()
    while (sent := turns(limits, "marketing", 40)) > 5:  # a second may end in between
        assert time.monotonic() - began < 30
        limits = Pace(start_rate=5)
    assert sent <= 5
    assert turns(limits, "transactional", 300) == 300


def test_a_burst_doubles_every_minute_and_after_a_quiet_time_begins_anew() -> None:
    limits = Pace(start_rate=20)
    per_second = []
    for minute in range(10):
        limit = limits._slow_start(60.0 * minute)
        per_second.append(limit.amount if limit else None)
    assert per_second == [20, 40, 80, 160, 320, 640, 1280, 2560, None, None]
    again = limits._slow_start(60.0 * 9 + 601)
    assert again is not None and again.amount == 20


def test_workers_share_the_limit_and_count_alone_while_redis_is_away(valkey: Redis, valkey_server: Valkey) -> None:
    one, other = (Pace("10 per hour", redis_url=valkey_server.url) for _ in range(2))
    assert turns(one, "transactional", 8) + turns(other, "transactional", 8) == 10
    lonely = Pace("10 per hour", redis_url="redis://127.0.0.1:1")
    assert turns(lonely, "transactional", 20) == 10


def test_a_drain_ends_at_the_limit_gives_back_the_rest_and_burns_no_attempt(
    post: Post, fake: FakeProvider, bells: MemoryBells
) -> None:
    ids = post.put_many(5)
    post.drain(fake, limits=Pace("3 per hour"))
    assert post.states() == ["sent", "sent", "sent", "created", "created"]
    left = post.get(ids[-1])
    assert (left.attempts, left.lease_until) == (0, None)
    post.drain(fake)
    assert post.states() == ["sent"] * 5
    assert SENDER.address


def test_row_82_an_order_confirmation_never_waits_behind_a_newsletter(post: Post, fake: FakeProvider) -> None:
    """Neither of another account nor of its own: marketing is a lane of its own."""
    post.subscribe_many(120, account_id=1)
    post.put_many(120, purpose="marketing", footer={"sender": "x", "address": "y"})
    post.put("order@example.com", account_id=1)
    post.put("other@example.com", account_id=2, once_key="other")
    post.drain(fake, 60)
    assert set(fake.recipients[:2]) == {"order@example.com", "other@example.com"}
    assert len(fake.recipients) == 122
