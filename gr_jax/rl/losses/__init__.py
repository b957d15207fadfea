"""Losses of groups: the GRPO family and preferences."""
