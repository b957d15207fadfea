"""NVFP4 weights as the files of `compressed-tensors` name and store them.

The form "nvfp4-pack-quantized" has three tensors for the weight of a linear
layer, which vLLM and `transformers` read:

  weight_packed        `[F, D / 2]` uint8, the even code in the low bits
  weight_scale         `[F, D / 16]` E4M3
  weight_global_scale  `[1]` float32, `1 / t`: their weight is q (s_b / (1 / t))

Codes and block scales are those of the `QTensor`, byte for byte; only the
tensor scale is inverted, and the weight is theirs in bfloat16. Writing a file
is for those who know its other tensors.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.quantization.nvfp4 import BLOCK, Modelopt
from gr_jax.quantization.qtensor import QTensor

FORMAT = "nvfp4-pack-quantized"
_E4M3 = jnp.dtype(jnp.float8_e4m3fn)


def packed_tensors(name: str, w: QTensor) -> dict[str, np.ndarray]:
  """The three tensors of a kernel `[D, F]`, on the host.

  Args:
    name: the layer, "model.layers.0.mlp.up_proj".
    w: its kernel in NVFP4.

  Raises:
    ValueError: it has layers in front, or is in another format.
  """
  if w.ndim != 2 or w.format.block != BLOCK or w.scales.dtype != _E4M3:
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
  scale = jnp.asarray(tensors[f"{name}.weight_global_scale"], jnp.float32)
  return QTensor(
    codes=jnp.asarray(tensors[f"{name}.weight_packed"], jnp.uint8),
    scales=jnp.asarray(tensors[f"{name}.weight_scale"], _E4M3),
    tensor_scale=1 / scale.reshape(()),
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
