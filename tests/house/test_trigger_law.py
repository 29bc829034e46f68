"""Every line of the trigger specification has tests: this is the index, and it is checked both ways.

A sentence that nobody lists fails here, and so does a test that is gone. Attribution is not the engine's.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

LAW: dict[str, tuple[str, ...]] = {
    "fires once per (store, order), when both first hold": (
        "test_a_real_status_with_an_email_is_submitted_at_its_creation",
        "test_a_draft_is_nothing_yet",
        "test_without_a_usable_email_nothing_is_submitted",
        "test_once_per_order",
    ),
    "Failed, cancelled or refunded at first sight waits": (
        "test_an_order_first_seen_ended_waits_and_fires_when_it_becomes_real",
    ),
    "Event time = `date_created_gmt`": (
        "test_an_email_that_comes_later_counts_from_then",
        "test_a_checkout_draft_that_becomes_an_order_counts_from_then",
    ),
    "T0 and lateness use that time": ("test_a_late_event_is_recorded_and_starts_nothing", "test_history_is_silent"),
    "The event is recorded for every order, whatever `created_via` is": (
        "test_orders_that_come_from_subscriptions_do_not_enter_by_default",
        "test_the_sources_are_the_merchants_choice",
    ),
    "when `date_paid_gmt` first becomes non-empty": (
        "test_first_seen_paid_is_submitted_then_paid_in_that_order",
        "test_cash_on_delivery_is_not_paid_at_processing_but_when_completed",
    ),
    "Total zero: the event is recorded": (
        "test_a_zero_total_is_recorded_as_paid",
        "test_a_payment_needs_an_amount",
        "test_a_filter_on_the_total_replaces_the_amount",
    ),
    "A refund neither fires nor un-fires it": ("test_a_refund_neither_fires_nor_unfires_a_payment",),
    "First seen already paid": ("test_first_seen_paid_is_submitted_then_paid_in_that_order",),
    "Submitted, then Payment, in that order": ("test_first_seen_paid_is_submitted_then_paid_in_that_order",),
    "First seen cancelled, failed or refunded": ("test_first_seen_ended_neither_fires_even_if_paid",),
    "A payment stamped by our own write": ("test_a_payment_stamped_by_our_own_write_is_a_payment_like_any_other",),
    'needs a stored "from"': (
        "test_status_changed_needs_a_stored_from",
        "test_states_that_collapsed_between_two_looks_are_not_invented",
        "test_statuses_are_compared_raw_or_mapped",
    ),
    "**Order Completed**": ("test_order_completed_once_per_order_at_its_own_time",),
    "**Order Refunded**": (
        "test_order_refunded_once_per_refund_above_zero",
        "test_a_refund_in_full_or_in_part_is_the_triggers_choice",
    ),
    "At connect the baseline T0 is recorded": ("test_t0_is_the_store_s_clock_and_the_skew_is_ours_against_it",),
    "The skew (store's Date": (
        "test_publish_time_and_event_time_are_compared_through_the_stores_clock",
        "test_after_means_from_that_second_on",
        "test_a_creation_date_in_the_future_counts_as_age_zero",
    ),
    "At the same moment the app asks once for `orders?after=T0`": (
        "test_orders_dated_in_the_store_s_future_are_history_but_one_placed_this_moment_is_not",
        "test_an_order_dated_after_t0_that_the_store_had_at_t0_is_history",
    ),
    "An import writes no event": ("test_an_import_racing_a_webhook_swallows_nothing", "test_once_per_order"),
    "An order with `date_created_gmt` < T0": (
        "test_history_is_silent",
        "test_an_old_unpaid_order_paid_after_t0_fires_payment_only",
    ),
    "The event's own time decides": (
        "test_an_import_racing_a_webhook_swallows_nothing",
        "test_an_import_that_brought_the_completed_order_swallows_nothing",
    ),
    "Disconnect + connect sets a new T0": (
        "test_disconnect_and_connect_gives_the_row_back_with_a_new_t0_and_the_new_choices",
        "test_a_repair_keeps_t0_and_rings_for_the_gap",
    ),
    "An automation published at P starts only for events after P": (
        "test_it_starts_only_for_events_after_it_was_published",
        "test_an_event_in_the_second_of_publishing_counts_as_after",
        "test_add_past_orders_shows_whom_it_takes_and_takes_each_once",
    ),
    "Age = now + skew": ("test_lateness_is_measured_on_the_stores_clock",),
    "Above the trigger's limit": (
        "test_a_late_event_is_recorded_and_starts_nothing",
        "test_a_released_event_starts_although_it_is_late_and_its_mail_may_leave",
    ),
    "Checked when recorded and again at sending": (
        "test_a_late_event_starts_nothing_and_says_why",
        "test_what_comes_too_late_is_left_out",
    ),
    "Reasons of suppression": ("test_why_names_the_reason_of_suppression_and_that_no_email_is_no_event_yet",),
    "A switch that is off suppresses for good": ("test_a_switch_that_is_off_suppresses_for_good",),
    "are keyed by (automation, entry key)": (
        "test_runs_are_keyed_by_order_by_change_of_status_and_by_refund",
        "test_a_second_event_of_the_same_order_does_not_enter_again",
    ),
    "A contact's second order enters while the first still waits": (
        "test_a_second_order_of_a_contact_enters_while_the_first_waits",
    ),
    "Limits per contact are an option": ("test_a_contact_enters_as_often_as_the_automation_allows",),
    "Each step is claimed by a unique (run, step)": (
        "test_row_62_a_worker_killed_at_every_statement_from_event_to_outbox_does_each_step_once",
    ),
    "are rows with a due time in the database": (
        "test_row_68_a_clock_that_jumps_fires_each_wait_once_and_none_early",
        "test_a_run_held_in_the_moment_of_resuming_is_found_by_the_sweep",
    ),
    "Pausing an automation holds, never drops": (
        "test_pausing_holds_what_is_due_and_what_comes_and_resuming_lets_it_go_on",
    ),
    "**Exit conditions**, at any point": (
        "test_it_ends_only_runs_that_chose_it",
        "test_nothing_is_sent_from_any_position_once_an_exit_condition_holds",
    ),
    "Looked at when the event arrives": (
        "test_a_payment_ends_the_waiting_reminder_at_once",
        "test_when_the_wait_ends_the_exit_conditions_come_first",
        "test_who_has_paid_meanwhile_gets_none_although_no_webhook_said_so",
        "test_while_the_store_cannot_be_reached_the_reminder_waits",
    ),
    "**Pending-payment reminder**, the recipe": ("test_who_goes_through",),
    "Submitted, unpaid, status pending": (
        "test_the_reminder_waits_an_hour_rereads_and_sends",
        "test_who_has_not_paid_gets_the_reminder_and_a_last_one_a_day_later",
        "test_every_reminder_rereads_the_order_and_has_the_link_to_pay",
    ),
    "Where the store cancels unpaid orders": (
        "test_where_the_store_cancels_unpaid_orders_one_mail_goes_after_half_of_that_time",
    ),
    "It ends on paid, refunded, completed": (
        "test_the_reminder_ends_when_there_is_nothing_to_remind_of",
        "test_a_paid_sister_order_of_the_same_email_ends_the_reminder",
        "test_a_failed_payment_goes_on_waiting",
    ),
    "An on-hold order (bank transfer)": ("test_who_goes_through",),
    "Transactional = an e-mail reached only from an order trigger": (
        "test_a_promotional_block_makes_an_email_marketing_wherever_it_stands",
        "test_consent_is_asked_of_the_address_used",
    ),
    'Everything else needs "subscribed"': (
        "test_consent_is_asked_of_the_address_used",
        "test_marketing_to_who_has_not_subscribed_is_blocked_and_the_run_goes_on",
    ),
    "An automation whose mail is blocked still runs": (
        "test_a_mail_without_any_address_is_blocked_and_the_run_goes_on",
        "test_marketing_to_who_has_not_subscribed_is_blocked_and_the_run_goes_on",
    ),
    "A mail about an order goes to its `billing.email`": (
        "test_an_order_without_billing_email_is_mailed_to_its_account",
        "test_an_email_about_an_order_goes_to_its_own_address_and_marketing_to_the_contacts",
    ),
    "**Quiet hours** in the contact's time zone": (
        "test_marketing_waits_for_the_end_of_quiet_hours_in_the_contacts_zone",
        "test_quiet_hours_are_the_stores_where_the_contact_has_no_country",
        "test_transactional_confirmations_are_exempt_from_quiet_hours",
    ),
    "**Caps** across automations": (
        "test_a_cap_across_automations_leaves_an_email_out_and_says_why",
        "test_a_cap_across_automations_puts_an_email_off_until_there_is_room",
        "test_a_cap_counts_over_all_automations_also_within_one_batch",
    ),
    "**Unsubscribe**: a GET only shows a page": (
        "test_looking_changes_nothing",
        "test_one_post_acts_without_cookie_sign_in_or_form_token",
    ),
}
"""A fragment of the sentence → the tests that hold it."""

_NOT_HERE = ("**Attribution**",)


@cache
def all_tests() -> frozenset[str]:
    """The names of all tests."""
    return frozenset(
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def _sentences(text: str) -> list[str]:
    paragraphs = [one.replace("\n", " ") for one in text.split("\n\n")[2:]]
    return [sentence for one in paragraphs for sentence in re.split(r"(?<=[.:;]) (?=[A-Z“*])", one) if sentence]


def test_every_test_that_the_index_names_exists() -> None:
    named = {name for names in LAW.values() for name in names}
    assert named - all_tests() == set()


def test_every_sentence_of_the_law_is_in_the_index(shared: Path) -> None:
    sentences = _sentences((shared / "spec" / "triggers.md").read_text(encoding="utf-8"))
    assert len(sentences) > 40
    unlisted = [one for one in sentences if not any(part in one for part in (*LAW, *_NOT_HERE))]
    assert unlisted == []


@pytest.mark.parametrize("fragment", sorted(LAW))
def test_every_line_of_the_index_is_still_law(fragment: str, shared: Path) -> None:
    assert fragment in (shared / "spec" / "triggers.md").read_text(encoding="utf-8").replace("\n", " ")
