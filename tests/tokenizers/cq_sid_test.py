"""The first code is the category where it is known, the rest is an RQ-VAE."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.tokenizers import cq_sid, quantizers, rq_vae

VAE = rq_vae.RqVaeConfig(
  hidden=(16,), latent=4, levels=(6, 8, 8), dot_general=jax.lax.dot_general
)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 8)).astype(np.float32)
CATEGORIES = np.where(RNG.random(200) < 0.3, -1, RNG.integers(0, 5, 200))


@pytest.fixture(scope="module")
def tokenizer():
  model = rq_vae.build_model(VAE, features=8)
  params = rq_vae.init_params(model, jax.random.key(3))
  keys = jax.random.split(jax.random.key(4), 3)
  books = tuple(
    jax.random.normal(key, (size, 4)) for key, size in zip(keys, (5, 8, 8))
  )
  return cq_sid.CqSid(rq_vae.RqVae(VAE, params, books))


def test_the_first_code_is_the_category_where_it_is_known(tokenizer):
  codes = tokenizer.encode(X, CATEGORIES)
  known_mask = CATEGORIES >= 0
  np.testing.assert_array_equal(codes[known_mask, 0], CATEGORIES[known_mask])
  np.testing.assert_array_equal(
    codes[~known_mask], tokenizer.vae.encode(X)[~known_mask]
  )
  assert tokenizer.level_sizes == (5, 8, 8)
  with pytest.raises(ValueError, match="category 5 has no code among 5"):
    tokenizer.encode(X[:1], np.array([5]))


def test_codes_below_are_those_of_what_the_category_leaves(tokenizer):
  codes = tokenizer.encode(X, np.full(200, 2))
  first, *rest = tokenizer.vae.codebooks
  residual = tokenizer.vae.latents(X) - first[2]
  expected = quantizers.residual_quantize(residual, tuple(rest)).codes
  np.testing.assert_array_equal(codes[:, 1:], expected)


def test_without_categories_all_codes_are_the_nearest(tokenizer):
  np.testing.assert_array_equal(tokenizer.encode(X), tokenizer.vae.encode(X))


def test_a_category_is_taken_at_its_depth_or_the_last_one():
  columns = np.array([[0, 3], [1, -1]])
  assert cq_sid.category_column(columns, 0).tolist() == [-1, -1]
  assert cq_sid.category_column(columns, 1).tolist() == [0, 1]
  assert cq_sid.category_column(columns, 2).tolist() == [3, -1]
  assert cq_sid.category_column(columns, 9).tolist() == [3, -1]
  assert cq_sid.category_column(columns[:, :0], 2).tolist() == [-1, -1]


def test_a_known_category_is_the_code_and_an_unknown_one_the_nearest():
  latents = jnp.array([[1.0, 0.0], [3.0, 0.0], [0.0, 5.0], [0.0, 6.0]])
  codebook = jnp.array([[9.0, 9.0], [0.0, 6.0], [0.0, 0.0]])
  assign = cq_sid.known_or_nearest(jnp.array([0, 0, 2, -1]))
  np.testing.assert_array_equal(assign(latents, codebook), [0, 0, 2, 1])
