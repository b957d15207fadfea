"""Vectors to cluster and to learn from: of real products, and made-up ones."""

import pathlib
import sys

import numpy as np

from configs import cq_sid
from experiments.pipeline.embed import embed
from experiments.pipeline.prepare import prepare
from gr_jax.parallel.host_memory import release_freed_memory

FOLDER = pathlib.Path.home() / ".cache" / "gr_jax" / "benchmark"


def item_vectors(*, rows: int) -> np.ndarray:
  """The first item vectors `[rows, D]` of the default run.

  The first call of all takes a minute or two and leaves them in `FOLDER`.
  """
  config = cq_sid.get_config()
  print(f"vectors of the default data: {FOLDER}", file=sys.stderr)
  data = prepare(config.data, FOLDER)
  items = embed(config.vectors, FOLDER, data).items[:rows]
  del data
  release_freed_memory()  # A dozen processes hold their vectors at a time.
  return items


def mixture(*, rows: int, features: int, clusters: int = 2000) -> np.ndarray:
  """`[rows, features]` float32: a centre and noise of a fifth of its energy.

  Few centres are common and many rare, and the features' deviations fall as
  `(1 + i)^-0.35`, which spreads the energy as the real vectors have it.
  """
  rng = np.random.default_rng(0)
  centres = rng.standard_normal((clusters, features), np.float32)
  shares = np.arange(1, clusters + 1) ** -0.7
  vectors = 0.5 * rng.standard_normal((rows, features), np.float32)
  vectors += centres[rng.choice(clusters, rows, p=shares / shares.sum())]
  return vectors * np.arange(1, features + 1, dtype=np.float32) ** -0.35


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
