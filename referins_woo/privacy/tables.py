"""The data map: what each table holds of a store's customers, and what becomes of it when one is erased.

A house test asks that every table stands here: who adds one says what it holds.
"""

from __future__ import annotations

from typing import Final

DELETED: Final = "deleted"
EMPTIED: Final = "emptied"
DETACHED: Final = "detached"
NOTHING: Final = "nothing"

TABLES: Final[dict[str, tuple[str, str]]] = {
    "contacts": (DELETED, "name, e-mail, phone, addresses, tags, comments"),
    "contact_links": (DELETED, "which customer of which store the contact is"),
    "customer_mappings": (DELETED, "the user name that somebody typed, and what was decided"),
    "contact_log": (DELETED, "tags given and taken"),
    "matches": (DELETED, "which contacts may be one person"),
    "contact_merges": (DELETED, "what contacts were before they were merged, so that it can be undone"),
    "consent_events": (EMPTIED, "the address becomes a hash; state, source and time are kept as evidence"),
    "orders": (EMPTIED, "e-mail, addresses but the country, notes, references; money and lines are kept"),
    "order_lines": (NOTHING, "goods and prices"),
    "transactions": (EMPTIED, "the gateway's reference"),
    "messages": (EMPTIED, "address, name, subject, text, links and the values used; that a mail was sent is kept"),
    "message_events": (EMPTIED, "what a mail server said of the address; that they opened and clicked is deleted"),
    "mail_settings": (NOTHING, "how the merchant's e-mails look"),
    "dev_mails": (DELETED, "mails in the dev mailbox"),
    "runs": (DETACHED, "no longer tied to the contact; open ones are stopped"),
    "run_log": (EMPTIED, "the values that decisions saw"),
    "run_calls": (EMPTIED, "what webhooks were told"),
    "events": (EMPTIED, "no longer tied to the contact; the values that filters saw go"),
    "deliveries": (EMPTIED, "raw webhook bodies that hold the address"),
    "skipped_records": (EMPTIED, "name and detail of the customer's own record"),
    "suppressions": (EMPTIED, "a hash that keeps the person out of mail"),
    "erased_addresses": (NOTHING, "hashes of addresses"),
    "erased_customers": (NOTHING, "numbers of customers"),
    "contact_files": (NOTHING, "files of contacts: counts; the sample of rows goes when the import ends"),
    "contact_file_parts": (DELETED, "the content of files, while their import lasts"),
    "contact_file_problems": (EMPTIED, "rows that did not come in whole"),
    "list_task_parts": (DELETED, "files of lists that the account exported; they last a week anyhow"),
    "list_tasks": (NOTHING, "what was exported or changed; the search words that somebody typed last a month"),
    "list_task_rows": (NOTHING, "numbers of rows"),
    "saved_views": (NOTHING, "filters that the merchant's people named"),
    "default_views": (NOTHING, "the merchant's people"),
    "email_templates": (NOTHING, "what the merchant writes, with places for names"),
    "email_template_versions": (NOTHING, "the same, as it was"),
    "brand_kits": (NOTHING, "the merchant's colours"),
    "pictures": (NOTHING, "the merchant's pictures"),
    "accounts": (NOTHING, "the merchant"),
    "users": (NOTHING, "the merchant's people"),
    "memberships": (NOTHING, "the merchant's people"),
    "user_sessions": (NOTHING, "the merchant's people"),
    "api_tokens": (NOTHING, "the merchant's keys"),
    "kept_answers": (EMPTIED, "what the API answered to calls with a key, for a day"),
    "webhook_endpoints": (NOTHING, "addresses of the merchant's programs"),
    "webhook_calls": (EMPTIED, "the bodies; those that wait are not sent"),
    "webhook_attempts": (NOTHING, "answers of the merchant's programs"),
    "stores": (NOTHING, "connections"),
    "store_log": (NOTHING, "what happened to connections"),
    "grants": (NOTHING, "keys on their way"),
    "store_webhooks": (NOTHING, "webhooks in stores"),
    "invitations": (NOTHING, "the merchant's people"),
    "mail_links": (NOTHING, "the merchant's people"),
    "recovery_codes": (NOTHING, "the merchant's people"),
    "audit_entries": (NOTHING, "what the merchant's people did; a contact is named by its number"),
    "locations": (NOTHING, "places"),
    "products": (NOTHING, "goods"),
    "variants": (NOTHING, "goods"),
    "collections": (NOTHING, "goods"),
    "collection_products": (NOTHING, "goods"),
    "tombstones": (NOTHING, "numbers of orders"),
    "store_writes": (NOTHING, "numbers of orders and contacts, statuses, and names of fields"),
    "store_mappings": (NOTHING, "how a store's customers are mapped; a contact is named by its number"),
    "store_customer_names": (NOTHING, "numbers and hashes of names, while names are compared"),
    "currency_rates": (NOTHING, "rates of currencies"),
    "imports": (NOTHING, "progress"),
    "import_elements": (NOTHING, "progress"),
    "watermarks": (NOTHING, "progress"),
    "order_sightings": (NOTHING, "numbers of orders"),
    "automations": (NOTHING, "what the merchant built"),
    "automation_versions": (NOTHING, "what the merchant built"),
    "automation_edits": (NOTHING, "what the merchant built"),
    "automation_rules": (NOTHING, "quiet hours and caps"),
    "leases": (NOTHING, "who works"),
    "retention_marks": (NOTHING, "how far the nightly removal is"),
}
"""Table → (what becomes of a person's data in it, what it holds of them)."""
