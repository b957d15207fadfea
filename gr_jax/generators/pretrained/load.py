"""Reads weights into the tree of a `CausalDecoder`, never two copies of them.

Every device's block of a parameter is one host array that the tensors of all
layers are copied into, page by page of the files. On CPU that array becomes the
parameter without another copy; elsewhere one parameter at a time lies on the
host. Kernels that are in NVFP4 in the files (`packed_weights`) become
`QTensor`s with the same bytes.
"""

import contextlib
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding, SingleDeviceSharding

from gr_jax.generators.pretrained.arrangement import Arrangement
from gr_jax.generators.pretrained.packed_weights import (
  joined,
  packed_paths,
  packed_table,
)
from gr_jax.generators.pretrained.safetensors_file import (
  FLOATS,
  SafetensorsFile,
  find_tensors,
)
from gr_jax.generators.pretrained.weights import (
  Tensor,
  is_implied,
  shapes_of,
  tensors,
)
from gr_jax.nn.flat_tree import flatten, unflatten

# XLA takes over arrays of the host that begin at a multiple of this.
_ALIGNMENT = 64


def load_params(
  folder: pathlib.Path | str,
  arrangement: Arrangement,
  *,
  dtype: jax.typing.DTypeLike | None = jnp.float32,
  shardings: Mapping[str, Any] | None = None,
) -> dict:
  """The parameters of a folder's safetensors files.

  Args:
    folder: where `model.safetensors` or its shards and their index lie.
    arrangement: the sizes, from `read_arrangement(folder)`.
    dtype: what the parameters become; None = as in the files.
    shardings: a tree like the parameters, from `parallel.mesh`; None = all on
      the first device, where kernels in NVFP4 must be.

  Returns:
    `{"params": ...}` for a `CausalDecoder` without new tokens. `QTensor`s in it
    are dequantized to `dtype`, bfloat16 where it is None.

  Raises:
    FileNotFoundError: a file is absent.
    ValueError: a tensor is missing, superfluous or of another shape, or a file
      is damaged; or kernels in NVFP4 should lie on several devices.
  """
  paths = find_tensors(folder)
  table = list(tensors(arrangement))
  packed = packed_paths(table, paths)
  if packed and shardings is not None:
    raise ValueError(
      f"{folder} has kernels in NVFP4, which are read on one device and not "
      "trained; begin with the model in 16 or 32 bits."
    )
  table = list(packed_table(table, packed))
  shapes = shapes_of(table)
  wanted = {path: [] for path in shapes}
  for tensor in table:
    wanted[tensor.path].append(tensor)
  placed = None if shardings is None else flatten(shardings)
  only = SingleDeviceSharding(jax.local_devices()[0])
  params = {}
  with contextlib.ExitStack() as stack:
    files = {
      path: stack.enter_context(SafetensorsFile(path))
      for path in sorted(set(paths.values()))
    }
    having = {name: files[path] for name, path in paths.items()}
    _check(folder, arrangement, table, having)
    for path, shape in shapes.items():
      sharding = only if placed is None else placed["params", *path]
      params["params", *path] = _read(
        wanted[path], having, shape, dtype, sharding
      )
  return unflatten(joined(params, dtype))


def _check(
  folder: pathlib.Path | str,
  arrangement: Arrangement,
  table: list[Tensor],
  having: Mapping[str, SafetensorsFile],
) -> None:
  known = {tensor.name: tensor.shape for tensor in table}
  missing = [name for name in known if name not in having]
  more = [
    name
    for name in having
    if name not in known and not is_implied(name, arrangement)
  ]
  for which, names in (("lacks", missing), ("has more than the model:", more)):
    if names:
      raise ValueError(
        f"{folder} {which} {names[0]} ({len(names)} such of {len(known)} "
        "tensors)."
      )
  for name, shape in known.items():
    found = having[name].shapes[name]
    if found != shape:
      raise ValueError(
        f"{folder}: {name} is {found}; config.json says {shape}."
      )
  for tensor in table:
    kind = having[tensor.name].dtypes[tensor.name]
    if kind not in ([tensor.dtype] if tensor.dtype else FLOATS.values()):
      raise ValueError(
        f"{folder}: {tensor.name} is of type {kind}, which is not read there."
      )


def _read(
  parts: list[Tensor],
  having: Mapping[str, SafetensorsFile],
  shape: tuple[int, ...],
  dtype: jax.typing.DTypeLike | None,
  sharding: Sharding,
) -> jax.Array:
  """One parameter, each device's block filled from the files."""
  name = parts[0].name
  kind = np.dtype(parts[0].dtype or dtype or having[name].dtypes[name])

  def block(index: tuple[slice, ...] | None) -> np.ndarray:
    index = index or (slice(None),) * len(shape)
    bounds = [s.indices(n)[:2] for s, n in zip(index, shape)]
    out = _aligned([stop - first for first, stop in bounds], kind)
    for tensor in parts:
      _copy(tensor, having[tensor.name], out, [first for first, _ in bounds])
    return out

  array = jax.make_array_from_callback(shape, sharding, block)
  # Until then the host's array stays, where it is not the parameter itself.
  return array.block_until_ready()


def _copy(
  tensor: Tensor, file: SafetensorsFile, out: np.ndarray, first: list[int]
) -> None:
  """Copies what `out`, whose corner is at `first`, has of a tensor."""
  start = [s - f for s, f in zip(tensor.start, first)]
  if not _overlaps(start, tensor.block, out.shape):
    return
  # The axis of the parameter that the file's rows run along.
  axis = len(start) - 1 if tensor.transposed else int(tensor.layered)
  for row, rows in file.blocks(tensor.name):
    part = rows.T if tensor.transposed else rows
    part = part[None] if tensor.layered else part
    at = list(start)
    at[axis] += row
    if _overlaps(at, part.shape, out.shape):
      pairs = list(zip(at, part.shape, out.shape))
      into = tuple(slice(max(a, 0), min(a + n, m)) for a, n, m in pairs)
      of = tuple(slice(max(-a, 0), min(n, m - a)) for a, n, m in pairs)
      out[into] = part[of]


def _overlaps(start, size, whole) -> bool:
  return all(a < m and a + n > 0 for a, n, m in zip(start, size, whole))


def _aligned(shape: list[int], dtype: np.dtype) -> np.ndarray:
  """An array that XLA takes over without a copy."""
  count = int(np.prod(shape)) * dtype.itemsize
  raw = np.empty(count + _ALIGNMENT, np.uint8)
  first = -raw.ctypes.data % _ALIGNMENT
  return raw[first : first + count].view(dtype).reshape(shape)
