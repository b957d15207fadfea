import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.nn.rotary import RopeScaling, frequencies, rotate


def test_rotation_keeps_lengths_and_knows_only_distances():
  keys = jax.random.split(jax.random.key(0), 2)
  q, k = (jax.random.normal(key, (1, 6, 2, 8)) for key in keys)
  positions = jnp.arange(6)[None]

  def products(offset):
    turned = [rotate(x, positions + offset, theta=100.0) for x in (q, k)]
    return jnp.einsum("bthd,bshd->bhts", *turned)

  turned = rotate(q, positions, theta=100.0)
  np.testing.assert_allclose(
    jnp.linalg.norm(turned, axis=-1), jnp.linalg.norm(q, axis=-1), rtol=1e-5
  )
  np.testing.assert_allclose(products(0), products(11), atol=1e-4)


def test_scaling_stretches_long_wavelengths_and_keeps_short_ones():
  scaling = RopeScaling(8.0, 1.0, 4.0, 64)
  plain = np.asarray(frequencies(8, theta=1000.0))
  found = np.asarray(frequencies(8, theta=1000.0, scaling=scaling))
  expected = []
  for omega in plain.tolist():
    length = 2 * math.pi / omega
    if length < 64 / 4:
      expected.append(omega)
    elif length > 64 / 1:
      expected.append(omega / 8)
    else:
      s = (64 / length - 1) / (4 - 1)
      expected.append((1 - s) * omega / 8 + s * omega)
  np.testing.assert_allclose(found, expected, rtol=1e-6)
  ratio = found / plain
  assert ratio[0] == 1
  assert ratio[-1] == 1 / 8
  assert ((ratio > 1 / 8 + 1e-3) & (ratio < 1 - 1e-3)).any()


def test_rotation_uses_the_scaled_frequencies():
  scaling = RopeScaling(8.0, 1.0, 4.0, 8)
  x = jnp.ones((1, 3, 1, 2))
  (omega,) = frequencies(1, theta=10.0, scaling=scaling).tolist()
  out = rotate(x, jnp.arange(3)[None], theta=10.0, scaling=scaling)
  angles = np.arange(3) * omega
  np.testing.assert_allclose(
    out[0, :, 0, 0], np.cos(angles) - np.sin(angles), atol=1e-6
  )


def test_scaling_needs_a_band_between_its_factors():
  with pytest.raises(ValueError, match="must be above"):
    RopeScaling(8.0, 4.0, 4.0, 8192)
