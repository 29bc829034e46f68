"""Reads across rooms, for pages and the API; writes nothing."""
