"""Experiments: a config names one of these modules, `main` calls its `run`."""

from pkgutil import extend_path

# A folder `experiments` of your own, on the path, adds to this one.
__path__ = extend_path(__path__, __name__)
