"""What a user likes within a category: words, price, vectors, and categories.

Of the items of a history, everything is measured against their finest category
c(h), so that what all items of a category have says nothing:

  words    taste_w = log((1 + sum_h [w in h]) / (1 + sum_h P(w | c(h))))
           feature = sum of taste_w over the words of the item
  price    z_i = log price_i - mean of its category; features z_i, m z_i and
           (z_i - m)^2 with m = sum_h z_h / (n + 3)
  vectors  r_i = x_i - mean of its category; feature r_i . sum_h r_h / (n + 3)
  category log shares of the item's categories in the history, coarse and
           finest, newer items counting more; whether they are the newest item's

`n` is the length of the history. The means of categories, and P(w | c), are of
the items at first; one that comes later is measured against the category of the
same path, or against all items where there is none. [OURS]
"""

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy import sparse

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.pairs import Pairs, Sparse, expand
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.categories import (
  columns_of,
  finest_category,
  group_of_new,
  means_of,
)
from gr_jax.candidates.sources.source import Unmeasured
from gr_jax.candidates.sources.word_matrix import wider, word_matrix
from gr_jax.text.encoder import unit_rows
from gr_jax.text.words import index_words

_PRIOR = 3.0  # Items of an unknown taste that every history has beside its own.
_DEPTHS = 2  # Of the coarsest categories; beside them the finest is read.
_SHARES = (*range(_DEPTHS), "finest")


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
    *(f"category_share_{k}" for k in _SHARES),
    *(f"newest_category_{k}" for k in _SHARES),
  )

  def __init__(
    self,
    texts: Sequence[str],
    categories: np.ndarray,
    values: np.ndarray,
    vectors: np.ndarray,
  ):
    finest = finest_category(categories)
    self._num_items = len(values)
    self._categories, self._finest = categories, finest
    self._columns = columns_of(categories, finest, depths=_DEPTHS)
    self._column_sizes = _sizes(self._columns)
    self._vocabulary: dict[str, int] = {}
    self._words = _word_rows(texts, self._vocabulary)
    self._expected = means_of(finest, self._words)
    prices = np.log(np.maximum(values, 0) + 0.1)[:, None]
    known = values > 0
    self._price_means = means_of(
      finest[known], prices[known], groups=int(finest.max(initial=0)) + 1
    )
    self._whole = unit_rows(vectors)
    self._vector_means = means_of(finest, self._whole)
    self._price = self._prices_within(values, finest)
    self._residual = self._vectors_within(self._whole, finest)

  def _prices_within(self, values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """`[n]`, the log prices less the means of groups `[n]`; 0 unknown."""
    within = np.log(np.maximum(values, 0) + 0.1) - self._price_means[group, 0]
    return np.where(values > 0, within, 0)

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
      items.texts.tolist(), items.categories, items.values, items.vectors
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
    found._columns = columns_of(
      found._categories, found._finest, depths=_DEPTHS
    )
    found._column_sizes = _sizes(found._columns)
    found._vocabulary = dict(self._vocabulary)
    words = _word_rows(items.texts[new].tolist(), found._vocabulary)
    old = wider(self._words, words.shape[1])
    found._words = sparse.vstack([old, words], format="csr")
    found._expected = wider(self._expected, words.shape[1])
    prices = self._prices_within(items.values[new], group)
    found._price = np.append(self._price, prices)
    vectors = unit_rows(items.vectors[new])
    found._whole = np.append(self._whole, vectors, 0)
    within = self._vectors_within(vectors, group)
    found._residual = np.append(self._residual, within, 0)
    return found

  def propose(self, batch: RequestBatch) -> None:
    del batch

  def describe(self, batch: RequestBatch, pairs: Pairs) -> np.ndarray:
    row, event = batch.history
    items = batch.event_item[event]
    B = len(batch.requests)
    ones = np.ones(len(row), np.float32)
    shape = (B, self._num_items)
    # Indices of 64 bits would have those of all items copied in products.
    place = row.astype(np.int32), items.astype(np.int32)
    history = sparse.coo_array((ones, place), shape).tocsr()
    size = history.sum(axis=1) + _PRIOR
    of_pair = batch.row(pairs.owners)
    liked = history @ self._price / size
    price = self._price[pairs.items]
    columns = [
      self._word_tastes(history, of_pair, pairs.items),
      price,
      price * liked[of_pair],
      np.where(liked[of_pair] == 0, 0, (price - liked[of_pair]) ** 2),
    ]
    whole = history @ self._whole
    # What the items differ from the means of their categories adds up likewise.
    within = whole - self._by_category(history) @ self._vector_means
    for vectors, total in ((self._residual, within), (self._whole, whole)):
      mean = (total / size[:, None]).astype(np.float32)
      columns.append(row_products(mean, vectors, of_pair, pairs.items))
    weights = 1 / (batch.ends[row] - event).astype(np.float32)
    for category, count in zip(self._columns, self._column_sizes):
      shape = B, count
      share = _weighted_share(category[items], row, weights, shape=shape)
      columns.append(np.log(share[of_pair, category[pairs.items]] + 0.01))
    there = batch.ends > batch.starts
    newest = np.zeros(B, np.int64)
    newest[there] = batch.event_item[batch.ends[there] - 1]
    for category in self._columns:
      mine = np.where(there, category[newest], -1)
      columns.append(mine[of_pair] == category[pairs.items])
    return np.stack(columns, axis=1).astype(np.float32)

  def _by_category(self, history: Sparse) -> Sparse:
    """`[B, G + 1]`, how many items of each category a history has."""
    found = history.data, self._finest[history.indices], history.indptr
    return sparse.csr_array(found, (history.shape[0], len(self._vector_means)))

  def _word_tastes(self, history, row, items) -> np.ndarray:
    seen = (history @ self._words).toarray()
    bought = self._by_category(history).copy()
    bought.sum_duplicates()  # Far fewer categories than items.
    expected = (bought @ self._expected).toarray()
    words = self._words
    pair, place = expand(words.indptr[items], words.indptr[items + 1])
    # Few words of all are those of some pair.
    at = row[pair], words.indices[place]
    found = np.log1p(seen[at]) - np.log1p(expected[at])
    return np.bincount(pair, found, minlength=len(items))


def _sizes(columns: list[np.ndarray]) -> list[int]:
  """The number of categories of each column."""
  return [int(column.max(initial=0)) + 1 for column in columns]


def _weighted_share(
  category: np.ndarray,
  row: np.ndarray,
  weights: np.ndarray,
  *,
  shape: tuple[int, int],
) -> np.ndarray:
  """`shape` `[B, C]`, the share of each category in the weights of each row."""
  B, C = shape
  found = np.bincount(row * C + category, weights, minlength=B * C)
  found = found.reshape(B, C)
  return found / np.maximum(found.sum(axis=1, keepdims=True), 1e-9)


def row_products(
  rows: np.ndarray, vectors: np.ndarray, of: np.ndarray, items: np.ndarray
) -> np.ndarray:
  """`rows[of[n]] . vectors[items[n]]`, `[n]`, `of` ascending.

  Row by row: far less memory is moved than with two picked matrices.
  """
  bounds = np.searchsorted(of, np.arange(len(rows) + 1))
  found = np.empty(len(of), np.float32)
  for row, begin, end in zip(rows, bounds[:-1], bounds[1:]):
    found[begin:end] = vectors[items[begin:end]] @ row
  return found


def _word_rows(texts: Sequence[str], vocabulary: dict[str, int]):
  return word_matrix([index_words(text) for text in texts], vocabulary)
