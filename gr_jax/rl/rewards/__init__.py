"""Rewards of items and of semantic IDs."""
