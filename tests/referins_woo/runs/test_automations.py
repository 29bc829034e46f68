"""Drafts, versions and states of automations."""

from __future__ import annotations

from typing import Any

import pytest

from referins_woo.errors import Final, InvalidInput
from referins_woo.runs import automations, publishable


def test_a_recipe_makes_a_complete_draft_that_is_not_live(shop: Any) -> None:
    with shop.database.unit() as session:
        made = automations.create_from_recipe(session, shop.account_id, "order_confirmation")
        assert (made.state, made.trigger, made.name) == ("draft", "order_submitted", "Order confirmation")
        assert publishable.problems_of(made.draft) == []
        assert made.live_version_id is None
    shop.submitted()
    shop.work()
    assert shop.runs() == []


def test_an_unknown_recipe_is_refused(shop: Any) -> None:
    with shop.database.unit() as session, pytest.raises(InvalidInput):
        automations.create_from_recipe(session, shop.account_id, "nothing")


def test_a_draft_may_be_wrong_but_is_not_published(shop: Any) -> None:
    with shop.database.unit() as session:
        made = automations.create(session, shop.account_id, "  My  own ", {"trigger": "order_submitted", "steps": []})
        assert made.name == "My own"
        with pytest.raises(publishable.NotPublishable) as caught:
            automations.publish(session, made.id, shop.account_id, None)
        assert caught.value.problems
        assert made.state == "draft"


def test_the_second_of_two_saves_is_refused_with_the_stored_revision(shop: Any) -> None:
    with shop.database.unit() as session:
        made = automations.create_from_recipe(session, shop.account_id, "order_confirmation")
        saved = automations.save_draft(session, made.id, shop.account_id, revision=1, name="First")
        assert (saved.draft_revision, saved.name) == (2, "First")
        with pytest.raises(automations.DraftConflict) as caught:
            automations.save_draft(session, made.id, shop.account_id, revision=1, name="Second")
        assert caught.value.revision == 2
        assert automations.get(session, made.id, shop.account_id).name == "First"


def test_saving_a_draft_changes_nothing_that_is_live(shop: Any) -> None:
    automation_id = shop.live("order_confirmation")
    with shop.database.unit() as session:
        automations.save_draft(
            session, automation_id, shop.account_id, revision=1, definition={"trigger": "order_submitted"}
        )
    shop.submitted()
    shop.work()
    assert len(shop.messages()) == 1


def test_people_inside_finish_on_the_version_they_entered(shop: Any, clock: Any) -> None:
    automation_id = shop.live("pending_payment_reminder")
    shop.submitted()
    shop.work()
    with shop.database.unit() as session:
        automation = automations.get(session, automation_id, shop.account_id)
        draft = {**automation.draft, "steps": automation.draft["steps"][:1]}
        automations.save_draft(session, automation_id, shop.account_id, revision=1, definition=draft)
        version = automations.publish(session, automation_id, shop.account_id, 5)
        assert (version.number, version.published_by) == (2, 5)
    clock.advance(seconds=2)
    shop.submitted(email="bob@example.com")
    shop.work()
    clock.advance(hours=1, seconds=1)
    shop.work()
    assert [run.state for run in shop.runs()] == ["rereading", "done"]


def test_finishing_takes_nobody_in_and_becomes_a_draft_when_all_are_out(shop: Any) -> None:
    automation_id = shop.live("pending_payment_reminder")
    first = shop.submitted()
    shop.work()
    with shop.database.unit() as session:
        assert automations.finish(session, automation_id, shop.account_id).state == "finishing"
    shop.submitted(email="bob@example.com")
    shop.pay(first)
    shop.work()
    assert len(shop.runs()) == 1
    with shop.database.reading() as session:
        assert automations.get(session, automation_id, shop.account_id).state == "draft"


def test_only_what_is_live_can_be_paused(shop: Any) -> None:
    with shop.database.unit() as session:
        made = automations.create_from_recipe(session, shop.account_id, "order_confirmation")
        for change in (automations.pause, automations.resume, automations.finish):
            with pytest.raises(Final):
                change(session, made.id, shop.account_id)
