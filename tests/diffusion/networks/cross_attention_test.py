"""Attention to a text."""

import functools

import jax
import numpy as np

from gr_jax.diffusion.networks.cross_attention import TextAttention
from tests.reference.small_flow import inputs, noisy

TOKENS = np.random.default_rng(0).normal(size=(3, 5, 8)).astype(np.float32)


@functools.cache
def layer():
  model = TextAttention(heads=2)
  first = jax.jit(model.init)(jax.random.key(0), TOKENS, inputs()[2])
  return first, jax.jit(model.apply)


def test_a_text_changes_nothing_at_first():
  first, apply = layer()
  found = apply(first, TOKENS, inputs()[2])
  np.testing.assert_array_equal(found, np.zeros(TOKENS.shape))


def test_padding_is_not_read_and_words_are():
  first, apply = layer()
  params, text = noisy(first), inputs()[2]
  plain = apply(params, TOKENS, text)
  for token, is_read in ((3, False), (0, True)):
    states = text.states.at[:, token].add(1.0)
    other = apply(params, TOKENS, text.replace(states=states))
    assert np.allclose(other, plain) != is_read
