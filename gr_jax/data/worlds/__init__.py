"""Seeded synthetic worlds whose truth is known."""
