import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.decoding.trie import build_trie, find_rows
from gr_jax.tokenizers import (
  adaptive_depth,
  quantizers,
  rq_vae,
  sa2crq,
  sa2crq_training,
  sarq,
)
from gr_jax.tokenizers.semantic_ids import SemanticIds

VAE = rq_vae.RqVaeConfig(
  hidden=(16,),
  latent=4,
  levels=(8, 8, 8),
  batch_size=64,
  steps=8,
  init_rows=128,
  init_iterations=3,
  dot_general=jax.lax.dot_general,
)
CONFIG = sa2crq.Sa2crqConfig(
  sarq.SarqConfig(VAE, tau_items=(4.0, 4.0)),
  head_levels=(3, 5, 8),
  tail_steps=12,
  new_prior=1 / 8,
)
X = np.asarray(jax.random.normal(jax.random.key(0), (200, 8)))
WEIGHTS = np.random.default_rng(0).zipf(1.6, 200).clip(max=500)
HEAD = np.median(WEIGHTS) < WEIGHTS
KEY = jax.random.key(1)
HEAD_SHARE = WEIGHTS[HEAD].sum() / WEIGHTS.sum()


@pytest.fixture(scope="module")
def fitted():
  return sa2crq_training.fit(X, WEIGHTS, HEAD, config=CONFIG, key=KEY)


@pytest.fixture(scope="module")
def first_phase():
  """The state after phase 1 alone."""
  return sarq.fit(
    X[HEAD],
    WEIGHTS[HEAD],
    config=CONFIG.head,
    budgets=sarq.budgets(
      CONFIG.adaptive, num_items=200, counted_share=HEAD_SHARE
    ),
    key=jax.random.split(KEY)[0],
  )[0]


def test_the_second_phase_leaves_phase_one_bit_for_bit(fitted, first_phase):
  state = fitted[0].state
  anchors = sa2crq.anchors_of(state.codebooks, config=CONFIG)
  chex.assert_trees_all_equal(anchors, first_phase.codebooks)
  chex.assert_trees_all_equal(state.params, first_phase.params)
  chex.assert_trees_all_equal(state.paths.tables, first_phase.paths.tables)
  assert [len(book) for book in state.codebooks] == [8, 8, 8]


def test_no_id_of_the_head_moves_in_the_second_phase(fitted, first_phase):
  codes = fitted[0].encode_items(X, HEAD)
  np.testing.assert_array_equal(
    codes[HEAD], sarq.encode(first_phase, X[HEAD], config=CONFIG.head)
  )
  assert (codes[HEAD] < np.array(CONFIG.head_levels)).all()


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


def test_a_fitted_head_ends_its_ids_by_all_interactions(fitted):
  state = fitted[0].state
  anchors = sa2crq.anchors_of(state.codebooks, config=CONFIG)
  z = rq_vae.latent_vectors(state.params, X[HEAD], config=VAE)
  codes = np.asarray(quantizers.nearest_codes(z, anchors))
  wanted = depths_by_counting(
    codes, codes, WEIGHTS[HEAD], 4.0 * WEIGHTS.sum() / 200
  )
  found = fitted[0].encode_items(X, HEAD)[HEAD]
  assert (found >= 0).sum(axis=1).tolist() == wanted
  assert len(set(wanted)) > 1


def test_a_head_without_interactions_is_measured_by_its_own():
  share = sa2crq_training.head_interactions
  assert share(np.zeros(4), np.arange(4) < 2) == 1.0
  assert share(np.array([0, 0, 1, 3]), np.arange(4) < 2) == 1.0
  assert share(np.array([3, 3, 1, 1]), np.arange(4) < 2) == 0.75


def test_tail_items_use_new_codes_and_short_ids(fitted):
  codes = fitted[0].encode_items(X, HEAD)
  assert (codes[~HEAD, 0] >= 3).any()
  lengths = (codes >= 0).sum(axis=1)
  assert lengths[~HEAD].mean() < lengths[HEAD].mean()
  np.testing.assert_array_equal(fitted[0].encode(X[~HEAD]), codes[~HEAD])


def test_to_the_letter_an_id_ends_at_its_first_new_code(fitted):
  state = fitted[0].state
  literal = state.replace(paths=state.paths.replace(new_prior=jnp.zeros(())))
  codes = sa2crq.Sa2crq(CONFIG, literal).encode_items(X, HEAD)
  new = codes[:, :-1] >= np.array(CONFIG.head_levels[:-1])
  assert new.any()
  assert (codes[:, 1:][new] == -1).all()


def test_the_second_phase_lowers_the_error_of_the_tail(fitted):
  state, history = fitted[0].state, fitted[1]
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


@pytest.mark.parametrize("levels", [(5, 3, 8), (3, 5, 9), (3, 5)])
def test_head_levels_that_do_not_fit_are_refused(levels):
  with pytest.raises(ValueError, match="none falling and none above"):
    dataclasses.replace(CONFIG, head_levels=levels)


def test_ids_that_end_are_found_in_the_table_and_in_the_trie(fitted):
  codes = fitted[0].encode_items(X, HEAD)
  assert (codes < 0).any()
  ids = SemanticIds(codes, VAE.levels)
  np.testing.assert_array_equal(ids.ids[ids.id_of_item], codes)
  assert np.diff(ids.item_offsets).sum() == len(X)
  trie = build_trie(ids.ids, ids.level_sizes)
  assert trie.has_ends
  rows = find_rows(trie, jnp.asarray(codes))
  np.testing.assert_array_equal(rows, ids.id_of_item)
  grown = ids.append(codes[:7])
  np.testing.assert_array_equal(grown.ids, ids.ids)
