"""Bytes become lines of text; the encoding is read in them."""

import codecs
import dataclasses
import io
import re

from gr_jax.data.imports.checked_table import BAD_ENCODING

_NUL = "malformed row: a NUL byte"
_MARKS = (  # UTF-32 begins like UTF-16, so it comes first.
  (codecs.BOM_UTF8, "utf-8"),
  (codecs.BOM_UTF32_LE, "utf-32"),
  (codecs.BOM_UTF32_BE, "utf-32"),
  (codecs.BOM_UTF16_LE, "utf-16"),
  (codecs.BOM_UTF16_BE, "utf-16"),
)
_HIGH = re.compile(rb"[\x80-\xff]+")
_SAMPLE = 4096
# One broken line is damage; from two on it may be an encoding.
_FEWEST = 2


@dataclasses.dataclass(frozen=True)
class Text:
  """The lines of a file.

  Attributes:
    lines: The lines with their ends.
    bad: For the index of each line that cannot be used, the reason.
    note: What was assumed of the encoding, "" for UTF-8.
  """

  lines: list[str]
  bad: dict[int, str]
  note: str = ""


def decode(raw: bytes, *, encoding: str, file: str) -> Text:
  """Splits a file into lines and decodes them.

  Without `encoding` a file is what its byte-order mark says; UTF-16 where every
  other byte is zero; else UTF-8. Lines that are not UTF-8 are bad, but where
  most of the lines that are not ASCII are no UTF-8 and look like a Western
  language the file is cp1252, the Windows form of Latin-1 ([OURS]). Lines end
  with "\\n"; in a file without any with "\\r".

  Args:
    raw: The bytes of the file.
    encoding: A name of Python's codecs, or "" for a guess.
    file: The name of the file in messages.

  Raises:
    ValueError: no such encoding.
  """
  if encoding:
    _check(encoding)
    return _as(raw, encoding, "")
  for mark, name in _MARKS:
    if raw.startswith(mark):
      note = "" if name == "utf-8" else f"{file} is read as {name.upper()}."
      return _as(raw, "utf-8-sig" if name == "utf-8" else name, note)
  if order := _byte_order(raw):
    return _as(raw, order, f"{file} is read as {order.upper()}, a guess.")
  text = _as(raw, "utf-8", "")
  broken = [i for i, reason in text.bad.items() if reason == BAD_ENCODING]
  others = sum(not line.isascii() for line in text.lines)
  if len(broken) < _FEWEST or others > len(broken) or not _is_western(raw):
    return text
  guess = _as(raw, "cp1252", "")
  found = [i for i in broken if i not in guess.bad]
  if not found:
    return text
  shown = ascii_shown(guess.lines[found[0]])
  note = (
    f"{file} is not UTF-8 and is read as cp1252 (Latin-1), a guess: "
    f"{len(found):,} lines, the first is {found[0] + 1}: {shown}; "
    "--encoding=NAME says otherwise."
  )
  return dataclasses.replace(guess, note=note)


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


def _as(raw: bytes, encoding: str, note: str) -> Text:
  name = codecs.lookup(encoding).name
  if name in ("utf-8", "utf-8-sig"):
    lines, bad = _utf8(raw.removeprefix(codecs.BOM_UTF8))
  else:
    # Codes of several bytes may have a line end inside: first all, then lines.
    lines = _split(raw.decode(encoding, errors="replace"))
    bad = {
      i: BAD_ENCODING.replace("UTF-8", name)
      for i, line in enumerate(lines)
      if "\ufffd" in line
    }
  bad |= {i: _NUL for i, line in enumerate(lines) if "\0" in line}
  return Text(lines, bad, note)


def _utf8(raw: bytes) -> tuple[list[str], dict[int, str]]:
  if b"\n" not in raw:
    raw = raw.replace(b"\r", b"\n")
  lines, bad = [], {}
  for i, line in enumerate(io.BytesIO(raw)):
    try:
      lines.append(line.decode())
    except UnicodeDecodeError:
      lines.append(line.decode(errors="backslashreplace"))
      bad[i] = BAD_ENCODING
  return lines, bad


def _split(text: str) -> list[str]:
  if "\n" not in text:
    text = text.replace("\r", "\n")
  return list(io.StringIO(text.removeprefix("\ufeff"), newline="\n"))


def _byte_order(raw: bytes) -> str:
  """Recognizes UTF-16 without a mark by the zeros of its ASCII letters."""
  sample = raw[:_SAMPLE]
  low, high = sample[::2].count(0), sample[1::2].count(0)
  if max(low, high) * 10 < len(sample) * 3 or min(low, high) * 10 > max(
    low, high
  ):
    return ""
  return "utf-16-le" if high > low else "utf-16-be"


def _is_western(raw: bytes) -> bool:
  """True where letters past ASCII mostly stand alone, as in é or ß."""
  runs = [len(run) for run in _HIGH.findall(raw)]
  return sum(n for n in runs if n > 1) <= sum(n == 1 for n in runs)
