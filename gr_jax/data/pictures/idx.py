"""Arrays in IDX files, as MNIST and its kin are published."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

# Two zeros, the type of unsigned bytes, and the number of axes.
_UNSIGNED_BYTES = b"\x00\x00\x08"


def read_idx(path: Path) -> np.ndarray:
  """Reads an array of unsigned bytes from a file, gzipped (".gz") or plain.

  Raises:
    ValueError: the file is no such array, or was cut off.
  """
  path = Path(path)
  content = path.read_bytes()
  if path.suffix == ".gz":
    try:
      content = gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
      raise ValueError(f"{path} is damaged ({error}); get it anew.") from error
  if len(content) < 4 or content[:3] != _UNSIGNED_BYTES:
    raise ValueError(f"{path} is no IDX file of unsigned bytes; get it anew.")
  start = 4 + 4 * content[3]
  shape = [
    int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4)
  ]
  if len(content) != start + math.prod(shape):
    raise ValueError(
      f"{path} has {len(content)} bytes, not those of an array of {shape}; get "
      "it anew."
    )
  return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
