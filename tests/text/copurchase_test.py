"""Vectors of co-purchases are the factors of the equation."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from gr_jax.text.copurchase import copurchase_vectors

N = 12
basket_lists = st.lists(
  st.lists(st.integers(0, N - 3), max_size=5), min_size=1, max_size=15
)


def vectors_of(baskets, num_items=N, dimensions=4, shift=1.0, smoothing=1.0):
  offsets = np.append(0, np.cumsum([len(basket) for basket in baskets]))
  items = np.array([i for basket in baskets for i in basket], np.int32)
  return copurchase_vectors(
    offsets.astype(np.int64),
    items,
    num_items=num_items,
    dimensions=dimensions,
    shift=shift,
    smoothing=smoothing,
  )


def pmi(baskets, num_items, *, shift, smoothing):
  """`M` by loops over the pairs of every basket."""
  votes = np.zeros((num_items, num_items))
  for basket in map(set, baskets):
    for i in basket:
      for j in basket - {i}:
        votes[i, j] += 1 / (len(basket) - 1)
  sums = votes.sum(1) + smoothing * votes.sum() / num_items
  found = np.zeros_like(votes)
  for i, j in zip(*votes.nonzero()):
    ratio = votes[i, j] * sums.sum() / (sums[i] * sums[j])
    found[i, j] = max(0.0, np.log(ratio) - np.log(shift))
  return found


def two_worlds(rng, count, size):
  """Baskets of two items, both below `size` or both from `size` on."""
  return [
    (rng.choice(size, 2, replace=False) + size * (b % 2)).tolist()
    for b in range(count)
  ]


@hypothesis.given(basket_lists)
def test_rows_are_unit_or_zero_and_unbought_items_are_zero(baskets):
  vectors = vectors_of(baskets)
  norms = np.linalg.norm(vectors, axis=1)
  assert (np.isclose(norms, 1, atol=1e-5) | (norms == 0)).all()
  bought = {i for basket in baskets for i in basket}
  assert not vectors[[i for i in range(N) if i not in bought]].any()


@hypothesis.given(basket_lists, st.randoms(use_true_random=False))
def test_order_of_baskets_and_items_and_repeats_change_nothing(baskets, random):
  shuffled = [random.sample(basket, len(basket)) for basket in baskets]
  shuffled = [basket + basket[:1] for basket in shuffled]
  random.shuffle(shuffled)
  np.testing.assert_array_equal(vectors_of(baskets), vectors_of(shuffled))


def test_an_item_gives_each_of_its_baskets_one_vote():
  """Two baskets, {0, 1, 2} and {0, 3}: the votes are halves and a whole."""
  expected = np.zeros((4, 4))
  # c = (2, 1, 1, 1), C = 5; C_01 = C_02 = C_12 = 1/2 and C_03 = 1.
  expected[0, 1] = expected[0, 2] = np.log(0.5 * 5 / (2 * 1))
  expected[1, 2] = np.log(0.5 * 5 / (1 * 1))
  expected[0, 3] = np.log(1.0 * 5 / (2 * 1))
  expected += expected.T
  baskets = [[0, 1, 2], [3, 0]]
  np.testing.assert_allclose(
    pmi(baskets, 4, shift=1.0, smoothing=0.0), expected
  )
  vectors = vectors_of(baskets, 4, dimensions=4, smoothing=0.0)
  np.testing.assert_allclose(vectors, factors(expected), atol=1e-4)


def factors(matrix):
  """Unit rows of `U sqrt(|S|)`, the largest entry of a column positive."""
  values, vectors = np.linalg.eigh(matrix)
  order = np.argsort(-np.abs(values), kind="stable")
  values, vectors = values[order], vectors[:, order]
  largest = np.abs(vectors).argmax(axis=0)
  vectors = vectors * np.sign(vectors[largest, np.arange(len(values))])
  rows = vectors * np.sqrt(np.abs(values))
  return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


@pytest.mark.parametrize("shift", [1.0, 1.2])
@pytest.mark.parametrize("smoothing", [0.0, 0.2, 0.5])
def test_vectors_factor_the_equation(shift, smoothing):
  """Baskets of two to five items, mostly of one half of the catalogue."""
  rng = np.random.default_rng(3)
  taste = np.array([[8.0, 1.0], [1.0, 8.0]]).repeat(4, axis=1) / 36
  baskets = [
    rng.choice(8, rng.integers(2, 6), replace=False, p=taste[b % 2]).tolist()
    for b in range(40)
  ]
  vectors = vectors_of(
    baskets, 8, dimensions=8, shift=shift, smoothing=smoothing
  )
  matrix = pmi(baskets, 8, shift=shift, smoothing=smoothing)
  assert matrix.any()
  expected = factors(matrix)
  # The cosines, which do not depend on the signs of the columns.
  np.testing.assert_allclose(
    vectors @ vectors.T, expected @ expected.T, atol=1e-3
  )


@pytest.mark.parametrize("size", [6, 60])
def test_items_bought_together_are_nearer(size):
  rng = np.random.default_rng(0)
  vectors = vectors_of(two_worlds(rng, 40 * size, size), 2 * size)
  similarity = vectors @ vectors.T
  within = similarity[:size, :size][~np.eye(size, dtype=bool)].mean()
  across = similarity[:size, size:].mean()
  assert within > across + 0.3


def test_lanczos_and_dense_factors_agree():
  rng = np.random.default_rng(1)
  size = 20
  baskets = two_worlds(rng, 2000, size)
  wide = vectors_of(baskets, 2 * size, dimensions=2 * size)
  narrow = vectors_of(baskets, 2 * size, dimensions=2)
  again = wide[:, :2] / np.linalg.norm(wide[:, :2], axis=1, keepdims=True)
  np.testing.assert_allclose(narrow @ narrow.T, again @ again.T, atol=0.02)


def test_a_large_shift_leaves_no_pair():
  assert not vectors_of([[0, 1], [1, 2]], shift=1e6).any()


def test_shift_and_dimensions_must_be_positive():
  with pytest.raises(ValueError, match=r"shift=0\.0"):
    vectors_of([[0, 1]], shift=0.0)
  with pytest.raises(ValueError, match="dimensions=0"):
    vectors_of([[0, 1]], dimensions=0)
