"""The settings that a shop answers with: which exist in which group, their kinds, defaults and own values.

A line is: id | label | kind | default, and the value where it is not the default.
"""

from __future__ import annotations

from dataclasses import dataclass

GROUPS: tuple[tuple[str, str], ...] = (
    ("wc_admin", "WooCommerce Admin"),
    ("general", "General"),
    ("products", "Products"),
    ("tax", "Tax"),
    ("shipping", "Shipping"),
    ("checkout", "Payments"),
    ("account", "Accounts &amp; Privacy"),
    ("email", "Emails"),
    ("integration", "Integration"),
    ("site-visibility", "Site visibility"),
    ("point-of-sale", "Point of Sale"),
    ("advanced", "Advanced"),
)
"""Groups in the order in which they are listed: id and label."""

EMAILS: tuple[tuple[str, str], ...] = (
    ("email_new_order", "New order"),
    ("email_cancelled_order", "Cancelled order"),
    ("email_customer_cancelled_order", "Cancelled order"),
    ("email_failed_order", "Failed order"),
    ("email_customer_failed_order", "Failed order"),
    ("email_customer_on_hold_order", "Order on-hold"),
    ("email_customer_processing_order", "Processing order"),
    ("email_customer_completed_order", "Completed order"),
    ("email_customer_refunded_order", "Refunded order"),
    ("email_customer_invoice", "Order details"),
    ("email_customer_note", "Customer note"),
    ("email_customer_reset_password", "Reset password"),
    ("email_customer_new_account", "New account"),
    ("email_admin_payment_gateway_enabled", "Payment gateway enabled"),
    ("email_customer_pos_completed_order", "POS completed order"),
    ("email_customer_pos_refunded_order", "POS refunded order"),
    ("email_customer_verify_email", "Confirm email address"),
)
"""The groups below e-mails, one for each kind of message."""

