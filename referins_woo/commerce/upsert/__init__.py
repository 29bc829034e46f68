"""Writes the mirror, in bulk: each function takes records, changes rows and returns what changed; none commits."""
