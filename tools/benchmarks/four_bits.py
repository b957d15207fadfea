"""A float32 matrix rounded to four bits and back, as emulations do all day.

Ours, in two orders of rounding and with four over six, is beside the program
whose order it is where there is one, and beside qwix, which has no tensor
scale. "through codes" packs two codes in a byte, as storage has them, and reads
them again; torchao, modelopt and compressed-tensors always do. Peers are
imported where they run.
"""

import jax
import numpy as np

from gr_jax.quantization.modes import MODES
from gr_jax.quantization.qtensor import QTensor, quantize_array
from gr_jax.quantization.quantize import quantize_dequantize
from tools.benchmarks.contender import Bar, Contender, Limit, Run, Section

SIZE = 2048
LEAST = 300e6
"""Numbers a second and core."""


def section(*, size: int = SIZE, units: int = 20) -> Section:
  """Ours, torchao, modelopt and qwix on one matrix."""

  def contender(name, make, units, needs=(), **options):
    return Contender(
      name,
      f"tools.benchmarks.four_bits:{make}",
      {"size": size, **options},
      units=units,
      items=size * size,
      needs=needs,
    )

  ours = [
    contender(f"gr_jax {mode}", "make", units, mode=mode)
    for mode in ("torchao", "modelopt", "four_over_six_mse_256")
  ]
  ours.append(
    contender("gr_jax through codes", "make_codes", units, mode="torchao")
  )
  few = max(units // 10, 1)
  peers = [
    contender("torchao", "make_torchao", few, ("torch", "torchao")),
    contender("modelopt", "make_modelopt", few, ("torch", "modelopt")),
    contender("qwix", "make_qwix", units, ("qwix",)),
  ]
  bars = (
    Bar("gr_jax torchao", "torchao", 10.0),
    Bar("gr_jax modelopt", "modelopt", 10.0),
    Bar("gr_jax torchao", "qwix", 1.0),
    Bar("gr_jax modelopt", "qwix", 1.0),
  )
  slowest = size * size / LEAST
  limits = tuple(
    Limit(name, "cpu_seconds", slowest)
    for name in ("gr_jax torchao", "gr_jax modelopt")
  )
  title = f"a {size} x {size} float32 matrix to four bits and back"
  return Section(
    "four_bits", title, "matrix", "numbers", (*ours, *peers), bars, limits
  )


def matrix(size: int) -> np.ndarray:
  """Gaussian numbers."""
  return np.random.default_rng(0).standard_normal((size, size), np.float32)


def _error(x: np.ndarray, y) -> dict[str, float]:
  gap = np.asarray(y) - x
  return {"error": float(np.vdot(gap, gap) / np.vdot(x, x))}


def _run(units: int, x: np.ndarray, call, argument) -> Run:
  error = _error(x, call(argument))

  def run():
    for _ in range(units):
      call(argument)
    return error

  return run


def make(*, units: int, size: int, mode: str) -> Run:
  """Ours, without codes."""
  x = matrix(size)
  there = jax.jit(lambda x: quantize_dequantize(x, MODES[mode]))
  return _run(
    units, x, lambda a: there(a).block_until_ready(), jax.device_put(x)
  )


def make_codes(*, units: int, size: int, mode: str) -> Run:
  """Ours, with packed codes and scales in between."""
  x = matrix(size)
  to = jax.jit(lambda x: quantize_array(x, MODES[mode], axis=-1))
  back = jax.jit(QTensor.dequantize)
  return _run(
    units, x, lambda a: back(to(a)).block_until_ready(), jax.device_put(x)
  )


def make_torchao(*, units: int, size: int) -> Run:
  """torchao's tensor, eagerly, its amax as a user computes it."""
  import torch
  from torchao.prototype.mx_formats.nvfp4_tensor import (
    NVFP4Tensor,
    per_tensor_amax_to_scale,
  )

  torch.set_num_threads(1)

  def call(x):
    scale = per_tensor_amax_to_scale(torch.max(torch.abs(x)))
    return NVFP4Tensor.to_nvfp4(x, per_tensor_scale=scale).dequantize()

  x = matrix(size)
  return _run(units, x, call, torch.from_numpy(x))


def make_modelopt(*, units: int, size: int) -> Run:
  """modelopt's tensor; it rounds in place, so that each gets a copy."""
  import torch
  from modelopt.torch.quantization.qtensor.nvfp4_tensor import NVFP4QTensor

  torch.set_num_threads(1)

  def call(x):
    tensor, scale, double = NVFP4QTensor.quantize(x.clone(), 16)
    return tensor.dequantize(
      scale=scale, double_scale=double, block_sizes={-1: 16}
    )

  x = matrix(size)
  return _run(units, x, call, torch.from_numpy(x))


def make_qwix(*, units: int, size: int) -> Run:
  """qwix's array, compiled as one program."""
  import qwix

  @jax.jit
  def there(x):
    array = qwix.quantize(x, "nvfp4", channelwise_axes=(0,), tiled_axes={1: 16})
    return qwix.dequantize(array)

  x = matrix(size)
  return _run(
    units, x, lambda a: there(a).block_until_ready(), jax.device_put(x)
  )
