r"""How far what comes in has moved from what was learned.

The population stability index of two histograms `p`, `q` of `n` and `m` draws,

$$ PSI = \sum_b (p_b - q_b) \log (p_b / q_b) - (K - 1) (1 / n + 1 / m) $$

at least 0. What is taken off is its mean where nothing moved, of `K` buckets
that occur, so that a small batch is not taken for a new world [OURS]. Below 0.1
it is usually called stable, above 0.25 a shift.
"""

import numpy as np

from experiments.updates.measure import Slice
from experiments.updates.parts import Parts
from gr_jax.data import request_lists

# Half an observation in every bucket: the logarithm of none is none.
_SMOOTHING = 0.5


def stability_index(old: np.ndarray, new: np.ndarray) -> float:
  """The index of two samples `[n]` and `[m]` of integers >= 0; NaN of none."""
  if not len(old) or not len(new):
    return float("nan")
  size = int(max(old.max(), new.max())) + 1
  counts = np.stack([np.bincount(x, minlength=size) for x in (old, new)])
  counts = counts[:, counts.sum(axis=0) > 0]
  shares = counts + _SMOOTHING
  p, q = shares / shares.sum(axis=1, keepdims=True)
  by_chance = (counts.shape[1] - 1) * (1 / len(old) + 1 / len(new))
  return max(0.0, float(((p - q) * np.log(p / q)).sum()) - by_chance)


def inputs_of(parts: Parts, part: Slice) -> dict[str, np.ndarray]:
  """What a slice is like: one integer a request, by name.

  first_code   the first code of what was found: the kind of item
  request      whether there are a query, a history, both or none
  words        whether the words of the query are known: no query, all, not all
  """
  table = parts.log.requests
  targets = request_lists.targets(table, part.rows)
  query = table.query[part.rows]
  user = table.user[part.rows]
  history = table.history_end[part.rows] > table.user_offsets[user]
  return {
    "first_code": parts.semantic_ids.codes[
      targets.rows[targets.offsets[:-1]], 0
    ],
    "request": 2 * (query >= 0) + history,
    "words": _words(parts, query),
  }


def _words(parts: Parts, query: np.ndarray) -> np.ndarray:
  known = parts.parent.vocabulary.known_words
  texts = parts.log.requests.queries
  read = {
    row: 1 + any(not word.known for word in known.read(texts[row]))
    for row in np.unique(query[query >= 0]).tolist()
  }
  return np.array([read.get(row, 0) for row in query.tolist()], np.int64)
