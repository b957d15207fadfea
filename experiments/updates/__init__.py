"""Online updates: a run learns what came in, version after version."""