_TABLES = {
    "general": """
woocommerce_store_address | Address line 1 | text |  | 12 Finch Lane
woocommerce_store_address_2 | Address line 2 | text |
woocommerce_store_city | City | text |  | Hudson
woocommerce_default_country | Country / State | select | US:CA | US:NY
woocommerce_store_postcode | Postcode / ZIP | text |  | 12534
woocommerce_allowed_countries | Selling location(s) | select | all
woocommerce_all_except_countries | Sell to all countries, except for&hellip; | multiselect |
woocommerce_specific_allowed_countries | Sell to specific countries | multiselect |
woocommerce_ship_to_countries | Shipping location(s) | select |
woocommerce_specific_ship_to_countries | Ship to specific countries | multiselect |
woocommerce_default_customer_address | Default customer location | select | base
woocommerce_address_autocomplete_enabled |  | checkbox | no
woocommerce_calc_taxes | Enable taxes | checkbox | no | yes
woocommerce_enable_coupons | Enable coupons | checkbox | yes
woocommerce_calc_discounts_sequentially |  | checkbox | no
woocommerce_currency | Currency | select | USD
woocommerce_currency_pos | Currency position | select | left
woocommerce_price_thousand_sep | Thousand separator | text | ,
woocommerce_price_decimal_sep | Decimal separator | text | .
woocommerce_price_num_decimals | Number of decimals | number | 2
""",
    "products": """
woocommerce_shop_page_id | Shop page | select |  | 5
woocommerce_cart_redirect_after_add | Add to cart behaviour | checkbox | no
woocommerce_enable_ajax_add_to_cart |  | checkbox | yes
woocommerce_placeholder_image | Placeholder image | text |
woocommerce_weight_unit | Weight unit | select | lbs
woocommerce_dimension_unit | Dimensions unit | select | in
woocommerce_enable_reviews | Enable reviews | checkbox | yes
woocommerce_review_rating_verification_label |  | checkbox | yes
woocommerce_review_rating_verification_required |  | checkbox | no
woocommerce_enable_review_rating | Product ratings | checkbox | yes
woocommerce_review_rating_required |  | checkbox | yes
woocommerce_manage_stock | Manage stock | checkbox | yes
woocommerce_hold_stock_minutes | Hold stock (minutes) | number | 60
woocommerce_notify_low_stock | Notifications | checkbox | yes
woocommerce_notify_no_stock |  | checkbox | yes
woocommerce_notify_backorder |  | checkbox | yes
woocommerce_stock_email_recipient | Notification recipient(s) | text |
woocommerce_notify_low_stock_amount | Low stock threshold | number | 2
woocommerce_notify_no_stock_amount | Out of stock threshold | number | 0
woocommerce_hide_out_of_stock_items | Out of stock visibility | checkbox | no
woocommerce_stock_format | Stock display format | select |
woocommerce_file_download_method | File download method | select | force
woocommerce_downloads_redirect_fallback_allowed |  | checkbox | no
woocommerce_downloads_require_login | Access restriction | checkbox | no
woocommerce_downloads_grant_access_after_payment |  | checkbox | yes
woocommerce_downloads_deliver_inline | Open in browser | checkbox |
woocommerce_downloads_add_hash_to_filename | Filename | checkbox | yes
woocommerce_downloads_count_partial | Count partial downloads | checkbox | yes
woocommerce_attribute_lookup_enabled | Enable table usage | checkbox | no
woocommerce_attribute_lookup_direct_updates | Direct updates | checkbox | no
woocommerce_attribute_lookup_optimized_updates | Optimized updates | checkbox | no
woocommerce_product_match_featured_image_by_sku | Match images | checkbox | no
""",
    "tax": """
woocommerce_prices_include_tax | Prices entered with tax | radio | no
woocommerce_tax_based_on | Calculate tax based on | select | shipping
woocommerce_shipping_tax_class | Shipping tax class | select | inherit
woocommerce_tax_round_at_subtotal | Rounding | checkbox | no
woocommerce_tax_classes | Additional tax classes | textarea |
woocommerce_tax_display_shop | Display prices in the shop | select | excl
woocommerce_tax_display_cart | Display prices during cart and checkout | select | excl
woocommerce_price_display_suffix | Price display suffix | text |
woocommerce_tax_total_display | Display tax totals | select | itemized
""",
    "shipping": """
woocommerce_enable_shipping_calc | Calculations | checkbox | yes
woocommerce_shipping_cost_requires_address |  | checkbox | no
woocommerce_shipping_hide_rates_when_free |  | checkbox | no
woocommerce_ship_to_destination | Shipping destination | radio | billing
woocommerce_shipping_debug_mode | Debug mode | checkbox | no
""",
    "account": """
woocommerce_enable_guest_checkout | Checkout | checkbox | yes
woocommerce_enable_checkout_login_reminder | Login | checkbox | no
woocommerce_enable_signup_and_login_from_checkout | Account creation | checkbox | no
woocommerce_enable_myaccount_registration | Account creation | checkbox | no
woocommerce_registration_generate_password | Account creation options | checkbox | yes
woocommerce_erasure_request_removes_order_data | Account erasure requests | checkbox | no
woocommerce_erasure_request_removes_download_data |  | checkbox | no
woocommerce_allow_bulk_remove_personal_data | Personal data removal | checkbox | no
woocommerce_registration_privacy_policy_text | Registration privacy policy | textarea |
woocommerce_checkout_privacy_policy_text | Checkout privacy policy | textarea |
woocommerce_registration_generate_username | Send username setup link | checkbox | yes
""",
    "email": """
woocommerce_email_from_name | "From" name | text |
woocommerce_email_from_address | "From" address | email |
woocommerce_email_reply_to_enabled | Add "Reply-to" email | checkbox | no
woocommerce_email_reply_to_name | "Reply-to" name | text |
woocommerce_email_reply_to_address | "Reply-to" address | email |
woocommerce_email_header_image_width | Logo width (px) | number | 120
woocommerce_email_header_alignment | Header alignment | select | left
woocommerce_email_footer_text | Footer text | textarea | {site_title}<br />{store_address}
woocommerce_email_base_color | Accent | color | #8526ff
woocommerce_email_background_color | Email background | color | #ffffff
woocommerce_email_body_background_color | Content background | color | #ffffff
woocommerce_email_text_color | Heading & text | color | #1e1e1e
woocommerce_email_footer_text_color | Secondary text | color | #787c82
""",
    "advanced": """
woocommerce_feature_point_of_sale_enabled | Point of Sale | checkbox | yes
woocommerce_cart_page_id | Cart page | select |  | 6
woocommerce_checkout_page_id | Checkout page | select | 7
woocommerce_myaccount_page_id | My account page | select |  | 8
woocommerce_terms_page_id | Terms and conditions | select |
woocommerce_checkout_pay_endpoint | Pay | text | order-pay
woocommerce_checkout_order_received_endpoint | Order received | text | order-received
woocommerce_myaccount_add_payment_method_endpoint | Add payment method | text | add-payment-method
woocommerce_myaccount_delete_payment_method_endpoint | Delete payment method | text | delete-payment-method
woocommerce_myaccount_set_default_payment_method_endpoint | Set default payment  | text | set-default-payment-method
woocommerce_myaccount_orders_endpoint | Orders | text | orders
woocommerce_myaccount_view_order_endpoint | View order | text | view-order
woocommerce_myaccount_downloads_endpoint | Downloads | text | downloads
woocommerce_myaccount_edit_account_endpoint | Edit account | text | edit-account
woocommerce_myaccount_edit_address_endpoint | Addresses | text | edit-address
woocommerce_myaccount_payment_methods_endpoint | Payment methods | text | payment-methods
woocommerce_myaccount_lost_password_endpoint | Lost password | text | lost-password
woocommerce_logout_endpoint | Logout | text | customer-logout
woocommerce_allow_tracking | Enable tracking | checkbox | no
woocommerce_show_marketplace_suggestions | Show Suggestions | checkbox | yes | no
woocommerce_custom_orders_table_enabled | Order data storage | radio | no | yes
woocommerce_custom_orders_table_data_sync_enabled |  | checkbox |
woocommerce_analytics_enabled | WooCommerce Analytics | checkbox | yes
woocommerce_feature_rate_limit_checkout_enabled | Rate limit Checkout | checkbox | no
woocommerce_feature_order_attribution_enabled | Order Attribution | checkbox | yes
woocommerce_hpos_datastore_caching_enabled | HPOS Data Caching | checkbox | no
woocommerce_feature_remote_logging_enabled | Remote Logging | checkbox | yes
woocommerce_feature_deferred_transactional_emails_enabled | Deferred emails | checkbox | no
woocommerce_feature_customer_review_request_enabled | Customer review request (beta) | checkbox | no
woocommerce_feature_email_improvements_enabled | Email improvements | checkbox | no
woocommerce_feature_blueprint_enabled | Blueprint (beta) | checkbox | yes
woocommerce_feature_cost_of_goods_sold_enabled | Cost of Goods Sold | checkbox | no
woocommerce_hpos_fts_index_enabled | HPOS Full text search indexes | checkbox | no
woocommerce_feature_abandoned_cart_recovery_enabled | Abandoned cart recovery | checkbox | no
woocommerce_feature_block_email_editor_enabled | Block Email Editor (alpha) | checkbox | no
wc_feature_woocommerce_additional_variation_images_enabled | Variation gallery | checkbox | no
woocommerce_feature_mcp_integration_enabled | WooCommerce MCP | checkbox | no
woocommerce_feature_destroy-empty-sessions_enabled | Clear Customer Sessions When Empty | checkbox | no
woocommerce_feature_rest_api_caching_enabled | REST API Caching | checkbox | no
woocommerce_cart_save_for_later_enabled | Save for Later in Cart | checkbox | no
woocommerce_product_wishlist_enabled | Wishlists | checkbox | no
woocommerce_feature_product_instance_caching_enabled | Cache Product Objects | checkbox | no
""",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting; `value` is what it is until somebody changes it."""

    id: str
    label: str
    kind: str
    default: str
    value: str


def _read(line: str) -> Setting:
    parts = [part.strip() for part in line.split("|")]
    return Setting(parts[0], parts[1], parts[2], parts[3], parts[-1] if len(parts) > 4 else parts[3])


SETTINGS: dict[str, dict[str, Setting]] = {
    group: {(one := _read(line)).id: one for line in table.strip().splitlines()} for group, table in _TABLES.items()
}
"""Group to id to setting."""

MESSAGE = {
    one.id: one
    for one in (
        Setting("enabled", "Enable/Disable", "checkbox", "yes", "yes"),
        Setting("subject", "Subject", "text", "", ""),
        Setting("heading", "Email heading", "text", "", ""),
    )
}
"""What every kind of message has."""
