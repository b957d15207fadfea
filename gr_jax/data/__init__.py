"""Catalogues, requests, and one file per source that they come from."""
