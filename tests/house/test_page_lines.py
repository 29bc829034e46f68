"""Every check line of the pages' design has tests: this is the index, and it is checked both ways.

Section 3 of the design has a line for each thing that a browser can see. A line that nobody lists fails here, and so
does a test that is gone.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.house.test_trigger_law import all_tests

SECTIONS = ("3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11")
_BUILT = "test_an_automation_is_built_tested_published_and_mails_who_buys"

LINES: dict[str, tuple[str, ...]] = {
    # 3.1 Every page
    "One `<h1>`, skip link, landmarks": (
        "test_every_page_has_one_heading_a_policy_and_no_inline_script",
        "test_the_first_tab_offers_to_skip_to_the_content",
    ),
    "axe (wcag2a, 2aa, 21aa, 22aa) = 0": (
        "test_no_page_escapes_the_eye",
        "test_each_page_is_accessible",
        "test_every_page_is_accessible_everywhere",
        "test_the_ways_in_are_accessible",
        "test_what_opens_is_accessible_too",
        "test_no_page_scrolls_sideways_on_the_narrowest_phone",
    ),
    "Targets ≥ 24x24 CSS px": (
        "test_targets_are_large_enough_for_a_finger",
        "test_the_focus_is_seen_wherever_the_tab_key_leads",
        "test_a_password_can_be_pasted_and_filled_in_by_a_manager",
    ),
    "Works without JS for all read pages and all forms": (
        "test_without_script_lists_are_searched_filtered_changed_and_exported",
        "test_the_same_way_without_script",
        "test_the_whole_way_from_a_file_to_contacts",
    ),
    "Loading: `aria-busy` on the swap target": (
        "test_while_an_answer_is_awaited_the_list_is_busy",
        "test_a_button_that_was_pressed_shows_that_it_works_and_takes_no_second_press",
        "test_the_search_answers_while_typing_and_the_address_follows",
    ),
    "Toasts: success `role=status`": (
        "test_a_notice_of_success_stays_seven_seconds_or_while_it_is_pointed_at_and_an_error_until_it_is_closed",
        "test_of_many_notices_three_are_shown",
        "test_ticked_rows_are_changed_and_taken_back",
    ),
    "Destructive acts: `<dialog>`": ("test_ticked_rows_are_changed_and_taken_back",),
    "Empty states: what this is": (
        "test_a_new_account_is_told_what_to_do",
        "test_a_search_without_results_is_not_an_empty_list",
        "test_an_answer_that_does_not_come_leaves_the_rows_and_says_so",
    ),
    "Errors say what happened": (
        "test_a_page_that_is_not_there_says_what_to_do_and_names_the_request",
        "test_times_are_of_the_account_and_tell_utc",
        "test_money_shows_its_sign_and_its_code_once",
    ),
    "`?` opens the shortcut list": ("test_keys_lead_everywhere_and_can_be_switched_off",),
    "Light/dark through `data-bs-theme`": (
        "test_the_colours_follow_the_system_until_one_is_chosen",
        "test_nothing_moves_for_who_asked_for_no_motion",
    ),
    # 3.2 Integrations and connect modal
    "Settings > Integrations lists cards with state pill": ("test_the_hub_says_states_and_causes_in_words",),
    "Connect opens a modal with one field": (
        "test_the_modal_says_what_is_wrong_without_leaving_the_page",
        "test_an_address_that_cannot_be_used_keeps_the_value_and_says_why",
        "test_the_wizard_keeps_every_choice_in_the_store",
    ),
    "Pre-flight within 10 s": (
        "test_every_fault_has_its_own_sentence",
        "test_a_wordpress_without_woocommerce_is_named",
        "test_plain_permalinks_are_named_with_the_step_that_mends_them",
        "test_a_store_connected_already_is_recognised_by_its_address",
        "test_a_woocommerce_store_is_recognised",
    ),
    "Explains what WooCommerce will ask": ("test_the_permission_is_explained_before_the_merchant_leaves",),
    "Refusal or closed tab": (
        "test_a_refusal_keeps_every_choice_and_offers_another_try",
        "test_a_store_that_cannot_reach_us_is_offered_typed_keys_with_the_reason",
    ),
    # 3.3 Import Elements / Sync Settings
    "Stepper Connect → Choose data": (
        "test_the_steps_of_the_wizard_say_what_each_choice_brings",
        "test_the_wizard_keeps_every_choice_in_the_store",
    ),
    "Import: Contacts, Orders, Transactions": (
        "test_the_steps_of_the_wizard_say_what_each_choice_brings",
        "test_the_wizard_keeps_every_choice_in_the_store",
    ),
    "Sync: the same five": ("test_the_steps_of_the_wizard_say_what_each_choice_brings",),
    "Inline limits from the seed": ("test_the_steps_of_the_wizard_say_what_each_choice_brings",),
    # A source of consent is not offered: requirement I3 came later and stands above it, an import raises nobody's.
    "Consent box: default": ("test_the_steps_of_the_wizard_say_what_each_choice_brings",),
    "Said and enforced": (
        "test_the_steps_of_the_wizard_say_what_each_choice_brings",
        "test_history_is_silent",
    ),
    # 3.4 Live import progress
    "Per element: `<progress>`/`role=progressbar`": (
        "test_a_running_import_tells_counts_rate_time_left_and_when_it_got_on_last",
        "test_an_import_is_paused_resumed_and_cancelled",
    ),
    'Heartbeat "Updated 2 s ago"': ("test_a_running_import_tells_counts_rate_time_left_and_when_it_got_on_last",),
    "Pause, Resume, Cancel": (
        "test_an_import_is_paused_resumed_and_cancelled",
        "test_row_45_killed_at_every_page_boundary_and_in_every_transaction_it_ends_the_same",
    ),
    '"You can close this page"': (
        "test_a_running_import_tells_counts_rate_time_left_and_when_it_got_on_last",
        "test_the_end_is_told_once_to_each_user",
    ),
    "Skipped report: table grouped by reason": (
        "test_what_was_set_aside_is_grouped_filtered_and_leads_to_the_store",
        "test_what_was_set_aside_is_listed_and_its_csv_runs_no_formula",
        "test_what_failed_is_asked_for_again_and_nothing_else",
    ),
    "Done screen: totals, skipped": (
        "test_from_a_fresh_start_to_the_reminder_that_stops_when_paid",
        "test_a_running_import_tells_counts_rate_time_left_and_when_it_got_on_last",
    ),
    # 3.5 Connection health, reconnect
    "Rows: API (latency, last error)": (
        "test_health_shows_the_ledger_the_webhooks_and_how_the_store_answers",
        "test_sync_now_for_a_store_that_has_a_pause_says_when_it_is_asked",
    ),
    "Deliveries table: time, topic, delivery id": (
        "test_a_delivery_s_payload_is_shown_with_personal_data_masked",
        "test_a_failed_delivery_is_tried_again_alone_or_with_all_others",
        "test_from_the_mail_s_link_to_caught_up",
    ),
    "WooCommerce disables a webhook after more than 5": (
        "test_health_shows_the_ledger_the_webhooks_and_how_the_store_answers",
        "test_what_is_not_active_is_made_anew_because_its_failures_stay_counted",
        "test_orders_placed_while_the_webhooks_were_disabled",
        "test_row_93_hooks_are_found_and_made_anew_once_and_what_they_missed_is_here",
    ),
    "401/403/404 → one confirming probe": (
        "test_row_01_a_lasting_401_asks_to_reconnect_once",
        "test_the_banner_stands_on_every_page_and_the_store_s_page_repairs_too",
        "test_orders_placed_while_the_store_was_lost",
    ),
    "Reconnect page: which store, since when": (
        "test_from_the_mail_s_link_to_caught_up",
        "test_the_reconnect_link_shows_one_store_and_signs_nobody_in",
        "test_a_new_link_is_sent_to_the_users_at_most_once_an_hour",
    ),
    "Disconnect asks: keep data / delete data": (
        "test_disconnecting_asks_what_becomes_of_the_data",
        "test_disconnecting_takes_ours_out_and_leaves_the_others",
        "test_deleting_a_stores_data_takes_all_of_it_and_leaves_the_other_stores",
        "test_disconnecting_and_connecting_again_doubles_nothing_and_fires_nothing",
    ),
    # 3.6 Tables
    "Server-side search (300 ms debounce)": (
        "test_the_search_answers_while_typing_and_the_address_follows",
        "test_pages_sizes_and_order_lie_in_the_address",
        "test_filters_stand_as_chips_that_can_be_taken_off",
        "test_far_pages_are_found_by_their_neighbour_in_every_order",
        "test_more_rows_need_no_more_queries",
    ),
    "Everything in the query string": (
        "test_the_search_answers_while_typing_and_the_address_follows",
        "test_a_view_keeps_search_filters_order_and_columns",
        "test_tabs_count_what_is_behind_them",
        "test_a_list_opens_with_the_view_of_ones_choice_and_all_is_one_click_away",
        "test_only_what_is_shared_is_seen_by_others_and_only_its_maker_changes_it",
    ),
    "Bulk bar after selection": (
        "test_ticked_rows_are_changed_and_taken_back",
        "test_all_that_match_are_counted_again_before_they_are_changed",
        "test_many_are_changed_in_the_background_a_piece_at_a_time_and_a_killed_piece_is_done_again",
        "test_ticked_contacts_are_tagged_and_the_tag_is_taken_back_where_it_was_given",
    ),
    "CSV export = current filter and columns": (
        "test_an_export_has_the_rows_and_columns_that_are_seen_and_no_formulas",
        "test_row_89_no_file_of_ours_holds_a_cell_that_a_spreadsheet_would_run",
        "test_a_long_export_is_written_in_the_background_and_mailed",
    ),
    "Column chooser; sticky header": (
        "test_columns_are_chosen_in_the_address",
        "test_a_header_stays_while_the_rows_pass",
        "test_numbers_stand_to_the_right_and_each_row_has_its_heading",
        "test_on_a_phone_rows_are_cards",
    ),
    'Orders: Subtype "WooCommerce"': (
        "test_orders_show_subtype_mapped_and_raw_status_and_money_with_its_currency",
        "test_an_orders_page_tells_its_history_and_why_nothing_started",
        "test_numbers_stand_to_the_right_and_each_row_has_its_heading",
    ),
    "Products: toggle enabled only for published": (
        "test_the_merchants_off_is_kept_and_on_again_needs_a_published_product",
        "test_stock_is_shown_as_the_store_counts_it",
    ),
    # Merging duplicates comes with the matches between stores.
    "Contact profile: consent state": ("test_a_contacts_page_tells_what_happened_and_what_goes_on",),
    # 3.7 Automation list and gallery, 3.8 builder, 3.9 runs.
    "List: name, status": ("test_the_list_tells_of_each_automation_and_pauses_it",),
    "Gallery cards by goal": (
        "test_the_gallery_shows_each_recipe_with_its_flow_and_filters_by_goal",
        "test_using_a_recipe_makes_a_draft_and_never_anything_live",
        "test_one_can_start_from_scratch",
    ),
    "v1 set: Order confirmation": ("test_the_gallery_has_the_nine_in_order", "test_its_words_are_complete"),
    "Warns when WooCommerce would send the same mail": (
        "test_the_gallery_shows_each_recipe_with_its_flow_and_filters_by_goal",
        "test_using_a_recipe_makes_a_draft_and_never_anything_live",
    ),
    "Trigger card on top": (_BUILT, "test_with_the_mouse", "test_by_the_keyboard_alone"),
    '"+" opens a searchable, grouped picker': ("test_by_the_keyboard_alone", "test_with_the_mouse"),
    "Card: icon, name, one-line summary": (
        "test_by_the_keyboard_alone",
        "test_figures_stand_on_the_cards_and_stay_while_one_works",
        "test_every_kind_of_step_has_its_form",
    ),
    "Card menu: Rename": (
        "test_the_menu_of_a_card_leads_to_its_name_and_note",
        "test_a_flow_is_built_step_by_step_and_undone",
        "test_a_step_is_copied_from_one_automation_and_pasted_into_another",
        "test_old_edits_are_let_go",
    ),
    "Autosave per field to the draft": (
        _BUILT,
        "test_what_was_typed_while_the_server_was_away_is_saved_when_it_is_back",
        "test_two_editors_lose_nothing_in_silence",
    ),
    "Draft and live are separate": (
        "test_saving_a_draft_changes_nothing_that_is_live",
        "test_publishing_asks_shows_what_changes_and_keeps_versions",
        "test_people_inside_finish_move_or_stop_when_a_new_version_is_published",
    ),
    "Validation: error chip on card": (
        "test_what_is_half_done_is_saved_and_cannot_be_published",
        "test_publishing_points_at_steps_never_reached_and_tags_nobody_has",
        "test_before_publishing_it_is_said_whom_emails_come_from",
    ),
    "Versions: number, author, time": ("test_publishing_asks_shows_what_changes_and_keeps_versions",),
    "Trigger preview: last 10 real orders": (
        "test_the_trigger_preview_shows_the_last_orders_and_each_filter_with_its_value",
        "test_a_test_shows_the_path_on_the_cards_waits_skipped_and_every_mail",
        "test_an_order_is_found_by_number_or_email",
        "test_an_email_of_a_test_on_an_order_is_sent_to_me_with_what_the_path_made_of_it",
        "test_a_steps_email_is_sent_to_me_as_it_was_just_typed_about_the_newest_order",
    ),
    "Statistics toggle: entered": (
        "test_each_step_says_who_came_waits_went_on_and_was_mailed",
        "test_figures_stand_on_the_cards_and_stay_while_one_works",
    ),
    "Enrolment: re-entry": (
        "test_what_ends_it_and_its_settings_are_kept",
        "test_quiet_hours_and_caps_are_kept_and_switched_off",
        "test_a_contact_enters_as_often_as_the_automation_allows",
    ),
    "Editing a wait: says whom it affects": (
        "test_editing_a_wait_says_whom_it_affects",
        "test_the_publish_page_counts_who_moves_and_offers_to_reschedule_who_waits",
        "test_who_waits_at_a_changed_wait_waits_anew_from_when_they_came",
    ),
    "Filters: and/or groups": (
        "test_conditions_are_built_in_groups_and_operators_follow_their_field",
        "test_every_condition_can_be_entered",
        "test_a_saved_change_tells_the_preview_to_look_again",
    ),
    "Branch on current state": ("test_a_split_may_read_the_order_anew_first",),
    "Steps v1: send e-mail": (
        "test_every_kind_of_step_has_its_form",
        "test_an_unknown_step_is_a_grey_card_and_stays",
    ),
    "Keyboard only: build trigger": (_BUILT,),
    "Row: contact, order, automation + version": (
        "test_the_list_says_version_and_the_step_that_a_run_stands_at",
        "test_the_list_is_narrowed_to_a_step_of_an_automation",
    ),
    "Detail: step timeline": (
        "test_a_run_shows_what_happened_and_its_mail",
        "test_a_run_is_tried_again_goes_on_earlier_or_is_stopped",
        "test_the_way_of_a_run_is_shown_on_the_cards",
    ),
    '"Why did X not get it?"': ("test_why_did_somebody_not_get_it_is_asked_by_order_or_email",),
    # 3.10 E-mail template editor.
    "Left blocks (ordered list": (
        "test_blocks_are_added_moved_copied_removed_and_put_into_columns",
        "test_blocks_are_moved_by_the_mouse_and_by_the_keyboard",
        "test_a_block_may_be_shown_under_a_condition",
        "test_previews_show_every_mode_sample_and_real_order_and_may_do_nothing",
        "test_what_is_typed_is_saved_and_seen",
    ),
    "Merge-tag picker in subject": (
        "test_a_variable_is_picked_changed_and_removed_by_the_keyboard_alone",
        "test_a_click_on_a_chip_changes_it_and_filters_of_ones_own_stay",
        "test_an_address_takes_only_variables_that_are_addresses",
        "test_chips_their_picker_pictures_and_code_are_accessible",
        "test_without_script_variables_are_listed_with_their_values",
        "test_what_is_typed_is_saved_and_seen",
        "test_unknown_variables_are_refused_with_a_suggestion_and_never_printed",
        "test_names_that_the_trigger_does_not_supply_are_told_with_their_line",
    ),
    "Subject counter, inbox-line preview": (
        "test_what_is_typed_is_saved_and_seen",
        "test_a_template_is_made_from_the_gallery_and_written",
        "test_without_a_postal_address_marketing_is_not_published_and_the_page_that_mends_it_is_named",
        "test_the_subject_is_counted_as_it_is_read",
        "test_what_is_missing_is_told",
        "test_a_button_that_is_left_out_for_this_order_is_told",
        "test_what_gmail_would_hide_is_told",
        "test_without_a_postal_address_marketing_names_the_page_that_mends_it",
        "test_below_marketing_stands_the_way_to_the_email_on_the_web_in_its_language",
    ),
    "Send test: prefilled own address": (
        "test_a_test_has_inert_links_and_says_that_it_is_one",
        "test_a_test_to_nobody_or_too_many_is_refused",
        "test_tests_are_counted",
    ),
    "Code mode (MJML/HTML": (
        "test_blocks_become_code_once_and_code_is_checked_by_line",
        "test_code_has_numbered_lines_and_a_problem_leads_to_its_own",
        "test_a_fault_names_its_line",
        "test_a_version_goes_into_the_drafts_that_follow_the_template",
    ),
    "Images: upload/drag": (
        "test_pictures_are_dropped_pasted_and_chosen",
        "test_what_is_no_picture_for_mailboxes_is_refused_with_the_remedy",
        "test_a_logo_is_dropped_onto_the_brand",
        "test_pictures_are_kept_and_deleted",
        "test_a_logo_is_uploaded_and_stands_above_every_email",
        "test_a_picture_is_added_once_and_what_is_none_is_refused",
    ),
    # 3.11 Locations, stock, customer mapping. Counting the opening stock is the first run's other choice.
    "Location step is first, only when > 1 location": (
        "test_with_two_locations_connecting_begins_with_the_question_which",
        "test_another_location_is_for_later_orders_alone",
        "test_deleting_a_mapped_location_warns_and_then_the_store_needs_another",
        "test_what_comes_while_a_store_has_no_location_is_kept_and_picked_up_by_the_lateness_rule",
    ),
    "Stock: direction arrow, first-run choice": (
        "test_the_story_of_quantities_that_are_kept_from_here",
        "test_the_tab_of_a_store_asks_for_the_opening_stock_once",
        "test_a_long_dry_run_has_pages_and_says_what_goes_to_zero",
        "test_what_the_store_does_not_take_ends_in_a_named_state",
        "test_a_quantity_that_was_told_keeps_its_arithmetic_and_is_sent_again_as_what_it_is_by_now",
        "test_goods_that_are_left_out_are_listed_with_how_many_there_are",
        "test_a_sale_in_one_store_lowers_the_other",
    ),
    "Mapping: two-column table Referins contact": (
        "test_the_story_of_a_mapping",
        "test_rows_are_ticked_named_and_pushed_without_script",
        "test_identical_names_are_suggested_one_to_one_applied_and_undone",
        "test_a_taken_email_is_a_conflict_that_offers_the_customer_and_makes_nobody",
        "test_an_id_is_looked_at_before_it_is_mapped",
    ),
}
"""How a line begins → the tests that hold it."""


def _lines(shared: Path) -> list[str]:
    text = (shared / "design" / "pages.md").read_text(encoding="utf-8")
    found = []
    for section in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        if section.split()[0] in SECTIONS:
            found += re.findall(r"^- \[ \] (.+)$", section.split("\n## ")[0], re.MULTILINE)
    return found


def test_every_check_line_is_in_the_index_and_every_entry_is_a_line(shared: Path) -> None:
    lines = _lines(shared)
    assert len(lines) > 30
    assert [line for line in lines if not any(line.startswith(beginning) for beginning in LINES)] == []
    assert [beginning for beginning in LINES if not any(line.startswith(beginning) for line in lines)] == []


def test_every_test_that_the_index_names_exists() -> None:
    assert {name for names in LINES.values() for name in names} - all_tests() == set()
