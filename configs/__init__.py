"""Recipes: one file a system, with its presets and what its paper says."""

from pkgutil import extend_path

# A folder `configs` of your own, on the path, adds to this one.
__path__ = extend_path(__path__, __name__)
