"""Batches of requests through compiled searches."""
