"""Figures of single requests and of tables of IDs, head and tail apart."""

from collections.abc import Sequence

import numpy as np

from gr_jax.data import row_lists
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation import metrics
from gr_jax.retrieval.items_of_ids import expand_items
from gr_jax.tokenizers.semantic_ids import SemanticIds

CUTOFFS = (10, 50, 100, 200, 500, 1000, 2000)
RECALLS = tuple(f"recall@{k}" for k in CUTOFFS)
MRRS = ("mrr@10", "mrr@100")
INVALID = ("hallucination@10", "hallucination")
SEGMENTS = ("all", "head", "tail", "new")
QUANTILES = (0.8, 0.9, 0.99, 0.999)


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


def request_figures(
  prefix: str,
  items: np.ndarray,
  relevant: RowLists,
  popularity: np.ndarray,
  *,
  ids: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
  """`PREFIX/SEGMENT/METRIC` to `[R]` float32, NaN where nothing counts.

  A beam of IDs has given way to the items behind them, in the order of the IDs
  and the most popular of an ID first. Of a request with relevant items `T`,

    recall@k        share of T among the first k items
    recall@all      share of T among all items that the beam names
    mrr@k           one over the rank of the first of T, 0 past rank k
    items           how many items the beam names (the paper's Ret-Per)
    hallucination   share of the beam that names nothing
    hallucination@10, of its first ten

  A segment narrows T, never the ranking; a request that is left with none does
  not count in it.

  Args:
    prefix: The kind of requests and the decoding.
    items: `[R, K]` catalogue rows, best first, -1 where there are no more.
    relevant: The distinct relevant catalogue rows of the same requests.
    popularity: `[N]` training interactions, which part the segments.
    ids: `[R, M]` the beam, -1 = names nothing; None for what names items
      itself and so does not hallucinate.
  """
  named = (items >= 0).sum(axis=1)
  columns = {}
  for segment, there in segments_of(popularity).items():
    wanted = row_lists.where(relevant, there[relevant.rows])
    hits, sizes = metrics.hit_matrix(items, wanted), wanted.sizes
    for metric in reported(prefix.rpartition("/")[2], segment):
      name, _, k = metric.partition("@")
      if metric in INVALID:
        if ids is None:
          continue
        figures = (ids[:, : int(k or ids.shape[1])] < 0).mean(axis=1)
      elif name == "mrr":
        figures = metrics.mrr(hits, k=int(k))
      elif name == "recall":
        depth = items.shape[1] if k == "all" else int(k)
        figures = metrics.recall(hits, np.maximum(sizes, 1), k=depth)
      else:
        figures = named
      figures = np.where(sizes > 0, figures, np.nan).astype(np.float32)
      columns[f"{prefix}/{segment}/{metric}"] = figures
  return columns


def reported(decoding: str, segment: str) -> Sequence[str]:
  """The metrics that the study reports of a decoding and segment."""
  if decoding == "unconstrained":
    return () if segment == "new" else (*RECALLS[-3:], "items", *INVALID)
  if segment == "all":
    return (*RECALLS, "recall@all", *MRRS, "items")
  return ("recall@100", "recall@all", "items")


def id_figures(ids: SemanticIds, popularity: np.ndarray) -> dict:
  """How a table of IDs spreads a catalogue.

    ids                   distinct IDs
    items_per_id          their mean number of items
    items_at_an_items_id  its mean over items: an item and those at its ID
    quantiles             of that number, over IDs, at `QUANTILES`
    largest               the most
    length_head           mean codes of an item of the head, and of the tail
    ends_head             share of those whose ID ends at each level

  Args:
    ids: The IDs of the catalogue.
    popularity: `[N]` training interactions; the head has 80 % of them.
  """
  sizes, lengths = np.diff(ids.item_offsets), (ids.codes >= 0).sum(axis=1)
  head = metrics.head_items(popularity)
  figures: dict = {
    "ids": ids.num_ids,
    "items_per_id": float(sizes.mean()),
    "items_at_an_items_id": float(np.square(sizes).sum() / len(ids)),
    "quantiles": [float(q) for q in np.quantile(sizes, QUANTILES)],
    "largest": int(sizes.max()),
    "level_sizes": list(ids.level_sizes),
  }
  for part, chosen in (("head", lengths[head]), ("tail", lengths[~head])):
    counts = np.bincount(chosen, minlength=ids.num_levels + 1)[1:]
    figures[f"length_{part}"] = float(chosen.mean()) if len(chosen) else 0.0
    figures[f"ends_{part}"] = (counts / max(len(chosen), 1)).tolist()
  return figures
