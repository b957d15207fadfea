import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.dense import ranking
from gr_jax.evaluation.baselines.top_items import popularity_order, top_items
from tests.reference.plain_lists import from_lists

N, D = 30, 4


@given(st.integers(0, 1000), st.booleans())
def test_rankings_are_those_of_a_floor_with_the_same_scores(seed, excluding):
  rng = np.random.default_rng(seed)
  items = rng.integers(-2, 3, (N, D)).astype(np.float32)
  requests = rng.integers(-2, 3, (7, D)).astype(np.float32)
  popularity = rng.integers(0, 4, N)
  gone = [rng.integers(0, N, rng.integers(0, 25)) for _ in range(7)]
  exclude = from_lists(gone) if excluding else None
  order = popularity_order(popularity)
  expected = top_items(
    lambda start, stop: requests[start:stop] @ items[order].T,
    order,
    num_requests=7,
    k=12,
    exclude=exclude,
  )
  index = ranking.index_items(items, popularity, block=8)
  found = ranking.rank(index, requests, k=12, exclude=exclude)
  assert found.dtype == np.int32
  np.testing.assert_array_equal(found, expected)
