"""Writes the candidates of requests as arrays."""

import copy
from collections.abc import Sequence
from typing import Self

import numpy as np

from gr_jax.candidates.candidates import Candidates
from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.log import Log
from gr_jax.candidates.pairs import Pairs, Proposed, best_pairs
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.source import Source

_CLIP = 5.0
_BLOCK = 256  # Rows at a time: scores of all items are held meanwhile.


class CandidateWriter:
  """Candidates of all sources, with the features of all sources.

  Features are standardised by the candidates of some training requests, once
  (`standardise`), and cut at 5 deviations.

  Attributes:
    log: as given.
    sources: as given.
    names: the names of the `F` features.
    mean: `[F]`, subtracted from features.
    scale: `[F]`, by which they are multiplied then.

  Args:
    log: the users, their events and the requests; None where a log comes later
      (`of`).
    sources: what is known of items.
    codes: `[N, L]` semantic IDs.
    size: `R`, the number of candidates of a request, at most.
  """

  def __init__(
    self,
    log: Log | None,
    sources: Sequence[Source],
    codes: np.ndarray,
    *,
    size: int = 192,
  ):
    self.log, self.sources, self.size = log, tuple(sources), size
    self._codes = codes.astype(np.int32)
    self.names = tuple(name for source in sources for name in source.names)
    self.mean = np.zeros(len(self.names), np.float32)
    self.scale = np.ones(len(self.names), np.float32)

  @property
  def num_items(self) -> int:
    """`N`."""
    return len(self._codes)

  def of(self, log: Log) -> Self:
    """This writer for the requests of another log."""
    found = copy.copy(self)
    found.log = log
    return found

  def grown(self, items: ItemFacts, codes: np.ndarray) -> Self:
    """This writer with more items, which nobody chose yet.

    Args:
      items: the facts of all items, the new ones behind the others.
      codes: `[N, L]` semantic IDs of all items.
    """
    found = copy.copy(self)
    found.sources = tuple(source.grown(items) for source in self.sources)
    found._codes = codes.astype(np.int32)
    return found

  def standardise(
    self,
    requests: np.ndarray,
    *,
    hidden_share: float,
    scales: Self | None = None,
  ) -> None:
    """Measures mean and deviation of features on requests `[n]`.

    Args:
      requests: rows of the log.
      hidden_share: the share of them whose history is hidden.
      scales: a writer whose mean and deviation are taken; None measures them.
    """
    rng = np.random.default_rng(0)
    batch = RequestBatch(
      self._of_log(),
      requests[:, None],
      rng.random(len(requests)) >= hidden_share,
    )
    for source in self.sources:
      source.measure(batch)
    if scales is not None:
      self.mean, self.scale = scales.mean, scales.scale
      return
    features = self.features(batch, self.pairs(batch))
    self.mean = features.mean(axis=0)
    self.scale = 1 / np.maximum(features.std(axis=0), 1e-3)

  def __call__(self, requests: np.ndarray, *, shown: np.ndarray) -> Candidates:
    """The candidates of requests `[B, P]`, whose rows share user and history.

    Args:
      requests: rows of the log.
      shown: `[B]`, whether the history is known.
    """
    parts = [
      self._write(
        requests[begin : begin + _BLOCK], shown[begin : begin + _BLOCK]
      )
      for begin in range(0, len(requests), _BLOCK)
    ]
    return Candidates(*(np.concatenate(arrays) for arrays in zip(*parts)))

  def _write(self, requests: np.ndarray, shown: np.ndarray) -> tuple:
    batch = RequestBatch(self._of_log(), requests, shown)
    items, features = self._items(batch)
    codes = np.where(items[..., None] < 0, np.int32(-1), self._codes[items])
    return codes, features, items >= 0, batch.kinds

  def items(
    self, requests: np.ndarray, *, shown: np.ndarray
  ) -> tuple[np.ndarray, np.ndarray]:
    """The candidates of requests `[B, P]` as items, all at a time.

    Returns:
      Rows of the catalogue `[B, P, R]`, -1 where there are fewer, and features
      `[B, P, R, F]` float32, standardised, 0 where there is no item.
    """
    return self._items(RequestBatch(self._of_log(), requests, shown))

  def _items(self, batch: RequestBatch) -> tuple[np.ndarray, np.ndarray]:
    pairs = self.pairs(batch)
    features = (self.features(batch, pairs) - self.mean) * self.scale
    shape = (batch.num_requests, self.size)
    start = np.searchsorted(pairs.owners, np.arange(batch.num_requests))
    place = pairs.owners, np.arange(len(pairs)) - start[pairs.owners]
    items = np.full(shape, -1)
    items[place] = pairs.items
    written = np.zeros((*shape, len(self.names)), np.float32)
    written[place] = np.clip(features, -_CLIP, _CLIP)
    shape = (*batch.requests.shape, self.size)
    return items.reshape(shape), written.reshape(*shape, -1)

  def _of_log(self) -> Log:
    if self.log is None:
      raise ValueError("the writer has no log: give it one with `of`.")
    return self.log

  def pairs(self, batch: RequestBatch) -> Pairs:
    """The candidates of all requests."""
    nobody = np.zeros(0, np.int64)
    proposals = [source.propose(batch) for source in self.sources]
    return best_pairs(
      [Proposed(nobody, nobody, nobody), *(p for p in proposals if p)],
      num_items=self.num_items,
      size=self.size,
    )

  def features(self, batch: RequestBatch, pairs: Pairs) -> np.ndarray:
    """`[n, F]`, before they are standardised."""
    parts = [source.describe(batch, pairs) for source in self.sources]
    return np.concatenate(parts, axis=1)
