import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.nn.attention_mask import causal_mask
from gr_jax.nn.layers import Lora
from gr_jax.nn.transformer import Transformer, TransformerConfig
from gr_jax.quantization import products
from gr_jax.quantization.dot import w4a4_dot_general
from gr_jax.quantization.interceptor import multiplied_by
from gr_jax.quantization.nvfp4 import Modelopt
from gr_jax.quantization.policy import Policy, quantize_params
from tests.reference.noisy import noisy

MODEL = Transformer(
  TransformerConfig(
    layers=2,
    width=32,
    heads=2,
    kv_heads=1,
    head_size=16,
    feed_forward=48,
    lora=Lora(4),
  )
)
X = jax.random.normal(jax.random.key(1), (2, 5, 32))
INPUTS = (
  X,
  jnp.broadcast_to(jnp.arange(5), (2, 5)),
  causal_mask(jnp.ones((2, 5), bool)),
)
PARAMS = noisy(nn.unbox(jax.jit(MODEL.init)(jax.random.key(0), *INPUTS)))
QUANTIZED = quantize_params(PARAMS, Policy(min_dim=16), "modelopt")


def states(params):
  return MODEL.apply(params, *INPUTS)[0]


def run(product, params=QUANTIZED):
  return jax.jit(multiplied_by(product, states))(params)


def test_every_quantized_layer_of_a_scan_calls_the_product():
  seen = []

  def product(x, w):
    seen.append(w.shape)
    return products.w4a16(x, w)

  found = run(product)
  # Twice: Flax traces the body of a scan for its shapes as well.
  assert set(seen) == {(32, 64), (32, 32), (32, 48), (48, 32)}
  np.testing.assert_allclose(found, jax.jit(states)(QUANTIZED), atol=0.1)


def test_w4a4_is_that_of_the_dot_general_with_the_same_operands():
  dense = nn.Dense(48)
  params = {"params": {"kernel": jnp.ones((32, 48)) * X[0, 0][:, None]}}
  quantized = quantize_params(params, Policy(min_dim=16), "modelopt")
  found = multiplied_by(products.w4a4, lambda p: dense.apply(p, X))(
    {"params": quantized["params"] | {"bias": jnp.arange(48.0)}}
  )
  layer = nn.Dense(48, dot_general=w4a4_dot_general(Modelopt()))
  wanted = layer.apply(
    {"params": params["params"] | {"bias": jnp.arange(48.0)}}, X
  )
  np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_activations_in_four_bits_change_more_than_in_sixteen():
  exact = jax.jit(states)(QUANTIZED)
  sixteen = jnp.linalg.norm(run(products.w4a16) - exact)
  four = jnp.linalg.norm(run(products.w4a4) - exact)
  assert 5 * sixteen < four


def test_layers_without_quantized_kernels_are_as_they_were():
  def never(x, w):
    raise AssertionError

  np.testing.assert_array_equal(run(never, PARAMS), jax.jit(states)(PARAMS))
