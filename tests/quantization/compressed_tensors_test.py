import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.quantization.compressed_tensors import (
  packed_tensors,
  quantization_config,
  read_packed_tensors,
)
from gr_jax.quantization.modes import MODES
from tests.reference.quantized import quantized

W = jax.random.normal(jax.random.key(0), (64, 48), jnp.bfloat16)


@pytest.mark.parametrize("mode", ["torchao", "four_over_six_mse_448"])
def test_what_is_written_is_read_again(mode):
  w = quantized(W, MODES[mode])
  found = packed_tensors("a.b", w)
  shapes = {name: (x.shape, x.dtype.name) for name, x in found.items()}
  assert shapes == {
    "a.b.weight_packed": ((48, 32), "uint8"),
    "a.b.weight_scale": ((48, 4), "float8_e4m3fn"),
    "a.b.weight_global_scale": ((1,), "float32"),
  }
  again = read_packed_tensors("a.b", found)
  assert again.shape == w.shape
  np.testing.assert_array_equal(again.dequantize(), w.dequantize())


def test_stacks_and_other_formats_are_an_error():
  with pytest.raises(ValueError, match=r"a.b: .* got shape \(1, 64, 48\)"):
    packed_tensors("a.b", quantized(W[None], MODES["torchao"]))
  with pytest.raises(ValueError, match="blocks of 32 and float8_e8m0fnu"):
    packed_tensors("a.b", quantized(W, MODES["mxfp4"]))


def test_the_config_names_the_layers_that_are_not_quantized():
  found = quantization_config(["lm_head"])
  assert found["format"] == "nvfp4-pack-quantized"
  assert found["ignore"] == ["lm_head"]
