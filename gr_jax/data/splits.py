"""Splits of requests into training, validation and test."""

import numpy as np

from gr_jax.data.requests import TEST, TRAIN, VALID


def check_shares(valid_share: float, test_share: float) -> None:
  """Raises ValueError unless both shares and the rest are in range."""
  shares = valid_share, test_share
  if not all(0 <= share < 1 for share in shares) or sum(shares) >= 1:
    raise ValueError(
      f"valid_share {valid_share} and test_share {test_share} must be >= 0 and "
      "together < 1."
    )


def split_by_time(
  time: np.ndarray, *, valid_share: float, test_share: float
) -> np.ndarray:
  """Splits requests at sorted times `[R]`, the last for the test: `[R]` int8.

  Requests of one time stay together, so a share may come out larger.
  """
  split = np.full(len(time), TRAIN, np.int8)
  test = _first_of_share(time, test_share)
  split[test:] = TEST
  valid = _first_of_share(time[:test], valid_share / (1 - test_share))
  split[valid:test] = VALID
  return split


def split_by_user(user: np.ndarray) -> np.ndarray:
  """Splits requests of users `[R]`, a user's oldest first: `[R]` int8.

  A user's last request is the test, the one before it the validation; of two
  requests the first is for training, and so is a single one.
  """
  order = np.argsort(user, kind="stable")
  counts = np.bincount(user)
  ends = np.cumsum(counts)[user[order]]
  from_end = ends - 1 - np.arange(len(user))
  split = np.full(len(user), TRAIN, np.int8)
  split[order[(from_end == 0) & (counts[user[order]] > 1)]] = TEST
  split[order[(from_end == 1) & (counts[user[order]] > 2)]] = VALID
  return split


def _first_of_share(time: np.ndarray, share: float) -> int:
  """Finds where the last `share` of sorted times begins, ties taken whole."""
  if not len(time) or share <= 0:
    return len(time)
  cut = time[min(round(len(time) * (1 - share)), len(time) - 1)]
  return int(np.searchsorted(time, cut, side="left"))
