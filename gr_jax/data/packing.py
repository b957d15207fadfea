r"""Histories of any length packed into rows of one length.

Padding every history to the longest wastes what heavy tails make of it: most of
a batch. Here a row of `S` places takes several histories, each in whole blocks,
as long as their places and their targets fit: first fit, the longest first,
among `window` shuffled examples at a time, so that the order stays random on
the scale of an epoch. The plan of an epoch follows from its seed alone: a run
that goes on reads the exact next rows.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

_WINDOW = 1024


class Row(NamedTuple):
  """What lies in a row.

  Attributes:
    examples: the examples in their order.
    places: the first place of each.
    targets: the first target of each.
    epoch: whose sizes the examples have; None = those of every epoch.
  """

  examples: np.ndarray
  places: np.ndarray
  targets: np.ndarray
  epoch: int | None = None


def pack(
  places: np.ndarray,
  targets: np.ndarray,
  order: np.ndarray,
  *,
  row: int,
  most_targets: int,
  window: int = _WINDOW,
) -> list[Row]:
  """Rows that hold the examples `order`, each once.

  Args:
    places: `[n]` places that an example needs, whole blocks.
    targets: `[n]` its targets.
    order: the examples that are packed.
    row: `S`, at least the most places of an example.
    most_targets: targets of a row, at least the most of an example.
    window: examples that are looked at together.

  Raises:
    ValueError: an example does not fit a row.
  """
  for name, sizes, most in (
    ("places", places, row),
    ("targets", targets, most_targets),
  ):
    if len(order) and sizes[order].max() > most:
      raise ValueError(
        f"an example has {sizes[order].max()} {name}, a row {most} at most."
      )
  rows: list[Row] = []
  for begin in range(0, len(order), window):
    some = order[begin : begin + window]
    longest = np.argsort(-places[some], kind="stable")
    rows += _first_fit(some[longest], places, targets, row, most_targets)
  return rows


def _first_fit(
  order: np.ndarray,
  places: np.ndarray,
  targets: np.ndarray,
  row: int,
  most_targets: int,
) -> list[Row]:
  room = np.zeros((len(order), 2), np.int64)
  room[:] = row, most_targets
  opened, where = 0, np.zeros(len(order), np.int64)
  for i, example in enumerate(order):
    needs = places[example], targets[example]
    fits = (room[:opened] >= needs).all(axis=1)
    at = int(fits.argmax()) if fits.any() else opened
    opened = max(opened, at + 1)
    room[at] -= needs
    where[i] = at
  found = []
  for at in range(opened):
    mine = order[where == at]
    sizes = places[mine], targets[mine]
    first, target = (np.cumsum(each) - each for each in sizes)
    found.append(Row(mine, first, target))
  return found


class Epochs:
  """Batches of rows, epoch after epoch, by their number.

  Args:
    places: `[n]` places that an example needs.
    targets: `[n]` its targets.
    row: `S`.
    most_targets: targets of a row.
    rows: rows of a batch.
    seed: the seed of the shuffling.
    resized: the places `[n]` of an epoch, by its number, where examples have
      other sizes in each (`stochastic_length`).
  """

  def __init__(
    self,
    places: np.ndarray,
    targets: np.ndarray,
    *,
    row: int,
    most_targets: int,
    rows: int,
    seed: int,
    resized: Callable[[int], np.ndarray] | None = None,
  ):
    if not len(places):
      raise ValueError("there is no example to learn from.")
    self._sizes = places, targets
    self._shape = {"row": row, "most_targets": most_targets}
    self._rows, self._seed = rows, seed
    self._resized = resized
    self._begins = [0]
    self._plan = functools.lru_cache(2)(self._packed)

  def rows(self, batch: int) -> list[Row]:
    """The rows of a batch; the last of an epoch may have fewer."""
    epoch = 0
    while True:
      if epoch + 1 == len(self._begins):
        batches = -(-len(self._plan(epoch)) // self._rows)
        self._begins.append(self._begins[-1] + batches)
      if batch < self._begins[epoch + 1]:
        break
      epoch += 1
    begin = (batch - self._begins[epoch]) * self._rows
    return self._plan(epoch)[begin : begin + self._rows]

  def _packed(self, epoch: int) -> list[Row]:
    rng = np.random.default_rng((self._seed, epoch))
    order = rng.permutation(len(self._sizes[0]))
    places, targets = self._sizes
    if self._resized:
      places = self._resized(epoch)
    rows = pack(places, targets, order, **self._shape)
    if self._resized:
      rows = [row._replace(epoch=epoch) for row in rows]
    return [rows[i] for i in rng.permutation(len(rows))]
