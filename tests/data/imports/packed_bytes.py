"""Bytes as if they were a file's."""

import io
from pathlib import Path

from gr_jax.data.imports.decode import Text
from gr_jax.data.imports.unpack import HEAD, Packed


def packed_bytes(raw: bytes) -> Packed:
  """Returns the bytes as those of a file that is not packed."""
  return Packed(Path("t"), "t", "", raw[:HEAD], "", lambda: io.BytesIO(raw))


def text_of(text: str | bytes) -> Text:
  """Returns a text, or bytes, as the text of a file in UTF-8."""
  raw = text.encode() if isinstance(text, str) else text
  return Text(packed_bytes(raw), "utf-8")
