"""What the clicks and orders of pages were worth, by request and item."""

import numpy as np

from gr_jax.data.requests import CLICKED, Requests


class TargetValues:
  """Values of (request, item) pairs that were clicked or ordered.

  A pair that a page has twice is worth the larger value.

  Args:
    requests: the log.
  """

  def __init__(self, requests: Requests):
    kept = requests.page_kind >= CLICKED
    keys = pair_keys(requests.page_request[kept], requests.page_item[kept])
    values = requests.page_value[kept]
    order = np.lexsort((values, keys))
    keys, values = keys[order], values[order]
    last = np.append(np.diff(keys) != 0, True)[: len(keys)]
    self._keys, self._values = keys[last], values[last]

  def of(self, request: np.ndarray, item: np.ndarray) -> np.ndarray:
    """Values `[...]` of pairs; 0 where nothing was clicked, or item is -1."""
    if not len(self._keys):
      return np.zeros(np.broadcast_shapes(request.shape, item.shape))
    wanted = pair_keys(request, np.maximum(item, 0))
    place = np.searchsorted(self._keys, wanted)
    place = np.minimum(place, len(self._keys) - 1)
    there = (self._keys[place] == wanted) & (item >= 0)
    return np.where(there, self._values[place], 0)

  def best(self, request: int, *, count: int) -> np.ndarray:
    """The largest values `[<= count]` of one request, largest first."""
    begin, end = np.searchsorted(
      self._keys, pair_keys(np.array([request, request + 1]), np.zeros(2, int))
    )
    return np.sort(self._values[begin:end])[::-1][:count]


def pair_keys(request: np.ndarray, item: np.ndarray) -> np.ndarray:
  """One number `[...]` for every pair of rows."""
  return request.astype(np.int64) << 32 | item
