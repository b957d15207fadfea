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

`n` is the length of the history. [OURS]
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from gr_jax.candidates.asked import Asked
from gr_jax.candidates.log import unit
from gr_jax.candidates.pairs import Pairs, expand
from gr_jax.text.words import index_words

_PRIOR = 3.0  # Items of an unknown taste that every history has beside its own.
_SHARES = (0, 1, "finest")  # Categories whose shares are read.


class Tastes:
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
    # Per column of `_SHARES` the category of each item, 0 where unknown.
    coarse = categories[:, : len(_SHARES) - 1].astype(np.int64).T + 1
    missing = [np.zeros(len(finest), np.int64)] * (len(_SHARES) - 1)
    self._columns = [*[*coarse, *missing][: len(_SHARES) - 1], finest]
    self._words = word_matrix([index_words(text) for text in texts])
    self._expected = _mean_by(finest, self._words)
    places = np.arange(len(finest)), finest
    self._by_category = sparse.csr_array(
      (np.ones(len(finest), np.float32), places)
    )
    prices = np.log(np.maximum(values, 0) + 0.1)[:, None]
    unknown = values <= 0
    residual = prices - _mean_by(finest[~unknown], prices[~unknown], finest)
    self._price = np.where(unknown, 0, residual[:, 0])
    vectors = unit(vectors)
    self._whole = vectors
    residual = vectors - _mean_by(finest, vectors, finest)
    self._residual = residual.astype(np.float32)

  def measure(self, asked: Asked) -> None:
    del asked

  def propose(self, asked: Asked) -> None:
    del asked

  def describe(self, asked: Asked, pairs: Pairs) -> np.ndarray:
    row, event = asked.history
    items = asked.event_item[event]
    B = len(asked.requests)
    ones = np.ones(len(row), np.float32)
    shape = (B, self._num_items)
    history = sparse.coo_array((ones, (row, items)), shape).tocsr()
    size = history.sum(axis=1) + _PRIOR
    of_pair = asked.row(pairs.owners)
    liked = history @ self._price / size
    price = self._price[pairs.items]
    columns = [
      self._word_tastes(history, of_pair, pairs.items),
      price,
      price * liked[of_pair],
      np.where(liked[of_pair] == 0, 0, (price - liked[of_pair]) ** 2),
    ]
    for vectors in (self._residual, self._whole):
      mean = (history @ vectors / size[:, None]).astype(np.float32)
      columns.append(row_products(mean, vectors, of_pair, pairs.items))
    weights = 1 / (asked.ends[row] - event).astype(np.float32)
    for category in self._columns:
      shape = B, int(category.max(initial=0)) + 1
      share = _weighted_share(category[items], row, weights, shape=shape)
      columns.append(np.log(share[of_pair, category[pairs.items]] + 0.01))
    there = asked.ends > asked.starts
    newest = asked.event_item[np.maximum(asked.ends - 1, 0)]
    for category in self._columns:
      mine = np.where(there, category[newest], -1)
      columns.append(mine[of_pair] == category[pairs.items])
    return np.stack(columns, axis=1).astype(np.float32)

  def _word_tastes(self, history, row, items) -> np.ndarray:
    seen = (history @ self._words).toarray()
    expected = ((history @ self._by_category) @ self._expected).toarray()
    taste = np.log1p(seen) - np.log1p(expected)
    words = self._words
    pair, place = expand(words.indptr[items], words.indptr[items + 1])
    found = taste[row[pair], words.indices[place]]
    return np.bincount(pair, found, minlength=len(items))


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


def finest_category(categories: np.ndarray) -> np.ndarray:
  """`[N]`, one number for every path of categories `[N, K]`, from 0 on."""
  if not categories.shape[1]:
    return np.zeros(len(categories), np.int64)
  _, number = np.unique(categories, axis=0, return_inverse=True)
  return number.reshape(-1)


def word_matrix(documents: Sequence[Sequence[str]]) -> sparse.csr_array:
  """`[N, V]`, 1 where the document has the word."""
  vocabulary: dict[str, int] = {}
  rows, columns = [], []
  for row, document in enumerate(documents):
    words = {vocabulary.setdefault(word, len(vocabulary)) for word in document}
    rows.extend([row] * len(words))
    columns.extend(sorted(words))
  ones = np.ones(len(rows), np.float32)
  shape = (len(documents), max(len(vocabulary), 1))
  return sparse.csr_array((ones, (rows, columns)), shape)


def _mean_by(groups: np.ndarray, values, read: np.ndarray | None = None):
  """The mean of `values` `[n, D]` of each group, or of the group of each row.

  Args:
    groups: `[n]`, from 0 on.
    values: dense or sparse.
    read: `[m]` groups; without it the means of all groups are returned.
  """
  width = int(max(groups.max(initial=0), 0 if read is None else read.max())) + 1
  sizes = np.maximum(np.bincount(groups, minlength=width), 1)
  weights = 1 / sizes[groups]
  places = (groups, np.arange(len(groups)))
  means = (
    sparse.coo_array((weights, places), (width, len(groups))).tocsr() @ values
  )
  return means if read is None else np.asarray(means)[read]
