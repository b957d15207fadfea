"""Losses of groups and of preferences."""
