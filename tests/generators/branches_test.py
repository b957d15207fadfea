import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.generators.branches import (
  BranchCache,
  read_branches,
  read_codes,
  read_prompt,
)
from gr_jax.generators.prompts.prompt_encoder import EncodedPrompt
from gr_jax.nn.attention import KeyValues
from gr_jax.nn.transformer import Transformer, TransformerConfig
from tests.reference.noisy import noisy

B, S, P, T, D = 2, 3, 2, 3, 16
LAYERS = Transformer(
  TransformerConfig(
    layers=1, width=D, heads=2, kv_heads=1, head_size=8, feed_forward=8
  )
)


@functools.cache
def built():
  """Parameters, a prompt of which a position is padding, and branches."""
  keys = jax.random.split(jax.random.key(0), 3)
  mask = jnp.array([[True, False, True], [True, True, True]])
  prompt = EncodedPrompt(jax.random.normal(keys[0], (B, S, D)), mask)
  branches = jax.random.normal(keys[1], (B, P, T, D))
  init = nn.init(read_branches, LAYERS)
  params = noisy(nn.unbox(jax.jit(init)(keys[2], prompt, branches)))
  return params, prompt, branches


@functools.cache
def run(read, **static):
  return jax.jit(functools.partial(nn.apply(read, LAYERS), **static))


def test_a_search_reads_the_states_of_whole_branches():
  """Each of two beams is one of the branches, whose first inputs are equal."""
  params, prompt, branches = built()
  branches = branches.at[:, 1, 0].set(branches[:, 0, 0])
  read, states = run(read_branches)(params, prompt, branches)
  found, cache = run(read_prompt)(params, prompt, branches[:, 0, :1])
  together = jnp.concatenate((read.states, states[:, 0, :1]), axis=1)
  np.testing.assert_allclose(found, together, atol=1e-5)
  parents = jnp.zeros((B, P), jnp.int32)
  for level in range(1, T):
    step = run(read_codes, level=level, codes=T - 1)
    found, cache = step(params, branches[:, :, level], parents, cache)
    np.testing.assert_allclose(found, states[:, :, level], atol=1e-5)
    parents = parents + jnp.arange(P)


def test_branches_read_the_prompt_and_it_reads_none_of_them():
  params, prompt, branches = built()
  read, states = run(read_branches)(params, prompt, branches)
  other = branches.at[:, 1].add(1.0)
  again, changed = run(read_branches)(params, prompt, other)
  np.testing.assert_array_equal(again.states, read.states)
  np.testing.assert_array_equal(changed[:, 0], states[:, 0])
  moved = prompt._replace(states=prompt.states.at[:, 0].add(1.0))
  _, changed = run(read_branches)(params, moved, branches)
  assert (np.abs(changed - states).max(axis=-1) > 1e-3).all()
  hidden = prompt._replace(states=prompt.states.at[0, 1].add(1.0))
  _, changed = run(read_branches)(params, hidden, branches)
  np.testing.assert_array_equal(changed, states)


@pytest.mark.parametrize("parents", [[[0, 0, 0]], [[2, 0, 2]]])
def test_beams_have_the_past_of_their_parents(parents):
  past = np.arange(3 * 2 * 4.0).reshape(1, 1, 3, 2, 1, 4)
  prompt = KeyValues(np.zeros((1, 1, 5, 1, 4)), np.zeros((1, 1, 5, 1, 4)))
  cache = BranchCache(prompt, KeyValues(past, -past), np.ones((1, 5), bool))
  found = cache.of_beams(np.array(parents), codes=2)
  np.testing.assert_array_equal(found.own.keys, past[:, :, parents[0]])
  np.testing.assert_array_equal(found.own.values, -past[:, :, parents[0]])


def test_before_the_first_step_the_past_is_empty():
  keys = jnp.ones((2, 1, 5, 1, 4), jnp.bfloat16)
  cache = BranchCache(KeyValues(keys, keys), None, np.ones((1, 5), bool))
  found = cache.of_beams(np.zeros((1, 6), int), codes=3)
  for past in (found.own.keys, found.own.values):
    assert past.shape == (2, 1, 6, 3, 1, 4)
    assert past.dtype == jnp.bfloat16
    assert not past.any()
