"""The match desk in a browser without script, and by the API."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from referins_woo.commerce.models import Contact, Match
from referins_woo.process import Process
from referins_woo.queues import MemoryBells
from tests.factories.rows import Made, with_double
from tests.referins_woo.web.conftest import Visitor

pytestmark = pytest.mark.usefixtures("bells")


@pytest.fixture
def ours(running: Process, ours: Made) -> Made:
    """The account, with a second contact that may be the first one."""
    return with_double(running.database, ours)


def test_a_pair_is_compared_merged_and_undone_by_forms_alone(merchant: Visitor, ours: Made, running: Process) -> None:
    listed = merchant.get("/contacts")
    assert "Match desk" in listed.text
    desk = merchant.get("/contacts/matches")
    assert "Ana Petrova" in desk.text and "A. Petrova" in desk.text
    pair = f"/contacts/matches/{ours.ids['match_id']}"
    page = merchant.get(f"{pair}?keep={ours.ids['double_id']}")
    assert f"merge into contact {ours.ids['double_id']}" in page.text
    assert "After the merge" in page.text
    merged = merchant.follow(merchant.post(f"{pair}/accept", {"keep": ours.ids["contact_id"]}))
    assert "Merged into one" in merged.text and "went into" in merged.text
    with running.database.reading() as session:
        assert session.get_one(Contact, ours.ids["contact_id"]).phone == "+49 30 901820"
    assert merchant.get(f"/contacts/{ours.ids['double_id']}").status_code == 404
    assert f"Contact {ours.ids['double_id']} was merged" in merchant.get(f"/contacts/{ours.ids['contact_id']}").text
    again = merchant.post(f"{pair}/accept", {"keep": ours.ids["contact_id"]})
    assert (again.status_code, "undo that first" in again.text) == (409, True)
    assert "Merged" in merchant.get("/contacts/matches?show=decided").text
    undone = merchant.follow(merchant.post(f"{pair}/undo"))
    assert "both contacts are back" in undone.text
    assert merchant.get(f"/contacts/{ours.ids['double_id']}").status_code == 200


def test_a_pair_is_kept_apart_and_opened_again(merchant: Visitor, ours: Made) -> None:
    pair = f"/contacts/matches/{ours.ids['match_id']}"
    merchant.get(pair)
    assert "Nothing to decide" in merchant.follow(merchant.post(f"{pair}/reject")).text
    assert "two people" in merchant.get(pair).text
    assert merchant.post(f"{pair}/reject").status_code == 409
    assert "Are these one person?" in merchant.follow(merchant.post(f"{pair}/undo")).text
    assert merchant.post(f"{pair}/undo").status_code == 409


def test_two_contacts_are_compared_by_hand(merchant: Visitor, ours: Made, theirs: Made, running: Process) -> None:
    with running.database.unit() as session:
        session.delete(session.get_one(Match, ours.ids["match_id"]))
    choose = f"/contacts/{ours.ids['contact_id']}/merge"
    assert "Nobody else has this" in merchant.get(choose).text
    assert "A. Petrova" in merchant.get(f"{choose}?q=a. pet").text
    assert "Nobody has these words" in merchant.get(f"{choose}?q=zzz").text
    for wrong in ({}, {"other_id": theirs.ids["contact_id"]}, {"other_id": ours.ids["contact_id"]}):
        refused = merchant.post(choose, dict(wrong))
        assert (refused.status_code, 'role="alert"' in refused.text) == (422, True)
    pair = merchant.follow(merchant.post(choose, {"other_id": ours.ids["double_id"]}))
    assert "Are these one person?" in pair.text


def test_the_api_lists_accepts_rejects_and_undoes(
    client: FlaskClient, ours: Made, theirs: Made, bells: MemoryBells
) -> None:
    headers = {"Authorization": f"Bearer {ours.api_token}"}

    def call(method: str, path: str, **more: object) -> object:
        answer = client.open(f"/api/v1/{path}", method=method, headers=headers, **more)  # type: ignore[arg-type]
        return answer.status_code, answer.get_json()

    match_id, kept, gone = ours.ids["match_id"], ours.ids["contact_id"], ours.ids["double_id"]
    status, listed = call("GET", "matches?state=open")  # type: ignore[misc]
    (one,) = listed["data"]
    assert (status, one["pair"], one["state"], one["rule"]) == (200, [kept, gone], "open", "by_hand")
    assert {line["field"]: line["verdict"] for line in one["evidence"]}["Name"] == "different"
    assert call("GET", f"matches?contact_id={gone}&state=rejected") == (200, {"data": [], "next_cursor": None})
    status, accepted = call("POST", f"matches/{match_id}/accept?keep={gone}")  # type: ignore[misc]
    assert (status, accepted["state"], accepted["decided_by"]) == (200, "accepted", ours.email)
    assert accepted["evidence"] == one["evidence"]
    assert call("GET", f"contacts/{kept}")[0] == 404  # type: ignore[index]
    assert call("POST", f"matches/{match_id}/reject")[0] == 409  # type: ignore[index]
    status, undone = call("POST", f"matches/{match_id}/undo")  # type: ignore[misc]
    assert (status, undone["state"]) == (200, "undone")
    assert call("GET", f"contacts/{kept}")[0] == 200  # type: ignore[index]
    assert call("POST", f"matches/{match_id}/accept?keep=999999")[0] == 422  # type: ignore[index]
    status, rejected = call("POST", f"matches/{match_id}/reject")  # type: ignore[misc]
    assert (status, rejected["state"]) == (200, "rejected")
    status, made = call("POST", "matches", json={"contact_id": gone, "other_id": kept})  # type: ignore[misc]
    assert (status, made["id"]) == (201, match_id)
    other = theirs.ids["contact_id"]
    assert call("POST", "matches", json={"contact_id": gone, "other_id": other})[0] == 422  # type: ignore[index]
