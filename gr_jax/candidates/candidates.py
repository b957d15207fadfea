"""The candidates of a batch of requests, as a generator reads them."""

import jax
import numpy as np
from flax import struct

KINDS = ("next_basket", "semantic", "personalised")
"""Kinds of requests: no query, a query of somebody unknown, of a known user."""


@struct.dataclass
class Candidates:
  """`R` items for each of `B P` requests; `P` is 1 in a search.

  Attributes:
    codes: `[B, P, R, L]` int32, their semantic IDs.
    features: `[B, P, R, F]` float32, of about zero mean and unit variance.
    mask: `[B, P, R]` bool, False where there are fewer.
    kind: `[B, P]` int32, places in `KINDS`.
  """

  codes: np.ndarray | jax.Array
  features: np.ndarray | jax.Array
  mask: np.ndarray | jax.Array
  kind: np.ndarray | jax.Array
