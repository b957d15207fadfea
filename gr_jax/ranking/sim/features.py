"""Features of (request, item) pairs for the preference model."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from gr_jax.data.catalogue import Catalogue
from gr_jax.data.requests import Requests
from gr_jax.ranking.sim.history_search import Events
from gr_jax.ranking.sim.network import Candidates

_WEEK = 7 * 86_400


@struct.dataclass
class Tables:
  """Arrays that stay on the device; pairs are row numbers into them.

  Attributes:
    items: `[N, D]` vectors.
    categories: `[N]` int32, -1 = unknown.
    popularity: `[N]` float32, log(1 + training interactions), standardised.
    queries: `[Q + 1, D']` vectors; the last row, 0, is "no query".
  """

  items: jax.Array
  categories: jax.Array
  popularity: jax.Array
  queries: jax.Array


@struct.dataclass
class Pairs:
  """`B` pairs as row numbers.

  Attributes:
    items: `[B]` int32 candidates.
    queries: `[B]` int32, -1 = none.
    history: `[B, T]` int32 items, newest last.
    ages: `[B, T]` float32 weeks.
    mask: `[B, T]` bool.
  """

  items: np.ndarray
  queries: np.ndarray
  history: np.ndarray
  ages: np.ndarray
  mask: np.ndarray


def make_tables(
  catalogue: Catalogue,
  item_vectors: np.ndarray,
  query_vectors: np.ndarray,
  *,
  depth: int,
) -> Tables:
  """Tables of item vectors `[N, D]` of unit scale, and of queries `[Q, D']`.

  `depth` is the level of the categories that the hard search compares, from 1
  on; 0: none.
  """
  log = np.log1p(catalogue.popularity)
  category = np.full(len(catalogue), -1, np.int32)
  if depth and catalogue.categories.shape[1]:
    category = catalogue.categories[
      :, min(depth, catalogue.categories.shape[1]) - 1
    ]
  nothing = np.zeros_like(query_vectors[:1], shape=(1, query_vectors.shape[1]))
  popularity = (log - log.mean()) / max(log.std(), 1e-6)
  queries = np.concatenate((query_vectors, nothing))
  return Tables(
    items=jax.device_put(np.asarray(item_vectors, np.float32)),
    categories=jax.device_put(category),
    popularity=jax.device_put(popularity.astype(np.float32)),
    queries=jax.device_put(queries.astype(np.float32)),
  )


@dataclasses.dataclass(frozen=True)
class PairWriter:
  """Looks up the history of a request.

  Attributes:
    requests: users and events.
    window: latest events that are searched, `T`.
  """

  requests: Requests
  window: int

  def __call__(self, rows: np.ndarray, items: np.ndarray) -> Pairs:
    """Pairs of request rows `[B]` and catalogue rows `[B]`."""
    log = self.requests
    start = log.user_offsets[log.user[rows]][:, None]
    events = log.history_end[rows][:, None] - np.arange(self.window, 0, -1)
    mask = events >= start
    events = np.where(mask, events, 0)
    age = (log.time[rows][:, None] - log.event_time[events]) / _WEEK
    return Pairs(
      items=np.asarray(items, np.int32),
      queries=log.query[rows],
      history=log.event_item[events],
      ages=np.where(mask, age, 0).astype(np.float32),
      mask=mask,
    )


def look_up(tables: Tables, pairs: Pairs) -> Candidates:
  """The arrays behind the row numbers; inside `jit`."""
  history = jnp.asarray(pairs.history)
  return Candidates(
    vectors=tables.items[pairs.items],
    categories=tables.categories[pairs.items],
    popularity=tables.popularity[pairs.items],
    # Row -1 is the last one, "no query".
    queries=tables.queries[pairs.queries],
    events=Events(
      vectors=tables.items[history],
      categories=tables.categories[history],
      ages=jnp.asarray(pairs.ages),
      mask=jnp.asarray(pairs.mask),
    ),
  )
