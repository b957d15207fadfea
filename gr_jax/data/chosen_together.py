"""What users choose at one time: one item, or a basket of several."""

import polars as pl

from gr_jax.data.requests import Requests
from gr_jax.data.training_period import page_mask


def training_visits(requests: Requests) -> tuple[int, int]:
  """Counts training visits that led to one item, and all of them.

  A visit is what all requests of one user at one time led to, as in
  `gr_jax.text.vectors.training_baskets`: the searches of a shopping trip for
  one item each are no single items. Where times are positions, every event is
  a visit.
  """
  trained = page_mask(requests)
  request = requests.page_request[trained]
  chosen = pl.DataFrame(
    {
      "user": requests.user[request],
      "time": requests.time[request],
      "item": requests.page_item[trained],
    }
  )
  single = pl.col("item").min() == pl.col("item").max()
  visits = chosen.group_by("user", "time").agg(single.alias("single"))
  return int(visits["single"].sum()), len(visits)
