import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.quantization import e2m1, packing

CODES = np.random.default_rng(0).integers(0, 16, (3, 5, 32)).astype(np.uint8)


def test_unpack_is_the_inverse_of_pack():
  packed = packing.pack(CODES)
  assert packed.shape == (3, 5, 16)
  assert packed.dtype == jnp.uint8
  np.testing.assert_array_equal(packing.unpack(packed), CODES)


def test_the_even_code_is_in_the_low_bits():
  assert packing.pack(jnp.array([1, 15], jnp.uint8)) == 15 * 16 + 1


def test_the_bits_are_those_of_float4():
  found = jax.jit(packing.as_float4)(packing.pack(CODES))
  assert found.dtype == jnp.float4_e2m1fn
  np.testing.assert_array_equal(
    found.astype(jnp.float32), e2m1.decode(jnp.asarray(CODES))
  )


def test_an_odd_number_of_codes_is_an_error():
  with pytest.raises(ValueError, match=r"shape \(3,\) are no pairs"):
    packing.pack(jnp.zeros(3))
