"""The objective and the start of CQ-SID's training."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.objectives import contrastive
from gr_jax.tokenizers import (
  clicks,
  codebooks,
  cq_sid,
  cq_sid_training,
  rq_vae,
  rq_vae_training,
)

VAE = rq_vae.RqVaeConfig(
  hidden=(16,),
  latent=4,
  levels=(6, 8, 8),
  beta=1.0,
  codebook=codebooks.EmaCodebook(),
  batch_size=32,
  steps=40,
  init_rows=128,
  init_iterations=2,
  dot_general=jax.lax.dot_general,
)
CONFIG = cq_sid.CqSidConfig(vae=VAE, pairs=16)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 8)).astype(np.float32)
CATEGORIES = np.where(RNG.random(200) < 0.3, -1, RNG.integers(0, 5, 200))
PAIRS = {
  "query_vectors": RNG.normal(size=(7, 8)).astype(np.float32),
  "pair_item": RNG.integers(0, 200, 50),
  "pair_query": RNG.integers(0, 7, 50),
}
NO_PAIRS = {
  "query_vectors": np.zeros((0, 8), np.float32),
  "pair_item": np.zeros(0, int),
  "pair_query": np.zeros(0, int),
}


KEY = jax.random.key(1)
loss = jax.jit(cq_sid_training.loss, static_argnames="config")


def fit(categories=CATEGORIES, number=5, pairs=PAIRS):
  return cq_sid_training.fit(
    click_data(categories, pairs), num_categories=number, config=CONFIG, key=KEY
  )


def click_data(categories, pairs=PAIRS):
  return clicks.Clicks(
    jnp.asarray(X),
    jnp.asarray(categories, jnp.int32),
    jnp.asarray(pairs["query_vectors"]),
    jnp.stack([pairs["pair_item"], pairs["pair_query"]], axis=-1),
  )


def draw_batch(categories):
  data = click_data(categories)
  return clicks.draw_batch(data, jax.random.key(2), items=32, pairs=16)


def start():
  params = rq_vae.init_params(
    rq_vae.build_model(VAE, features=8), jax.random.key(3)
  )
  keys = jax.random.split(jax.random.key(4), 3)
  return params, tuple(
    jax.random.normal(key, (size, 4)) for key, size in zip(keys, VAE.levels)
  )


def test_categories_that_occur_never_restart():
  state = cq_sid_training.init_state(
    click_data(CATEGORIES), num_categories=5, config=CONFIG, key=KEY
  )
  assert state.memory[0].pinned.all()


def test_training_reports_the_losses_of_categories_and_clicks():
  tokenizer, history = fit()
  sizes = cq_sid_training.level_sizes(CONFIG, num_categories=5)
  assert sizes == tokenizer.level_sizes == (5, 8, 8)
  assert np.isfinite(history[-1]["nce"])


def test_the_contrast_is_info_nce_of_the_latents_and_the_mask():
  params, _ = start()
  batch = draw_batch(CATEGORIES)
  assert not batch.negative_mask.all()
  expected = contrastive.info_nce(
    rq_vae.latent_vectors(params, batch.pair_vectors, config=VAE),
    rq_vae.latent_vectors(params, batch.query_vectors, config=VAE),
    temperature=CONFIG.temperature,
    negative_mask=batch.negative_mask,
  )
  found = cq_sid_training.contrast(params, batch, config=CONFIG)
  np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_without_queries_and_categories_it_equals_rq_vae():
  config = dataclasses.replace(CONFIG, gamma=0.0)
  batch = draw_batch(np.full(200, -1))
  params, books = start()
  value, (metrics, _) = loss(params, books, batch, config=config)
  plain, _ = rq_vae_training.loss(params, books, batch.vectors, config=VAE)
  np.testing.assert_allclose(value, plain, rtol=1e-6)
  assert metrics["nce"] > 0


def test_gamma_weighs_the_contrastive_loss():
  batch = draw_batch(CATEGORIES)
  params, books = start()
  values = [
    loss(params, books, batch, config=dataclasses.replace(CONFIG, gamma=gamma))[
      0
    ]
    for gamma in (0.0, 2.0)
  ]
  nce = cq_sid_training.contrast(params, batch, config=CONFIG)
  np.testing.assert_allclose(values[1] - values[0], 2 * nce, rtol=1e-4)


def test_a_catalogue_without_categories_and_queries_trains():
  none = np.full(200, -1)
  tokenizer, history = fit(categories=none, number=0, pairs=NO_PAIRS)
  codes = tokenizer.encode(X, none)
  assert tokenizer.vae.codebooks[0].shape == (6, 4)
  assert len(np.unique(codes[:, 0])) > 1
  assert history[-1]["nce"] == 0


LATENTS = jnp.array([[1.0, 0.0], [3.0, 0.0], [0.0, 5.0], [0.0, 6.0]])
FOUR = jnp.array([0, 0, 2, -1])


def test_rows_are_means_of_known_categories_and_stay_where_none_occurs():
  rows = jnp.full((3, 2), 7.0)
  found = cq_sid_training.category_means(LATENTS, FOUR, rows)
  np.testing.assert_allclose(found, [[2, 0], [7, 7], [0, 5]])


def test_unknown_is_not_a_category_that_occurs():
  found = cq_sid_training.occurring(FOUR, num_categories=4)
  np.testing.assert_array_equal(found, [True, False, True, False])


def test_codebooks_below_start_from_what_the_category_leaves():
  latents = jax.random.normal(KEY, (60, 4))
  categories = jnp.asarray(np.arange(60) % 3)
  first, *rest = cq_sid_training.init_codebooks(
    latents, categories, sizes=(3, 4, 5), config=CONFIG, key=KEY
  )
  means = [np.asarray(latents)[c::3].mean(axis=0) for c in range(3)]
  np.testing.assert_allclose(first, means, rtol=1e-4, atol=1e-5)
  expected = rq_vae_training.init_codebooks(
    latents - first[categories],
    levels=(4, 5),
    config=VAE,
    key=jax.random.split(KEY)[1],
  )
  for book, other in zip(rest, expected, strict=True):
    np.testing.assert_allclose(book, other, rtol=1e-4, atol=1e-5)
