import numpy as np

from gr_jax.data.requests import CLICKED
from gr_jax.data.target_values import TargetValues
from tests.reference.small_world import shop


def test_pairs_are_worth_the_largest_value_of_their_page_and_others_nothing():
  log = shop().requests
  values = TargetValues(log)
  items = np.arange(-1, 60)
  for row in range(40):
    page = slice(*log.page_offsets[row : row + 2])
    wanted = np.zeros(61)
    for item, kind, value in zip(
      log.page_item[page], log.page_kind[page], log.page_value[page]
    ):
      if kind >= CLICKED:
        wanted[item + 1] = max(wanted[item + 1], value)
    found = values.of(np.array([row]), items)
    np.testing.assert_array_equal(found, wanted.astype(np.float32))
    best = values.best(row, count=2)
    np.testing.assert_array_equal(
      best, np.sort(wanted)[::-1][: len(best)].astype(np.float32)
    )
