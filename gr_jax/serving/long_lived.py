"""Spares a server the search for garbage among what it keeps to its end.

A full collection of Python visits every object while no thread can answer: a
quarter of a million of imported modules and compiled programs are a tenth of a
second to half of one, and loading a version makes enough objects to cause it.
"""

import gc


def keep_what_is_there() -> None:
  """Collects garbage once; what is left is not visited again."""
  gc.collect()
  gc.freeze()
