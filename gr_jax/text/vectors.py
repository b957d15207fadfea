"""Vectors of items and queries: text beside purchases."""

import dataclasses

import numpy as np
import polars as pl

from gr_jax.data import row_lists
from gr_jax.data.catalogue import Catalogue
from gr_jax.data.requests import Requests
from gr_jax.data.training_period import page_mask
from gr_jax.text.copurchase import copurchase_vectors
from gr_jax.text.encoder import TextEncoder, unit_rows


@dataclasses.dataclass(frozen=True)
class VectorsConfig:
  """Sizes and weights of the two parts of a vector.

  Attributes:
    dimensions: The width of the collaborative part.
    shift: The shift of the PMI, see `copurchase_vectors`.
    smoothing: The smoothing of the PMI, see `copurchase_vectors`.
    text_weight: The length of the text part.
    copurchase_weight: The length of the collaborative part.
    history_window: The number of the last history items that join the items of
      a request in one basket. 0 where pages are baskets; a few where a page is
      a single item and only the sequence shows what goes together.
  """

  dimensions: int = 64
  shift: float = 1.0
  smoothing: float = 1.0
  text_weight: float = 1.0
  copurchase_weight: float = 1.0
  history_window: int = 0


def item_vectors(
  catalogue: Catalogue,
  requests: Requests,
  *,
  encoder: TextEncoder,
  config: VectorsConfig,
) -> np.ndarray:
  """Returns x_i = (w_t text_i, w_c collaborative_i), `[N, Dt + Dc]` float32.

  Both parts are unit rows before they are weighted; the collaborative part is
  zero for an item that no training request bought together with another. Only
  training requests are read.
  """
  offsets, items = training_baskets(requests, window=config.history_window)
  collaborative = copurchase_vectors(
    offsets,
    items,
    num_items=len(catalogue),
    dimensions=config.dimensions,
    shift=config.shift,
    smoothing=config.smoothing,
  )
  text = encoder.encode(catalogue.texts.tolist())
  return np.concatenate(
    [config.text_weight * text, config.copurchase_weight * collaborative],
    axis=1,
    dtype=np.float32,
  )


def query_vectors(
  requests: Requests,
  vectors: np.ndarray,
  *,
  encoder: TextEncoder,
  config: VectorsConfig,
) -> np.ndarray:
  """Returns query vectors `[Q, Dt + Dc]` float32, in the space of the items.

  y_q = (w_t text_q, w_c unit(mean of collaborative_i over the items clicked or
  ordered for q in training)); the second part is zero for a query that training
  never saw.

  Args:
    requests: The requests; their queries and training pages are read.
    vectors: The items' `[N, Dt + Dc]`, with the same encoder and config.
    encoder: The encoder of the text part.
    config: The weights of the parts.
  """
  sums, _ = _target_sums(requests, vectors[:, encoder.dimensions :])
  text = encoder.encode(requests.queries.tolist())
  return np.concatenate(
    [config.text_weight * text, config.copurchase_weight * unit_rows(sums)],
    axis=1,
    dtype=np.float32,
  )


def mean_target_vectors(requests: Requests, vectors: np.ndarray) -> np.ndarray:
  """Stands queries `[Q, D]` among items `[N, D]` that have no text part.

  y_q = mean of x_i over the items clicked or ordered for q in training; zeros
  for a query that training never saw.
  """
  sums, counts = _target_sums(requests, vectors)
  return (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)


def without_counts(vectors: np.ndarray, counted: int) -> np.ndarray:
  """Returns `[N, D]` with zeros in the `counted` last columns.

  They tell what training counted. A training request that compared them would
  read its own answer, which no request to come has.
  """
  kept = np.array(vectors, np.float32)
  kept[:, kept.shape[1] - counted :] = 0
  return kept


def training_baskets(
  requests: Requests, *, window: int
) -> tuple[np.ndarray, np.ndarray]:
  """Joins each user's training items of a moment: offsets `[B+1]`, items `[P]`.

  Requests of one user at one time are one basket, so that the searches of a
  shopping trip and the trip itself are not counted twice. The last `window`
  items of the history join the basket; they all come before the request.
  """
  request, item = _training_targets(requests)
  rows = np.unique(request)
  ends = requests.history_end[rows]
  starts = np.maximum(requests.user_offsets[requests.user[rows]], ends - window)
  past = row_lists.from_spans(requests.event_item, starts, ends)
  request = np.append(request, rows[past.owners])
  baskets = pl.DataFrame(
    {
      "user": requests.user[request],
      "time": requests.time[request],
      "item": np.append(item, past.rows),
    }
  )
  baskets = baskets.unique().sort("user", "time", "item")
  sizes = baskets.group_by("user", "time", maintain_order=True).len()["len"]
  offsets = row_lists.offsets_of(sizes.to_numpy())
  return offsets, baskets["item"].to_numpy()


def _training_targets(requests: Requests) -> tuple[np.ndarray, np.ndarray]:
  """Returns (request, item) of all training clicks and orders."""
  kept = page_mask(requests)
  return requests.page_request[kept], requests.page_item[kept]


def _target_sums(
  requests: Requests, vectors: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Sums `[Q, D]` of the queries' training targets in float64, and counts."""
  request, item = _training_targets(requests)
  query, count = requests.query[request], len(requests.queries)
  query, item = query[query >= 0], item[query >= 0]
  order = np.argsort(query, kind="stable")
  sums = np.zeros((count, vectors.shape[1]))
  if len(order):
    present, begin = np.unique(query[order], return_index=True)
    sums[present] = np.add.reduceat(
      vectors[item[order]].astype(np.float64), begin, axis=0
    )
  return sums, np.bincount(query, minlength=count)
