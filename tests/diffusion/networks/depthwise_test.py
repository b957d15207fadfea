"""The depthwise convolution against XLA's, and its gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.diffusion.networks import depthwise
from gr_jax.diffusion.networks.depthwise import depthwise as convolve


def arrays():
  rng = np.random.default_rng(0)
  return (
    jnp.asarray(rng.normal(size=shape), jnp.float32)
    for shape in ((2, 4, 5, 3), (9, 3))
  )


def by_xla(x, kernel):
  C = x.shape[-1]
  return jax.lax.conv_general_dilated(
    x,
    kernel.reshape(3, 3, 1, C),
    (1, 1),
    "SAME",
    dimension_numbers=("NHWC", "HWIO", "NHWC"),
    feature_group_count=C,
  )


def test_it_is_a_grouped_convolution():
  x, kernel = arrays()
  np.testing.assert_allclose(
    convolve(x, kernel), by_xla(x, kernel), rtol=1e-4, atol=1e-5
  )


@pytest.mark.parametrize("argument", [0, 1])
def test_it_has_the_gradients_of_a_grouped_convolution(argument):
  x, kernel = arrays()
  found, expected = (
    jax.grad(lambda *a, f=f: jnp.sum(f(*a) ** 3), argument)(x, kernel)
    for f in (convolve, by_xla)
  )
  np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_both_sums_of_the_kernels_gradient_agree():
  x, _ = arrays()
  g = x[::-1] + 1
  np.testing.assert_allclose(
    depthwise._sum_in_turn(x, g), depthwise._sum_at_once(x, g), rtol=1e-4
  )
