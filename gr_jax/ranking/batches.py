"""Ranking examples as rows of a fixed shape, see `ranking/sequences.py`."""

import dataclasses
import functools
from typing import Any

import numpy as np

from gr_jax.data.packing import Epochs, Row, pack
from gr_jax.data.requests import Requests
from gr_jax.data.stochastic_length import (
  StochasticLengthConfig,
  draw_events,
  draw_lengths,
  shortest,
)
from gr_jax.ranking.examples import Examples
from gr_jax.ranking.sequences import History, RankingBatch, Targets

_EMPTY = {"items": -1, "context": -1, "owners": -1}
_OF_TASKS = ("labels", "weights")


@dataclasses.dataclass(frozen=True)
class RowsConfig:
  """The shape of a batch.

  Attributes:
    rows: `R`.
    places: `S`, a multiple of the block.
    targets: `T`.
    kept: the newest events `L'` that outlive truncation; 0 = no truncation.
    block: places of a block.
    context: rows of the table of contextual tokens; user `u` has the token
      `u % context`.
    seed: the seed of the order of examples.
    alpha: `a` of stochastic length (`data/stochastic_length.py`), where `N` is
      the longest history of an example; every epoch draws anew. What was drawn
      is packed, so that every device has rows of one shape: even loads, without
      a target for each; shorter histories want more `targets` a row, or rows
      stay empty. 2 = whole histories are learned from. Whole ones are always
      evaluated.
  """

  rows: int = 4
  places: int = 1024
  targets: int = 64
  kept: int = 0
  block: int = 32
  context: int = 1024
  seed: int = 0
  alpha: float = 2.0

  def __post_init__(self):
    if not 0 < self.alpha <= 2:
      raise ValueError(f"rows.alpha ({self.alpha}) must be in (0, 2].")
    if self.places % self.block:
      raise ValueError(
        f"rows.places ({self.places}) must be a multiple of the block "
        f"({self.block})."
      )


