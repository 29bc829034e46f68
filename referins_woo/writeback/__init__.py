"""The way back to the shop: an outbox of changes made here, each sent through the door and verified by the answer.

It never writes the mirror: what a change brings comes back as the store's echo, or with the next sweep, by the way of
all records.
"""
