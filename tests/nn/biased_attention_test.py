import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.nn.attention import KeyValues, attend
from gr_jax.nn.biased_attention import (
  BiasedAttention,
  CrossAttention,
  MemoryKeys,
  attend_with_bias,
)
from tests.reference.noisy import noisy

B, T, S, H, K, h = 2, 3, 5, 4, 2, 8


def normal(*shape, seed=0):
  return jnp.asarray(np.random.default_rng(seed).normal(size=shape), "float32")


def some_mask():
  return jnp.asarray(np.random.default_rng(3).random((B, T, S)) < 0.6)


def cached():
  return KeyValues(normal(B, S, K, h, seed=1), normal(B, S, K, h, seed=2))


def test_attention_is_a_softmax_of_products_and_bias():
  q, bias, mask = normal(B, T, H, h), normal(H, T, S, seed=4), some_mask()
  keys, values = (np.repeat(x, H // K, axis=2) for x in (
    cached().keys, cached().values))  # fmt: skip
  scores = np.einsum("bthc,bshc->bhts", q, keys) / np.sqrt(h) + bias
  weights = np.exp(scores) * mask[:, None]
  weights /= weights.sum(axis=-1, keepdims=True)
  expected = np.einsum("bhts,bshc->bthc", weights, values)
  found = attend_with_bias(q, cached(), mask, bias)
  np.testing.assert_allclose(
    found, expected.reshape(B, T, H * h), rtol=1e-4, atol=1e-5
  )


def test_without_bias_it_is_plain_attention():
  q, mask = normal(B, T, H, h), some_mask()
  np.testing.assert_allclose(
    attend_with_bias(q, cached(), mask, jnp.zeros((H, T, S))),
    attend(q, cached(), mask),
    atol=1e-6,
  )


def test_a_past_equals_the_whole_sequence():
  model, x = BiasedAttention(H, K, h), normal(B, S, 16)
  bias = normal(H, S, S, seed=5)
  causal = jnp.tril(jnp.ones((1, S, S), bool))
  params = nn.unbox(model.init(jax.random.key(0), x, None, causal, bias))
  params = noisy(params)
  whole, kept = model.apply(params, x, None, causal, bias)
  _, past = model.apply(
    params, x[:, :3], None, causal[:, :3, :3], bias[:, :3, :3]
  )
  rest, all_kept = model.apply(
    params, x[:, 3:], past, causal[:, 3:], bias[:, 3:]
  )
  np.testing.assert_allclose(rest, whole[:, 3:], atol=1e-5)
  np.testing.assert_allclose(all_kept.keys, kept.keys, atol=1e-6)


def test_masked_memory_is_not_read():
  model, maker = CrossAttention(H, h), MemoryKeys(3, K, h)
  encoded, x = normal(B, S, 16), normal(B, T, 16, seed=1)
  mask = some_mask().at[:, :, 2].set(False).at[:, :, 0].set(True)
  keys = nn.unbox(maker.init(jax.random.key(0), encoded))
  kernels = {"q": normal(16, H * h), "out": normal(H * h, 16)}
  params = {
    "params": {name: {"dense": {"kernel": k}} for name, k in kernels.items()}
  }

  def read(encoded):
    memory = jax.tree.map(lambda x: x[1], maker.apply(keys, encoded))
    assert memory.keys.shape == (B, S, K, h)
    return model.apply(params, x, memory, mask)

  np.testing.assert_allclose(
    read(encoded), read(encoded.at[:, 2].set(9.0)), atol=1e-5
  )
  assert np.abs(read(encoded) - read(encoded.at[:, 0].set(9.0))).max() > 1e-3
