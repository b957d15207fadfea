import numpy as np
import pytest

from gr_jax.data.requests import CLICKED
from gr_jax.ranking.impressions import page_impressions
from tests.reference.small_world import shop


def test_rows_are_the_pages_of_the_chosen_requests():
  log = shop().requests
  rows = np.array([3, 5, 8])
  found = page_impressions(log, rows, num_items=60)
  spans = [slice(log.page_offsets[r], log.page_offsets[r + 1]) for r in rows]
  items = np.concatenate([log.page_item[s] for s in spans])
  kinds = np.concatenate([log.page_kind[s] for s in spans])
  np.testing.assert_array_equal(found.items, items)
  np.testing.assert_array_equal(found.kinds, kinds)
  np.testing.assert_array_equal(found.labels, kinds >= CLICKED)
  assert set(found.requests.tolist()) == set(rows.tolist())


def test_random_items_follow_every_click():
  log, rows = shop().requests, np.arange(20)
  plain = page_impressions(log, rows, num_items=60)
  more = page_impressions(log, rows, num_items=60, negatives=3)
  extra = len(more.items) - len(plain.items)
  assert extra == 3 * plain.labels.sum()
  assert more.labels.sum() == plain.labels.sum()
  again = page_impressions(log, rows, num_items=60, negatives=3)
  np.testing.assert_array_equal(more.items, again.items)


def test_pages_without_what_was_only_shown_are_refused():
  log = shop().requests
  kinds = np.full_like(log.page_kind, CLICKED)
  clicked = type(log)(
    **{name: getattr(log, name) for name in log.__dataclass_fields__}
    | {"page_kind": kinds}
  )
  with pytest.raises(ValueError, match="set negatives"):
    page_impressions(clicked, np.arange(20), num_items=60)
