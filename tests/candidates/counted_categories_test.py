import collections

import numpy as np

from gr_jax.candidates.counted_categories import counted_categories, slices_of
from gr_jax.candidates.sources.categories import finest_category
from tests.reference import candidate_log, small_world


def test_every_event_counts_for_its_category():
  finest = finest_category(small_world.shop().catalogue.categories)
  batch = candidate_log.batch()
  history = batch.counted_history(candidate_log.ITEMS)
  found = counted_categories(history, finest, groups=finest.max() + 1)
  rows = slices_of(found.rows, len(batch.requests))
  assert sum(row.stop - row.start for row in rows) == len(found.rows)
  for request, row in zip(batch.requests[:, 0], rows, strict=True):
    mine = finest[batch.log.requests.history(request)].tolist()
    counts = dict(zip(found.categories[row], found.times[row], strict=True))
    assert counts == collections.Counter(mine)
    assert (np.diff(found.categories[row]) > 0).all()


def test_rows_without_an_entry_have_an_empty_slice():
  found = slices_of(np.array([1, 1, 3]), 5)
  expected = [(0, 0), (0, 2), (2, 2), (2, 3), (3, 3)]
  assert [(each.start, each.stop) for each in found] == expected
