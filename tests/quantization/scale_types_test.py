import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from gr_jax.quantization import scale_types

BYTES = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize(
  "dtype", [ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e8m0fnu]
)
def test_every_byte_is_read_as_its_number_and_written_again(dtype):
  stored = BYTES.view(dtype)
  loaded = np.asarray(jax.jit(scale_types.load)(stored))
  wanted = stored.astype(np.float32)
  if dtype == ml_dtypes.float8_e8m0fnu:
    assert wanted[0] == 2.0**-127
    wanted[0] = 0
  np.testing.assert_array_equal(loaded, wanted)
  again = np.asarray(scale_types.store(jnp.asarray(loaded), jnp.dtype(dtype)))
  number = ~np.isnan(wanted)
  np.testing.assert_array_equal(again.view(np.uint8)[number], BYTES[number])
  assert np.isnan(again.astype(np.float32)[~number]).all()


def test_bfloat16_is_kept():
  scales = jnp.array([0.0, 0.15625, jnp.nan], jnp.float32)
  stored = scale_types.store(scales, jnp.dtype(jnp.bfloat16))
  assert stored.dtype == jnp.bfloat16
  np.testing.assert_array_equal(scale_types.load(stored), scales)
