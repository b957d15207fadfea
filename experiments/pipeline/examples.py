"""Requests of the test with the answers of the model, for people to look at.

A mean says nothing of what a request looks like. Of every kind of requests
there are the ones that the model answered best, some about the middle, and the
ones it answered worst, by the rank of the first item that was taken.
"""

from collections.abc import Sequence

import numpy as np

from experiments.pipeline.eval_requests import EvalRequests
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation.metrics import hit_matrix

# How many of each there are: ten in all.
GROUPS = {"best": 3, "median": 4, "worst": 3}

# Answers and items that were taken that are shown, and items of the history.
_SHOWN, _PAST = 5, 3


def examples(
  requests: EvalRequests,
  items: np.ndarray,
  relevant: RowLists,
  *,
  texts: Sequence[str],
  seed: int,
) -> list[dict]:
  """Up to ten requests of one kind, the best first.

  Requests of one rank are in an order drawn by the seed.

  Args:
    requests: the requests.
    items: `[R, K]` the model's answers, best first, -1 where there is none.
    relevant: the items that were taken; requests without any are left out.
    texts: `[N]` of the catalogue.
    seed: the seed of the draw.

  Returns:
    Rows `{"requests", "group", "query", "history", "bought", "answers",
    "taken", "targets", "rank", "of"}`: the query, None where none is shown; the
    texts of the newest items of the history, newest first, and the number of
    all; the first answers as `{"text", "taken"}`; the texts of the first items
    that were taken, and the number of all; the rank of the first of them in the
    answers, None where none is there, and the number of answers.
  """
  counted = np.flatnonzero(relevant.sizes)
  hits = hit_matrix(items, relevant)[counted].astype(bool)
  ranks = np.where(hits.any(axis=1), hits.argmax(axis=1), items.shape[1])
  drawn = np.random.default_rng(seed).permutation(len(counted))
  order = drawn[np.argsort(ranks[drawn], kind="stable")]

  def row(group: str, place: int) -> dict:
    r, rank = int(counted[place]), int(ranks[place])
    history = requests.histories[r] if requests.shows_history else []
    query = requests.queries[r] if requests.has_query else -1
    return {
      "requests": requests.kind,
      "group": group,
      "query": str(requests.table.queries[query]) if query >= 0 else None,
      "history": [str(texts[i]) for i in history[: -_PAST - 1 : -1]],
      "bought": len(history),
      "answers": [
        {"text": str(texts[i]), "taken": bool(hits[place, k])}
        for k, i in enumerate(items[r, :_SHOWN])
        if i >= 0
      ],
      "taken": [str(texts[i]) for i in relevant[r][:_SHOWN]],
      "targets": int(relevant.sizes[r]),
      "rank": rank + 1 if rank < items.shape[1] else None,
      "of": items.shape[1],
    }

  return [
    row(group, place)
    for group, places in _groups(order).items()
    for place in places
  ]


def _groups(order: np.ndarray) -> dict[str, np.ndarray]:
  """The places of every group, none in two; few requests have smaller ones."""
  best, median, worst = GROUPS.values()
  head, rest = order[:best], order[best:]
  tail = rest[max(0, len(rest) - worst) :]
  middle = rest[: len(rest) - len(tail)]
  start = max(0, (len(middle) - median) // 2)
  return dict(zip(GROUPS, (head, middle[start : start + median], tail)))
