"""Orders of whole numbers, several times as fast as a general sort.

A number and its place go into one number of 63 bits where they fit, so that a
plain sort of numbers, which processors do many at a time, gives the order.
"""

import numpy as np

_BITS = 63
_FLOAT_BITS = 32
_GROUP = 64  # Columns whose largest is looked at first.
_MANY = 8  # Times as many as are wanted.


def stable_sort(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """The sorted keys and the order in which they stood.

  Args:
    keys: `[n]` int64, at least 0; of equal ones the first comes first.
  """
  bits = len(keys).bit_length()
  if int(keys.max(initial=0)) >> (_BITS - bits):
    order = np.argsort(keys, kind="stable")
    return keys[order], order
  packed = (keys << bits) | np.arange(len(keys))
  packed.sort()
  return packed >> bits, packed & ((1 << bits) - 1)


def best_first(owners: np.ndarray, scores: np.ndarray) -> np.ndarray:
  """The order by owner, then by score, the largest first; ties as they stand.

  Args:
    owners: `[n]` int64, at least 0.
    scores: `[n]`, finite; compared as float32.
  """
  # The bits of floats of one sign rise with them; adding 0 leaves one zero.
  bits = (scores.astype(np.float32) + 0).view(np.int32).astype(np.int64)
  rising = np.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
  falling = (1 << (_FLOAT_BITS - 1)) - 1 - rising
  if int(owners.max(initial=0)) >> (_BITS - _FLOAT_BITS):
    return np.lexsort((falling, owners))
  return stable_sort((owners << _FLOAT_BITS) | falling)[1]


def largest_first(scores: np.ndarray, most: int) -> np.ndarray:
  """`[n, most]`, the columns of the largest, best first; ties as they stand.

  The many columns of a row are looked at in groups. At least `most` of them
  have no less than the `most`-th largest of the groups' maxima, and few have
  more.

  Args:
    scores: `[n, N]`, finite; compared as float32.
    most: `N` at most.
  """
  scores = scores.astype(np.float32, copy=False)
  n, size = scores.shape
  maxima = scores
  if size >= 2 * _GROUP * most:
    # The last columns are of no group.
    each = size // _GROUP
    maxima = scores[:, : each * _GROUP].reshape(n, _GROUP, each).max(axis=1)
  least = np.partition(maxima, -most, axis=1)[:, -most]
  among = np.flatnonzero(scores >= least[:, None])
  if len(among) > _MANY * n * most:
    # Mostly equal ones, which a general sort leaves as they stand.
    return np.argsort(-scores, axis=1, kind="stable")[:, :most]
  rows, columns = np.divmod(among, size)
  order = best_first(rows, scores[rows, columns])
  return columns[order[places_in_runs(rows) < most]].reshape(n, most)


def starts_of(ordered: np.ndarray) -> np.ndarray:
  """Where each run of equal numbers begins in an ordered array."""
  new = np.ones(len(ordered), bool)
  np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
  return new.nonzero()[0]


def run_sizes(starts: np.ndarray, size: int) -> np.ndarray:
  """How many entries each run has, given `starts_of` an array of `size`."""
  ends = np.full(len(starts), size)
  ends[:-1] = starts[1:]
  return ends - starts


def places_in_runs(ordered: np.ndarray) -> np.ndarray:
  """`[n]`, how many equal numbers stand before each, in an ordered array."""
  starts = starts_of(ordered)
  return np.arange(len(ordered)) - starts.repeat(
    run_sizes(starts, len(ordered))
  )
