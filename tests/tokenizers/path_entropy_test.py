import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.tokenizers import path_entropy

SIZES = (3, 4, 5)
SEEDS = st.integers(0, 2**31 - 1)


def draw(seed, rows=40):
  rng = np.random.default_rng(seed)
  codes = np.stack([rng.integers(0, c, rows) for c in SIZES], axis=1)
  return codes, rng.integers(0, 9, rows).astype(np.float32) + (rows == 1)


def tables_of(seed):
  codes, weights = draw(seed)
  return codes, weights, path_entropy.path_tables(codes, weights, sizes=SIZES)


@given(SEEDS)
def test_tables_sum_to_one_and_children_to_their_prefix(seed):
  _, _, (first, second) = tables_of(seed)
  np.testing.assert_allclose(first.sum(), 1, rtol=1e-5)
  np.testing.assert_allclose(second.sum(axis=1), first, atol=1e-6)


@given(SEEDS)
def test_entropy_is_the_chain_rule_over_interactions(seed):
  codes, weights, tables = tables_of(seed)
  found = path_entropy.path_entropy(codes, tables)
  for row, path in zip(found, codes):
    same = codes[:, 0] == path[0]
    both = same & (codes[:, 1] == path[1])
    with np.errstate(divide="ignore", invalid="ignore"):
      first = -np.log(weights[same].sum() / weights.sum())
      second = -np.log(weights[both].sum() / weights[same].sum())
    expected = np.array([first, first + second])
    known = ~np.isnan(expected)
    np.testing.assert_allclose(row[known], expected[known], atol=1e-5)


@given(SEEDS)
def test_entropy_never_falls_along_a_path(seed):
  codes, _, tables = tables_of(seed)
  found = np.asarray(path_entropy.path_probabilities(codes, tables))
  assert (found[:, 1] <= found[:, 0] + 1e-7).all()


def test_counts_of_items_are_not_counts_of_interactions():
  codes = np.array([[0, 0, 0], [1, 0, 0], [1, 0, 0]])
  tables = path_entropy.path_tables(codes, np.array([8.0, 1, 1]), sizes=SIZES)
  np.testing.assert_allclose(tables[0], [0.8, 0.2, 0.0], rtol=1e-6)


def test_codes_without_a_table_row_have_the_new_prior():
  tables = (jnp.array([0.75, 0.25]), jnp.array([[0.5, 0.25], [0.25, 0.0]]))
  codes = np.array([[0, 1, 9], [0, 2, 0], [2, 0, 0], [1, 1, 0]])
  found = path_entropy.path_probabilities(codes, tables, new_prior=0.1)
  expected = [[0.75, 0.25], [0.75, 0.075], [0.1, 0.01], [0.25, 0.0]]
  np.testing.assert_allclose(found, expected, rtol=1e-6)
  literal = path_entropy.path_entropy(codes, tables)
  assert np.isinf(np.asarray(literal)[[1, 2, 2, 3], [1, 0, 1, 1]]).all()


def test_open_tables_surprise_nobody():
  codes, _ = draw(0)
  found = path_entropy.path_entropy(codes, path_entropy.open_tables(SIZES))
  np.testing.assert_array_equal(found, np.zeros((40, 2)))


def test_without_interactions_every_path_is_unknown():
  codes, weights = draw(0)
  tables = path_entropy.path_tables(codes, 0 * weights, sizes=SIZES)
  assert np.isinf(path_entropy.path_entropy(codes, tables)).all()


def test_tables_that_no_memory_holds_are_refused():
  with pytest.raises(ValueError, match="prefixes of 3 codes"):
    path_entropy.check_sizes((4096, 4096, 4096, 8))
