"""Vectors with clusters in clusters, as item embeddings have them."""

import numpy as np


def clustered_vectors(rows: int, features: int, *, seed: int = 0) -> np.ndarray:
  """`[rows, features]` float32: coarse centre + fine centre + noise.

  Each of the three carries a third of the energy.
  """
  rng = np.random.default_rng(seed)
  coarse = rng.standard_normal((64, features), np.float32)
  fine = rng.standard_normal((4096, features), np.float32)
  vectors = rng.standard_normal((rows, features), np.float32)
  vectors += coarse[rng.integers(len(coarse), size=rows)]
  vectors += fine[rng.integers(len(fine), size=rows)]
  return vectors / np.sqrt(np.float32(3 * features))


def relative_error(residual: np.ndarray, vectors: np.ndarray) -> float:
  """`sum ||r||² / sum ||x||²`."""
  return float(np.vdot(residual, residual) / np.vdot(vectors, vectors))
