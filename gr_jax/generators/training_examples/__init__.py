"""Training examples from request logs."""
