"""Every e-mail of our own, rendered with the worst that its facts can hold: a new folder fails until it stands here."""

from __future__ import annotations

from typing import Any

import pytest
from inscriptis import get_text

from referins_woo.mail import folders
from referins_woo.mail.sandbox import TemplateFault

NASTY = '<script>alert(1)</script> {{ 7*7 }} & "O\'Hara"\r\nBcc: x@example.com \u202e ' + "long" * 80
LINK = "https://app.example.com/reconnect/token?a=1&b=2"
WORST: dict[str, list[dict[str, Any]]] = {
    "export_ready": [{"list": NASTY, "rows": "1,000,000", "link": LINK}],
    "reconnect": [
        {
            "store_name": NASTY,
            "store_url": "https://shop.example.com/" + "x" * 200,
            "cause": "key_revoked",
            "title": NASTY,
            "sentence": NASTY,
            "steps": [NASTY, "Two", "Three"],
            "since": "21 November 2026, 10:00 UTC",
            "reminder_day": reminder_day,
            "is_lost": is_lost,
            "link": LINK,
        }
        for reminder_day, is_lost in ((0, True), (7, True), (0, False))
    ],
    "domain_lost": [{"domain": NASTY, "record_name": NASTY, "record_value": NASTY, "link": LINK}],
    "webhook_disabled": [
        {"url": NASTY, "description": description, "is_gone": is_gone, "since": "21 November 2026", "link": LINK}
        for description, is_gone in (("", True), (NASTY, False))
    ],
    "import_finished": [
        {
            "store_name": NASTY,
            "store_url": "https://shop.example.com",
            "elements": [
                {"label": "Orders", "done": 10**9, "skipped": skipped, "failed": failed},
                {"label": NASTY, "done": 0, "skipped": 0, "failed": 0},
            ],
            "skipped": skipped,
            "failed": failed,
            "link": LINK,
        }
        for skipped, failed in ((0, 0), (3, 0), (3, 1), (0, 7))
    ],
    "confirm_subscription": [
        {"sender": NASTY, "address": address, "source": source, "link": LINK}
        for address, source in (("", ""), (NASTY, NASTY))
    ],
    "password_reset": [{"email": NASTY, "link": LINK, "minutes": 30}],
    "email_change": [{"old_email": NASTY, "new_email": NASTY, "link": LINK, "minutes": 30}],
    "invitation": [
        {
            "account_name": NASTY,
            "invited_by": NASTY,
            "inviter_email": "x" * 300 + "@example.com",
            "role": role,
            "link": LINK,
            "days": 7,
        }
        for role in ("owner", "member")
    ],
    "security_notice": [
        {"change": change, "email": NASTY, "new_email": NASTY, "at": "25 November 2026, 10:00 UTC", "link": LINK}
        for change in ("password", "email", "second_factor_on", "second_factor_off", "recovery_code", "guesses")
    ],
}


def test_every_folder_is_rendered_here() -> None:
    assert set(folders.names()) == set(WORST)


@pytest.mark.parametrize("name", sorted(WORST))
def test_every_email_holds_in_the_worst_case(name: str) -> None:
    for facts in WORST[name]:
        subject, _, html, text = folders.render(name, facts, strict=True)
        assert subject
        assert "\n" not in subject
        assert "\r" not in subject
        assert "<script>" not in html
        assert "{{ 7*7 }}" in html
        assert "{{ 7*7 }}" in text
        for part in (html, text):
            assert "49" not in part.replace("#5b6472", "")
            assert "{%" not in part
        assert "<html" in html
        assert "{{ 7*7 }}" in get_text(html)
        if LINK in text:
            assert LINK.replace("&", "&amp;") in html


def test_an_unknown_email_is_a_fault_and_no_way_out_of_the_folder() -> None:
    for name in ("nothing", "../pages", "layout.html", "blocks", ""):
        with pytest.raises(TemplateFault):
            folders.render(name, {})
