import numpy as np
import polars as pl

from gr_jax.data.sources.complete_journey.requests import find_baskets


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
  baskets = find_baskets(lines, np.array([3, 3, 7, 7]))
  assert baskets.item.tolist() == [3, 7, 7]
  assert baskets.value.tolist() == [1.5, 2.0, 4.0]
  assert baskets.offsets.tolist() == [0, 2, 3]
  assert baskets.households[baskets.household].tolist() == [5, 6]
  assert baskets.time.tolist() == [100, 90]
