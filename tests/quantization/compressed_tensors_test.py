import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st

from gr_jax.quantization.compressed_tensors import (
  packed_tensors,
  quantization_config,
  read_packed_tensors,
  storable,
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


@hypothesis.given(st.floats(2.0**-90, 2.0**90, width=32))
@hypothesis.example(float.fromhex("0x1.ffff82p+0"))  # Not what 1 / (1 / t) is.
@hypothesis.example(float.fromhex("0x1.1aaaacp+0"))  # A rounding between both.
def test_a_file_gives_a_storable_tensor_scale_back(t):
  t = np.float32(t)
  w = quantized(W, MODES["torchao"])
  kept = storable(w.replace(tensor_scale=jnp.float32(t)))
  found = np.float32(kept.tensor_scale)
  assert abs(found / t - 1) < 2**-20
  again = read_packed_tensors("a", packed_tensors("a", kept))
  assert again.tensor_scale == found
  # All that a code and a block scale can be, in the order of their program.
  values = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], np.float32)[:, None]
  scales = np.arange(127, dtype=np.uint8).view(kept.scales.dtype)
  scales = scales.astype(np.float32)
  theirs = values * (scales / (np.float32(1) / found))
  ours = values * (scales * found)
  bits = [x.astype(jnp.bfloat16).view(np.uint16) for x in (theirs, ours)]
  np.testing.assert_array_equal(*bits)


def test_storing_changes_a_tensor_scale_once_and_few_at_all():
  rng = np.random.default_rng(0)
  scales = np.exp2(rng.uniform(-20, 0, 64)).astype(np.float32)
  w = quantized(W, MODES["torchao"]).replace(tensor_scale=jnp.asarray(scales))
  once = storable(w).tensor_scale
  again = storable(w.replace(tensor_scale=once)).tensor_scale
  np.testing.assert_array_equal(once, again)
  moved = once.view(jnp.int32) - jnp.asarray(scales).view(jnp.int32)
  assert 0 < (moved != 0).mean() < 0.6
  assert abs(moved).max() <= 4
