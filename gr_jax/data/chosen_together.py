"""What users choose at one time: one item, or a basket of several."""

import numpy as np
import polars as pl

from gr_jax.data.requests import Requests
from gr_jax.data.training_period import page_mask

# Choices that are looked at together: those of some users.
_TOGETHER = 2_000_000


def training_visits(requests: Requests) -> tuple[int, int]:
  """Counts training visits that led to one item, and all of them.

  A visit is what all requests of one user at one time led to, as in
  `gr_jax.text.vectors.training_baskets`: the searches of a shopping trip for
  one item each are no single items. Where times are positions, every event is
  a visit.
  """
  trained = np.flatnonzero(page_mask(requests))
  request = requests.page_request[trained]
  user = requests.user[request]
  parts = -(-len(trained) // _TOGETHER)
  singles = visits = 0
  for part in range(parts):
    some = np.flatnonzero(user % parts == part)
    chosen = pl.DataFrame(
      {
        "user": user[some],
        "time": requests.time[request[some]],
        "item": requests.page_item[trained[some]],
      }
    )
    single = pl.col("item").min() == pl.col("item").max()
    found = chosen.group_by("user", "time").agg(single.alias("single"))
    singles += int(found["single"].sum())
    visits += len(found)
  return singles, visits
