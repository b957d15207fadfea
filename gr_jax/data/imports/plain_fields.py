"""Fields of delimited text in which nothing is odd, all of a block at once."""

import codecs
import io
from collections.abc import Sequence

import numpy as np
import polars as pl

_LINE_END = ord("\n")
_NO_LETTER = b"\x1f"


def plain_fields(
  block: bytes, *, delimiter: str, width: int, places: Sequence[int], marks: str
) -> pl.DataFrame | None:
  """Splits the lines of a block at the delimiter; None where one is odd.

  Then the block has to be read line by line. Nothing is odd where every line
  has as many delimiters as it should and no letter has a second meaning; so the
  fields are what `quoted_records` and `plain_records` would find.

  Args:
    block: Whole lines.
    delimiter: What stands between fields.
    width: The number of fields of a line, at least 2.
    places: The fields to return, in their order.
    marks: The letters that are marks and not text, such as quotes.

  Returns:
    a frame of text with a column for each place.
  """
  if width < 2 or not places or not _is_text(block):
    return None
  mark = delimiter.encode()
  if any(letter.encode() in block for letter in marks):
    return None
  if len(mark) > 1:
    if _NO_LETTER in block:
      return None
    block, mark = block.replace(mark, _NO_LETTER), _NO_LETTER
  if not block.endswith(b"\n"):
    block += b"\n"
  if not _is_even(block, mark, width):
    return None
  return pl.read_csv(
    io.BytesIO(block),
    has_header=False,
    columns=list(places),
    separator=mark.decode(),
    quote_char=None,
    infer_schema=False,
  )


def _is_text(block: bytes) -> bool:
  """Whether lines of UTF-8 have line ends alone as controls that matter."""
  if block.startswith(codecs.BOM_UTF8):
    return False  # Polars would take it away; within a text it is a letter.
  if b"\0" in block or block.count(b"\r") != block.count(b"\r\n"):
    return False
  if block.isascii():
    return True
  try:
    block.decode()
  except UnicodeDecodeError:
    return False
  return True


def _is_even(block: bytes, mark: bytes, width: int) -> bool:
  """Whether each line has `width` - 1 delimiters."""
  letters = np.frombuffer(block, np.uint8)
  ends = np.flatnonzero(letters == _LINE_END)
  found = np.flatnonzero(letters == ord(mark))
  if len(found) != len(ends) * (width - 1):
    return False
  found = found.reshape(len(ends), width - 1)
  return bool((found[:, -1] < ends).all() and (found[1:, 0] > ends[:-1]).all())
