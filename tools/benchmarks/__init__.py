"""Benchmarks against what a user would pick instead; see `benchmark.py`."""
