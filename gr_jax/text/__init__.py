"""Vectors of items and queries: from their text and from purchases."""
