"""Processes: the supervisor of `bin/start`, the embedded Valkey, the web server, a worker per queue, the clock."""
