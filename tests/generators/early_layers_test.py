import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.generators.early_layers import EarlyLayers
from gr_jax.generators.prompts.prompt_encoder import EncodedPrompt
from gr_jax.nn.transformer import TransformerConfig
from tests.reference.noisy import noisy

D, T = 16, 3
MODEL = EarlyLayers(
  TransformerConfig(
    layers=1, width=D, heads=2, kv_heads=1, head_size=8, feed_forward=8
  ),
  positions=T,
)


@functools.cache
def built():
  keys = jax.random.split(jax.random.key(0), 3)
  prompt = EncodedPrompt(
    jax.random.normal(keys[0], (2, 3, D)), jnp.ones((2, 3), bool)
  )
  before = jax.random.normal(keys[1], (2, 2, T, D))
  init = functools.partial(MODEL.init, method="branches")
  params = noisy(nn.unbox(jax.jit(init)(keys[2], prompt, before)))
  apply = jax.jit(MODEL.apply, static_argnames=("method", "level"))
  return apply, params, prompt, before


def test_one_pass_gives_the_early_states_of_all_branches():
  apply, params, prompt, before = built()
  before = before.at[:, 1, 0].set(before[:, 0, 0])
  read, early, late = apply(params, prompt, before, method="branches")
  again, once = apply(params, prompt, before[:, 0, 0], method="prompt")
  np.testing.assert_allclose(again.states, read.states, atol=1e-5)
  for branch in range(2):
    np.testing.assert_allclose(early[:, branch], once, atol=1e-5)
  np.testing.assert_array_equal(late[:, :, 0], early[:, :, 0])
  for level in (1, 2):
    found = apply(params, once, before[:, :, level], level=level, method="code")
    np.testing.assert_allclose(found, late[:, :, level], atol=1e-5)


def test_late_inputs_read_the_code_before_and_early_states_do_not():
  apply, params, prompt, before = built()
  other = before.at[:, :, 1:].add(1.0)
  _, early, late = apply(params, prompt, before, method="branches")
  _, same, changed = apply(params, prompt, other, method="branches")
  np.testing.assert_array_equal(same, early)
  moved = np.abs(changed - late).max(axis=-1) > 1e-3
  np.testing.assert_array_equal(moved, np.arange(T) > np.zeros((2, 2, 1)))
