"""Metrics, intervals, floors and the report."""
