"""Discounted gain where some documents are more relevant than others."""

from collections.abc import Sequence

import numpy as np

from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation import metrics
from gr_jax.evaluation.results import Measured

METRIC = "graded_ndcg"


def measure(
  ranked: np.ndarray,
  judged: RowLists,
  grades: np.ndarray,
  *,
  cutoffs: Sequence[int] = metrics.CUTOFFS,
) -> Measured:
  """`graded_ndcg` of every request, at the item level.

  The arguments are those of `graded_ndcg`; cutoffs beyond `K` are left out.
  """
  cutoffs = [k for k in cutoffs if k <= ranked.shape[1]]
  values = [graded_ndcg(ranked, judged, grades, k=k) for k in cutoffs]
  labels = [("item", "all", METRIC, k) for k in cutoffs]
  return Measured(labels, np.stack(values, axis=1))


def graded_ndcg(
  ranked: np.ndarray, judged: RowLists, grades: np.ndarray, *, k: int = 10
) -> np.ndarray:
  """`[R]` nDCG@k as trec_eval and BEIR have it; NaN where nothing is relevant.

    sum over ranks i <= k of g_i / log2(1 + i),  over that of the best order

  with `g` the grade itself, 0 where none was given. With grades of 0 and 1
  it is `metrics.ndcg`. A row that is ranked twice counts at its first place.

  Args:
    ranked: `[R, K]` catalogue rows, best first, -1 = none.
    judged: the judged rows of every request, each once.
    grades: `[P]` the grades of the entries of `judged`, at least 0.
    k: the cutoff.

  Raises:
    ValueError: rankings, lists and grades do not belong together.
  """
  if len(ranked) != len(judged) or len(grades) != len(judged.rows):
    raise ValueError(
      f"{len(ranked)} rankings, {len(judged)} lists and {len(grades)} grades "
      f"for {len(judged.rows)} judged rows: pass those of the same requests."
    )
  ranked, grades = ranked[:, :k], np.asarray(grades, np.float64)
  hits = metrics.hit_matrix(ranked, judged)
  gains = np.zeros(hits.shape)
  span = 1 + judged.rows.max(initial=0)
  keys = judged.owners * span + judged.rows
  order = np.argsort(keys)
  places = np.nonzero(hits)[0] * span + ranked[hits]
  gains[hits] = grades[order[np.searchsorted(keys, places, sorter=order)]]
  discounts = 1 / np.log2(np.arange(2, k + 2))
  best = np.zeros((len(ranked), k))
  order = np.lexsort((-grades, judged.owners))
  place = np.arange(len(grades)) - judged.offsets[judged.owners]
  kept = place < k
  best[judged.owners[kept], place[kept]] = grades[order][kept]
  ideal = best @ discounts
  found = gains @ discounts[: ranked.shape[1]]
  return np.where(ideal > 0, found / np.where(ideal > 0, ideal, 1), np.nan)
