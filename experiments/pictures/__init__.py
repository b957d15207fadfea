"""Stages of runs whose results are pictures."""
