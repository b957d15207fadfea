import numpy as np

from experiments.studies.gr4ad_worth import discounted, paid
from gr_jax.data.requests import CLICKED
from tests.reference.small_world import shop


def test_an_item_earns_what_was_paid_for_it_and_nothing_where_it_was_not():
  log = shop().requests
  rows = np.arange(50)
  earned, best = paid(log, rows, np.tile(np.arange(60), (50, 1)), cutoff=3)
  for row in rows:
    page = slice(*log.page_offsets[row : row + 2])
    wanted = np.zeros(60)
    for item, kind, value in zip(
      log.page_item[page], log.page_kind[page], log.page_value[page]
    ):
      if kind >= CLICKED:
        wanted[item] = max(wanted[item], value)
    np.testing.assert_allclose(earned[row], wanted, rtol=1e-6)
    top = np.sort(wanted)[::-1][:3]
    np.testing.assert_allclose(best[row], top, rtol=1e-6)
  assert not paid(log, rows, np.full((50, 2), -1), cutoff=3)[0].any()


def test_later_places_count_less():
  gains = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
  np.testing.assert_allclose(discounted(gains), [1.0, 0.5])
