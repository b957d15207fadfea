"""What a user likes within a category: words, price, vectors, and categories.

Of the items of a history, everything is measured against their finest category
c(h), so that what all items of a category have says nothing:

  words    `word_tastes`
  price    z_i = log price_i - mean of its category; features z_i, m z_i and
           (z_i - m)^2 with m = sum_h z_h / (n + 3)
  vectors  r_i = x_i - mean of its category; feature r_i . sum_h r_h / (n + 3)
  category `category_tastes`

`n` is the length of the history. The means of categories are of the items at
first; one that comes later is measured against the category of the same path,
or against all items where there is none. [OURS]
"""

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from gr_jax.candidates.counted_categories import (
  CountedCategories,
  counted_categories,
  slices_of,
)
from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.pairs import Pairs
from gr_jax.candidates.request_batch import Counted, RequestBatch
from gr_jax.candidates.sources import category_tastes
from gr_jax.candidates.sources.categories import (
  finest_category,
  group_of_new,
  means_of,
)
from gr_jax.candidates.sources.category_tastes import CategoryTastes
from gr_jax.candidates.sources.source import Unmeasured
from gr_jax.candidates.sources.word_tastes import WordTastes
from gr_jax.text.encoder import unit_rows

_PRIOR = 3.0  # Items of an unknown taste that every history has beside its own.


class Tastes(Unmeasured):
  """Tastes of the users' histories.

  Args:
    texts: `[N]`.
    categories: `[N, K]`, -1 unknown; K may be 0.
    values: `[N]`, prices, 0 unknown.
    vectors: `[N, D]`.
  """

  names = (
    "taste_words",
    "price",
    "taste_price",
    "price_distance",
    "taste_vectors",
    "taste_vectors_whole",
    *category_tastes.NAMES,
  )

  def __init__(
    self,
    texts: Sequence[str],
    categories: np.ndarray,
    prices: np.ndarray,
    vectors: np.ndarray,
  ):
    finest = finest_category(categories)
    self._num_items = len(prices)
    self._categories, self._finest = categories, finest
    self._in_categories = CategoryTastes(categories, finest)
    self._words = WordTastes(texts, finest)
    known = prices >= 0
    self._price_means = means_of(
      finest[known],
      _log_prices(prices[known])[:, None],
      groups=int(finest.max(initial=0)) + 1,
    )
    self._whole = unit_rows(vectors)
    self._vector_means = means_of(finest, self._whole)
    self._price = self._prices_within(prices, finest)
    self._residual = self._vectors_within(self._whole, finest)

  def _prices_within(self, prices: np.ndarray, group: np.ndarray) -> np.ndarray:
    """`[n]`, the log prices less the means of groups `[n]`; 0 unknown."""
    within = _log_prices(prices) - self._price_means[group, 0]
    return np.where(prices >= 0, within, 0)

  def _vectors_within(
    self, vectors: np.ndarray, group: np.ndarray
  ) -> np.ndarray:
    return (vectors - self._vector_means[group]).astype(np.float32)

  def state(self) -> dict[str, Any]:
    return {}

  @classmethod
  def restored(cls, state: dict[str, Any], items: ItemFacts) -> Self:
    del state
    return cls(
      items.texts.tolist(), items.categories, items.prices, items.vectors
    )

  def grown(self, items: ItemFacts) -> Self:
    found, new = copy.copy(self), slice(self._num_items, None)
    found._num_items = len(items)
    group = group_of_new(
      self._categories,
      self._finest,
      items.categories[new],
      other=len(self._price_means) - 1,
    )
    found._categories = np.append(self._categories, items.categories[new], 0)
    found._finest = np.append(self._finest, group)
    found._in_categories = CategoryTastes(found._categories, found._finest)
    found._words = self._words.grown(items.texts[new].tolist())
    prices = self._prices_within(items.prices[new], group)
    found._price = np.append(self._price, prices)
    vectors = unit_rows(items.vectors[new])
    found._whole = np.append(self._whole, vectors, 0)
    within = self._vectors_within(vectors, group)
    found._residual = np.append(self._residual, within, 0)
    return found

  def propose(self, batch: RequestBatch) -> None:
    del batch

  def describe(self, batch: RequestBatch, pairs: Pairs) -> np.ndarray:
    B, items = len(batch.requests), pairs.items
    history = batch.counted_history(self._num_items)
    bought = counted_categories(
      history, self._finest, groups=len(self._vector_means)
    )
    of_pair = batch.row(pairs.owners)
    size = (batch.ends - batch.starts) + _PRIOR
    liked, whole, within = self._liked(history, bought, B)
    liked = (liked / size)[of_pair]
    price = self._price[items]
    columns = [
      self._words.of(batch, pairs, history, bought),
      price,
      price * liked,
      np.where(liked == 0, 0, (price - liked) ** 2),
    ]
    for vectors, total in ((self._residual, within), (self._whole, whole)):
      mean = (total / size[:, None]).astype(np.float32)
      columns.append(row_products(mean, vectors, of_pair, items))
    columns += self._in_categories.of(batch, pairs)
    return np.stack(columns, axis=1, dtype=np.float32)

  def _liked(
    self, history: Counted, bought: CountedCategories, num_rows: int
  ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums over histories: prices `[B]`, and vectors `[B, D]`, two kinds."""
    prices = np.empty(num_rows)
    whole = np.empty((num_rows, self._whole.shape[1]), np.float32)
    within = np.empty(whole.shape)
    times = history.times.astype(np.float32)
    rows = zip(
      slices_of(history.rows, num_rows), slices_of(bought.rows, num_rows)
    )
    for row, (of_items, of_categories) in enumerate(rows):
      mine, items = times[of_items], history.items[of_items]
      prices[row] = mine @ self._price[items]
      whole[row] = mine @ self._whole[items]
      # What items differ from the means of their categories adds up likewise.
      means = self._vector_means[bought.categories[of_categories]]
      within[row] = whole[row] - bought.times[of_categories] @ means
    return prices, whole, within


def _log_prices(prices: np.ndarray) -> np.ndarray:
  return np.log(np.maximum(prices, 0) + 0.1)


def row_products(
  rows: np.ndarray, vectors: np.ndarray, of: np.ndarray, items: np.ndarray
) -> np.ndarray:
  """`rows[of[n]] . vectors[items[n]]`, `[n]`, `of` ascending.

  Row by row: far less memory is moved than with two picked matrices.
  """
  bounds = np.searchsorted(of, np.arange(len(rows) + 1))
  found = np.empty(len(of), np.float32)
  # OpenBLAS also reads what lies behind short rows: its flags mean nothing.
  with np.errstate(invalid="ignore"):
    for row, begin, end in zip(rows, bounds[:-1], bounds[1:]):
      found[begin:end] = vectors[items[begin:end]] @ row
  return found
