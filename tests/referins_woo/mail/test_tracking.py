"""Opens and clicks: what goes into an e-mail, what comes back, and what is left out."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from referins_woo.accounts.models import Account
from referins_woo.db import Database
from referins_woo.mail import machines, tracking
from referins_woo.mail.models import MailSettings, Message, MessageEvent
from referins_woo.mail.settings import Wishes
from tests.conftest import ClockHand
from tests.referins_woo.mail.conftest import Post

PUBLIC = "https://app.example.com"
TOKEN = "t" * 32
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140 Safari/537.36"}
HTML = (
    '<html><body><a href="https://shop.example/a?x=1&amp;y=2#top">A</a> '
    '<a class="b" href="https://shop.example/a?x=1&amp;y=2#top">again</a>'
    f'<a href="{PUBLIC}/u/{TOKEN}">out</a><a href="mailto:a@b.example">m</a><img src="https://shop.example/i.png">'
    "</body></html>"
)


def message(purpose: str = "marketing", **changes: Any) -> Any:
    given = {"purpose": purpose, "link_token": TOKEN, "campaign": "win-back", "step_id": "s1"}
    return SimpleNamespace(**(given | changes))


def test_links_of_marketing_lead_over_us_and_keep_their_query() -> None:
    html, links = tracking.measured(HTML, message(), Wishes(), PUBLIC)
    assert links == [
        "https://shop.example/a?x=1&y=2&utm_source=referins&utm_medium=email&utm_campaign=win-back&utm_content=s1#top"
    ]
    assert html.count(f'href="{PUBLIC}/c/{TOKEN}0"') == 2
    assert f'href="{PUBLIC}/u/{TOKEN}"' in html and 'href="mailto:a@b.example"' in html
    assert 'src="https://shop.example/i.png"' in html
    assert html.endswith('alt="" style="border:0"></body></html>') and f"{PUBLIC}/o/{TOKEN}.gif" in html


@pytest.mark.parametrize(
    ("purpose", "wishes", "clicks", "opens", "utm"),
    [
        ("marketing", Wishes(), True, True, True),
        ("marketing", Wishes(clicks=False), False, True, True),
        ("marketing", Wishes(opens=False, utm=False), True, False, False),
        ("marketing", Wishes(opens=False, clicks=False, utm=False), False, False, False),
        ("transactional", Wishes(), False, False, True),
        ("transactional", Wishes(orders=True), True, True, True),
        ("system", Wishes(orders=True), False, False, False),
    ],
)
def test_what_is_measured_is_what_the_account_wants(
    purpose: str, wishes: Wishes, clicks: bool, opens: bool, utm: bool
) -> None:
    token = None if purpose == "system" else TOKEN
    html, links = tracking.measured(HTML, message(purpose, link_token=token), wishes, PUBLIC)
    assert ("/c/" in html) is clicks
    assert ("/o/" in html) is opens
    assert ("utm_source" in (html + " ".join(links or ()))) is utm
    assert (links is not None) is (clicks or opens)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/", "https://a.example/?utm_source=referins&utm_medium=email&utm_campaign=c&utm_content=s"),
        ("https://a.example/?", "https://a.example/?utm_source=referins&utm_medium=email&utm_campaign=c&utm_content=s"),
        (
            "https://a.example/?utm_source=mine&utm_campaign=",
            "https://a.example/?utm_source=mine&utm_campaign=&utm_medium=email&utm_content=s",
        ),
        (
            "https://a.example/%E4?q=a%20b&r=%2F#x?y",
            "https://a.example/%E4?q=a%20b&r=%2F&utm_source=referins&utm_medium=email&utm_campaign=c&utm_content=s#x?y",
        ),
        ("https://[broken", "https://[broken"),
    ],
)
def test_tags_are_added_and_nothing_else_changes(url: str, expected: str) -> None:
    assert tracking.with_utm(url, "c", "s") == expected


@pytest.mark.parametrize(
    ("headers", "picture", "expected"),
    [
        (BROWSER, False, ""),
        (BROWSER | {"Sec-Purpose": "prefetch;prerender"}, False, "prefetch"),
        (BROWSER | {"X-Purpose": "preview"}, False, "prefetch"),
        ({"User-Agent": ""}, False, "scanner"),
        ({"User-Agent": "Barracuda Sentinel (EE)"}, False, "scanner"),
        ({"User-Agent": "Mozilla/5.0 (compatible; bingbot/2.0)"}, False, "scanner"),
        ({"User-Agent": "python-requests/2.34"}, False, "scanner"),
        ({"User-Agent": "Mozilla/5.0"}, True, "proxy"),
        ({"User-Agent": "Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)"}, True, ""),
    ],
)
def test_machines_are_told_from_people(headers: dict[str, str], picture: bool, expected: str, clock: ClockHand) -> None:
    now = clock.now()
    assert machines.machine(headers, now - timedelta(minutes=5), now, picture=picture) == expected
    assert machines.machine(BROWSER, now - timedelta(seconds=1), now, picture=picture) == "scanner"


@pytest.fixture
def sent(post: Post, clock: ClockHand) -> str:
    """The token of a message that was sent five minutes ago, with two links."""
    message_id = post.put(purpose="marketing")
    with post.database.unit() as session:
        row = session.get_one(Message, message_id)
        row.state, row.sent_at = "sent", clock.now() - timedelta(minutes=5)
        row.links = ["https://shop.example/a", "https://shop.example/b"]
        return str(row.link_token)


def events(database: Database) -> list[tuple[str, int | None, str]]:
    with database.reading() as session:
        rows = session.scalars(select(MessageEvent).order_by(MessageEvent.id))
        return [(row.kind, row.link, row.machine) for row in rows]


def stored(database: Database) -> Message:
    with database.reading() as session:
        return session.scalars(select(Message)).one()


def click(database: Database, place: str, now: Any, headers: dict[str, str] = BROWSER) -> None:
    with database.unit() as session:
        tracking.clicked(session, place, headers, now)


def test_a_click_is_written_down_with_its_credit_and_the_first_one_counts(
    database: Database, sent: str, clock: ClockHand
) -> None:
    first = clock.now()
    click(database, f"{sent}1", first)
    click(database, f"{sent}1", first + timedelta(minutes=1))
    assert events(database) == [("clicked", 1, ""), ("clicked", 1, "")]
    row = stored(database)
    assert (row.clicked_at, row.opened_at) == (first, None)
    with database.reading() as session:
        event = session.scalars(select(MessageEvent)).first()
        assert event is not None and event.credit_until == first + tracking.CREDIT
        assert event.detail == "https://shop.example/b"


def test_links_that_are_all_followed_at_once_were_followed_by_a_machine(
    database: Database, sent: str, clock: ClockHand
) -> None:
    now = clock.now()
    click(database, f"{sent}0", now)
    click(database, f"{sent}1", now + timedelta(seconds=1))
    assert events(database) == [("clicked", 0, "scanner"), ("clicked", 1, "scanner")]
    assert stored(database).clicked_at is None
    click(database, f"{sent}0", now + timedelta(minutes=9))
    assert stored(database).clicked_at == now + timedelta(minutes=9)


@pytest.mark.parametrize("end", ["", "2", "99999", "x", "-1", "٣"])
def test_a_link_that_the_email_did_not_have_leads_nowhere(
    database: Database, sent: str, clock: ClockHand, end: str
) -> None:
    with database.reading() as session:
        assert tracking.target(session, sent + end) is None
        assert tracking.target(session, "x" * 32 + "0") is None
        assert tracking.target(session, sent + "1") == "https://shop.example/b"
    click(database, sent + end, clock.now())
    assert events(database) == []


def test_opens_are_counted_once_and_never_without_end(
    database: Database, sent: str, clock: ClockHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "MOST_EVENTS", 3)
    now = clock.now()
    for number in range(5):
        with database.unit() as session:
            tracking.opened(session, sent, BROWSER, now + timedelta(minutes=number))
    assert len(events(database)) == 3
    assert stored(database).opened_at == now
    with database.unit() as session:
        tracking.opened(session, "nobody", BROWSER, now)


def test_what_an_account_switched_off_is_written_down_no_more_and_links_still_lead(
    database: Database, sent: str, clock: ClockHand
) -> None:
    with database.unit() as session:
        session.add(Account(id=1, name="x"))
        session.flush()
        session.add(MailSettings(account_id=1, measures_opens=False, measures_clicks=False))
    click(database, f"{sent}0", clock.now())
    with database.unit() as session:
        tracking.opened(session, sent, BROWSER, clock.now())
        assert tracking.target(session, f"{sent}0") == "https://shop.example/a"
    assert events(database) == []


def test_an_erased_person_s_links_lead_nowhere(database: Database, sent: str, clock: ClockHand) -> None:
    with database.unit() as session:
        session.scalars(select(Message)).one().to_email = ""
    with database.reading() as session:
        assert tracking.target(session, f"{sent}0") is None
