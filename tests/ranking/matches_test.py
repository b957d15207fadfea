"""Matches are counts and gaps that a loop finds, too."""

import jax
import numpy as np
import pytest

from gr_jax.ranking.matches import Matches, match_buckets
from tests.reference.packed_rows import ITEMS, packed_rows

CATEGORIES = np.random.default_rng(0).integers(-1, 3, (ITEMS, 2))


@pytest.fixture(scope="module")
def made():
  batch = packed_rows([9, 3, 14], targets=[0, 2, 1, 2, 0])
  items = batch.history.items
  batch = batch.replace(
    history=batch.history.replace(items=np.where(items < 0, items, items % 6)),
    targets=batch.targets.replace(items=batch.targets.items % 6),
  )
  h, t = batch.history, batch.targets
  reads = (
    (t.owners[:, :, None] == h.owners[:, None])
    & (h.places[:, None] < t.seen[:, :, None])
    & (h.items >= 0)[:, None]
  )
  return batch, reads


def test_buckets_are_those_of_a_loop(made):
  batch, reads = made
  h, t = batch.history, batch.targets
  same = reads & (h.items[:, None] == t.items[:, :, None])
  count, gap = match_buckets(same, h.times, t.times)
  for i in range(t.items.shape[1]):
    times = h.times[0][same[0, i]]
    n = len(times)
    assert count[0, i] == int(2 * np.log2(1 + n))
    expected = 1 + int(np.log2(1 + t.times[0, i] - times.max())) if n else 0
    assert gap[0, i] == expected
  assert (np.asarray(count) > 0).any()
  assert (np.asarray(gap) == 0).any()


def test_vectors_are_the_sum_over_the_item_and_its_categories(made):
  batch, reads = made
  module = Matches(2, 4)
  given = batch.history, batch.targets, reads, CATEGORIES
  params = jax.jit(module.init)(jax.random.key(0), *given)
  found = module.apply(params, *given)
  assert found.shape == (1, 5, 4)
  tables = jax.tree.map(np.asarray, jax.tree.leaves(params["params"]))
  counts, gaps = (np.asarray(t) for t in tables)
  h, t = batch.history, batch.targets
  for i, item in enumerate(t.items[0]):
    expected = 0
    for level in range(3):
      own, read = (
        (x if level == 0 else CATEGORIES[x, level - 1])
        for x in (item, np.maximum(h.items[0], 0))
      )
      same = reads[0, i] & (own == read) & (own >= 0)
      count, gap = match_buckets(
        same[None, None], h.times, t.times[:, i : i + 1]
      )
      expected += counts[level][count[0, 0]] + gaps[level][gap[0, 0]]
    np.testing.assert_allclose(found[0, i], expected, atol=1e-6)


def test_items_without_a_category_match_by_themselves_alone(made):
  batch, reads = made
  module = Matches(1, 4)
  none = np.full((ITEMS, 1), -1)
  params = jax.jit(module.init)(
    jax.random.key(0), batch.history, batch.targets, reads, none
  )
  found = module.apply(params, batch.history, batch.targets, reads, none)
  empty = batch.history.replace(items=np.full_like(batch.history.items, 39))
  nothing = module.apply(params, empty, batch.targets, reads, none)
  same = reads & (
    batch.history.items[:, None] == batch.targets.items[:, :, None]
  )
  alike = np.isclose(found, nothing, atol=1e-6).all(-1)
  np.testing.assert_array_equal(alike, ~same.any(-1))
