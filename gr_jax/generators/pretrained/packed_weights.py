"""A decoder whose kernels are in NVFP4, and the tensors of its files.

In the form "nvfp4-pack-quantized" of `compressed-tensors` every linear layer
has codes, block scales and the inverse of a tensor scale in place of its weight
(`quantization.compressed_tensors`). Ours are stacked over layers, `[layers, F,
D / 2]` and so on, with q, k and v side by side under one tensor scale.

gate and up get one tensor scale too, as llm-compressor writes such files
(`update_fused_layer_weight_global_scales`): vLLM multiplies by both at once, as
by q, k and v, and wants one global scale for all of them.
"""

import collections
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np

from gr_jax.generators.pretrained.weights import Tensor, shapes_of
from gr_jax.nn.flat_tree import Path, flatten, unflatten
from gr_jax.quantization.compressed_tensors import is_nvfp4, storable
from gr_jax.quantization.nvfp4 import BLOCK, Modelopt
from gr_jax.quantization.qtensor import QTensor

_CODES, _SCALES, _INVERSE = "codes", "scales", "inverse_scale"
_HEAD = "lm_head"
_MLP: Path = ("params", "transformer", "blocks", "mlp")
_GATE, _UP, _BOTH = (
  (*_MLP, name, "dense", "kernel") for name in ("gate", "up", "gate_up")
)


def together(params: Mapping[str, Any]) -> dict[str, Any]:
  """Parameters without LoRA whose gate and up are one kernel `[D, 2 F]`."""
  flat = flatten(params)
  pair = [flat.pop(_GATE), flat.pop(_UP)]
  return unflatten(flat | {_BOTH: jnp.concatenate(pair, axis=-1)})


def apart(params: Mapping[str, Any]) -> dict[str, Any]:
  """The inverse of `together`; kernels in NVFP4 become `storable`."""
  flat = {
    path: storable(x) if isinstance(x, QTensor) else x
    for path, x in flatten(params).items()
  }
  both = flat.pop(_BOTH)
  half = both.shape[-1] // 2
  for path, cut in ((_GATE, np.s_[:half]), (_UP, np.s_[half:])):
    if isinstance(both, QTensor):
      flat[path] = both.replace(
        codes=both.codes[:, cut], scales=both.scales[:, cut]
      )
    else:
      flat[path] = both[..., cut]
  return unflatten(flat)


def packed_table(
  table: Iterable[Tensor], quantized: Collection[Path]
) -> Iterator[Tensor]:
  """A table of weights in which quantized kernels have three tensors a layer.

  Args:
    table: the weights, see `weights.tensors`.
    quantized: the kernels' paths.
  """
  parts = collections.Counter()
  for tensor in table:
    if tensor.path in quantized:
      layer, _, first = tensor.start
      rows, width = tensor.shape
      for suffix, shape, leaf, start, dtype in (
        ("packed", (rows, width // 2), _CODES, (first, 0), np.uint8),
        (
          "scale",
          (rows, width // BLOCK),
          _SCALES,
          (first, 0),
          ml_dtypes.float8_e4m3fn,
        ),
        (
          "global_scale",
          (1,),
          _INVERSE,
          (parts[tensor.path, layer],),
          np.float32,
        ),
      ):
        yield Tensor(
          f"{tensor.name}_{suffix}",
          shape,
          (*tensor.path, leaf),
          (layer, *start),
          dtype=np.dtype(dtype),
        )
      parts[tensor.path, layer] += 1
    else:
      yield tensor


def packed_paths(table: Iterable[Tensor], names: Collection[str]) -> set[Path]:
  """The kernels that a file with tensors of such names has in NVFP4."""
  return {each.path for each in table if f"{each.name}_packed" in names}


def not_packed(table: Iterable[Tensor], quantized: Collection[Path]) -> list:
  """The linear layers that stay, as `ignore` of config.json names them.

  `lm_head` is among them where embeddings are tied, too: the model has the
  layer, if not the tensor.
  """
  kept = {
    each.name.removesuffix(".weight")
    for each in table
    if each.transposed and each.path not in quantized
  }
  return sorted(kept | {_HEAD})


def parts_of(
  flat: Mapping[Path, Any], table: Iterable[Tensor]
) -> dict[Path, Any]:
  """Leaves by the paths of a packed table, those of `QTensor`s taken apart.

  Raises:
    ValueError: a `QTensor` is in another format than NVFP4.
  """
  shapes = shapes_of(table)
  found = {}
  for path, x in flat.items():
    if isinstance(x, QTensor):
      if not is_nvfp4(x.format):
        raise ValueError(f"{'/'.join(path)} is in {x.format}, not in NVFP4.")
      inverse = np.float32(1) / np.asarray(x.tensor_scale)[:, None]
      found[*path, _CODES] = x.codes
      found[*path, _SCALES] = x.scales
      found[*path, _INVERSE] = np.broadcast_to(inverse, shapes[*path, _INVERSE])
    else:
      found[path] = x
  return found


def joined(
  parts: Mapping[Path, jax.Array], dtype: jax.typing.DTypeLike | None
) -> dict[Path, Any]:
  """The leaves that `parts_of` took apart.

  Args:
    parts: by their paths.
    dtype: the type of the dequantized kernels; None = bfloat16.

  Raises:
    ValueError: q, k and v of a layer do not share a global scale.
  """
  found = {}
  for path, x in parts.items():
    if path[-1] == _CODES:
      above = path[:-1]
      inverse = np.asarray(parts[*above, _INVERSE])
      if (inverse != inverse[:, :1]).any():
        raise ValueError(
          f"{'/'.join(above)}: q, k and v of a layer have different values of "
          "weight_global_scale; only one for the three is read."
        )
      found[above] = QTensor(
        codes=x,
        scales=parts[*above, _SCALES],
        tensor_scale=jnp.asarray(np.float32(1) / inverse[:, 0]),
        format=Modelopt(),
        dtype=jnp.dtype(dtype or jnp.bfloat16),
      )
    elif path[-1] not in (_SCALES, _INVERSE):
      found[path] = x
  return found
