"""Referins for WooCommerce: marketing automation and order desk for WooCommerce stores.

The rooms stand in the order in which data flows: stores and ingest receive, events record, runs decide,
mail delivers. `docs/development.md` has the map; import-linter holds the direction.
"""

__version__ = "0.1.0"
"""As in pyproject.toml (a house test compares them); a checkout is not installed and cannot be asked."""
