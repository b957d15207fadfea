"""Items whose texts have the words of the query: BM25.

For a query q and an item i with |i| words, tf of which are the word w,

  score(q, i) = sum over the words w of q of idf(w) tf / (tf + k l(i))
  l(i) = 1 - b + b |i| / (mean of |j| over all items j),   k = 1.5, b = 0.75
  idf(w) = log(1 + (N - n(w) + 1/2) / (n(w) + 1/2))

with n(w) of the N items having the word: Lucene's variant, as in the baseline
`bm25`. Features are the score and its share of the best one, in logarithms, and
whether the query is the item's text, word by word. It needs no log, so it reads
queries that training never saw and items that come later; these read the idf
and the mean length of the items at first. Of equal scores the newest items are
proposed.
"""

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy import sparse

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.pairs import Pairs, Proposed, Sparse, look_up, values_at
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.source import Unmeasured
from gr_jax.candidates.sources.word_matrix import wider
from gr_jax.text.words import (
  content_words,
  index_words,
  plain_text,
  split_words,
)

_K, _B = 1.5, 0.75


class Words(Unmeasured):
  """BM25 of the items' texts.

  Args:
    texts: `[N]`.
    most: the number of items that are proposed to a query.
  """

  names = ("words_score", "words_share", "words_all")

  def __init__(self, texts: Sequence[str], *, most: int = 64):
    self._most, self._num_items = most, len(texts)
    self._columns: dict[str, int] = {}
    self._text_rows: dict[str, int] = {}
    self._text = _rows_of(texts, self._text_rows)
    counts = _counts(texts, self._columns)
    self._mean_length = max(counts.sum() / max(len(texts), 1), 1e-9)
    having = np.bincount(counts.indices, minlength=counts.shape[1])
    self._idf = _idf(having, len(texts))
    self._items_of_word = self._weighed(counts)

  def _weighed(self, counts: Sparse) -> Sparse:
    """`[V, n]`, the score of every word in every item, from counts `[n, V]`."""
    length = np.asarray(counts.sum(axis=1)).ravel() / self._mean_length
    length = np.repeat(length, np.diff(counts.indptr))
    share = counts.data / (counts.data + _K * (1 - _B + _B * length))
    scores = (self._idf[counts.indices] * share).astype(np.float32)
    found = (scores, counts.indices, counts.indptr)
    return sparse.csr_array(found, shape=counts.shape).T.tocsr()

  def propose(self, batch: RequestBatch) -> Proposed | None:
    queries, scores = self._scores(batch)
    if not len(queries):
      return None
    kept = batch.log.kept.setdefault(f"words {self._most}", {})
    for row, query in enumerate(queries.tolist()):
      if query not in kept:
        mine = slice(scores.indptr[row], scores.indptr[row + 1])
        kept[query] = _best(scores.indices[mine], scores.data[mine], self._most)
    owners = np.flatnonzero(batch.queries >= 0)
    lists = [kept[query] for query in batch.queries[owners].tolist()]
    return Proposed(
      np.repeat(owners, [len(items) for items, _ in lists]),
      np.concatenate([items for items, _ in lists]).astype(np.int64),
      np.concatenate([found for _, found in lists]),
    )

  def describe(self, batch: RequestBatch, pairs: Pairs) -> np.ndarray:
    queries, scores = self._scores(batch)
    found = np.zeros((len(pairs), 3), np.float32)
    row, has_query = look_up(queries, batch.queries[pairs.owners])
    if not len(queries):
      return found
    N = np.int64(self._num_items)
    owners = np.repeat(np.arange(len(queries)), np.diff(scores.indptr))
    at, there = look_up(owners * N + scores.indices, row * N + pairs.items)
    score = values_at(scores.data, at, there & has_query)
    best = np.maximum(scores.max(axis=1).toarray().ravel(), 1e-9)[row]
    found[:, 0] = np.log1p(score)
    found[:, 1] = np.where(has_query, np.log(score / best + 0.01), 0)
    texts = batch.log.requests.queries[queries].tolist()
    text = np.array(
      [self._text_rows.get(plain_text(each), -1) for each in texts]
    )
    found[:, 2] = has_query & (text[row] == self._text[pairs.items])
    return found

  def _scores(self, batch: RequestBatch) -> tuple[np.ndarray, sparse.csr_array]:
    """The distinct queries `[n]` of a batch and their scores `[n, N]`."""
    if "words" not in batch.kept:
      queries = np.unique(batch.queries[batch.queries >= 0])
      texts = batch.log.requests.queries[queries].tolist()
      rows, columns = [], []
      for row, text in enumerate(texts):
        words = content_words(split_words(text))
        known = [self._columns[word] for word in words if word in self._columns]
        rows += [row] * len(known)
        columns += known
      ones = np.ones(len(rows), np.float32)
      shape = len(queries), self._items_of_word.shape[0]
      place = np.array(rows, np.int32), np.array(columns, np.int32)
      query_words = sparse.csr_array((ones, place), shape)
      product: Sparse = query_words @ self._items_of_word
      scores = product.tocsr()
      scores.sort_indices()
      batch.kept["words"] = queries, scores
    return batch.kept["words"]

  def state(self) -> dict[str, Any]:
    return {"most": self._most}

  @classmethod
  def restored(cls, state: dict[str, Any], items: ItemFacts) -> Self:
    return cls(items.texts.tolist(), **state)

  def grown(self, items: ItemFacts) -> Self:
    found, new = copy.copy(self), items.texts[self._num_items :].tolist()
    found._num_items = len(items)
    found._text_rows = dict(self._text_rows)
    found._text = np.append(self._text, _rows_of(new, found._text_rows))
    found._columns = dict(self._columns)
    counts = _counts(new, found._columns)
    unknown = counts.shape[1] - len(self._idf)
    idf = _idf(np.zeros(unknown), self._num_items)
    found._idf = np.append(self._idf, idf)
    words = self._items_of_word.T.tocsr()
    old = wider(words, counts.shape[1]).T.tocsr()
    found._items_of_word = sparse.hstack(
      [old, found._weighed(counts)], format="csr"
    )
    return found


def _idf(having: np.ndarray, size: int) -> np.ndarray:
  return np.log1p((size - having + 0.5) / (having + 0.5))


def _counts(texts: Sequence[str], columns: dict[str, int]) -> Sparse:
  """`[n, V]`, how often a text has a word; new words get new columns."""
  rows, found = [], []
  for row, text in enumerate(texts):
    words = content_words(index_words(text))
    rows += [row] * len(words)
    found += [columns.setdefault(word, len(columns)) for word in words]
  ones = np.ones(len(rows), np.float32)
  shape = len(texts), max(len(columns), 1)
  place = np.array(rows, np.int32), np.array(found, np.int32)
  counts = sparse.csr_array((ones, place), shape)
  counts.sum_duplicates()
  return counts


def _rows_of(texts: Sequence[str], rows: dict[str, int]) -> np.ndarray:
  """`[n]`, one number for all texts of the same words; new ones get new."""
  return np.array(
    [rows.setdefault(plain_text(t), len(rows)) for t in texts], int
  )


def _best(
  items: np.ndarray, scores: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray]:
  """The `most` largest scores and their items, in any order."""
  if len(items) <= most:
    return items, scores
  # The last rows, of equal scores, are the newest items.
  newest_first = scores.astype(np.float64) * (1 + 1e-12 * items)
  best = np.argpartition(-newest_first, most - 1)[:most]
  return items[best], scores[best]
