import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.tokenizers import (
  codebooks,
  quantizers,
  rq_vae,
  rq_vae_training,
  sinkhorn,
)

CONFIG = rq_vae.RqVaeConfig(
  hidden=(16,),
  latent=4,
  levels=(8, 8),
  batch_size=32,
  steps=150,
  init_rows=128,
  init_iterations=3,
  learning_rate=1e-2,
  dot_general=jax.lax.dot_general,
)
EMA = rq_vae.RqVaeConfig(
  **{**CONFIG.__dict__, "codebook": codebooks.EmaCodebook()}
)
CENTRES = 3.0 * jax.random.normal(jax.random.key(8), (25, 8))
X = jnp.repeat(CENTRES, 8, axis=0) + jax.random.normal(
  jax.random.key(0), (200, 8)
)


@pytest.fixture(scope="module", params=[CONFIG, EMA], ids=["adam", "ema"])
def fitted(request):
  config = request.param
  return config, *rq_vae_training.fit(X, config=config, key=jax.random.key(1))


def test_training_lowers_the_reconstruction_error(fitted):
  _, tokenizer, history = fitted
  assert history[-1]["recon"] < history[0]["recon"]
  restored = tokenizer.reconstruct(tokenizer.encode(X))
  gap = np.square(X - restored).sum(1).mean()
  assert gap < 0.6 * np.square(X - X.mean(0)).sum(1).mean()


def test_codes_fit_their_levels_and_do_not_depend_on_company(fitted):
  config, tokenizer, _ = fitted
  codes = tokenizer.encode(X)
  chex.assert_shape(codes, (200, 2))
  assert codes.min() >= 0
  assert (codes < np.array(config.levels)).all()
  np.testing.assert_array_equal(tokenizer.encode(X[:64]), codes[:64])


def test_loss_is_the_equation():
  params = rq_vae.init_params(
    rq_vae.build_model(CONFIG, features=8), jax.random.key(3)
  )
  books = (X[:8, :4], 0.1 * X[8:16, :4])
  value, (metrics, _) = jax.jit(rq_vae_training.loss, static_argnames="config")(
    params, books, X, config=CONFIG
  )
  z = rq_vae.latent_vectors(params, X, config=CONFIG)
  found = quantizers.residual_quantize(z, books)
  tokenizer = rq_vae.RqVae(CONFIG, params, books)
  restored = tokenizer.reconstruct(found.codes)
  recon = np.square(X - restored).sum(1).mean()
  commit = np.square(found.residuals - found.chosen).sum((0, 2)).mean()
  np.testing.assert_allclose(metrics["recon"], recon, rtol=1e-5)
  np.testing.assert_allclose(value, recon + 0.25 * commit, rtol=1e-5)


def test_the_step_is_traced_once_and_donates_its_state(fitted):
  config, tokenizer, _ = fitted
  chex.clear_trace_counter()

  def step(state, batch, key):
    return rq_vae_training.train_step(state, batch, key, config=config)

  start = rq_vae_training.init_state(
    tokenizer.params, tokenizer.codebooks, config=config
  )
  # What a step gives is placed otherwise than what it begins with.
  state, _ = jax.jit(step)(start, X[:32], jax.random.key(3))
  step = jax.jit(chex.assert_max_traces(step, n=1), donate_argnums=0)
  before = state.codebooks[0]
  for i in range(3):
    state, metrics = step(state, X[:32], jax.random.key(i))
  assert before.is_deleted()
  chex.assert_tree_all_finite(metrics)


def test_the_same_key_gives_the_same_codebooks():
  short = rq_vae.RqVaeConfig(**{**CONFIG.__dict__, "steps": 5})
  runs = [
    rq_vae_training.fit(X, config=short, key=jax.random.key(7)) for _ in "ab"
  ]
  chex.assert_trees_all_equal(runs[0][0].codebooks, runs[1][0].codebooks)


def test_a_sinkhorn_last_level_is_used_more_evenly_in_training():
  config = rq_vae.RqVaeConfig(
    **{**CONFIG.__dict__, "assign_last": sinkhorn.SinkhornCode()}
  )
  books = (X[:8, :4], 5.0 * X[8:16, :4])
  z = X[:, 4:]
  used = [
    quantizers.residual_quantize(
      z, books, assign=rq_vae_training.training_assign(c)
    ).codes
    for c in (CONFIG, config)
  ]
  np.testing.assert_array_equal(used[0][:, 0], used[1][:, 0])
  most = [np.bincount(codes[:, 1]).max() for codes in used]
  assert most[1] < most[0]


def test_vectors_that_are_not_finite_are_refused():
  with pytest.raises(ValueError, match="first row 3"):
    rq_vae_training.fit(
      X.at[3].set(jnp.nan), config=CONFIG, key=jax.random.key(0)
    )
