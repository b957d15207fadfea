"""What a check finds: tidy rows, one figure each."""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

OURS = "gr_jax"


class Figure(NamedTuple):
  """One row.

  Attributes:
    what: what was measured, such as "1.7B" or "beam 50, batch 8".
    metric: the name of the figure, its unit in it.
    value: the figure.
    side: whose program it was.
  """

  what: str
  metric: str
  value: Any
  side: str = OURS


class Clock:
  """The seconds that are left of a budget."""

  def __init__(self, seconds: float):
    self._end = time.monotonic() + seconds

  def left(self) -> float:
    return self._end - time.monotonic()


Check = Callable[[Any, Clock], Iterator[Figure]]
"""(form, clock) -> figures, the most wanted first: what is found counts, also
where the check does not come to its end."""
