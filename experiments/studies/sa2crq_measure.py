"""Figures of single requests of the SA2CRQ study.

A beam of IDs gives way to the items behind them, in the order of the IDs and
the most popular of an ID first. Then, of a request with relevant items `T`,

  recall@k        share of T among the first k items
  recall@all      share of T among all items that the beam names
  mrr@k           one over the rank of the first of T, 0 past rank k
  items           how many items the beam names (the paper's Ret-Per)
  hallucination   share of the beam that names nothing
  hallucination@10, of its first ten

A segment narrows T, never the ranking; a request that is left with none does
not count in it.
"""

from collections.abc import Mapping

import numpy as np

from gr_jax.data import row_lists
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation import metrics
from gr_jax.retrieval.items_of_ids import expand_items
from gr_jax.tokenizers.semantic_ids import SemanticIds

CUTOFFS = (10, 50, 100, 200, 500, 1000, 2000)
RECALLS = tuple(f"recall@{k}" for k in CUTOFFS)
ALL, ITEMS = "recall@all", "items"
MRRS = ("mrr@10", "mrr@100")
INVALID = ("hallucination@10", "hallucination")
METRICS = (*RECALLS, ALL, *MRRS, ITEMS, *INVALID)
SEGMENTS = ("all", "head", "tail", "new")


def segments_of(popularity: np.ndarray) -> dict[str, np.ndarray]:
  """Items `[N]` bool of each segment.

  Head holds 80 % of the purchases of the training period, tail is the rest;
  "new" is that part of the tail that nobody had bought.
  """
  head = metrics.head_items(popularity)
  whole = np.ones(len(popularity), bool)
  return dict(zip(SEGMENTS, (whole, head, ~head, popularity == 0)))


def expanded(
  ids: np.ndarray, semantic_ids: SemanticIds, popularity: np.ndarray
) -> np.ndarray:
  """All items `[R, K]` that beams `[R, M]` name, -1 after the last."""
  sizes = np.append(np.diff(semantic_ids.item_offsets), 0)
  most = int(sizes[ids].sum(axis=1).max(initial=1))
  return expand_items(ids, semantic_ids, popularity, k=max(most, max(CUTOFFS)))


def measure(
  items: np.ndarray,
  relevant: RowLists,
  segments: Mapping[str, np.ndarray],
  *,
  ids: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
  """Segment to `[R, len(METRICS)]` float32, NaN where nothing counts.

  Args:
    items: `[R, K]` catalogue rows, best first, -1 where there are no more.
    relevant: distinct catalogue rows of the same requests.
    segments: see `segments_of`.
    ids: `[R, M]` the beam, -1 = names nothing; None for what names items
      itself and so does not hallucinate.
  """
  named = (items >= 0).sum(axis=1)
  invalid = [np.full(len(items), np.nan)] * 2
  if ids is not None:
    invalid = [(ids[:, :10] < 0).mean(axis=1), (ids < 0).mean(axis=1)]
  found = {}
  for name, segment in segments.items():
    wanted = row_lists.where(relevant, segment[relevant.rows])
    hits, sizes = metrics.hit_matrix(items, wanted), wanted.sizes
    counted = np.maximum(sizes, 1)
    columns = [
      *[metrics.recall(hits, counted, k=k) for k in CUTOFFS],
      metrics.recall(hits, counted, k=items.shape[1]),
      *[metrics.mrr(hits, k=int(metric[4:])) for metric in MRRS],
      named,
      *invalid,
    ]
    table = np.stack(columns, axis=1).astype(np.float32)
    found[name] = np.where(sizes[:, None] > 0, table, np.float32(np.nan))
  return found
