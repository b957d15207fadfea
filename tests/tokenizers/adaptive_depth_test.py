import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.tokenizers import adaptive_depth, quantizers

SIZES = (3, 4, 5)
SEEDS = st.integers(0, 2**31 - 1)
SHARES = st.floats(0, 1)


def draw(seed):
  """Codes `[40, 3]`, and interactions of each row."""
  rng = np.random.default_rng(seed)
  codes = np.stack([rng.integers(0, c, 40) for c in SIZES], axis=1)
  return codes, rng.integers(0, 9, 40).astype(np.float32)


def tables_of(seed):
  codes, weights = draw(seed)
  return codes, weights, adaptive_depth.path_tables(codes, weights, sizes=SIZES)


@given(SEEDS)
def test_tables_sum_to_one_and_children_to_their_prefix(seed):
  _, _, (first, second) = tables_of(seed)
  np.testing.assert_allclose(first.sum(), 1, rtol=1e-5)
  np.testing.assert_allclose(second.sum(axis=1), first, atol=1e-6)


@given(SEEDS)
def test_entropy_is_the_chain_rule_over_interactions(seed):
  codes, weights, tables = tables_of(seed)
  found = adaptive_depth.path_entropy(codes, tables)
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
  found = np.asarray(adaptive_depth.path_probabilities(codes, tables))
  assert (found[:, 1] <= found[:, 0] + 1e-7).all()


def test_counts_of_items_are_not_counts_of_interactions():
  codes = np.array([[0, 0, 0], [1, 0, 0], [1, 0, 0]])
  tables = adaptive_depth.path_tables(codes, np.array([8.0, 1, 1]), sizes=SIZES)
  np.testing.assert_allclose(tables[0], [0.8, 0.2, 0.0], rtol=1e-6)


def test_codes_without_a_table_row_have_the_new_prior():
  tables = (jnp.array([0.75, 0.25]), jnp.array([[0.5, 0.25], [0.25, 0.0]]))
  codes = np.array([[0, 1, 9], [0, 2, 0], [2, 0, 0], [1, 1, 0]])
  found = adaptive_depth.path_probabilities(codes, tables, new_prior=0.1)
  expected = [[0.75, 0.25], [0.75, 0.075], [0.1, 0.01], [0.25, 0.0]]
  np.testing.assert_allclose(found, expected, rtol=1e-6)
  literal = adaptive_depth.path_entropy(codes, tables)
  assert np.isinf(np.asarray(literal)[[1, 2, 2, 3], [1, 0, 1, 1]]).all()


def test_open_tables_surprise_nobody():
  codes, _ = draw(0)
  found = adaptive_depth.path_entropy(codes, adaptive_depth.open_tables(SIZES))
  np.testing.assert_array_equal(found, np.zeros((40, 2)))


def test_without_interactions_every_path_is_unknown():
  codes, weights = draw(0)
  tables = adaptive_depth.path_tables(codes, 0 * weights, sizes=SIZES)
  assert np.isinf(adaptive_depth.path_entropy(codes, tables)).all()


def test_tables_that_no_memory_holds_are_refused():
  with pytest.raises(ValueError, match="prefixes of 3 codes"):
    adaptive_depth.check_sizes((4096, 4096, 4096, 8))


def depths(codes, tables, *tau):
  return np.asarray(
    adaptive_depth.depths(
      codes,
      adaptive_depth.PathBudgets(
        tables, adaptive_depth.budgets_of(np.array(tau)), jnp.zeros(())
      ),
    )
  )


@given(SEEDS, SHARES, SHARES)
def test_a_larger_tau_never_lengthens_an_id(seed, one, other):
  codes, _, tables = tables_of(seed)
  low, high = sorted((one, other))
  assert (
    depths(codes, tables, high, high) <= depths(codes, tables, low, low)
  ).all()


@given(SEEDS, st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_larger_tau_makes_no_more_ids(seed, one, other):
  codes, _, tables = tables_of(seed)
  low, high = sorted((one, other))
  counts = [
    len(
      np.unique(
        adaptive_depth.cut_codes(codes, depths(codes, tables, tau, tau)), axis=0
      )
    )
    for tau in (low, high)
  ]
  assert counts[1] <= counts[0]


@given(SEEDS)
def test_no_tau_gives_all_codes_and_more_than_any_p_gives_one(seed):
  codes, _, tables = tables_of(seed)
  np.testing.assert_array_equal(depths(codes, tables, 0, 0), 3)
  above = 1.01 * float(tables[0].max())
  np.testing.assert_array_equal(depths(codes, tables, above, above), 1)


def test_an_id_that_ended_does_not_go_on_at_a_later_budget():
  entropy = jnp.array([[2.0, 2.5], [0.5, 2.5], [0.5, 9.0]])
  found = adaptive_depth.within_budgets(entropy, jnp.array([1.0, 3.0]))
  np.testing.assert_array_equal(found, [1, 3, 2])


@given(SEEDS, SHARES)
def test_a_short_id_is_the_prefix_of_the_long_one(seed, tau):
  codes, _, tables = tables_of(seed)
  depth = depths(codes, tables, tau, tau)
  kept = np.asarray(adaptive_depth.cut_codes(codes, depth))
  for short, whole, k in zip(kept, codes, depth):
    np.testing.assert_array_equal(short[:k], whole[:k])
    assert (short[k:] == -1).all()


@jax.jit
def quantized(books):
  x = jax.random.normal(jax.random.key(0), (6, 2))
  return quantizers.residual_quantize(x, books)


BOOKS = tuple(
  jax.random.normal(key, (size, 2))
  for key, size in zip(jax.random.split(jax.random.key(1), 3), SIZES)
)
DEPTH = jnp.array([1, 2, 3, 1, 2, 3])


def test_losses_of_a_cut_quantization_end_at_the_depth():
  found = quantized(BOOKS)
  kept = adaptive_depth.cut(found, DEPTH)
  gaps = np.square(found.residuals - found.chosen).sum(axis=-1)
  expected = sum(gaps[:k, b].sum() for b, k in enumerate(DEPTH)) / 6
  for loss in (quantizers.commitment_loss, quantizers.codebook_loss):
    np.testing.assert_allclose(loss(kept), expected, rtol=1e-5)
  np.testing.assert_allclose(
    kept.quantized, quantizers.sum_codes(kept.codes, BOOKS), rtol=1e-5
  )
  whole = adaptive_depth.cut(found, jnp.full(6, 3))
  chex.assert_trees_all_close(whole, found, rtol=1e-6)


def test_levels_below_the_end_move_no_loss():
  """Another codebook below changes nothing, to the last bit."""

  @jax.jit
  def losses(last):
    kept = adaptive_depth.cut(
      quantized((*BOOKS[:2], last)), jnp.minimum(DEPTH, 2)
    )
    return quantizers.commitment_loss(kept), kept.quantized

  chex.assert_trees_all_equal(losses(BOOKS[2]), losses(BOOKS[2] + 0.3))
  grads = jax.grad(lambda last: losses(last)[1].sum())(BOOKS[2])
  np.testing.assert_array_equal(grads, 0)
