"""Encoder, codebooks and decoder are the equations."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.tokenizers import quantizers, rq_vae

CONFIG = rq_vae.RqVaeConfig(
  hidden=(16,), latent=4, levels=(8, 8), dot_general=jax.lax.dot_general
)
X = jax.random.normal(jax.random.key(0), (200, 8))


@pytest.fixture(scope="module")
def tokenizer():
  model = rq_vae.build_model(CONFIG, features=8)
  params = rq_vae.init_params(model, jax.random.key(1))
  keys = jax.random.split(jax.random.key(2))
  books = tuple(jax.random.normal(key, (8, 4)) for key in keys)
  return rq_vae.RqVae(CONFIG, params, books)


def layer(params, x, last):
  for i in range(2):
    dense = params[f"Dense_{i}"]
    x = x @ dense["kernel"] + dense["bias"]
    x = x if i == last else jax.nn.relu(x)
  return x


def test_latents_codes_and_vectors_are_the_equations(tokenizer):
  z = layer(tokenizer.params["encoder"], X, 1)
  np.testing.assert_allclose(tokenizer.latents(X), z, rtol=1e-4, atol=1e-5)
  codes = quantizers.residual_quantize(z, tokenizer.codebooks).codes
  np.testing.assert_array_equal(tokenizer.encode(X), codes)
  first, second = tokenizer.codebooks
  restored = layer(
    tokenizer.params["decoder"], first[codes[:, 0]] + second[codes[:, 1]], 1
  )
  np.testing.assert_allclose(
    tokenizer.reconstruct(codes), restored, rtol=1e-4, atol=1e-5
  )
  assert tokenizer.level_sizes == (8, 8)


def test_codes_do_not_depend_on_company(tokenizer):
  codes = tokenizer.encode(X)
  chex.assert_shape(codes, (200, 2))
  np.testing.assert_array_equal(tokenizer.encode(X[:64]), codes[:64])


def test_the_decoder_mirrors_the_encoder():
  model = rq_vae.Autoencoder(features=12, hidden=(8, 6), latent=4)
  params = rq_vae.init_params(model, jax.random.key(0))
  widths = {
    side: [params[side][f"Dense_{i}"]["kernel"].shape for i in range(3)]
    for side in ("encoder", "decoder")
  }
  assert widths["encoder"] == [(12, 8), (8, 6), (6, 4)]
  assert widths["decoder"] == [(4, 6), (6, 8), (8, 12)]


def test_bfloat16_products_stay_near_float32():
  x = jax.random.normal(jax.random.key(1), (5, 12))
  fast = rq_vae.Autoencoder(12, (8, 6), 4)
  exact = rq_vae.Autoencoder(12, (8, 6), 4, jax.lax.dot_general)
  variables = {"params": rq_vae.init_params(fast, jax.random.key(0))}
  chex.assert_shape(fast.apply(variables, x, method="encode"), (5, 4))
  np.testing.assert_allclose(
    fast.apply(variables, x), exact.apply(variables, x), atol=0.05
  )
  assert fast.apply(variables, x).dtype == jnp.float32
