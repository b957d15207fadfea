"""The decoder of seeds is causal, and its loss is a mean over what is there."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.nn.seed_decoder import SeedDecoder, reconstruction_loss
from gr_jax.nn.transformer import TransformerConfig
from tests.reference.noisy import noisy

B, T, M, D = 2, 6, 3, 8
CONFIG = TransformerConfig(
  layers=1, width=D, heads=2, kv_heads=1, head_size=4, feed_forward=16
)


def normal(seed, *shape):
  return np.random.default_rng(seed).normal(size=shape).astype("float32")


@functools.cache
def decoder():
  model = SeedDecoder(CONFIG)
  arrays = jnp.zeros((B, M, D)), jnp.zeros((B, T, D))
  params = noisy(nn.unbox(model.init(jax.random.key(0), *arrays)))
  return jax.jit(functools.partial(model.apply, params))


def test_an_event_is_said_before_it_is_read():
  seeds, events = normal(0, B, M, D), normal(1, B, T, D)
  said = decoder()(seeds, events)
  for place in range(T):
    changed = events.copy()
    changed[:, place] += 1
    again = decoder()(seeds, changed)
    np.testing.assert_array_equal(again[:, : place + 1], said[:, : place + 1])
    assert place == T - 1 or np.abs(again - said).max() > 1e-3


def test_seeds_have_a_gradient_and_embeddings_have_none():
  seeds, events = normal(0, B, M, D), normal(1, B, T, D)
  where = np.ones((B, T), bool)

  def loss(seeds, events):
    return reconstruction_loss(decoder()(seeds, events), events, where)

  of_seeds, of_events = jax.grad(loss, argnums=(0, 1))(seeds, events)
  assert np.abs(of_seeds).max() > 1e-4
  assert not np.any(of_events)


def test_the_loss_is_the_mean_square_of_what_is_there():
  said, events = normal(2, B, T, D), normal(3, B, T, D)
  where = normal(4, B, T) > 0
  expected = np.mean((said - events)[where] ** 2)
  found = reconstruction_loss(said, events, where)
  np.testing.assert_allclose(found, expected, rtol=1e-5)
  assert reconstruction_loss(said, events, np.zeros((B, T), bool)) == 0
  assert reconstruction_loss(events, events, where) == 0
