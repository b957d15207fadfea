import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.nn import dot


def test_product_and_gradients_equal_float32_to_bfloat16_precision():
  keys = jax.random.split(jax.random.key(0), 3)
  x = jax.random.normal(keys[0], (48, 64))
  w = jax.random.normal(keys[1], (64, 32))
  g = jax.random.normal(keys[2], (48, 32))

  out, pull = jax.vjp(dot.bf16_matmul, x, w)
  exact, exact_pull = jax.vjp(jnp.matmul, x, w)

  for got, want in zip((out, *pull(g)), (exact, *exact_pull(g))):
    chex.assert_equal_shape((got, want))
    error = np.linalg.norm(got - want) / np.linalg.norm(want)
    assert error < 2.0**-7


def test_dense_layer_runs_jitted_with_leading_axes():
  layer = nn.Dense(8, dot_general=dot.bf16_dot_general)
  x = jax.random.normal(jax.random.key(0), (2, 3, 16))
  params = layer.init(jax.random.key(1), x)
  step = jax.jit(jax.grad(lambda p: layer.apply(p, x).sum()))
  chex.assert_shape(layer.apply(params, x), (2, 3, 8))
  chex.assert_tree_all_finite(step(params))


def test_other_contractions_are_refused():
  a = jnp.ones((4, 4))
  with pytest.raises(ValueError, match="contracts the last axis"):
    dot.bf16_dot_general(a, a, (((0,), (0,)), ((), ())))


def test_weights_that_are_a_transposed_table_have_gradients():
  table = jax.random.normal(jax.random.key(0), (256, 64))
  x = jax.random.normal(jax.random.key(1), (512, 64))

  @jax.jit
  def grad(table, matmul=dot.bf16_matmul):
    return jax.grad(lambda t: (matmul(x, t.T) ** 2).sum())(table)

  exact = jax.grad(lambda t: ((x @ t.T) ** 2).sum())(table)
  error = np.linalg.norm(grad(table) - exact) / np.linalg.norm(exact)
  assert error < 2.0**-6
