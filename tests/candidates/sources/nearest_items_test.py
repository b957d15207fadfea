import dataclasses

import numpy as np

from gr_jax.candidates.sources.nearest_items import nearest_items
from gr_jax.text.encoder import unit_rows
from tests.reference import candidate_log


def test_the_items_of_largest_cosine_come_nearest_first():
  log = dataclasses.replace(candidate_log.log(), kept={})
  items = unit_rows(candidate_log.vectors()[0])
  queries = np.array([1, 0, 1])
  found = nearest_items(log, queries, items, near=4)
  cosine = log.unit_query_vectors[queries] @ items.T
  np.testing.assert_array_equal(found, np.argsort(-cosine, axis=1)[:, :4])
  # There are fewer items than are wanted.
  assert nearest_items(log, queries, items[:2], near=5).shape == (3, 2)
