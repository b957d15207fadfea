r"""Values as classes: equal-frequency buckets of what an impression was worth.

GR4AD (arXiv 2602.22732) lets a generator predict the bucket of the value after
the last code of an ID. The bucket of a value is the number of edges below it,

$$ b(v) = |\{k : e_k < v\}|, \qquad e_k = Q_{k/B}(v), \quad 0 < k < B, $$

with the quantiles of the training period, and the value that a prediction
stands for is its mean, $\hat v = \sum_b p_b \bar v_b$, with the mean
$\bar v_b$ of the training values of a bucket. Equal values are one bucket, so
that there may be fewer than were wanted.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np


@dataclasses.dataclass(frozen=True)
class ValueBuckets:
  """Buckets of a training period.

  Attributes:
    edges: `[B - 1]` float32, rising.
    means: `[B]` float32, the mean training value of each bucket.
  """

  edges: np.ndarray
  means: np.ndarray

  def __len__(self) -> int:
    return len(self.means)

  def padded(self, count: int) -> "ValueBuckets":
    """These and empty ones above them, `count` in all."""
    missing = count - len(self)
    return ValueBuckets(
      np.pad(self.edges, (0, missing), constant_values=np.inf),
      np.pad(self.means, (0, missing), mode="edge"),
    )

  def of(self, values: jax.Array) -> jax.Array:
    """The buckets `[...]` int32 of values."""
    found = jnp.searchsorted(jnp.asarray(self.edges), values, side="left")
    return found.astype(jnp.int32)

  def expected(self, logits: jax.Array) -> jax.Array:
    """`expected_value` under these buckets."""
    return expected_value(logits, jnp.asarray(self.means))


def expected_value(logits: jax.Array, means: jax.Array) -> jax.Array:
  """The mean value `[...]` of predictions `[..., B]`; `means` are `[B]`."""
  chances = jax.nn.softmax(logits.astype(jnp.float32), axis=-1)
  return chances @ means


def value_buckets(values: np.ndarray, *, count: int = 20) -> ValueBuckets:
  """At most `count` buckets that hold equally many of the values `[N]`.

  Raises:
    ValueError: fewer than two buckets, no values, or one that is not finite.
  """
  values = np.asarray(values, np.float32)
  if count < 2:
    raise ValueError(f"{count} value buckets; give at least 2.")
  if not values.size or not np.isfinite(values).all():
    raise ValueError(
      f"{values.size} values, {np.isfinite(values).sum()} of them finite: give "
      "finite ones."
    )
  shares = np.arange(1, count) / count
  edges = np.unique(np.quantile(values, shares, method="inverted_cdf"))
  # Above the largest value nothing is.
  edges = edges[edges < values.max()]
  bucket = np.searchsorted(edges, values, side="left")
  number = np.bincount(bucket, minlength=len(edges) + 1)
  total = np.bincount(bucket, values.astype(np.float64), len(edges) + 1)
  return ValueBuckets(edges, (total / number).astype(np.float32))


def sample_weights(
  *factors: np.ndarray, low: float = 0.1, high: float = 10.0
) -> np.ndarray:
  """The product of factors `[N]`, cut to [low, high], with mean 1.

  GR4AD weighs a sample by its user and its behaviour; bounds and mean are
  `[OURS]`.

  Raises:
    ValueError: no factors, or one below 0.
  """
  if not factors or any((np.asarray(x) < 0).any() for x in factors):
    raise ValueError("sample weights are products of factors of at least 0.")
  product = np.prod([np.asarray(x, np.float64) for x in factors], axis=0)
  weights = np.clip(product, low, high)
  return weights / weights.mean()
