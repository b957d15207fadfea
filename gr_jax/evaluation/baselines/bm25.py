"""Baseline: the words of the query found in the texts of the items."""

import dataclasses
import logging
from collections.abc import Sequence

import bm25s
import numpy as np

from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation.baselines.top_items import popularity_order, top_items
from gr_jax.text.words import content_words, index_words, split_words

# On import the package turns on every debug line.
logging.getLogger("bm25s").setLevel(logging.WARNING)


@dataclasses.dataclass(frozen=True)
class Bm25:
  """An `index` of item texts in popularity order, and that `order [N]`."""

  index: bm25s.BM25
  order: np.ndarray


def fit(texts: Sequence[str], popularity: np.ndarray) -> Bm25:
  """Indexes the catalogue: `N` texts and training interactions `[N]`.

  Lucene's variant of BM25 with its usual constants over the words of
  `gr_jax.text.words`; English stop words and single letters are left out (not
  those of scripts without blanks), no stemming. The popularity only orders
  equal scores.
  """
  order = popularity_order(popularity)
  rows: list[int] = order.tolist()
  index = bm25s.BM25()
  words = [content_words(index_words(texts[row])) for row in rows]
  index.index(words, show_progress=False)
  return Bm25(index, order)


def rank(
  state: Bm25,
  queries: Sequence[str],
  *,
  k: int = 100,
  exclude: RowLists | None = None,
) -> np.ndarray:
  """`[R, k]` int32 rows for R query texts.

  Items that share no word with the query follow by popularity.
  """
  words = [content_words(split_words(query)) for query in queries]

  def score(start: int, stop: int) -> np.ndarray:
    return np.stack([_score(state, words[r]) for r in range(start, stop)])

  return top_items(
    score, state.order, num_requests=len(queries), k=k, exclude=exclude
  )


def readable(state: Bm25, queries: Sequence[str]) -> np.ndarray:
  """`[R]` bool, False where no word of a query is in any text.

  There BM25 knows nothing, and its ranking is that by popularity.
  """
  known = [
    _known(state, content_words(split_words(query))) for query in queries
  ]
  return np.array([bool(words) for words in known], bool)


def _known(state: Bm25, words: list[str]) -> list[str]:
  return [word for word in words if word in state.index.vocab_dict]


def _score(state: Bm25, words: list[str]) -> np.ndarray:
  # The index fails on a query of unknown words only.
  known = _known(state, words)
  if not known:
    return np.zeros(len(state.order), np.float32)
  return state.index.get_scores(known)
