import numpy as np

from gr_jax.candidates.sources.categories import finest_category
from gr_jax.candidates.sources.category_tastes import NAMES, CategoryTastes
from tests.reference import candidate_log, small_world


def test_newer_items_count_more_and_the_newest_is_compared():
  categories = small_world.shop().catalogue.categories
  finest = finest_category(categories)
  batch = candidate_log.batch()
  source = CategoryTastes(categories, finest)
  columns = source.of(batch, candidate_log.all_pairs(batch))
  found = {
    name: column.reshape(-1, candidate_log.ITEMS)
    for name, column in zip(NAMES, columns, strict=True)
  }
  for row, request in enumerate(batch.requests[:, 0]):
    history = batch.log.requests.history(request)
    ages = 1 / (len(history) - np.arange(len(history)))
    for name, mine in (("0", categories[:, 0]), ("finest", finest)):
      share = ((mine[history][:, None] == mine) * ages[:, None]).sum(0)
      share /= ages.sum()
      np.testing.assert_allclose(
        found[f"category_share_{name}"][row], np.log(share + 0.01), atol=1e-5
      )
      np.testing.assert_array_equal(
        found[f"newest_category_{name}"][row], mine == mine[history[-1]]
      )


def test_a_hidden_history_has_no_category():
  categories = small_world.shop().catalogue.categories
  batch = candidate_log.batch(shown=False)
  source = CategoryTastes(categories, finest_category(categories))
  found = np.stack(source.of(batch, candidate_log.all_pairs(batch)))
  np.testing.assert_allclose(found[:3], np.log(0.01))
  assert not found[3:].any()
