"""Requests have the purchases before their moment as history, and no others."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.catalogue import object_array
from gr_jax.data.sources.complete_journey.requests import (
  basket_requests,
  merge_lines,
)

# Few moments, so that many baskets of a household fall into one.
BASKETS = st.lists(
  st.tuples(
    st.integers(1, 2),
    st.integers(10, 13),
    st.lists(st.integers(0, 4), min_size=1, max_size=3, unique=True),
  ),
  min_size=1,
  max_size=8,
)


@given(BASKETS)
def test_a_history_is_all_of_the_past_and_nothing_of_the_same_moment(baskets):
  baskets = sorted(baskets, key=lambda basket: basket[:2])
  lines = [
    (household, number, time, item)
    for number, (household, time, items) in enumerate(baskets)
    for item in sorted(items)
  ]
  household, number, time, item = map(np.array, zip(*lines))
  found = merge_lines(
    pl.DataFrame(
      {
        "household_id": household,
        "store_id": np.ones_like(household),
        "basket_id": number,
        "sales_value": np.ones(len(household)),
        "week": time,
        "time": time,
      }
    ),
    item,
  )
  requests = basket_requests(
    found,
    found.select("basket", "item").clear(),
    queries=[],
    query_of_item=np.full(5, -1),
    profiles=object_array([()] * found["household_id"].n_unique()),
    split_ends=(11, 12),
  )
  assert len(requests) == len(baskets)
  for row, (buyer, moment, items) in enumerate(baskets):
    past = (household == buyer) & (time < moment)
    assert requests.history(row).tolist() == item[past].tolist()
    assert requests.targets(row).tolist() == sorted(items)


def test_repeated_lines_of_an_item_become_one_with_the_sum_paid():
  lines = pl.DataFrame(
    {
      "household_id": [5, 5, 5, 6],
      "store_id": [1, 1, 1, 2],
      "basket_id": [10, 10, 10, 11],
      "sales_value": [1.0, 0.5, 2.0, 4.0],
      "week": [1, 1, 1, 2],
      "time": [100, 100, 100, 90],
    }
  )
  merged = merge_lines(lines, np.array([3, 3, 7, 7]))
  assert merged["item"].to_list() == [3, 7, 7]
  assert merged["value"].to_list() == [1.5, 2.0, 4.0]
  assert merged["basket"].to_list() == [0, 0, 1]
  assert merged["household_id"].to_list() == [5, 5, 6]
  assert merged["time"].to_list() == [100, 100, 90]
