import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.generators.prefix_adaptor import PrefixAdaptor
from gr_jax.nn.transformer import TransformerConfig
from tests.reference.noisy import noisy

CONFIG = TransformerConfig(
  layers=1, width=16, heads=2, kv_heads=1, head_size=8, feed_forward=24
)
MODEL = PrefixAdaptor(CONFIG)
B, P, T, D = 2, 3, 4, 16


@functools.cache
def inputs():
  rng = np.random.default_rng(0)
  prefix, states = rng.normal(size=(2, B, P, T, D)).astype(np.float32)
  params = nn.unbox(jax.jit(MODEL.init)(jax.random.key(0), prefix, states))
  return params, prefix, states


adapt = jax.jit(MODEL.apply)


def test_it_begins_as_the_plain_decoder():
  params, prefix, states = inputs()
  np.testing.assert_array_equal(adapt(params, prefix, states), states)


def test_scores_know_the_prefix_and_nothing_that_follows():
  params, prefix, states = inputs()
  moved = noisy(params)
  a = adapt(moved, prefix, states)
  b = adapt(moved, jnp.asarray(prefix).at[:, :, 2:].add(1.0), states)
  np.testing.assert_allclose(a[:, :, :2], b[:, :, :2], atol=1e-5)
  assert np.abs(a[:, :, 2:] - b[:, :, 2:]).max() > 1e-3


def test_the_last_place_alone_is_as_among_all():
  params, prefix, states = inputs()
  moved = noisy(params)
  np.testing.assert_allclose(
    adapt(moved, prefix, states[:, :, -1:]),
    adapt(moved, prefix, states)[:, :, -1:],
    atol=1e-5,
  )


def test_states_are_changed_by_a_matrix_of_the_prefix():
  """Adapting is linear in the states."""
  params, prefix, states = inputs()
  moved = noisy(params)
  a, b = adapt(moved, prefix, states), adapt(moved, prefix, states[::-1])
  both = adapt(moved, prefix, states + states[::-1])
  np.testing.assert_allclose(both, a + b, atol=1e-4)
