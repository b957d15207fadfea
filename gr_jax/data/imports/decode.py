"""Bytes become lines of text; the encoding is read in them."""

import codecs
import dataclasses
import functools
import io
import re
import sys
from collections.abc import Iterable, Iterator

import numpy as np

from gr_jax.data.imports.checked_table import BAD_ENCODING
from gr_jax.data.imports.unpack import HEAD, Packed

_NUL = "malformed row: a NUL byte"
_MARKS = (  # UTF-32 begins like UTF-16, so it comes first.
  (codecs.BOM_UTF8, "utf-8"),
  (codecs.BOM_UTF32_LE, "utf-32"),
  (codecs.BOM_UTF32_BE, "utf-32"),
  (codecs.BOM_UTF16_LE, "utf-16"),
  (codecs.BOM_UTF16_BE, "utf-16"),
)
_HIGH = re.compile(rb"[\x80-\xff]+")
# One broken line is damage; from two on it may be an encoding.
_FEWEST = 2
_LONG = 30_000
_REPLACED = "\ufffd".encode()


@dataclasses.dataclass(frozen=True)
class Text:
  """The text of a file, read from its beginning each time.

  Attributes:
    packed: The bytes of the file.
    encoding: The encoding, as Python's codecs call it.
    note: What was assumed of the encoding, "" for UTF-8.
  """

  packed: Packed
  encoding: str
  note: str = ""

  def blocks(self) -> Iterator[bytes]:
    """Reads whole lines, some MB of them at once, in UTF-8.

    Lines that are not of the encoding stay as they are in UTF-8, and have a
    U+FFFD in another encoding. Lines end with "\\n"; in a file without any with
    "\\r", which becomes "\\n".
    """
    blocks = self.packed.blocks()
    if self._is_utf8:
      return _without_mark(_whole_lines(blocks))
    encoding = self.encoding
    marks = (m for m, name in _MARKS if name == encoding)
    if encoding in ("utf-16", "utf-32") and not self.packed.head.startswith(
      tuple(marks)
    ):
      # Read in parts it must have a mark; as a whole it is the machine's.
      encoding += "-le" if sys.byteorder == "little" else "-be"
    return _whole_lines(_in_utf8(blocks, encoding))

  def decoded(self, block: bytes) -> tuple[list[str], dict[int, str]]:
    """Decodes a block of whole lines.

    Returns:
      (the lines with their ends; for the index of each line that cannot be
      used, the reason).
    """
    lines, bad = _utf8_lines(block)
    if not self._is_utf8:
      reason = BAD_ENCODING.replace("UTF-8", self.encoding)
      bad = {i: reason for i, line in enumerate(lines) if "\ufffd" in line}
    if b"\0" in block:
      bad |= {i: _NUL for i, line in enumerate(lines) if "\0" in line}
    return lines, bad

  def whole(self) -> tuple[list[str], dict[int, str]]:
    """Decodes all lines, as `decoded` does those of a block."""
    return self.decoded(b"".join(self.blocks()))

  def may_be_bad(self, block: bytes) -> bool:
    """Whether a block of UTF-8 without NUL bytes may have lines not to use."""
    return not self._is_utf8 and _REPLACED in block

  @functools.cached_property
  def longest(self) -> int:
    """The characters of the longest line, where it has more than 30,000."""
    most = 0
    for block in self.blocks():
      ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
      sizes = np.diff(ends, prepend=-1, append=len(block))
      if sizes.max() > _LONG:
        lines, _ = self.decoded(block)
        most = max(most, *map(len, lines), 0)
    return most

  @property
  def _is_utf8(self) -> bool:
    return self.encoding in ("utf-8", "utf-8-sig")


