"""Beams that follow the load: wider ones while a server is idle."""

import math
import time
from collections.abc import Callable, Sequence

from gr_jax.decoding.beams import (
  BeamSize,
  answer_size,
  decoder_positions,
  level_widths,
)
from gr_jax.serving.engine.load_meter import Backlog, LoadMeter
from gr_jax.serving.engine.load_policy import Choice, LoadPolicy, next_choice


class AdaptiveBeams:
  """Chooses the beam of every search, and learns from how it went.

  One thread chooses and reports; any may read `beam`.

  Args:
    beams: the choice, narrowest first, all compiled.
    levels: the number of levels of the IDs.
    target: seconds in which 99 of 100 answers are to come.
    sizes: the sizes of batches that are compiled, smallest first.
    start: the place of the first choice.
    clock: the seconds.

  Attributes:
    beam: the beam that was chosen last.
  """

  def __init__(
    self,
    beams: Sequence[BeamSize],
    *,
    levels: int,
    target: float,
    sizes: Sequence[int],
    start: int = 0,
    clock: Callable[[], float] = time.monotonic,
  ):
    self._beams, self._clock = tuple(beams), clock
    costs = _costs(beams, levels)
    self._policy = LoadPolicy(target)
    self._meter = LoadMeter(costs, sizes)
    self._choice = Choice(start, clock())
    self.beam = self._beams[start]

  @property
  def allowed(self) -> tuple[BeamSize, ...]:
    """The beam that was chosen last and all that are wider, widest first."""
    return self._beams[self._beams.index(self.beam) :][::-1]

  def choose(self, backlog: Backlog) -> BeamSize:
    """The beam of the search that begins now; it holds its requests' `k`."""
    load = self._meter.load(self._clock(), backlog)
    self._choice = next_choice(self._policy, self._choice, load)
    wide = self._beams[self._choice.level :]
    self.beam = wide[0]
    return next((b for b in wide if answer_size(b) >= backlog.k), wide[-1])

  def ended(
    self, beam: BeamSize, seconds: float, late: Sequence[float]
  ) -> None:
    """A search has ended, of whatever beam.

    Args:
      beam: the beam.
      seconds: the time that the search took.
      late: for each of its requests the seconds since it arrived.
    """
    if beam in self._beams:
      self._meter.searched(self._beams.index(beam), len(late), seconds)
    self._meter.answered(self._clock(), late)


def _costs(beams: Sequence[BeamSize], levels: int) -> tuple[float, ...]:
  return tuple(
    float(decoder_positions(level_widths(beam, levels))) for beam in beams
  )


def scaled_beams(
  beam: BeamSize, multiples: Sequence[float], levels: int
) -> tuple[BeamSize, ...]:
  """The beam's widths times each of the multiples, narrowest first.

  Raises:
    ValueError: multiples that do not rise, do not hold 1, or round to the same
      widths.
  """
  rising = list(multiples) == sorted(set(multiples))
  finite = all(map(math.isfinite, multiples))
  if not rising or 1 not in multiples or multiples[0] <= 0 or not finite:
    raise ValueError(
      f"multiples of the beam must be positive, finite, rise, and hold 1; got "
      f"{','.join(f'{m:g}' for m in multiples)}."
    )

  def scaled(width: int, multiple: float) -> int:
    return max(1, round(multiple * width))

  found = tuple(
    scaled(beam, multiple)
    if isinstance(beam, int)
    else tuple(scaled(width, multiple) for width in beam)
    for multiple in multiples
  )
  costs = _costs(found, levels)
  if sorted(set(costs)) != [*costs]:
    raise ValueError(
      f"multiples {','.join(f'{m:g}' for m in multiples)} of a beam of {beam} "
      f"must decode more and more positions; got {costs}: give fewer, or a "
      "wider beam."
    )
  return found
