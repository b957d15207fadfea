import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.tokenizers import (
  adaptive_depth,
  quantizers,
  rq_vae,
  sa2crq,
  sa2crq_training,
  sarq,
)
from tests.reference.small_sa2crq import (
  CONFIG,
  HEAD,
  KEY,
  VAE,
  WEIGHTS,
  X,
  first_phase,
  fitted,
)


def test_the_second_phase_leaves_phase_one_bit_for_bit():
  state = fitted()[0].state
  anchors = sa2crq.anchors_of(state.codebooks, config=CONFIG)
  chex.assert_trees_all_equal(anchors, first_phase().codebooks)
  chex.assert_trees_all_equal(state.params, first_phase().params)
  chex.assert_trees_all_equal(state.paths.tables, first_phase().paths.tables)
  assert [len(book) for book in state.codebooks] == [8, 8, 8]


def depths_by_counting(codes, head_codes, head_weights, least):
  """k of every row of codes: a path goes on while `least` interactions of the
  head are on it; None where one of its levels is a tie."""
  depths = []
  for row in codes:
    depth = 1
    for length in (1, 2):
      held = head_weights[(head_codes[:, :length] == row[:length]).all(1)].sum()
      if np.isclose(held, least, rtol=1e-5):
        depth = None
      if depth is None or held < least:
        break
      depth += 1
    depths.append(depth)
  return depths


@given(
  seed=st.integers(0, 10_000),
  tau=st.floats(0.1, 60),
  head=st.floats(0.1, 1.0),
)
def test_a_path_ends_below_tau_average_items_of_all_interactions(
  seed, tau, head
):
  rng = np.random.default_rng(seed)
  codes = rng.integers(0, 3, (60, 3))
  weights = rng.zipf(1.4, 60).clip(max=300)
  head_mask = weights >= np.quantile(weights, 1 - head)
  sizes = dataclasses.replace(VAE, levels=(3, 3, 3))
  config = sarq.SarqConfig(sizes, tau_items=(tau, tau))
  paths = adaptive_depth.PathBudgets(
    adaptive_depth.path_tables(
      jnp.asarray(codes[head_mask]),
      jnp.asarray(weights[head_mask], jnp.float32),
      sizes=(3, 3, 3),
    ),
    sarq.budgets(
      config,
      num_items=60,
      counted_share=sa2crq_training.head_interactions(weights, head_mask),
    ),
    jnp.zeros(()),
  )
  found = np.asarray(adaptive_depth.depths(jnp.asarray(codes), paths))
  wanted = depths_by_counting(
    codes, codes[head_mask], weights[head_mask], tau * weights.sum() / 60
  )
  for one, other in zip(found, wanted):
    assert other is None or one == other


def test_a_fitted_head_ends_its_ids_by_all_interactions():
  state = fitted()[0].state
  anchors = sa2crq.anchors_of(state.codebooks, config=CONFIG)
  z = rq_vae.latent_vectors(state.params, X[HEAD], config=VAE)
  codes = np.asarray(quantizers.nearest_codes(z, anchors))
  wanted = depths_by_counting(
    codes, codes, WEIGHTS[HEAD], 4.0 * WEIGHTS.sum() / 200
  )
  found = fitted()[0].encode_items(X, HEAD)[HEAD]
  assert (found >= 0).sum(axis=1).tolist() == wanted
  assert len(set(wanted)) > 1


def test_a_head_without_interactions_is_measured_by_its_own():
  share = sa2crq_training.head_interactions
  assert share(np.zeros(4), np.arange(4) < 2) == 1.0
  assert share(np.array([0, 0, 1, 3]), np.arange(4) < 2) == 1.0
  assert share(np.array([3, 3, 1, 1]), np.arange(4) < 2) == 0.75


def test_the_second_phase_lowers_the_error_of_the_tail():
  state, history = fitted()[0].state, fitted()[1]
  z = rq_vae.latent_vectors(state.params, X[~HEAD], config=VAE)
  errors = [
    np.square(z - quantizers.residual_quantize(z, books).quantized).sum()
    for books in (
      sa2crq.anchors_of(state.codebooks, config=CONFIG),
      state.codebooks,
    )
  ]
  assert errors[1] < errors[0]
  assert [row["step"] for row in history][-1] == 20
  assert np.isfinite(history[-1]["loss"])


def test_with_all_items_and_codes_in_the_head_it_is_sarq():
  config = dataclasses.replace(CONFIG, head_levels=(8, 8, 8))
  every = np.ones(200, bool)
  found, history = sa2crq_training.fit(
    X, WEIGHTS, every, config=config, key=KEY
  )
  assert history[-1]["step"] == 8  # The second phase has nothing to train.
  alone, _ = sarq.fit(
    X,
    WEIGHTS,
    config=CONFIG.adaptive,
    budgets=sarq.budgets(CONFIG.adaptive, num_items=200),
    key=jax.random.split(KEY)[0],
  )
  chex.assert_trees_all_equal(found.state.codebooks, alone.codebooks)
  chex.assert_trees_all_equal(found.state.paths.budgets, alone.paths.budgets)
  np.testing.assert_array_equal(
    found.encode_items(X, every), sarq.encode(alone, X, config=CONFIG.adaptive)
  )


def test_too_few_head_items_are_refused():
  few = np.arange(200) < 7
  with pytest.raises(ValueError, match="7 head items cannot start 8 codes"):
    sa2crq_training.fit(X, WEIGHTS, few, config=CONFIG, key=KEY)
