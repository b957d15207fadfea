"""Which of the new requests an update does not learn.

The newest: the last share of them in time, or, where times are positions, the
last one of a share of the users. The next update learns them.
"""

import numpy as np
import polars as pl

from gr_jax.data.requests import Requests
from gr_jax.data.training_period import NEVER


def newest_requests(
  pages: pl.DataFrame, *, shared_clock: bool, share: float, seed: int
) -> np.ndarray:
  """`[n]` bool of the new requests, sorted by time."""
  if not len(pages) or not share:
    return np.zeros(len(pages), bool)
  time, user = pages["page_time"].to_numpy(), pages["user"].to_numpy()
  if shared_clock:
    cut = np.quantile(time, 1 - share, method="higher")
    return time >= cut if time[0] < cut else np.zeros(len(pages), bool)
  last = np.zeros(len(pages), bool)
  _, places = np.unique(user[::-1], return_index=True)
  rng = np.random.default_rng(seed)
  wanted = min(round(share * len(pages)), len(places))
  last[len(pages) - 1 - rng.permutation(places)[:wanted]] = True
  return last


def held_out_from(
  requests: Requests, held_out: np.ndarray, update: np.ndarray, *, updates: int
) -> np.ndarray:
  """`[U, updates + 1]`, the time from which events of an update are held out.

  On one clock it is the same for all users.

  Args:
    requests: all of them.
    held_out: `[R]` bool, those that are.
    update: `[R]`, which update brought them.
    updates: the number of updates; the last may have brought none.
  """
  users, updates = len(requests.user_ids), updates + 1
  rows = np.flatnonzero(held_out)
  if requests.shared_clock:
    first = np.full(updates, NEVER)
    np.minimum.at(first, update[rows], requests.time[rows])
    return np.broadcast_to(first, (users, updates))
  ends = np.full((users, updates), NEVER)
  np.minimum.at(ends, (requests.user[rows], update[rows]), requests.time[rows])
  return ends
