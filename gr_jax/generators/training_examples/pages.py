"""Pages: what a request led to, as one ordered list of semantic IDs.

  Y_page = IDs of ordered, then clicked, then only exposed items

GenRec's page-wise targets (arXiv 2604.14878). An ID that is on a page twice
stays once, with its highest grade; inside a grade the page's own order is kept
`[OURS]`; of what was only exposed at most `max_exposures` are taken.
"""

import dataclasses

import numpy as np

from gr_jax.data.requests import CLICKED, EXPOSED, Requests


@dataclasses.dataclass(frozen=True, eq=False)
class Pages:
  """`n` pages of a split, those of one user and history side by side.

  Attributes:
    group_offsets: `[G + 1]` into the pages: pages that share a prompt.
    request: `[n]` request rows.
    offsets: `[n + 1]` into the places.
    ids: `[m]` rows of the table of IDs, page after page.
    grades: `[m]` ORDERED, CLICKED or EXPOSED, not rising inside a page.
  """

  group_offsets: np.ndarray
  request: np.ndarray
  offsets: np.ndarray
  ids: np.ndarray
  grades: np.ndarray

  def __len__(self) -> int:
    return len(self.request)


def build_pages(
  requests: Requests,
  id_of_item: np.ndarray,
  *,
  split: int,
  max_exposures: int,
) -> Pages:
  """The pages of all requests of a split that led to a click or an order.

  Args:
    requests: the log, pages included.
    id_of_item: `[N]` row of the table of IDs of every item.
    split: TRAIN, as a rule.
    max_exposures: items of a page that were only shown; 0 leaves them out.

  Raises:
    ValueError: no request of the split led to anything.
  """
  request, ids, grades = _distinct(requests, id_of_item, split)
  request, ids, grades = _few_exposures(request, ids, grades, max_exposures)
  # A user without history and one with may share an offset: both are keys.
  user, end = requests.user[request], requests.history_end[request]
  order = np.lexsort((np.arange(len(request)), request, end, user))
  request, ids, grades = request[order], ids[order], grades[order]
  starts = np.flatnonzero(np.diff(request, prepend=-1))
  rows = request[starts]
  key = np.stack((requests.user[rows], requests.history_end[rows]))
  changes = (np.diff(key, axis=1) != 0).any(axis=0)
  groups = np.flatnonzero(np.concatenate(([True], changes)))
  return Pages(
    group_offsets=np.append(groups, len(rows)),
    request=rows,
    offsets=np.append(starts, len(ids)),
    ids=ids,
    grades=grades,
  )


def _distinct(
  requests: Requests, id_of_item: np.ndarray, split: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Request, ID and grade of every place, best grades of a request first."""
  request = requests.page_request
  led = np.zeros(len(requests), bool)
  led[request[requests.page_kind >= CLICKED]] = True
  kept = np.flatnonzero((led & (requests.split == split))[request])
  if not len(kept):
    raise ValueError(
      f"no clicked or ordered item in split {split}; there is nothing to learn."
    )
  request, grades = request[kept], requests.page_kind[kept]
  ids = id_of_item[requests.page_item[kept]].astype(np.int64)
  order = np.lexsort((kept, -grades.astype(np.int64), request))
  request, ids, grades = request[order], ids[order], grades[order]
  # Of an ID that comes up again only the first, best place stays.
  key = request * (int(ids.max()) + 1) + ids
  first = np.sort(np.unique(key, return_index=True)[1])
  return request[first], ids[first], grades[first]


def _few_exposures(
  request: np.ndarray, ids: np.ndarray, grades: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  shown = np.flatnonzero(grades == EXPOSED)
  rank = np.arange(len(shown)) - np.searchsorted(request[shown], request[shown])
  kept = np.ones(len(ids), bool)
  kept[shown[rank >= most]] = False
  return request[kept], ids[kept], grades[kept]
