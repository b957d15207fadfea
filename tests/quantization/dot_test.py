import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.quantization import products
from gr_jax.quantization.dot import w4a4_dot_general
from gr_jax.quantization.nvfp4 import Modelopt
from tests.reference.quantized import quantized

X = jax.random.normal(jax.random.key(0), (3, 5, 64))
W = jax.random.normal(jax.random.key(1), (64, 48))
DOT = w4a4_dot_general(Modelopt())
DIMS = (((2,), (0,)), ((), ()))


def test_it_is_the_product_of_the_rounded_kernel():
  wanted = jax.jit(products.w4a4)(X, quantized(W, Modelopt()))
  found = jax.jit(lambda x, w: DOT(x, w, DIMS))(X, W)
  np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-5)


def test_a_layer_of_any_width_takes_it():
  layer = nn.Dense(7, dot_general=DOT)
  x = X[..., :41]
  params = nn.Dense(7).init(jax.random.key(0), x)
  found = jax.jit(layer.apply)(params, x)
  wanted = nn.Dense(7).apply(params, x)
  error = jnp.linalg.norm(found - wanted) / jnp.linalg.norm(wanted)
  assert 0.05 < error < 0.2


def test_gradients_are_those_of_the_rounded_operands():
  def total(product, x, w):
    return jnp.sum(jnp.square(product(x, w)))

  found = jax.grad(
    lambda x, w: total(lambda x, w: DOT(x, w, DIMS), x, w), (0, 1)
  )(X, W)
  rows, t = products.rounded_rows(X.reshape(-1, 64), Modelopt())
  x = (rows * t).reshape(X.shape)
  w = quantized(W, Modelopt()).dequantize()
  wanted = jax.grad(lambda x, w: total(jnp.matmul, x, w), (0, 1))(x, w)
  for ours, theirs in zip(found, wanted):
    error = jnp.linalg.norm(ours - theirs) / jnp.linalg.norm(theirs)
    assert float(error) < 0.01


def test_other_contractions_are_an_error():
  with pytest.raises(ValueError, match="w4a4_dot_general contracts the last"):
    DOT(X, W.T, (((2,), (1,)), ((), ())))
