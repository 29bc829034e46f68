"""The match desk: contacts that may be one person are compared, merged, and parted again (M9)."""
