"""The training data of CQ-SID: items with categories, and clicks on them."""

from typing import NamedTuple

import jax
import numpy as np

from gr_jax.parallel.constraints import split_rows
from gr_jax.training import scan_fit


class Clicks(NamedTuple):
  """The arrays that batches are drawn from.

  Attributes:
    vectors: `[N, D]` items.
    categories: `[N]` int32, -1 unknown.
    queries: `[Q, D]`.
    pairs: `[P, 2]` int32, (item, query) rows of training clicks.
  """

  vectors: jax.Array
  categories: jax.Array
  queries: jax.Array
  pairs: jax.Array


class Batch(NamedTuple):
  """One step's rows: `B` items and `b` clicked pairs (b = 0 without queries).

  Attributes:
    vectors: `[B, D]`; categories: `[B]` int32.
    pair_vectors: `[b, D]`; query_vectors: `[b, D]`.
    negative_mask: `[b, b]` bool (item, query), pairs that repeat neither.
  """

  vectors: jax.Array
  categories: jax.Array
  pair_vectors: jax.Array
  query_vectors: jax.Array
  negative_mask: jax.Array


def draw_batch(
  clicks: Clicks, key: jax.Array, *, items: int, pairs: int
) -> Batch:
  """`items` items and `pairs` clicks, drawn with replacement.

  The devices of a mesh share them.
  """
  rows_key, pairs_key = jax.random.split(key)
  rows = jax.random.randint(rows_key, (items,), 0, clicks.vectors.shape[0])
  total = clicks.pairs.shape[0]
  drawn = pairs if total else 0
  picks = jax.random.randint(pairs_key, (drawn,), 0, max(total, 1))
  item, query = clicks.pairs[picks].T
  repeat_mask = (item[:, None] == item) | (query[:, None] == query)
  return split_rows(
    Batch(
      clicks.vectors[rows],
      clicks.categories[rows],
      clicks.vectors[item],
      clicks.queries[query],
      ~repeat_mask,
    )
  )


def check_clicks(clicks: Clicks, *, num_categories: int) -> None:
  """Raises ValueError for rows out of range, with the first one named."""
  scan_fit.check_vectors(clicks.vectors, name="vectors")
  if len(clicks.queries):
    scan_fit.check_vectors(clicks.queries, name="query_vectors")
  bounds = {
    "categories": (clicks.categories, -1, num_categories),
    "pairs[:, 0]": (clicks.pairs[:, 0], 0, len(clicks.vectors)),
    "pairs[:, 1]": (clicks.pairs[:, 1], 0, len(clicks.queries)),
  }
  for name, (values, low, high) in bounds.items():
    values = np.asarray(values)
    bad = np.flatnonzero((values < low) | (values >= high))
    if len(bad):
      raise ValueError(
        f"{name}[{bad[0]}] = {values[bad[0]]} is outside {low}..{high - 1} "
        f"({len(bad)} such rows)."
      )
