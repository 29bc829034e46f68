"""Contacts from a CSV file: read for a look first, then taken in, row by row, with every refusal said."""
