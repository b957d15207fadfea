"""The candidates of a batch of requests, as a generator reads them."""

import jax
import numpy as np
from flax import struct


@struct.dataclass
class Candidates:
  """`R` items for each of `B P` requests; `P` is 1 in a search.

  Attributes:
    codes: `[B, P, R, L]` int32, their semantic IDs.
    features: `[B, P, R, F]` float32, of about zero mean and unit variance.
    mask: `[B, P, R]` bool, False where there are fewer.
  """

  codes: np.ndarray | jax.Array
  features: np.ndarray | jax.Array
  mask: np.ndarray | jax.Array
