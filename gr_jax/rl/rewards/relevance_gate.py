r"""The relevance gate of GenRec: irrelevant items have no reward.

  G_i = 1(s_i > tau),   s_i = max cosine(x_i, x_j) over the user's last m items

The paper does not define `s_i`: the cosine to the latest clicks, `m = 20`, and
`tau` = the 20 % quantile of `s` over random items are `[OURS]`, and so is that
the gate is open for a user without a history: nothing says what is irrelevant.
"""

import dataclasses

import numpy as np

from gr_jax.data.requests import Requests
from gr_jax.training.scan_fit import check_vectors

_CHUNK = 16_384


@dataclasses.dataclass(frozen=True)
class GateConfig:
  """The history that the gate reads, and how often it is shut.

  Attributes:
    last: the number of latest clicks that count, `m`.
    quantile: the quantile of random items' scores below which it is shut.
    samples: the number of random (request, item) pairs behind that quantile.
    seed: the seed of those pairs.
  """

  last: int = 20
  quantile: float = 0.2
  samples: int = 20_000
  seed: int = 0


class RelevanceGate:
  """A reward of 0 or 1 per item, and the scores behind it.

  Args:
    requests: users and their histories.
    vectors: item vectors `[N, D]` of any length.
    rows: request rows of the training split, from which the threshold is drawn.
    config: sizes.

  Raises:
    ValueError: vectors that are not finite.

  Attributes:
    threshold: `tau`; -inf where no row has a history.
  """

  def __init__(
    self,
    requests: Requests,
    vectors: np.ndarray,
    *,
    rows: np.ndarray,
    config: GateConfig | None = None,
  ):
    self._config = config = GateConfig() if config is None else config
    self._requests = requests
    check_vectors(vectors, name="the relevance gate's vectors")
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    self._vectors = vectors / np.maximum(length, 1e-12)
    rng = np.random.default_rng(config.seed)
    sampled = rng.choice(rows, config.samples)
    items = rng.integers(0, len(vectors), config.samples)
    scores = self.scores(sampled, items)
    scores = scores[np.isfinite(scores)]
    self.threshold = (
      float(np.quantile(scores, config.quantile)) if len(scores) else -np.inf
    )

  def scores(self, requests: np.ndarray, items: np.ndarray) -> np.ndarray:
    """`[n]` largest cosine to the latest items; +inf without a history."""
    requests, items = np.asarray(requests), np.asarray(items)
    parts = [
      self._scores(requests[k : k + _CHUNK], items[k : k + _CHUNK])
      for k in range(0, len(items), _CHUNK)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)

  def _scores(self, requests: np.ndarray, items: np.ndarray) -> np.ndarray:
    log = self._requests
    start = log.user_offsets[log.user[requests]][:, None]
    events = log.history_end[requests][:, None] - np.arange(
      1, self._config.last + 1
    )
    there = events >= start
    history = self._vectors[log.event_item[np.where(there, events, 0)]]
    cosine = np.einsum("nd,nmd->nm", self._vectors[items], history)
    best = np.where(there, cosine, -np.inf).max(axis=1)
    return np.where(there.any(axis=1), best, np.inf).astype(np.float32)

  def __call__(self, requests: np.ndarray, items: np.ndarray) -> np.ndarray:
    """`[n]` float32, 1 where the gate is open."""
    open_mask = self.scores(requests, items) > self.threshold
    return open_mask.astype(np.float32)
