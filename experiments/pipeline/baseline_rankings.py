"""Rankings of the baselines for the requests of an evaluation."""

from collections.abc import Iterator

import numpy as np

from experiments.pipeline.dual_encoder import DualRanker
from experiments.pipeline.embed import Vectors
from experiments.pipeline.eval_requests import EvalRequests
from experiments.pipeline.prepare import Data
from gr_jax.data.request_lists import training_sequences
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation.baselines import (
  bm25,
  item_knn,
  nearest,
  popularity,
  query_counts,
  repeat,
)
from gr_jax.evaluation.baselines.top_items import popularity_order


class Baselines:
  """Every baseline, fitted once on the training period.

  `item_knn` pairs purchases up to `window` positions apart and reads the `last`
  newest ones; `dual` is the dual encoder, where a recipe trains one.
  """

  def __init__(
    self,
    data: Data,
    vectors: Vectors,
    *,
    window: int,
    last: int,
    dual: DualRanker | None = None,
  ):
    self._last, self._dual = last, dual
    catalogue = data.catalogue
    self._vectors = vectors
    self._popularity = popularity_order(catalogue.popularity)
    self._query_counts = query_counts.fit(data.requests, catalogue.popularity)
    self._bm25 = bm25.fit(catalogue.texts, catalogue.popularity)
    self._nearest = nearest.fit(vectors.items, catalogue.popularity)
    self._item_knn = item_knn.fit(
      training_sequences(data.requests),
      num_items=len(catalogue),
      window=window,
    )

  def rank(
    self, requests: EvalRequests, *, k: int, exclude: RowLists | None
  ) -> Iterator[tuple[str, np.ndarray]]:
    """`(name, [R, k])` of every baseline that has something to go by.

    A baseline sees what the generator sees: no history where it is hidden.
    """
    options = {"k": k, "exclude": exclude}
    count = len(requests.rows)
    yield "popularity", popularity.rank(self._popularity, count, **options)
    if requests.shows_history:
      histories, last = requests.histories, self._last
      yield "repeat", repeat.rank(histories, **options)
      ranked = item_knn.rank(self._item_knn, histories, last=last, **options)
      yield "item_knn", ranked
    if requests.has_query:
      query = requests.queries
      ranked = query_counts.rank(self._query_counts, query, **options)
      yield "query_counts", ranked
      texts = requests.table.queries[query]
      yield "bm25", bm25.rank(self._bm25, texts, **options)
      wanted = self._vectors.queries[query]
    else:
      wanted = nearest.history_vectors(self._vectors.items, requests.histories)
    yield "nearest", nearest.rank(self._nearest, wanted, **options)
    if self._dual is not None:
      yield "dpr", self._dual.rank(requests, **options)
