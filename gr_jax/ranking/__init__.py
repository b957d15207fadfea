"""Models that score given items."""
