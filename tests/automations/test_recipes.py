"""Recipes: complete, true to what the engine does, and shown whole by the catalogue."""

from __future__ import annotations

import json

import pytest

from automations import recipes
from automations.catalogue import as_json
from automations.definition import Definition, parse, purpose_of, to_json
from automations.steps import STEPS
from automations.triggers import TRIGGERS

ALL = recipes.all_recipes()


def parsed(recipe: recipes.Recipe) -> Definition:
    """Its definition; fails with its problems."""
    definition = parse(recipe.definition)
    assert isinstance(definition, Definition), definition
    return definition


NINE = [
    *("order_confirmation", "payment_thank_you", "pending_payment_reminder", "first_purchase_welcome"),
    *("review_request", "win_back", "failed_order_rescue", "loyal_customer", "bought_product_follow_up"),
]
MARKETING = {"first_purchase_welcome", "review_request", "win_back", "loyal_customer", "bought_product_follow_up"}


def test_the_gallery_has_the_nine_in_order() -> None:
    assert [one.key for one in ALL] == NINE
    assert recipes.recipe("nothing") is None


@pytest.mark.parametrize("recipe", ALL, ids=lambda one: one.key)
def test_its_words_are_complete(recipe: recipes.Recipe) -> None:
    assert recipe.name and recipe.goal and recipe.description.endswith(".")
    assert recipe.emails
    for step in parsed(recipe).walk():
        if step.kind == "send_email":
            kinds = [block["kind"] for block in step.settings["body"]]
            assert step.settings["preheader"]
            assert kinds[0] == "heading" and kinds[-1] == "footer" and "order_items" in kinds


@pytest.mark.parametrize("recipe", ALL, ids=lambda one: one.key)
def test_its_emails_need_consent_where_they_are_about_more_than_the_order(recipe: recipes.Recipe) -> None:
    definition = parsed(recipe)
    purposes = {purpose_of(step, definition) for step in definition.walk() if step.kind == "send_email"}
    assert purposes == {"marketing" if recipe.key in MARKETING else "transactional"}
    if recipe.key in MARKETING:
        assert "unsubscribed" in definition.exit_on


@pytest.mark.parametrize("recipe", ALL, ids=lambda one: one.key)
def test_it_survives_writing_and_reading(recipe: recipes.Recipe) -> None:
    definition = parsed(recipe)
    assert parse(to_json(definition)) == definition


def test_every_reminder_rereads_the_order_and_has_the_link_to_pay() -> None:
    reminder = recipes.recipe("pending_payment_reminder")
    assert reminder is not None
    mails = [step for step in parsed(reminder).walk() if step.kind == "send_email"]
    assert len(mails) == 2
    for mail in mails:
        assert mail.settings["reread"] is True
        assert [block["url"] for block in mail.settings["body"] if block["kind"] == "button"] == [
            "{{ order.pay_link }}"
        ]


def test_who_gets_the_same_mail_from_woocommerce_is_warned() -> None:
    warned = {one.key for one in ALL if "WooCommerce" in one.warning}
    assert warned == {"order_confirmation", "payment_thank_you", "failed_order_rescue"}


def test_the_catalogue_is_json_and_offers_only_what_works() -> None:
    shown = json.loads(json.dumps(as_json()))
    assert [one["key"] for one in shown["triggers"]] == list(TRIGGERS)
    assert [one["key"] for one in shown["steps"]] == list(STEPS)
    assert [one["key"] for one in shown["recipes"]] == [one.key for one in ALL]
    for part in ("conditions", "operators", "blocks", "exit_conditions", "settings"):
        assert all(one["label"] for one in shown[part])
    for kind in (*shown["steps"], *shown["blocks"]):
        assert all(field["label"] and field["kind"] for field in kind["fields"])
