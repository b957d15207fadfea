"""Encoded prompts."""

import functools

import jax
import numpy as np
from flax import linen as nn

from gr_jax.diffusion.text_encoder import TextEncoder
from tests.reference.small_flow import MODEL, TOKENS, noisy


@functools.cache
def encoder():
  model = TextEncoder(MODEL.text)
  params = nn.unbox(jax.jit(model.init)(jax.random.key(0), TOKENS))
  return noisy(params), jax.jit(model.apply)


def encode(tokens):
  params, apply = encoder()
  return apply(params, np.asarray(tokens))


def test_a_token_stands_before_the_prompt_and_padding_is_masked():
  text = encode(TOKENS)
  assert text.states.shape == (4, 4, 16)
  expected = np.pad(TOKENS > 0, ((0, 0), (1, 0)), constant_values=True)
  np.testing.assert_array_equal(text.mask, expected)
  np.testing.assert_array_equal(text.pooled, text.states[:, 0])


def test_padding_changes_nothing():
  text = encode(TOKENS)
  longer = encode(np.pad(TOKENS, ((0, 0), (0, 2))))
  words = np.asarray(text.mask)
  np.testing.assert_allclose(
    longer.states[:, :4][words], text.states[words], rtol=1e-4, atol=1e-5
  )


def test_the_order_of_words_and_none_at_all_are_told_apart():
  pooled = np.asarray(encode(TOKENS).pooled)
  gaps = np.abs(pooled[:, None] - pooled[None]).max(axis=-1)
  assert gaps[~np.eye(4, dtype=bool)].min() > 1e-3


def test_rows_do_not_see_each_other():
  np.testing.assert_array_equal(
    encode(TOKENS[::-1]).states, encode(TOKENS).states[::-1]
  )
