"""Pauses between tries of what fails again and again.

They double from one failure to the next, up to a limit, and each is shortened
by a random share of up to a half: watchers that a server refused together do
not come back together.
"""

import random
import time
from collections.abc import Callable

MOST = 300.0
"""Seconds of the longest pause."""


class Backoff:
  """Whether it is too early for another try.

  Args:
    first: seconds of the first pause.
    most: seconds of the longest.
    now: the clock, which never goes back.
    draw: draws from [0, 1).
  """

  def __init__(
    self,
    first: float,
    *,
    most: float = MOST,
    now: Callable[[], float] = time.monotonic,
    draw: Callable[[], float] = random.random,
  ):
    self._first, self._most = first, most
    self._now, self._draw = now, draw
    self._failures = 0
    self._due = 0.0

  @property
  def waiting(self) -> bool:
    """True while the pause after the last failure lasts."""
    return self._failures > 0 and self._now() < self._due

  def failed(self) -> None:
    """Begins a pause, longer than the one before."""
    # A power of a large number would overflow.
    longest = min(self._most, self._first * 2.0 ** min(self._failures, 60))
    self._due = self._now() + longest * (1 - self._draw() / 2)
    self._failures += 1

  def worked(self) -> None:
    """The next failure is the first one again."""
    self._failures = 0