def decode(packed: Packed, *, encoding: str, file: str) -> Text:
  """Finds how the text of a file is encoded.

  Without `encoding` a file is what its byte-order mark says; UTF-16 where every
  other byte is zero; else UTF-8. Lines that are not UTF-8 are bad, but where
  most of the lines that are not ASCII are no UTF-8 and look like a Western
  language the file is cp1252, the Windows form of Latin-1 ([OURS]).

  Args:
    packed: The bytes of the file.
    encoding: A name of Python's codecs, or "" for a guess.
    file: The name of the file in messages.

  Raises:
    ValueError: no such encoding, or the file is damaged.
  """
  if encoding:
    _check(encoding)
    return Text(packed, codecs.lookup(encoding).name)
  for mark, name in _MARKS:
    if packed.head.startswith(mark):
      note = "" if name == "utf-8" else f"{file} is read as {name.upper()}."
      return Text(packed, name, note)
  if order := _byte_order(packed.head):
    note = f"{file} is read as {order.upper()}, a guess."
    return Text(packed, order, note)
  text = Text(packed, "utf-8")
  if not _looks_western(text):
    return text
  # One byte is one letter, so its lines are those of UTF-8.
  n, first, shown, before = 0, 0, "", 0
  for block in text.blocks():
    for i, line in enumerate(io.BytesIO(block)):
      if _is_utf8(line):
        continue
      letters = line.decode("cp1252", errors="replace")
      if "\ufffd" not in letters and "\0" not in letters:
        n += 1
        if n == 1:
          first, shown = before + i + 1, ascii_shown(letters)
    before += block.count(b"\n")
  if not n:
    return text
  note = (
    f"{file} is not UTF-8 and is read as cp1252 (Latin-1), a guess: "
    f"{n:,} lines, the first is {first}: {shown}; "
    "--encoding=NAME says otherwise."
  )
  return Text(packed, "cp1252", note)


def ascii_shown(line: str, width: int = 60) -> str:
  """The beginning of a line on one line of a terminal."""
  text = line.strip()
  cut = text[:width] + ("..." if len(text) > width else "")
  return repr(cut)


def _check(encoding: str) -> None:
  try:
    b"".decode(encoding)
    "".encode(encoding)
  except (LookupError, ValueError) as error:
    raise ValueError(
      f"--encoding={encoding}: no such encoding of text; one is utf-8, cp1252, "
      "latin-1, cp1251, gb18030, shift_jis or utf-16."
    ) from error


def _without_mark(blocks: Iterable[bytes]) -> Iterator[bytes]:
  for i, block in enumerate(blocks):
    left = block if i else block.removeprefix(codecs.BOM_UTF8)
    if left:
      yield left


def _in_utf8(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
  decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
  begins = True
  for block, is_last in _with_end(blocks):
    text = decoder.decode(block, final=is_last)
    if begins and text:
      begins, text = False, text.removeprefix("\ufeff")
    # Half of a surrogate pair, as unicode_escape has it, is no text.
    yield text.encode(errors="replace")


def _with_end(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
  yield from ((block, False) for block in blocks)
  yield b"", True


def _whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
  """Cuts blocks after their last line end; the rest begins the next."""
  rest, has_ends = [], False
  for block in blocks:
    end = block.rfind(b"\n") + 1
    if end:
      has_ends = True
      yield b"".join([*rest, block[:end]])
      rest = []
    rest.append(block[end:])
  last = b"".join(rest)
  if last:
    yield last if has_ends else last.replace(b"\r", b"\n")


def _utf8_lines(block: bytes) -> tuple[list[str], dict[int, str]]:
  try:
    return list(io.StringIO(block.decode(), newline="\n")), {}
  except UnicodeDecodeError:
    lines, bad = [], {}
  for i, line in enumerate(io.BytesIO(block)):
    lines.append(line.decode(errors="backslashreplace"))
    if not _is_utf8(line):
      bad[i] = BAD_ENCODING
  return lines, bad


def _is_utf8(line: bytes) -> bool:
  try:
    line.decode()
  except UnicodeDecodeError:
    return False
  return True


def _byte_order(head: bytes) -> str:
  """Recognizes UTF-16 without a mark by the zeros of its ASCII letters."""
  sample = head[:HEAD]
  low, high = sample[::2].count(0), sample[1::2].count(0)
  if max(low, high) * 10 < len(sample) * 3 or min(low, high) * 10 > max(
    low, high
  ):
    return ""
  return "utf-16-le" if high > low else "utf-16-be"


def _looks_western(text: Text) -> bool:
  """True where few lines are UTF-8 and letters past ASCII mostly stand alone.

  As in é or ß.
  """
  broken = others = alone = together = 0
  for block in text.blocks():
    if block.isascii():
      continue
    lines, bad = text.decoded(block)
    broken += sum(reason == BAD_ENCODING for reason in bad.values())
    others += sum(not line.isascii() for line in lines)
    runs = [len(run) for run in _HIGH.findall(block)]
    together += sum(n for n in runs if n > 1)
    alone += runs.count(1)
  return broken >= _FEWEST and others <= broken and together <= alone
