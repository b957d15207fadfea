"""NVFP4 weights as the files of `compressed-tensors` name and store them.

The form "nvfp4-pack-quantized" has three tensors for the weight of a linear
layer, which vLLM and `transformers` read:

  weight_packed        `[F, D / 2]` uint8, the even code in the low bits
  weight_scale         `[F, D / 16]` E4M3
  weight_global_scale  `[1]` float32, `1 / t`: their weight is q (s_b / (1 / t))

Codes and block scales are those of the `QTensor`, byte for byte; only the
tensor scale is inverted, which not every float32 survives, and the weight is
theirs in bfloat16. `storable` takes the nearest tensor scale with which nothing
changes. Writing a file is for those who know its other tensors
(`generators.pretrained.export`).
"""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np

from gr_jax.quantization.formats import Format
from gr_jax.quantization.nvfp4 import BLOCK, Modelopt
from gr_jax.quantization.qtensor import QTensor

FORMAT = "nvfp4-pack-quantized"
_E4M3 = jnp.dtype(jnp.float8_e4m3fn)
# Signs change nothing.
_VALUES = np.array([0.5, 1, 1.5, 2, 3, 4, 6], np.float32)[:, None]
_SCALES = np.arange(127, dtype=np.uint8).view(_E4M3).astype(np.float32)


def is_nvfp4(format: Format) -> bool:
  """Whether a format's blocks and scales are those of the files."""
  return format.block == BLOCK and format.scale_type == _E4M3


def storable(w: QTensor) -> QTensor:
  """The same codes with tensor scales `t` that a file gives back.

  Of every matrix the nearest float32 for which `1 / (1 / t) = t`, and

    bfloat16(q (s_b / (1 / t))) = bfloat16(q (s_b t))

  for all `q` and `s_b` that there are: what `compressed-tensors` makes of the
  file is then `w.dequantize()` in bfloat16, bit for bit. It is seldom more than
  one unit in the last place from the `t` that there was.
  """
  scales = np.array(jax.device_get(w.tensor_scale), np.float32)
  for index, t in np.ndenumerate(scales):
    if np.isfinite(t):
      scales[index] = next(filter(_survives, _nearest(t)))
  return dataclasses.replace(w, tensor_scale=jnp.asarray(scales))


def _nearest(t: np.float32) -> Iterator[np.float32]:
  """Float32 numbers around a positive one, the nearest first."""
  bits = int(np.float32(t).view(np.int32))
  for step in itertools.count():
    for near in {bits + step, bits - step}:
      yield np.int32(near).view(np.float32)


def _survives(t: np.float32) -> bool:
  inverse = np.float32(1) / t
  ours, theirs = (
    (_VALUES * scales).astype(ml_dtypes.bfloat16)
    for scales in (_SCALES * t, _SCALES / inverse)
  )
  return 1 / inverse == t and bool((ours == theirs).all())


def packed_tensors(name: str, w: QTensor) -> dict[str, np.ndarray]:
  """The three tensors of a kernel `[D, F]`, on the host.

  Args:
    name: the layer, "model.layers.0.mlp.up_proj".
    w: its kernel in NVFP4, made `storable`.

  Raises:
    ValueError: it has layers in front, or is in another format.
  """
  if w.ndim != 2 or not is_nvfp4(w.format):
    raise ValueError(
      f"{name}: {FORMAT} has one matrix in blocks of {BLOCK} with {_E4M3} "
      f"scales; got shape {w.shape}, blocks of {w.format.block} and "
      f"{w.scales.dtype} scales. Give it a layer at a time."
    )
  codes, scales, t = jax.device_get((w.codes, w.scales, w.tensor_scale))
  return {
    f"{name}.weight_packed": codes,
    f"{name}.weight_scale": scales,
    f"{name}.weight_global_scale": np.float32(1) / np.reshape(t, 1),
  }


def read_packed_tensors(
  name: str, tensors: Mapping[str, Any], *, dtype: Any = jnp.bfloat16
) -> QTensor:
  """The kernel `[D, F]` of a layer's tensors.

  Args:
    name: the layer.
    tensors: by their names in the file.
    dtype: the type of the dequantized kernel.

  Raises:
    KeyError: the layer has no such tensors.
  """
  scale = np.asarray(tensors[f"{name}.weight_global_scale"], np.float32)
  return QTensor(
    codes=jnp.asarray(tensors[f"{name}.weight_packed"], jnp.uint8),
    scales=jnp.asarray(tensors[f"{name}.weight_scale"], _E4M3),
    # By NumPy, whose quotients are rounded once on every machine.
    tensor_scale=jnp.asarray(np.float32(1) / scale.reshape(())),
    format=Modelopt(),
    dtype=jnp.dtype(dtype),
  )


def quantization_config(ignored: Sequence[str]) -> dict[str, Any]:
  """What config.json says under "quantization_config".

  Args:
    ignored: linear layers that are not quantized, by name.
  """
  weights = {
    "num_bits": 4,
    "type": "float",
    "strategy": "tensor_group",
    "group_size": BLOCK,
    "symmetric": True,
    "dynamic": False,
  }
  return {
    "quant_method": "compressed-tensors",
    "format": FORMAT,
    "quantization_status": "compressed",
    "config_groups": {
      "group_0": {"targets": ["Linear"], "weights": weights},
    },
    "ignore": list(ignored),
  }
