import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.nn import dot

# The largest relative error against a product in float32.
PRODUCTS = (
  (dot.float32_dot_general, 1e-5),
  (dot.bf16_dot_general, 2.0**-7),
)
DENSE = (((2,), (0,)), ((), ()))


@pytest.mark.parametrize(("product", "tolerance"), PRODUCTS)
@pytest.mark.parametrize("widths", [(64, 32), (32, 64)], ids=str)
def test_product_and_gradients_equal_those_of_float32(
  product, tolerance, widths
):
  keys = jax.random.split(jax.random.key(0), 3)
  x = jax.random.normal(keys[0], (3, 16, widths[0]))
  w = jax.random.normal(keys[1], widths)
  g = jax.random.normal(keys[2], (3, 16, widths[1]))

  @jax.jit
  def with_gradients(x, w, g):
    out, pull = jax.vjp(lambda x, w: product(x, w, DENSE), x, w)
    return out, *pull(g)

  exact = x @ w, g @ w.T, jnp.einsum("btd,btf->df", x, g)
  for got, want in zip(with_gradients(x, w, g), exact):
    chex.assert_equal_shape((got, want))
    error = np.linalg.norm(got - want) / np.linalg.norm(want)
    assert error < tolerance


def test_dense_layer_runs_jitted_with_leading_axes():
  layer = nn.Dense(8, dot_general=dot.bf16_dot_general)
  x = jax.random.normal(jax.random.key(0), (2, 3, 16))
  params = layer.init(jax.random.key(1), x)
  step = jax.jit(jax.grad(lambda p: layer.apply(p, x).sum()))
  chex.assert_shape(layer.apply(params, x), (2, 3, 8))
  chex.assert_tree_all_finite(step(params))


@pytest.mark.parametrize(("product", "tolerance"), PRODUCTS)
def test_other_contractions_are_refused(product, tolerance):
  del tolerance
  a = jnp.ones((4, 4))
  with pytest.raises(ValueError, match="contracts the last axis"):
    product(a, a, (((0,), (0,)), ((), ())))


@pytest.mark.parametrize("widths", [(256, 64), (48, 64)], ids=str)
def test_weights_that_are_a_transposed_table_have_gradients(widths):
  table = jax.random.normal(jax.random.key(0), widths)
  x = jax.random.normal(jax.random.key(1), (512, 64))

  @jax.jit
  def grad(table, matmul=dot.bf16_matmul):
    return jax.grad(lambda t: (matmul(x, t.T) ** 2).sum())(table)

  exact = jax.grad(lambda t: ((x @ t.T) ** 2).sum())(table)
  error = np.linalg.norm(grad(table) - exact) / np.linalg.norm(exact)
  assert error < 2.0**-6
