"""Measures of generated pictures: a classifier that reads them, a distance."""
