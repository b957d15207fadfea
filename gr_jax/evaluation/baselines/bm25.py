"""Baseline: the words of the query found in the texts of the items."""

import dataclasses
import logging
from collections.abc import Sequence
from typing import Any

import bm25s
import numpy as np

from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation.baselines.top_items import popularity_order, top_items

# On import the package turns on every debug line.
logging.getLogger("bm25s").setLevel(logging.WARNING)


@dataclasses.dataclass(frozen=True)
class Bm25:
  """An `index` of item texts in popularity order, and that `order [N]`."""

  index: bm25s.BM25
  order: np.ndarray


def fit(texts: Sequence[str], popularity: np.ndarray) -> Bm25:
  """Indexes the catalogue: `N` texts and training interactions `[N]`.

  Lucene's variant of BM25 with its usual constants, English stop words left
  out, no stemming. The popularity only orders equal scores.
  """
  order = popularity_order(popularity)
  rows: list[int] = order.tolist()
  index = bm25s.BM25()
  index.index(_words([texts[row] for row in rows]), show_progress=False)
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
  words = _words(queries)

  def score(start: int, stop: int) -> np.ndarray:
    return np.stack([_score(state, words[r]) for r in range(start, stop)])

  return top_items(
    score, state.order, num_requests=len(queries), k=k, exclude=exclude
  )


def _words(texts: Sequence[str]) -> list[list[str]]:
  words: Any = bm25s.tokenize(
    list(texts), stopwords="en", return_ids=False, show_progress=False
  )
  return words


def _score(state: Bm25, words: list[str]) -> np.ndarray:
  # The index fails on a query of unknown words only.
  known = [word for word in words if word in state.index.vocab_dict]
  if not known:
    return np.zeros(len(state.order), np.float32)
  return state.index.get_scores(known)
