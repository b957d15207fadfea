import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.quantization import products, quantize
from gr_jax.quantization.modes import MODES
from gr_jax.quantization.nvfp4 import Modelopt
from tests.reference.quantized import KINDS, quantized, rows

KEY = jax.random.key(0)
X = jax.random.normal(KEY, (3, 5, 64))
W = jax.random.normal(jax.random.key(1), (64, 48))
Q = quantized(W, Modelopt())


product_w4a4 = jax.jit(products.w4a4)


def rounded(x):
  return quantize.restore(rows(x, Modelopt())).reshape(x.shape)


def test_w4a16_multiplies_bfloat16_by_the_exact_weight():
  x = X.astype(jnp.bfloat16).astype(jnp.float32)
  wanted = np.asarray(x, np.float64) @ np.asarray(Q.dequantize(), np.float64)
  np.testing.assert_allclose(products.w4a16(X, Q), wanted, rtol=1e-5, atol=1e-5)


def test_w4a4_multiplies_rounded_rows_by_the_exact_weight():
  x = np.asarray(rounded(X), np.float64)
  wanted = x @ np.asarray(Q.dequantize(), np.float64)
  np.testing.assert_allclose(product_w4a4(X, Q), wanted, rtol=1e-5, atol=1e-5)


def test_w4a4_is_the_scaled_product_of_jax(monkeypatch):
  """By its documented equation: there is none for CPU."""

  def scaled_matmul(a, b, a_scales, b_scales):
    assert a.dtype == b.dtype == jnp.float4_e2m1fn
    assert a_scales.dtype == b_scales.dtype == jnp.float8_e4m3fn
    a, b = (
      x.astype(jnp.float32) * jnp.repeat(s.astype(jnp.float32), 16, axis=-1)
      for x, s in ((a, a_scales), (b, b_scales))
    )
    return jnp.einsum("bmk,bnk->bmn", a, b)

  monkeypatch.setattr(jax.nn, "scaled_matmul", scaled_matmul)
  found = products.w4a4_scaled_matmul(X, Q)
  np.testing.assert_allclose(found, products.w4a4(X, Q), rtol=1e-5, atol=1e-5)


def test_cards_get_a_product_of_four_bit_operands():
  """Compiled for compute capability 12 it is cuDNN's block-scaled product."""
  lowered = jax.jit(products.w4a4_scaled_matmul).trace(X, Q)
  text = lowered.lower(lowering_platforms=("cuda",)).as_text()
  assert "@_scaled_matmul(" in text
  assert "tensor<1x48x64xf4E2M1FN>" in text


def device(platform, capability=None):
  found = types.SimpleNamespace(platform=platform)
  if capability:
    found.compute_capability = capability
  return found


@pytest.mark.parametrize(
  ("here", "multiplies"),
  [
    (device("gpu", "12.0"), True),
    (device("cuda", "10.0"), True),
    (device("gpu", "9.0"), False),
    (device("gpu", "gfx942"), False),
    (device("gpu"), False),
    (device("tpu"), False),
    (device("cpu"), False),
  ],
)
def test_a_device_gets_the_product_that_it_has(here, multiplies):
  product = products.w4a4_of(here)
  traced = str(jax.make_jaxpr(product)(X, Q))
  assert ("scaled_matmul" in traced) == multiplies
  # Other formats have no product of their own anywhere.
  other = str(jax.make_jaxpr(product)(X, quantized(W, MODES["mxfp4"])))
  assert "scaled_matmul" not in other


def test_the_default_device_here_has_the_emulation():
  assert products.w4a4_of() is products.w4a4


def test_the_error_of_w4a4_is_as_published():
  x = jax.random.normal(KEY, (64, 512))
  w = jax.random.normal(jax.random.key(1), (512, 128))
  found = product_w4a4(x, quantized(w, Modelopt()))
  error = jnp.linalg.norm(found - x @ w) / jnp.linalg.norm(x @ w)
  assert float(error) == pytest.approx(0.136, abs=0.01)


def test_a_row_s_product_does_not_depend_on_its_neighbors():
  product = product_w4a4
  scaled = X.at[1].multiply(1000.0)
  np.testing.assert_array_equal(product(scaled, Q)[0], product(X, Q)[0])


@pytest.mark.parametrize("mode", KINDS)
def test_every_format_has_both_products(mode):
  w = quantized(W, MODES[mode])
  # INT4 has scales that leave `q s` in need of more bits than bfloat16 has.
  np.testing.assert_allclose(products.w4a16(X, w), X @ w.dequantize(), atol=0.3)
  assert products.w4a4(X, w).shape == (3, 5, 48)


@pytest.mark.parametrize("product", [products.w4a16, products.w4a4])
def test_gradients_are_straight_through(product):
  found = jax.grad(lambda x: jnp.sum(product(x, Q) * X[..., :48]))(X)
  wanted = X[..., :48] @ Q.dequantize().T
  np.testing.assert_allclose(found, wanted, rtol=0.02, atol=0.1)


@pytest.mark.parametrize("product", [products.w4a16, products.w4a4])
def test_scales_are_not_trained(product):
  found = jax.grad(lambda w: product(X, w).sum(), allow_int=True)(Q)
  np.testing.assert_array_equal(found.tensor_scale, 0)
  np.testing.assert_array_equal(np.asarray(found.scales, np.float32), 0)


@pytest.mark.parametrize("mode", ["mxfp4", "int4"])
def test_the_product_of_cards_refuses_what_is_no_nvfp4(mode):
  with pytest.raises(ValueError, match="of NVFP4"):
    products.w4a4_scaled_matmul(X, quantized(W, MODES[mode]))


def test_shapes_that_do_not_fit_are_an_error():
  with pytest.raises(ValueError, match=r"got \(3, 5, 64\) and \(48, 64\)"):
    products.w4a4(X, quantized(W.T, Modelopt()))
