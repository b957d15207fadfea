"""Reads the tensors of a GGUF file in float32, one at a time.

The format of llama.cpp, version 3: metadata, the names, shapes and places of
the tensors, and their data. Read are the types F32, F16, Q8_0 and Q4_1; the
last two have blocks of 32 weights,

  Q8_0: `w = d q`, `q` in -128..127,
  Q4_1: `w = d q + m`, `q` in 0..15, the low halves of 16 bytes before the high.

Rows of q and k of a Llama lie in pairs here, `(2 i, 2 i + 1)` being the halves
`(i, i + h / 2)` of ours; `halves_apart` puts them back.
"""

import mmap
import pathlib
import struct
from typing import Any

import numpy as np

_SCALARS = dict(zip((*range(8), 10, 11, 12), "BbHhIif?Qqd"))
_STRING, _ARRAY = 8, 9
_BLOCK = 32
_Q8_0 = np.dtype([("d", "<f2"), ("q", "i1", _BLOCK)])
_Q4_1 = np.dtype([("d", "<f2"), ("m", "<f2"), ("q", "u1", _BLOCK // 2)])
_TYPES = {
  0: np.dtype("<f4"),
  1: np.dtype("<f2"),
  3: _Q4_1,
  8: _Q8_0,
}


class GgufFile:
  """One file.

  Attributes:
    path: the path of the file.
    metadata: its fields.
    shapes: the shape of every tensor, `[out, in]`.
  """

  def __init__(self, path: pathlib.Path | str):
    """Maps a file and reads what it says of its tensors.

    Raises:
      FileNotFoundError: there is none.
      ValueError: it is no GGUF file of version 3, a tensor is of a type that is
        not read, or the file is truncated.
    """
    self.path = pathlib.Path(path)
    with self.path.open("rb") as file:
      self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    self._at = 4
    if self._mapped[:4] != b"GGUF" or self._number("I") != 3:
      raise ValueError(f"{path} is no GGUF file of version 3.")
    tensors, fields = self._number("Q"), self._number("Q")
    self.metadata = {
      self._text(): self._value(self._number("I")) for _ in range(fields)
    }
    self.shapes: dict[str, tuple[int, ...]] = {}
    self._places: dict[str, tuple[np.dtype, int]] = {}
    for _ in range(tensors):
      self._add()
    alignment = self.metadata.get("general.alignment", 32)
    self._start = self._at + -self._at % alignment
    for name in self.shapes:
      stop = self._start + self._places[name][1] + self._bytes(name)
      if stop > len(self._mapped):
        raise ValueError(
          f"{path} is truncated: {name} ends at byte {stop}, and the file has "
          f"{len(self._mapped)}."
        )

  def read(self, name: str) -> np.ndarray:
    """A tensor in float32."""
    kind, offset = self._places[name]
    count = self._bytes(name) // kind.itemsize
    raw = np.frombuffer(self._mapped, kind, count, self._start + offset)
    if kind == _Q8_0:
      found = raw["d"].astype(np.float32)[:, None] * raw["q"]
    elif kind == _Q4_1:
      q = np.concatenate((raw["q"] & 15, raw["q"] >> 4), axis=1)
      d, m = (raw[part].astype(np.float32)[:, None] for part in "dm")
      found = d * q + m
    else:
      found = raw
    return found.astype(np.float32).reshape(self.shapes[name])

  def _add(self) -> None:
    name = self._text()
    axes = [self._number("Q") for _ in range(self._number("I"))]
    kind, offset = self._number("I"), self._number("Q")
    if kind not in _TYPES:
      raise ValueError(
        f"{self.path}: {name} is of type {kind}; only F32 (0), F16 (1), "
        "Q4_1 (3) and Q8_0 (8) are read."
      )
    # The first axis is the one that runs fastest.
    self.shapes[name] = tuple(axes[::-1])
    self._places[name] = _TYPES[kind], offset

  def _bytes(self, name: str) -> int:
    kind = self._places[name][0]
    weights = _BLOCK if kind in (_Q8_0, _Q4_1) else 1
    return int(np.prod(self.shapes[name])) // weights * kind.itemsize

  def _number(self, code: str) -> Any:
    (found,) = struct.unpack_from("<" + code, self._mapped, self._at)
    self._at += struct.calcsize("<" + code)
    return found

  def _text(self) -> str:
    size = self._number("Q")
    self._at += size
    return self._mapped[self._at - size : self._at].decode()

  def _value(self, kind: int) -> Any:
    if kind == _STRING:
      return self._text()
    if kind == _ARRAY:
      of, count = self._number("I"), self._number("Q")
      return [self._value(of) for _ in range(count)]
    return self._number(_SCALARS[kind])


def halves_apart(weight: np.ndarray, *, heads: int) -> np.ndarray:
  """Rows `[heads h, ...]` of q or k, from pairs to halves for `rotate`.

  Args:
    weight: as a GGUF file of a Llama has it.
    heads: query heads for q, key heads for k.
  """
  half = weight.shape[0] // heads // 2
  paired = weight.reshape(heads, half, 2, -1)
  return paired.swapaxes(1, 2).reshape(weight.shape)
