"""Random candidates of a random catalogue of twelve items."""

import numpy as np

from gr_jax.candidates.candidates import Candidates
from gr_jax.tokenizers.semantic_ids import SemanticIds
from tests.reference.random_ids import random_ids

SIZES, FEATURES = (3, 4, 2), 5


def catalogue(rng, has_ends):
  """Twelve items, several of an ID, and their popularity."""
  ids = random_ids(rng, SIZES, 8, has_ends=has_ends)
  codes = ids[rng.integers(0, len(ids), 12)]
  return SemanticIds(codes, SIZES), rng.integers(0, 9, 12)


def drawn(rng, semantic_ids, rows, requests, size=7):
  """Candidates of which some are padding, and the items that they are."""
  items = np.stack(
    [rng.permutation(12)[:size] for _ in range(rows * requests)]
  ).reshape(rows, requests, size)
  mask = rng.random(items.shape) < 0.8
  features = rng.normal(size=(*items.shape, FEATURES)).astype(np.float32)
  codes = np.where(mask[..., None], semantic_ids.codes[items], -1)
  kind = rng.integers(0, 3, (rows, requests), dtype=np.int32)
  return Candidates(codes.astype(np.int32), features, mask, kind), items
