"""Figures of pages: found, looked up and filled in; see `figures.py`."""
