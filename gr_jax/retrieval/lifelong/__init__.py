"""Histories of a lifetime, compressed once and kept."""
