"""Backup and restore of a whole installation: one file that fits SQLite and PostgreSQL alike."""
