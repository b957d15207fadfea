"""Recipes: a config names one of these modules, and `main` calls its `run`."""
