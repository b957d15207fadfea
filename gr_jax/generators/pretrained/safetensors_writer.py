"""Writes safetensors in shards of bounded size, a piece of a tensor at a time.

The weights of a model are never in memory whole: `read` gives the pieces of one
tensor, and each is written before the next is made.
"""

import functools
import json
import math
import os
import pathlib
import struct
from collections.abc import Callable, Iterable

import numpy as np

from gr_jax import atomic
from gr_jax.generators.pretrained.safetensors_file import (
  DTYPES,
  INDEX,
  SINGLE,
)
from gr_jax.generators.pretrained.weights import Tensor

CODES = {dtype: code for code, dtype in DTYPES.items()}
"""The names that headers have for types."""

SHARD_BYTES = 5 * 10**9
"""What one file holds, where nobody says it."""

Read = Callable[[Tensor], Iterable[np.ndarray]]
"""From a tensor to runs of its rows, in order."""


def write_safetensors(
  folder: pathlib.Path,
  wanted: list[Tensor],
  read: Read,
  *,
  dtype: np.dtype,
  shard_bytes: int = SHARD_BYTES,
) -> None:
  """Writes tensors, and an index where they take more than one file.

  Weights that the folder had are replaced.

  Args:
    folder: where they are written; it is there.
    wanted: the tensors, in their order.
    read: gives the values of each.
    dtype: what the files hold, one of `CODES`, where a tensor has no type of
      its own.
    shard_bytes: the most that one file holds, one tensor at least.

  Raises:
    ValueError: what `read` gives of a tensor is not of its size.
  """
  shards = _shards(wanted, dtype, shard_bytes)
  placed = {}
  for number, shard in enumerate(shards, 1):
    name = SINGLE
    if len(shards) > 1:
      name = f"model-{number:05}-of-{len(shards):05}.safetensors"
    _write_file(folder / name, shard, dtype, read)
    placed |= {tensor.name: name for tensor in shard}
  if len(shards) == 1:
    (folder / INDEX).unlink(missing_ok=True)
  else:
    total = sum(_bytes(tensor, dtype) for tensor in wanted)
    index = {"metadata": {"total_size": total}, "weight_map": placed}
    atomic.write_text(folder / INDEX, json.dumps(index, indent=2))
  for path in folder.glob("model*.safetensors"):
    if path.name not in placed.values():
      path.unlink()


def _bytes(tensor: Tensor, dtype: np.dtype) -> int:
  return math.prod(tensor.shape) * _type(tensor, dtype).itemsize


def _type(tensor: Tensor, dtype: np.dtype) -> np.dtype:
  return dtype if tensor.dtype is None else tensor.dtype


def _check_size(tensor: Tensor, dtype: np.dtype, written: int) -> None:
  wanted = _bytes(tensor, dtype)
  if written != wanted:
    raise ValueError(
      f"{tensor.name} of shape {tensor.shape} takes {wanted:,} bytes as "
      f"{_type(tensor, dtype)}, and its pieces are {written:,}."
    )


def _shards(
  wanted: list[Tensor], dtype: np.dtype, most: int
) -> list[list[Tensor]]:
  """The tensors in order, a new list where the next would be too much."""
  size = functools.partial(_bytes, dtype=dtype)
  shards, held = [[]], 0
  for tensor in wanted:
    if shards[-1] and held + size(tensor) > most:
      shards.append([])
      held = 0
    shards[-1].append(tensor)
    held += size(tensor)
  return shards


def _write_file(
  path: pathlib.Path, shard: list[Tensor], dtype: np.dtype, read: Read
) -> None:
  header: dict[str, object] = {"__metadata__": {"format": "pt"}}
  at = 0
  for tensor in shard:
    stop = at + _bytes(tensor, dtype)
    header[tensor.name] = {
      "dtype": CODES[_type(tensor, dtype)],
      "shape": tensor.shape,
      "data_offsets": (at, stop),
    }
    at = stop
  text = json.dumps(header).encode()
  text += b" " * (-len(text) % 8)
  beside = path.with_name(f".{path.name}.{os.getpid()}")
  try:
    with beside.open("wb") as file:
      file.write(struct.pack("<Q", len(text)) + text)
      for tensor in shard:
        before, kind = file.tell(), _type(tensor, dtype)
        for piece in read(tensor):
          file.write(np.ascontiguousarray(piece, kind).view(np.uint8).data)
        _check_size(tensor, dtype, file.tell() - before)
      file.flush()
      os.fsync(file.fileno())
    os.replace(beside, path)
  except BaseException:
    beside.unlink(missing_ok=True)
    raise
