"""Links that count nothing: what is alike by text or vector (see `links`)."""

import numpy as np
from scipy import sparse

from gr_jax.candidates.pairs import Sparse
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.scores import Scores
from gr_jax.candidates.sources.links import LAST, Links, newest_items


class Likeness(Links):
  """Links that count nothing, such as cosines of texts.

  Args:
    name: what features are called by.
    likeness: `[N, N]`.
    last: the number of newest items that are read.
  """

  def __init__(self, name: str, likeness: Sparse, *, last: int = LAST):
    super().__init__(name, num_items=likeness.shape[0], last=last)
    self._likeness = likeness

  def _scores(self, batch: RequestBatch) -> Scores:
    newest = newest_items(batch, self.num_items, self._last)
    return newest.times(self._likeness)


def like_texts(
  vectors: Sparse,
  *,
  keep: int = 100,
  power: int = 3,
  block: int = 500,
) -> Sparse:
  """`[N, N]`, the `keep` largest cosines of each row, to a power.

  Args:
    vectors: `[N, D]` of length 1, dense or sparse.
    keep: the number of neighbours of an item, itself left out.
    power: makes the nearest count more.
    block: the number of rows that are compared at a time.
  """
  N = vectors.shape[0]
  k = min(keep, N - 1)
  rows, columns, values = [], [], []
  for begin in range(0, N, block):
    part: Sparse = vectors[begin : begin + block] @ vectors.T
    part = part.toarray() if sparse.issparse(part) else np.asarray(part)
    own = np.arange(len(part))
    part[own, begin + own] = -1
    best = np.argpartition(-part, k - 1, axis=1)[:, :k]
    rows.append(np.repeat(begin + own, k))
    columns.append(best.ravel())
    values.append(np.maximum(part[own[:, None], best], 0).ravel() ** power)
  found: Sparse = sparse.csr_array(
    (
      np.concatenate(values).astype(np.float32),
      (np.concatenate(rows), np.concatenate(columns)),
    ),
    (N, N),
  )
  found.eliminate_zeros()
  return found


def with_itself(likeness: Sparse, own: float) -> Sparse:
  """Rows of `own * I + likeness` that sum to one."""
  whole: Sparse = likeness + own * sparse.eye_array(likeness.shape[0])
  share = 1 / np.maximum(np.asarray(whole.sum(axis=1)).ravel(), 1e-9)
  rows: Sparse = sparse.diags_array(share) @ whole
  return rows.tocsr().astype(np.float32)
