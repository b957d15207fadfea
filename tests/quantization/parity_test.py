"""Every bit of torchao, modelopt and compressed-tensors, as installed.

Skipped without them; `pip install '.[fp4]'` brings them.
"""

import functools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.quantization import packing, quantize
from gr_jax.quantization.compressed_tensors import (
  packed_tensors,
  quantization_config,
)
from gr_jax.quantization.modes import MODES
from gr_jax.quantization.qtensor import QTensor, quantize_array
from gr_jax.quantization.scale_types import store
from gr_jax.quantization.swizzle import swizzle
from tests.reference.four_bits import drawn_blocks

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore")


def peer(name: str):
  with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    return pytest.importorskip(name)


@functools.cache
def ours(mode):
  """Packed codes, stored scales, tensor scale and restored numbers."""
  format = MODES[mode]

  @jax.jit
  def found(x):
    rounded = quantize.round_matrices(x, format)
    codes = format.grid.encode(rounded.values).reshape(x.shape)
    scales = store(rounded.scales, format.scale_type)
    restored = quantize.restore(rounded).reshape(x.shape)
    return packing.pack(codes), scales, rounded.tensor_scale, restored

  return found


def bytes_of(x) -> np.ndarray:
  """The bytes of a tensor of torch or JAX."""
  if isinstance(x, torch.Tensor):
    x = x.contiguous().view(torch.uint8).numpy()
  return np.ascontiguousarray(x).view(np.uint8).reshape(-1)


def matrices(block: int, count: int, seed: int):
  rng = np.random.default_rng(seed)
  for _ in range(count):
    x = drawn_blocks(rng, 512 * 32 * 16 // block, block).reshape(512, -1)
    # Neither has a scale for a matrix of zeros, and MXFP4's is no float32.
    yield x * np.float32(np.exp2(rng.uniform(-20, 20)))


def check_torchao(count: int, seed: int) -> None:
  module = peer("torchao.prototype.mx_formats.nvfp4_tensor")
  for x in matrices(16, count, seed):
    tensor = torch.from_numpy(x)
    t = module.per_tensor_amax_to_scale(tensor.abs().max())
    scales, codes = module.nvfp4_quantize(tensor, 16, t)
    restored = module.NVFP4Tensor.to_nvfp4(
      tensor, per_tensor_scale=t
    ).dequantize()
    wanted = codes, scales, t.reshape(1), restored
    for found, theirs in zip(ours("torchao")(x), wanted):
      np.testing.assert_array_equal(bytes_of(found), bytes_of(theirs))


def check_modelopt(count: int, seed: int) -> None:
  module = peer("modelopt.torch.quantization.qtensor.nvfp4_tensor")
  for x in matrices(16, count, seed):
    tensor, scales, t = module.NVFP4QTensor.quantize(
      torch.from_numpy(x.copy()), 16
    )
    restored = tensor.dequantize(
      scale=scales, double_scale=t, block_sizes={-1: 16}
    )
    wanted = tensor._quantized_data, scales, t.reshape(1)
    *found, values = ours("modelopt")(x)
    for mine, theirs in zip(found, wanted):
      np.testing.assert_array_equal(bytes_of(mine), bytes_of(theirs))
    # Their table has +0 for the code of -0.
    np.testing.assert_array_equal(values, restored.numpy())


def check_mxfp4(count: int, seed: int) -> None:
  module = peer("torchao.prototype.mx_formats.mx_tensor")
  for x in matrices(32, count, seed):
    scales, codes = module.to_mx(
      torch.from_numpy(x), torch.float4_e2m1fn_x2, 32
    )
    for found, theirs in zip(ours("mxfp4")(x), (codes, scales)):
      np.testing.assert_array_equal(bytes_of(found), bytes_of(theirs))


CHECKS = {
  "torchao": check_torchao,
  "modelopt": check_modelopt,
  "mxfp4": check_mxfp4,
}


@pytest.mark.parametrize("mode", CHECKS)
def test_parity_of_every_bit(mode):
  CHECKS[mode](4, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("mode", CHECKS)
def test_parity_of_every_bit_of_ten_million_blocks(mode):
  CHECKS[mode](10_000_000 // (512 * 32) + 1, seed=1)


def test_parity_of_cublas_s_order_of_scales():
  module = peer("torchao.prototype.mx_formats.utils")
  scales = np.arange(300 * 18, dtype=np.int32).reshape(300, 18)
  wanted = module.to_blocked(torch.from_numpy(scales))
  np.testing.assert_array_equal(swizzle(jnp.asarray(scales)), wanted.numpy())


@pytest.mark.parametrize("mode", ["torchao", "modelopt", "six"])
def test_parity_of_files_that_compressed_tensors_reads(mode, tmp_path):
  compressors = peer("compressed_tensors.compressors")
  safetensors = peer("safetensors.torch")
  numpy_files = peer("safetensors.numpy")
  config = peer("compressed_tensors.quantization").QuantizationConfig
  w = quantize_array(
    jax.random.normal(jax.random.key(0), (512, 256), jnp.bfloat16), MODES[mode]
  )
  tensors = packed_tensors("layer", w)
  # The NumPy side of safetensors has no E4M3: its bytes are written.
  named = {name.split(".")[1]: x for name, x in tensors.items()}
  numpy_files.save_file(
    named | {"weight_scale": named["weight_scale"].view(np.uint8)},
    tmp_path / "layer.safetensors",
  )
  state = safetensors.load_file(tmp_path / "layer.safetensors")
  state["weight_scale"] = state["weight_scale"].view(torch.float8_e4m3fn)
  settings = config.model_validate(quantization_config([]))
  scheme = settings.config_groups["group_0"]
  compressor = compressors.NVFP4PackedCompressor
  found = compressor.decompress(state, scheme)["weight"]
  wanted = jnp.asarray(w.replace(axis=-1).dequantize())
  assert isinstance(w, QTensor)
  np.testing.assert_array_equal(bytes_of(found), bytes_of(wanted))
