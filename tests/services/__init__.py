"""Real servers for tests, started from wheels: PostgreSQL, Valkey."""
