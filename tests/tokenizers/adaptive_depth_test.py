import chex
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.tokenizers import adaptive_depth, path_entropy, quantizers

SIZES = (3, 4, 5)
SEEDS = st.integers(0, 2**31 - 1)
SHARES = st.floats(0, 1)


def draw(seed, rows=40):
  """Codes, and what decides their depths but for tau."""
  rng = np.random.default_rng(seed)
  codes = np.stack([rng.integers(0, c, rows) for c in SIZES], axis=1)
  weights = rng.integers(0, 9, rows)
  return codes, path_entropy.path_tables(codes, weights, sizes=SIZES)


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
  codes, tables = draw(seed)
  low, high = sorted((one, other))
  assert (
    depths(codes, tables, high, high) <= depths(codes, tables, low, low)
  ).all()


@given(SEEDS, st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_larger_tau_makes_no_more_ids(seed, one, other):
  codes, tables = draw(seed)
  low, high = sorted((one, other))
  counts = [
    len(
      np.unique(
        adaptive_depth.cut_codes(codes, depths(codes, tables, tau, tau)),
        axis=0,
      )
    )
    for tau in (low, high)
  ]
  assert counts[1] <= counts[0]


@given(SEEDS)
def test_no_tau_gives_all_codes_and_more_than_any_p_gives_one(seed):
  codes, tables = draw(seed)
  np.testing.assert_array_equal(depths(codes, tables, 0, 0), 3)
  above = 1.01 * float(tables[0].max())
  np.testing.assert_array_equal(depths(codes, tables, above, above), 1)


def test_an_id_that_ended_does_not_go_on_at_a_later_budget():
  entropy = jnp.array([[2.0, 2.5], [0.5, 2.5], [0.5, 9.0]])
  found = adaptive_depth.within_budgets(entropy, jnp.array([1.0, 3.0]))
  np.testing.assert_array_equal(found, [1, 3, 2])


@given(SEEDS, SHARES)
def test_a_short_id_is_the_prefix_of_the_long_one(seed, tau):
  codes, tables = draw(seed)
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
