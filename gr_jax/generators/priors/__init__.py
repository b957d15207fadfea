"""Counts that generators are conditioned on."""
