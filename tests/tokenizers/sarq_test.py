import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.tokenizers import (
  adaptive_depth,
  quantizers,
  rq_vae,
  rq_vae_training,
  sarq,
)

VAE = rq_vae.RqVaeConfig(
  hidden=(16,),
  latent=4,
  levels=(4, 6, 8),
  batch_size=64,
  steps=12,
  init_rows=128,
  init_iterations=3,
  dot_general=jax.lax.dot_general,
)
CONFIG = sarq.SarqConfig(VAE, tau_items=(10.0, 10.0))
X = np.asarray(jax.random.normal(jax.random.key(0), (200, 8)))
WEIGHTS = np.random.default_rng(0).zipf(1.6, 200).clip(max=500)
OPEN = jnp.full(2, jnp.inf)
loss = jax.jit(sarq.loss, static_argnames="config")
loss_and_grads = jax.jit(
  jax.value_and_grad(sarq.loss, has_aux=True), static_argnames="config"
)


def start(tau):
  """Parameters, codebooks, and budgets of tables that X itself gives."""
  params = rq_vae.init_params(
    rq_vae.build_model(VAE, features=8), jax.random.key(3)
  )
  keys = jax.random.split(jax.random.key(4), 3)
  books = tuple(
    jax.random.normal(key, (size, 4)) for key, size in zip(keys, VAE.levels)
  )
  z = rq_vae.latent_vectors(params, X, config=VAE)
  codes = quantizers.nearest_codes(z, books)
  tables = adaptive_depth.path_tables(codes, WEIGHTS, sizes=VAE.levels)
  budgets = adaptive_depth.budgets_of(jnp.full(2, tau))
  paths = adaptive_depth.PathBudgets(tables, budgets, jnp.zeros(()))
  return params, books, paths


def test_without_budgets_the_loss_and_the_codes_are_the_rq_vaes():
  params, books, paths = start(0.0)
  (value, (metrics, found)), grads = loss_and_grads(
    params, books, X, paths, config=CONFIG
  )
  (plain, (_, quantized)), expected = jax.jit(
    jax.value_and_grad(rq_vae_training.loss, has_aux=True),
    static_argnames="config",
  )(params, books, X, config=VAE)
  np.testing.assert_allclose(value, plain, rtol=1e-6)
  np.testing.assert_array_equal(found.codes, quantized.codes)
  chex.assert_trees_all_close(grads, expected, rtol=1e-4, atol=1e-5)
  assert metrics["depth"] == 3


def test_the_loss_is_the_equation_at_every_depth():
  params, books, paths = start(0.03)
  value, (_, kept) = loss(params, books, X, paths, config=CONFIG)
  z = rq_vae.latent_vectors(params, X, config=VAE)
  depth = np.asarray((kept.codes >= 0).sum(axis=1))
  assert set(depth) == {1, 2, 3}
  found = quantizers.residual_quantize(z, books)
  restored = rq_vae.RqVae(VAE, params, books).reconstruct(kept.codes)
  recon = np.square(X - restored).sum(1).mean()
  gaps = np.square(found.residuals - found.chosen).sum(-1)
  commit = sum(gaps[:k, b].sum() for b, k in enumerate(depth)) / 200
  np.testing.assert_allclose(value, recon + 0.25 * commit, rtol=1e-5)
  printed = dataclasses.replace(CONFIG, latent_weight=2.0)
  more, _ = loss(params, books, X, paths, config=printed)
  latent = np.square(z - kept.quantized).sum(1).mean()
  np.testing.assert_allclose(more - value, 2 * latent, rtol=1e-3)


def test_the_loss_of_short_ids_ignores_later_codebooks():
  params, books, paths = start(2.0)
  other = (books[0], books[1] + 1.0, books[2] - 1.0)
  values = [
    loss_and_grads(params, each, X, paths, config=CONFIG)
    for each in (books, other)
  ]
  chex.assert_trees_all_equal(values[0][1], values[1][1])
  assert values[0][0][0] == values[1][0][0]


@pytest.fixture(scope="module")
def fitted():
  budgets = sarq.budgets(CONFIG, num_items=200)
  return sarq.fit(
    X, WEIGHTS, config=CONFIG, budgets=budgets, key=jax.random.key(1)
  )


def test_tables_are_those_of_the_codes_that_training_left(fitted):
  state, history = fitted
  z = rq_vae.latent_vectors(state.params, X, config=VAE)
  codes = quantizers.nearest_codes(z, state.codebooks)
  expected = adaptive_depth.path_tables(codes, WEIGHTS, sizes=VAE.levels)
  chex.assert_trees_all_close(state.paths.tables, expected, rtol=1e-5)
  assert history[-1]["step"] == VAE.steps


def test_the_first_epoch_has_full_depth_and_the_next_one_not(fitted):
  history = fitted[1]
  assert history[0]["depth"] == pytest.approx(3)
  assert history[1]["depth"] < 2.9


def test_busy_items_get_longer_ids_than_rare_ones(fitted):
  codes = sarq.encode(fitted[0], X, config=CONFIG)
  lengths = (codes >= 0).sum(axis=1)
  assert lengths.min() < 3
  busy = np.argsort(-WEIGHTS)[:20]
  assert lengths[busy].mean() > lengths.mean()
  np.testing.assert_array_equal(
    sarq.encode(fitted[0], X[:50], config=CONFIG), codes[:50]
  )


def test_infinite_budgets_train_an_rq_vae():
  state, _ = sarq.fit(
    X, WEIGHTS, config=CONFIG, budgets=OPEN, key=jax.random.key(1)
  )
  plain, _ = rq_vae_training.fit(X, config=VAE, key=jax.random.key(1))
  chex.assert_trees_all_close(state.codebooks, plain.codebooks, atol=1e-4)
  np.testing.assert_array_equal(
    sarq.encode(state, X, config=CONFIG), plain.encode(X)
  )


@pytest.mark.parametrize("weights", [np.ones(3), np.full(200, -1.0)])
def test_weights_that_do_not_fit_are_refused(weights):
  with pytest.raises(ValueError, match=r"weights must be \(200,\) numbers"):
    sarq.fit(X, weights, config=CONFIG, budgets=OPEN, key=jax.random.key(0))


def test_a_budget_is_missing():
  with pytest.raises(ValueError, match="one number for every level"):
    sarq.SarqConfig(VAE, tau_items=(10.0,))


def test_training_ends_after_its_steps_inside_an_epoch():
  """Of 4 steps an epoch, as 200 items in batches of 64 have."""
  config = dataclasses.replace(CONFIG, vae=dataclasses.replace(VAE, steps=3))
  _, history = sarq.fit(
    X, WEIGHTS, config=config, budgets=OPEN, key=jax.random.key(0)
  )
  assert history[-1]["step"] == 3
