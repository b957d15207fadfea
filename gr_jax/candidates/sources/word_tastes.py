"""Words that a history has more often than its categories have them.

Of the items h of a history, whose finest categories are c(h),

  taste_w = log((1 + sum_h [w in h]) / (1 + sum_h P(w | c(h))))

and an item has the sum of `taste_w` over its words. P(w | c) is the share of
the items of c that have w, of the items at first. [OURS]
"""

import copy
from collections.abc import Sequence
from typing import Self

import numpy as np
from scipy import sparse

from gr_jax.candidates.counted_categories import CountedCategories, slices_of
from gr_jax.candidates.pairs import Pairs, Sparse, expand
from gr_jax.candidates.request_batch import Counted, RequestBatch
from gr_jax.candidates.sources.categories import means_of
from gr_jax.candidates.sources.word_matrix import wider, word_matrix
from gr_jax.text.words import index_words


class WordTastes:
  """What the words of an item say of a history.

  Args:
    texts: `[N]`.
    finest: `[N]`, categories from 0 on.
  """

  def __init__(self, texts: Sequence[str], finest: np.ndarray):
    self._vocabulary: dict[str, int] = {}
    self._words = _word_rows(texts, self._vocabulary)
    self._expected = means_of(finest, self._words)

  def grown(self, texts: Sequence[str]) -> Self:
    """With the texts of new items; they tell nothing of categories."""
    found = copy.copy(self)
    found._vocabulary = dict(self._vocabulary)
    words = _word_rows(texts, found._vocabulary)
    old = wider(self._words, words.shape[1])
    found._words = sparse.vstack([old, words], format="csr")
    found._expected = wider(self._expected, words.shape[1])
    return found

  def of(
    self,
    batch: RequestBatch,
    pairs: Pairs,
    history: Counted,
    bought: CountedCategories,
  ) -> np.ndarray:
    """`[n]`, the tastes of pairs.

    Args:
      batch: the requests.
      pairs: their candidates.
      history: the items of their histories.
      bought: the categories of their histories.
    """
    words, expected = self._words, self._expected
    indptr, width, B = words.indptr, words.shape[1], len(batch.requests)
    whose, place = expand(indptr[history.items], indptr[history.items + 1])
    seen_word, seen = words.indices[place], history.times[whose]
    pair, place = expand(indptr[pairs.items], indptr[pairs.items + 1])
    wanted = words.indices[place]
    found = np.empty(len(wanted))
    # Row by row: sums by word stay in the cache.
    rows = zip(
      slices_of(history.rows[whose], B),
      slices_of(bought.rows, B),
      slices_of(batch.row(pairs.owners)[pair], B),
    )
    for of_items, of_categories, of_pairs in rows:
      at = wanted[of_pairs]
      had = np.bincount(seen_word[of_items], seen[of_items], width)
      usual = _sum_of_rows(
        expected,
        bought.categories[of_categories],
        bought.times[of_categories],
      )
      taste = np.log1p(had[at].astype(np.float32)) - np.log1p(usual[at])
      found[of_pairs] = taste
    return np.bincount(pair, found, minlength=len(pairs))


def _sum_of_rows(
  matrix: Sparse, rows: np.ndarray, weights: np.ndarray
) -> np.ndarray:
  """`[V]`, the sum of weights `[n]` times rows `[n]` of a matrix `[G, V]`."""
  starts, ends = matrix.indptr[rows], matrix.indptr[rows + 1]
  # Long runs of memory: slices are copied faster than places are picked.
  spans = [*map(slice, starts.tolist(), ends.tolist()), slice(0)]
  columns = np.concatenate([matrix.indices[span] for span in spans])
  data = np.concatenate([matrix.data[span] for span in spans])
  data *= weights.repeat(ends - starts)
  return np.bincount(columns, data, matrix.shape[1])


def _word_rows(texts: Sequence[str], vocabulary: dict[str, int]) -> Sparse:
  return word_matrix([index_words(text) for text in texts], vocabulary)
