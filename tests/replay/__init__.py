"""A shop that answers from what two real WooCommerce stores were recorded to say.

Lists are paged, ordered and filtered by rules of its own, which the recordings show; objects are never made up. It
imports nothing of the application: a mistake shared with the client would prove itself right. What was never recorded
is answered with 500 and noted, so that the test that asked for it fails.
"""
