"""Writes GGUF files, version 3, as far as the tests need them."""

import pathlib
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def text(value: str) -> bytes:
  encoded = value.encode()
  return struct.pack("<Q", len(encoded)) + encoded


def value(found: Any) -> bytes:
  """Kind and content of a field."""
  if isinstance(found, str):
    return struct.pack("<I", 8) + text(found)
  if isinstance(found, float):
    return struct.pack("<If", 6, found)
  if isinstance(found, int):
    return struct.pack("<II", 4, found)
  if isinstance(found[0], str):
    return struct.pack("<IIQ", 9, 8, len(found)) + b"".join(map(text, found))
  return (
    struct.pack("<IIQ", 9, 5, len(found)) + np.array(found, "<i4").tobytes()
  )


def write_gguf(
  path: pathlib.Path,
  fields: Mapping[str, Any],
  tensors: Sequence[tuple[str, Sequence[int], int, bytes]],
  *,
  version: int = 3,
) -> pathlib.Path:
  """Tensors: `(name, axes from the fastest, type, bytes)`."""
  out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(fields))
  out += b"".join(text(name) + value(found) for name, found in fields.items())
  data = b""
  for name, axes, kind, content in tensors:
    out += text(name) + struct.pack("<I", len(axes))
    out += struct.pack(f"<{len(axes)}Q", *axes)
    out += struct.pack("<IQ", kind, len(data))
    data += content + b"\0" * (-len(content) % 32)
  path.write_bytes(out + b"\0" * (-len(out) % 32) + data)
  return path
