import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.nn.attention import (
  Attention,
  BeamCache,
  BeamPlace,
  KeyValues,
  NextPlace,
  attend,
)
from tests.reference.noisy import noisy


def naive(queries, keys, values, mask):
  B, T, H, h = queries.shape
  out = np.zeros((B, T, H, h))
  for b, t, head in np.ndindex(B, T, H):
    key_head = head // (H // keys.shape[2])
    scores = keys[b, :, key_head] @ queries[b, t, head] / np.sqrt(h)
    scores = np.where(mask[b, t], scores, -np.inf)
    weights = np.exp(scores - scores.max())
    out[b, t, head] = weights / weights.sum() @ values[b, :, key_head]
  return out.reshape(B, T, H * h)


def test_grouped_heads_equal_a_loop_over_heads():
  keys = jax.random.split(jax.random.key(0), 4)
  q = jax.random.normal(keys[0], (2, 5, 4, 8))
  k, v = (jax.random.normal(key, (2, 7, 2, 8)) for key in keys[1:3])
  mask = np.array(jax.random.bernoulli(keys[3], 0.7, (2, 5, 7)))
  mask[:, :, 0] = True
  np.testing.assert_allclose(
    attend(q, KeyValues(k, v), mask),
    naive(*map(np.asarray, (q, k, v)), mask),
    atol=1e-5,
  )


def test_a_row_that_sees_nothing_is_finite():
  q = jnp.ones((1, 2, 2, 4))
  out = attend(q, KeyValues(q, q), jnp.zeros((1, 2, 2), bool))
  assert np.isfinite(out).all()


def test_beams_equal_sequences_that_repeat_the_prompt():
  """Two beams of two own codes each, against two whole sequences."""
  S, M, D = 5, 2, 16
  module = Attention(heads=4, kv_heads=2, head_size=8, rope_theta=100.0)
  x = jax.random.normal(jax.random.key(0), (1, S, D))
  own = jax.random.normal(jax.random.key(1), (2, M, D))
  causal = jnp.tril(jnp.ones((S + 2, S + 2), bool))[None]
  positions = jnp.arange(S + 2)[None]
  inputs = x, positions[:, :S], causal[:, :S, :S]
  params = noisy(nn.unbox(jax.jit(module.init)(jax.random.key(2), *inputs)))

  @jax.jit
  def last(params):
    _, prompt = module.apply(params, *inputs)
    past = KeyValues(*(jnp.zeros((1, M, 2, 2, 8)),) * 2)
    for step in range(2):
      out, past = module.apply(
        params,
        own[step][None],
        jnp.full((1, M), S + step),
        BeamPlace(jnp.ones((1, S), bool), slot=step),
        BeamCache(prompt, past),
      )
    return out

  out, apply = last(params), jax.jit(module.apply)
  for beam in range(M):
    whole = jnp.concatenate((x[0], own[:, beam]))[None]
    expected, _ = apply(params, whole, positions, causal)
    np.testing.assert_allclose(out[0, beam], expected[0, -1], atol=1e-5)


def test_what_is_dropped_are_the_weights():
  key = jax.random.key(0)
  q, k, v = jax.random.normal(key, (3, 2, 5, 4, 8))
  cached = KeyValues(k[:, :, :2], v[:, :, :2])
  mask = jnp.ones((2, 5, 5), bool)
  whole = attend(q, cached, mask)
  # Softmax first: what is left is not made to sum to one again.
  halved = attend(q, cached, mask, drop=lambda weights: weights / 2)
  np.testing.assert_allclose(halved, whole / 2, rtol=1e-5)


def test_next_positions_equal_the_whole_sequence():
  """Three positions, then two more at once, then one, into a wider cache."""
  B, T, S = 2, 6, 8
  module = Attention(heads=4, kv_heads=2, head_size=8, rope_theta=100.0)
  x = jax.random.normal(jax.random.key(0), (B, T, 16))
  positions = jnp.broadcast_to(jnp.arange(T), (B, T))
  causal = jnp.broadcast_to(jnp.tril(jnp.ones((T, T), bool)), (B, T, T))
  params = nn.unbox(
    jax.jit(module.init)(jax.random.key(2), x, positions, causal)
  )
  params = noisy(params)
  apply = jax.jit(module.apply)
  whole, _ = apply(params, x, positions, causal)
  cache = KeyValues(*(jnp.zeros((B, S, 2, 8)),) * 2)
  for start, end in ((0, 3), (3, 5), (5, 6)):
    mask = jnp.pad(causal[:, start:end], ((0, 0), (0, 0), (0, S - T)))
    place = NextPlace(mask, jnp.int32(start))
    out, cache = apply(
      params, x[:, start:end], positions[:, start:end], place, cache
    )
    np.testing.assert_allclose(out, whole[:, start:end], atol=1e-5)


def test_biases_are_there_only_when_asked():
  x, positions = jnp.ones((1, 2, 4)), jnp.arange(2)[None]
  for qkv_bias, names in ((True, {"bias", "kernel"}), (False, {"kernel"})):
    module = Attention(2, 1, 2, 100.0, qkv_bias=qkv_bias)
    params = jax.eval_shape(
      module.init, jax.random.key(0), x, positions, jnp.ones((1, 2, 2), bool)
    )
    assert set(params["params"]["qkv"]["dense"]) == names


def test_selected_pasts_are_those_of_the_parents_of_each_row():
  past = np.arange(2 * 2 * 3 * 4.0).reshape(2, 2, 3, 1, 4, 1)
  parents = np.array([[2, 2], [0, 1]])
  found = KeyValues(past, past + 1).select(parents)
  for row, chosen in enumerate(parents):
    np.testing.assert_array_equal(found.keys[:, row], past[:, row, chosen])
    np.testing.assert_array_equal(
      found.values[:, row], past[:, row, chosen] + 1
    )
