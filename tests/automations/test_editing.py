"""Changes to the document as the builder makes them: nothing lost, ids unique, whatever is done in whatever order."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automations import editing
from automations.definition import Definition, parse
from automations.editing import NoSuchPlace
from automations.recipes import all_recipes
from automations.steps import STEPS
from automations.words import NOT_SET, differences, sentence, summary, title, trigger_words

DRAFT: dict[str, Any] = {
    "trigger": "order_submitted",
    "steps": [
        {"id": "wait", "kind": "wait", "period": "1h"},
        {
            "id": "split",
            "kind": "split",
            "condition": {"field": "order.paid", "operator": "is_true"},
            "yes": [{"id": "tag", "kind": "add_tag", "tag": "paid"}],
            "no": [{"id": "mail", "kind": "send_email", "subject": "Hello"}, {"id": "end", "kind": "exit"}],
        },
    ],
}


def ids(document: dict[str, Any]) -> list[str]:
    return [step["id"] for step, _ in editing.walk(document)]


def test_a_step_goes_where_it_is_put_and_the_document_before_stays_as_it_was() -> None:
    before = copy.deepcopy(DRAFT)
    for place, expected in (
        ("start", ["notify", "wait", "split", "tag", "mail", "end"]),
        ("after:wait", ["wait", "notify", "split", "tag", "mail", "end"]),
        ("in:split:yes", ["wait", "split", "notify", "tag", "mail", "end"]),
        ("after:mail", ["wait", "split", "tag", "mail", "notify", "end"]),
    ):
        after, made = editing.insert(DRAFT, place, "notify")
        assert (made, ids(after)) == ("notify", expected)
    assert before == DRAFT


def test_a_new_step_gets_an_id_of_its_own() -> None:
    after, made = editing.insert(DRAFT, "start", "wait")
    assert made == "wait_2"
    assert editing.insert(after, "start", "wait")[1] == "wait_3"


@pytest.mark.parametrize(
    "place", ["", "nowhere", "after:gone", "in:split:maybe", "in:wait:yes", "in:gone:yes", "after"]
)
def test_a_place_that_is_not_there_is_said(place: str) -> None:
    with pytest.raises(NoSuchPlace):
        editing.insert(DRAFT, place, "wait")


def test_moving_leaves_a_branch_at_its_ends_and_stops_at_the_ends_of_all() -> None:
    assert ids(editing.move(DRAFT, "tag", "down")) == ["wait", "split", "mail", "end", "tag"]
    assert ids(editing.move(DRAFT, "mail", "up")) == ["wait", "mail", "split", "tag", "end"]
    assert ids(editing.move(DRAFT, "mail", "down")) == ["wait", "split", "tag", "end", "mail"]
    assert editing.move(DRAFT, "wait", "up") == DRAFT
    assert editing.move(DRAFT, "split", "down") == DRAFT


def test_a_split_is_deleted_with_all_it_holds_or_one_branch_takes_its_place() -> None:
    assert ids(editing.remove(DRAFT, "split")) == ["wait"]
    assert ids(editing.remove(DRAFT, "split", "no")) == ["wait", "mail", "end"]
    with pytest.raises(NoSuchPlace):
        editing.remove(DRAFT, "split", "maybe")


def test_a_duplicate_holds_all_of_it_under_fresh_ids() -> None:
    after, made = editing.duplicate(DRAFT, "split")
    assert made == "split_2"
    assert ids(after) == ["wait", "split", "tag", "mail", "end", "split_2", "tag_2", "mail_2", "end_2"]
    assert len(set(ids(after))) == 9


def test_changing_settings_keeps_id_kind_and_branches() -> None:
    after = editing.change(DRAFT, "split", {"name": "Paid?"})
    split = editing.find(after, "split")
    assert (split["name"], "condition" in split, len(split["no"])) == ("Paid?", False, 2)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_whatever_is_done_ids_stay_unique_and_nothing_else_is_lost(data: st.DataObject) -> None:
    document = copy.deepcopy(DRAFT)
    for _ in range(data.draw(st.integers(1, 12))):
        present = ids(document)
        act = data.draw(st.sampled_from(("insert", "move", "duplicate", "remove")))
        if act == "insert" or not present:
            place = f"after:{data.draw(st.sampled_from(present))}" if present else "start"
            after, made = editing.insert(document, place, data.draw(st.sampled_from(sorted(STEPS))))
            assert set(ids(after)) == {*present, made}
        elif act == "move":
            after = editing.move(
                document, data.draw(st.sampled_from(present)), data.draw(st.sampled_from(editing.WAYS))
            )
            assert sorted(ids(after)) == sorted(present)
        elif act == "duplicate":
            after, _made = editing.duplicate(document, data.draw(st.sampled_from(present)))
            assert set(present) < set(ids(after))
        else:
            after = editing.remove(document, data.draw(st.sampled_from(present)))
            assert set(ids(after)) < set(present)
        assert len(ids(after)) == len(set(ids(after)))
        document = after


@pytest.mark.parametrize("recipe", all_recipes(), ids=lambda one: one.key)
def test_every_ready_made_automation_can_be_said_in_words(recipe: Any) -> None:
    assert trigger_words(recipe.definition)
    for step, _ in editing.walk(recipe.definition):
        assert title(step)
        assert summary(step) != NOT_SET
    assert differences(recipe.definition, recipe.definition) == []
    assert isinstance(parse(recipe.definition), Definition)


def test_what_is_half_done_or_unknown_is_said_and_never_breaks() -> None:
    for kind in STEPS:
        assert summary({"id": "x", "kind": kind})
    assert "does not know" in summary({"id": "x", "kind": "from_the_future"})
    assert title({"kind": "from_the_future"}) == "Unknown step"
    assert sentence({"field": "gone", "operator": "is"}) == "a condition that is not set"
    assert sentence("nonsense") == "everybody"


def test_conditions_read_like_sentences() -> None:
    tree = {
        "all": [
            {"field": "order.total", "operator": "greater_than", "value": "50"},
            {
                "any": [
                    {"field": "contact.tags", "operator": "has", "value": ["vip", "new"]},
                    {"field": "order.is_guest", "operator": "is_false"},
                ]
            },
        ]
    }
    assert sentence(tree) == "Total is greater than 50 and (Tags has one of vip, new or Guest order is false)"


def test_differences_name_what_was_added_changed_moved_and_removed() -> None:
    after = editing.change(DRAFT, "wait", {"period": "2h"})
    after = editing.remove(after, "tag")
    after, _ = editing.insert(after, "start", "exit")
    after = {**after, "filters": {"all": [{"field": "order.paid", "operator": "is_false"}]}}
    assert differences(DRAFT, after) == [
        "Changed who goes through.",
        "Added “Exit”: The run ends here.",
        "Changed “Wait”: for.",
        "Removed “Add a tag”.",
    ]
    assert "Moved “Send e-mail”." in differences(DRAFT, editing.move(DRAFT, "mail", "up"))
    swapped = editing.move(DRAFT, "wait", "down")
    assert differences(DRAFT, swapped) == ["Changed the order of the steps."]
