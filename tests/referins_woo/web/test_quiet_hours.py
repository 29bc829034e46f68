"""Settings > Quiet hours and caps: what is typed is kept whole or not at all, and holds from the next e-mail on."""

from __future__ import annotations

from typing import Any

import pytest

from referins_woo.process import Process
from referins_woo.runs import rules
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor

PATH = "/settings/quiet-hours"
BOTH = {
    "quiet": "1",
    "quiet_from": "21:00",
    "quiet_to": "08:00",
    "cap": "1",
    "cap_messages": "2",
    "cap_hours": "24",
    "cap_action": "delay",
}


def kept(running: Process, made: Made) -> dict[str, Any]:
    """The rules of an account."""
    with running.database.reading() as session:
        return dict(rules.read(session, made.account_id))


def test_quiet_hours_and_caps_are_kept_and_switched_off(
    merchant: Visitor, running: Process, ours: Made, theirs: Made
) -> None:
    page = merchant.get(PATH).text
    assert 'name="quiet" value="1"  aria' in page
    page = merchant.follow(merchant.post(PATH, {**BOTH})).text
    for shown in ('value="21:00"', 'value="08:00"', 'value="2"', 'value="delay" checked'):
        assert shown in page
    wanted = {"quiet_from": "21:00", "quiet_to": "08:00", "cap_messages": 2, "cap_hours": 24, "cap_action": "delay"}
    assert kept(running, ours) == wanted
    assert kept(running, theirs)["cap_messages"] is None
    assert "Changed quiet hours and caps" in merchant.get("/settings/audit").text
    merchant.follow(merchant.post(PATH, {**BOTH, "quiet": "", "cap": ""}))
    assert kept(running, ours) == {**wanted, "quiet_from": "", "quiet_to": "", "cap_messages": None}


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"quiet_from": "", "quiet_to": ""}, "quiet_from", "Write when the quiet hours begin"),
        ({"quiet_to": ""}, "quiet_to", "give both"),
        ({"quiet_from": "9 pm"}, "quiet_from", "time of day like 21:00"),
        ({"quiet_from": "08:00"}, "quiet_to", "end when they begin"),
        ({"cap_messages": ""}, "cap_messages", "how many e-mails"),
        ({"cap_messages": "many"}, "cap_messages", "whole number from 1 to 100"),
        ({"cap_messages": "0"}, "cap_messages", "whole number from 1 to 100"),
        ({"cap_hours": "99999"}, "cap_hours", "whole number from 1 to 1440"),
        ({"cap_action": "shout"}, "cap_action", "Choose skip or delay"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_kept(
    merchant: Visitor, running: Process, ours: Made, typed: dict[str, str], field: str, said: str
) -> None:
    before = kept(running, ours)
    merchant.get(PATH)
    answer = merchant.post(PATH, {**BOTH, **typed})
    assert answer.status_code == 422
    assert said in answer.text
    if field != "cap_action":
        assert f'id="e-{field}"' in answer.text
    assert 'value="24"' in answer.text or "cap_hours" in typed, "what was typed stays"
    assert kept(running, ours) == before
