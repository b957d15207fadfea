import numpy as np
import pytest
from scipy import sparse

from gr_jax.candidates.scores import Scores, summed
from tests.reference.small_links import dense

B, N = 5, 30


@pytest.fixture(name="drawn", scope="module")
def fixture_drawn():
  """Scores of few items, some with repeats, and links."""
  rng = np.random.default_rng(0)
  keys = rng.integers(B * N, size=40)
  values = rng.random(40).astype(np.float32)
  links = rng.random((N, N)) * (rng.random((N, N)) < 0.2)
  return keys, values, sparse.csr_array(links.astype(np.float32))


def test_terms_of_one_key_are_added(drawn):
  keys, values, _ = drawn
  found = summed(keys, values, num_items=N)
  expected = np.bincount(keys, values, B * N).reshape(B, N)
  assert (np.diff(found.keys) > 0).all()
  np.testing.assert_allclose(dense(found, B), expected, rtol=1e-6)
  rows, items = np.divmod(np.arange(B * N), N)
  np.testing.assert_allclose(found.at(rows, items), expected.ravel(), rtol=1e-6)


def test_a_product_is_that_of_the_matrices(drawn):
  keys, values, links = drawn
  scores = summed(keys, values, num_items=N)
  np.testing.assert_allclose(
    dense(scores.times(links), B), dense(scores, B) @ links.toarray(), rtol=1e-5
  )


def test_what_is_not_above_zero_goes():
  scores = Scores(np.array([1, 4, 7]), np.ones(3, np.float32), 4)
  kept = scores.with_values(np.array([2, 0, -1], np.float32))
  assert (kept.keys.tolist(), kept.values.tolist()) == ([1], [2])


def test_nobody_has_scores():
  none = summed(np.zeros(0, np.int64), np.zeros(0, np.float32), num_items=N)
  assert not len(none.times(sparse.csr_array((N, N))).keys)
  np.testing.assert_array_equal(none.at(np.array([0]), np.array([3])), [0])
