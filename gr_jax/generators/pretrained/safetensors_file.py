"""Reads tensors of safetensors files, mapped into memory, block by block.

A file is 8 bytes with the length of a header, the header in JSON, and the data.
A block is a run of whole rows of a tensor; its pages are given back to the
system before the next is read, so that a file never lies in memory whole.
"""

import json
import math
import mmap
import pathlib
import struct
from collections.abc import Iterator

import ml_dtypes
import numpy as np

# Numbers of weights.
FLOATS = {
  "F32": np.dtype(np.float32),
  "F16": np.dtype(np.float16),
  "BF16": np.dtype(ml_dtypes.bfloat16),
}
# And the codes and block scales of NVFP4.
DTYPES = FLOATS | {
  "U8": np.dtype(np.uint8),
  "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
}
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
_BLOCK = 8 * 2**20


class SafetensorsFile:
  """One file. Closed by leaving a `with` block.

  Attributes:
    path: the path of the file.
    shapes: the shape of every tensor.
    dtypes: their types.
  """

  def __init__(self, path: pathlib.Path):
    """Maps a file and reads its header.

    Raises:
      FileNotFoundError: there is none.
      ValueError: it is no safetensors file, or it is truncated, or a tensor is
        of a type that is not read.
    """
    self.path = path
    size = path.stat().st_size
    with path.open("rb") as file:
      if size < 8:
        raise ValueError(f"{path} is truncated: it has {size} bytes.")
      (length,) = struct.unpack("<Q", file.read(8))
      if 8 + length > size:
        raise ValueError(
          f"{path} is truncated, or no safetensors file: its header should "
          f"have {length} bytes and the file has {size}."
        )
      try:
        header = json.loads(file.read(length))
      except ValueError as error:
        raise ValueError(f"{path} has no header in JSON: {error}.") from None
      self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    header.pop("__metadata__", None)
    self._start = 8 + length
    self.shapes: dict[str, tuple[int, ...]] = {}
    self.dtypes: dict[str, np.dtype] = {}
    self._offsets: dict[str, int] = {}
    for name, entry in header.items():
      self._add(name, entry, size - self._start)

  def _add(self, name: str, entry: dict, available: int) -> None:
    if entry["dtype"] not in DTYPES:
      raise ValueError(
        f"{self.path}: {name} is of type {entry['dtype']}; only "
        f"{', '.join(DTYPES)} are read."
      )
    first, stop = entry["data_offsets"]
    shape, dtype = tuple(entry["shape"]), DTYPES[entry["dtype"]]
    needed = math.prod(shape) * dtype.itemsize
    if stop - first != needed:
      raise ValueError(
        f"{self.path}: {name} {shape} needs {needed} bytes; the header gives "
        f"it {stop - first}."
      )
    if stop > available:
      raise ValueError(
        f"{self.path} is truncated: {name} ends at byte {stop} of the data, "
        f"which has {available}."
      )
    self.shapes[name], self.dtypes[name] = shape, dtype
    self._offsets[name] = first

  def blocks(
    self, name: str, *, size: int = _BLOCK
  ) -> Iterator[tuple[int, np.ndarray]]:
    """The first row and the rows of every block of a tensor.

    A block may not be used once the next one is read.

    Args:
      name: the tensor; it has one axis at least.
      size: bytes of a block, about.
    """
    shape, dtype = self.shapes[name], self.dtypes[name]
    row = math.prod(shape[1:])
    step = max(1, size // max(1, row * dtype.itemsize))
    for first in range(0, shape[0], step):
      count = min(step, shape[0] - first)
      offset = self._start + self._offsets[name] + first * row * dtype.itemsize
      block = np.frombuffer(self._mapped, dtype, count * row, offset)
      yield first, block.reshape(count, *shape[1:])
      self._release(offset, offset + block.nbytes)

  def _release(self, start: int, stop: int) -> None:
    """Gives the pages of bytes that were read back to the system."""
    if hasattr(mmap, "MADV_DONTNEED"):
      start -= start % mmap.PAGESIZE
      self._mapped.madvise(mmap.MADV_DONTNEED, start, stop - start)

  def __enter__(self) -> "SafetensorsFile":
    return self

  def __exit__(self, *_) -> None:
    # Arrays that were handed out keep the map; it goes with the last of them.
    del self._mapped


def find_tensors(folder: pathlib.Path | str) -> dict[str, pathlib.Path]:
  """Which file of a folder has which tensor.

  Raises:
    FileNotFoundError: the folder has no weights, or lacks a file of its index.
    ValueError: a file lacks a tensor that the index says it has.
  """
  folder = pathlib.Path(folder)
  index = folder / INDEX
  if not index.exists():
    if not (folder / SINGLE).exists():
      raise FileNotFoundError(f"{folder} has neither {SINGLE} nor {INDEX}.")
    with SafetensorsFile(folder / SINGLE) as file:
      return dict.fromkeys(file.shapes, file.path)
  placed = json.loads(index.read_text())["weight_map"]
  for name in sorted(set(placed.values())):
    if not (folder / name).exists():
      raise FileNotFoundError(f"{folder} lacks {name}, which {INDEX} names.")
    with SafetensorsFile(folder / name) as file:
      absent = [
        k for k, v in placed.items() if v == name and k not in file.shapes
      ]
    if absent:
      raise ValueError(f"{file.path} lacks {absent[0]}, which {INDEX} names.")
  return {tensor: folder / name for tensor, name in placed.items()}
