"""Contacts as customers of a store: who is mapped to whom, who is suggested, and what goes to the store (W1-W8).

The links themselves are `commerce.models.ContactLink`; what was said about a contact is a `CustomerMapping`. What is
sent leaves by `writeback`. Nothing of a contact goes to a store unless it is ticked there.
"""