def empty_batch(
  config: RowsConfig, *, tasks: int, kept: int = 0
) -> RankingBatch:
  """A batch without users.

  Args:
    config: the shape.
    tasks: `K`.
    kept: `S'`, the places that truncation keeps; 0 = no truncation.
  """

  def numbers(kind: Any, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    return {
      name: np.full(shape, _EMPTY.get(name, 0), np.int32)
      for name in kind.__dataclass_fields__
      if name not in _OF_TASKS
    }

  shape = config.rows, config.targets
  of_tasks = {name: np.zeros((*shape, tasks), np.float32) for name in _OF_TASKS}
  return RankingBatch(
    History(**numbers(History, (config.rows, config.places))),
    Targets(**numbers(Targets, shape), **of_tasks),
    np.full((config.rows, kept), -1, np.int32) if kept else None,
  )


class BatchWriter:
  """Writes rows.

  Args:
    requests: users and events.
    examples: what is learned or scored.
    config: the shape.

  Attributes:
    places: `[E]` places that an example needs.
    targets: `[E]` its targets.
    origin: the time that is 0, the oldest of the log.
  """

  def __init__(
    self, requests: Requests, examples: Examples, config: RowsConfig
  ):
    self._requests, self._examples, self._config = requests, examples, config
    times = requests.event_time, requests.time
    self.origin = min(int(t.min()) for t in times if len(t))
    self._whole = events = examples.end - examples.begin
    self.places = _blocks(events + 1, config.block)
    self._stochastic = StochasticLengthConfig(
      max(int(events.max(initial=0)), 1), config.alpha
    )
    self._lengths = functools.lru_cache(2)(self._drawn)
    self.targets = np.diff(examples.offsets)
    if len(self.places) and self.places.max() > config.places:
      raise ValueError(
        f"rows.places ({config.places}) is less than the {self.places.max()} "
        "that the longest history needs."
      )

  def epochs(self) -> Epochs:
    """The batches of endless epochs."""
    c = self._config

    def resized(epoch: int) -> np.ndarray:
      return _blocks(self._lengths(epoch) + 1, c.block)

    return Epochs(
      self.places, self.targets,
      row=c.places, most_targets=c.targets, rows=c.rows, seed=c.seed,
      resized=resized if c.alpha < 2 else None,
    )  # fmt: skip

  def in_order(self) -> list[list[Row]]:
    """Batches that hold every example once, to evaluate."""
    c = self._config
    rows = pack(
      self.places, self.targets, np.arange(len(self.places)),
      row=c.places, most_targets=c.targets,
    )  # fmt: skip
    return [rows[i : i + c.rows] for i in range(0, len(rows), c.rows)]

  def useful_share(self, rows: list[Row]) -> float:
    """The share of the rows' places that hold a token."""
    used = sum(
      int((self._lengths(row.epoch)[row.examples] + 1).sum()) for row in rows
    )
    return used / (len(rows) * self._config.places)

  def write(self, rows: list[Row]) -> RankingBatch:
    """A batch of at most `R` rows; missing ones are empty."""
    c = self._config
    batch = empty_batch(
      c,
      tasks=self._examples.pairs.labels.shape[1],
      kept=self._kept_places if c.kept else 0,
    )
    for r, row in enumerate(rows):
      begun = 0
      each = zip(row.examples, row.places, row.targets)
      for owner, (example, begin, first) in enumerate(each):
        events = self._events(example, row.epoch)
        self._history(batch.history, r, owner, example, begin, events)
        self._targets(batch.targets, r, owner, example, first, events)
        if c.kept:
          begun = self._keep(batch.kept, r, len(events), begin, begun)
    return batch

  def pairs(self, rows: list[Row]) -> np.ndarray:
    """`[R, T]` the number of the pair of each target, -1 = empty."""
    c = self._config
    found = np.full((c.rows, c.targets), -1, np.int64)
    for r, row in enumerate(rows):
      for example, first in zip(row.examples, row.targets):
        begin, end = self._examples.offsets[example : example + 2]
        found[r, first : first + end - begin] = np.arange(begin, end)
    return found

  def _drawn(self, epoch: int | None) -> np.ndarray:
    """`[E]` events that are read of the examples of an epoch."""
    if epoch is None:
      return self._whole
    rng = np.random.default_rng((self._config.seed, epoch, 0))
    return draw_lengths(self._whole, self._stochastic, rng)

  def _events(self, example: int, epoch: int | None) -> np.ndarray:
    """The rows of the events that are read of an example, oldest first."""
    begin, end = self._examples.begin[example], self._examples.end[example]
    length = self._lengths(epoch)[example]
    if epoch is None or length == end - begin:
      return np.arange(begin, end)
    seed = self._config.seed, epoch, 1, int(example)
    rng = np.random.default_rng(seed)  # Its own: rows are written in any order.
    return begin + draw_events(int(end - begin), int(length), rng)

  def _history(
    self, history: History, r: int, owner: int, example: int, begin: int,
    events: np.ndarray,
  ):  # fmt: skip
    e, log = self._examples, self._requests
    size = len(events)
    whole = slice(begin, begin + size + 1)
    history.owners[r, whole] = owner
    history.places[r, whole] = np.arange(size + 1)
    history.context[r, begin] = e.user[example] % self._config.context
    at = slice(begin + 1, begin + size + 1)
    history.items[r, at] = log.event_item[events]
    history.times[r, at] = log.event_time[events] - self.origin
    if log.event_action is not None:
      history.actions[r, at] = log.event_action[events] + np.int32(1)

  def _targets(
    self, targets: Targets, r: int, owner: int, example: int, first: int,
    events: np.ndarray,
  ):  # fmt: skip
    e = self._examples
    some = slice(e.offsets[example], e.offsets[example + 1])
    at = slice(first, first + some.stop - some.start)
    targets.items[r, at] = e.pairs.items[some]
    time = self._requests.time[e.pairs.requests[some]] - self.origin
    targets.times[r, at] = time
    targets.owners[r, at] = owner
    seen = np.searchsorted(events, e.begin[example] + e.seen[some])
    targets.seen[r, at] = seen + 1  # The context token.
    targets.labels[r, at] = e.pairs.labels[some]
    targets.weights[r, at] = 1

  def _keep(self, kept, r: int, size: int, begin: int, begun: int) -> int:
    newest = min(size, self._config.kept)
    mine = [begin, *range(begin + size + 1 - newest, begin + size + 1)]
    kept[r, begun : begun + len(mine)] = mine
    return begun + int(_blocks(len(mine), self._config.block))

  @functools.cached_property
  def _kept_places(self) -> int:
    """Places of a row that truncation keeps at most."""
    c = self._config
    share = 0.0
    for events in (self._whole, shortest(self._whole, self._stochastic)):
      own = _blocks(np.minimum(events, c.kept) + 1, c.block)
      # A row of the examples that keep the most of what they need.
      needs = _blocks(events + 1, c.block)
      share = max(share, (own / needs).max(initial=0))
    return int(_blocks(np.floor(share * c.places), c.block))


def _blocks(size, block: int):
  """Whole blocks, in places."""
  return -(-np.asarray(size, np.int64) // block) * block
