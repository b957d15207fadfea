"""Lines of a log, each chained to all before it, and what can be wrong there.

A line is `CHECKSUM NUMBER JSON`. The number is the line's place in the file,
from 0; the checksum is the CRC-32 of number and JSON, begun at the checksum of
the line before, as SQLite chains the frames of its write-ahead log. Line 0 is
the header, whose JSON holds a random identity: it salts all that follow, so
that a line fits at one place of one file alone. A line that is edited, taken
out, put in twice or moved thus breaks the chain where it stands.

Behind the header stands the state that the log was compacted to, then the
changes since. Change `n` is the n-th since the log began, through compactions.

Logs of before (`CRC32 JSON`, without numbers) are read, too.
"""

import itertools
import json
import pathlib
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

_FORMAT = "gr_jax items 2"
_KINDS = {
  "old": "does not match its checksum: it is damaged or was edited",
  "twice": "stands twice",
  "missing": "follows a line that is missing",
  "moved": "is out of place: lines were swapped or moved",
  "edited": "does not match its checksum: it is damaged or was edited",
  "header": "is not the beginning of a log: it is damaged, or was taken out",
}


class Header(NamedTuple):
  """Line 0.

  Attributes:
    identity: random, of this file alone.
    base: the number of changes that the state sums up.
    state: lines of the state.
    previous: the identity of the log that this one was made from, if any.
  """

  identity: str
  base: int = 0
  state: int = 0
  previous: str = ""


class Place(NamedTuple):
  """How far a log was read or written.

  Attributes:
    header: its first line; None before it, and in a log of before.
    lines: lines so far.
    size: their bytes.
    checksum: that of the last one.
  """

  header: Header | None = None
  lines: int = 0
  size: int = 0
  checksum: int = 0

  @property
  def number(self) -> int:
    """The changes so far; below `header.base` while inside of the state."""
    if self.header is None:
      return self.lines
    return self.header.base + self.lines - 1 - self.header.state

  def after(self, texts: Iterable[bytes]) -> tuple[bytes, "Place"]:
    """The lines of some JSON texts, and the place behind them."""
    number, checksum, lines = self.lines, self.checksum, []
    for text in texts:
      body = b"%d %s" % (number, text)
      checksum = zlib.crc32(body, checksum)
      lines.append(b"%08x %s\n" % (checksum, body))
      number += 1
    data = b"".join(lines)
    size = self.size + len(data)
    return data, Place(self.header, number, size, checksum)


class Damaged(ValueError):
  """A log that nothing is served from.

  Attributes:
    kind: what was done to it: edited, twice, missing, moved, header, old; or
      cut, gone, replaced, as `log_mark` finds.
    line: the line as editors count, from 1; 0 where it is the whole file.
  """

  def __init__(self, path: pathlib.Path, text: str, kind: str, line: int = 0):
    command = "python -m gr_jax.serving.log"
    super().__init__(
      f"{text}. Put a backup in its place (`{command} backup` makes them)"
      + (
        f", or run `{command} repair {path}`, which says what is lost and "
        "keeps what it cuts off."
        if kind != "gone"
        else "."
      )
    )
    self.kind, self.line = kind, line


def started(header: Header) -> tuple[bytes, Place]:
  """The first line of a log, and the place behind it."""
  text = compact_json({"log": _FORMAT, **header._asdict()})
  return Place(header).after([text])


def compact_json(record: dict[str, Any]) -> bytes:
  return json.dumps(record, separators=(",", ":")).encode()


class LogReader:
  """Iterates over the records of a log, oldest first, and checks each line.

  A line at the end that is not whole ends the iteration: the write was torn,
  or the file was cut, which `log_mark` tells apart. A server may go on writing.

  Args:
    path: the file.
    watched: sizes at which to note the checksum.

  Raises:
    Damaged: as it iterates.
    OSError: the file cannot be read.

  Attributes:
    place: how far all is right.
    tail: the bytes behind it; empty, or a line without an end.
    unended: the last line is whole but for its end of line.
    state_size: bytes of header and state.
    checksums: the checksum at each watched size that is the end of a line.
  """

  def __init__(self, path: pathlib.Path, watched: Iterable[int] = ()):
    self.path = path
    self.place = Place()
    self.tail = b""
    self.unended = False
    self.state_size = 0
    self._watched = frozenset(watched)
    self.checksums: dict[int, int] = {}

  def __iter__(self) -> Iterator[dict[str, Any]]:
    with self.path.open("rb") as file:
      # Not splitlines(), to which a carriage return is an end as well.
      first = file.readline()
      if _is_old(first):
        yield from self._old(first, file)
      elif first:
        yield from self._chained(first, file)

  def _chained(
    self, first: bytes, file: Iterable[bytes]
  ) -> Iterator[dict[str, Any]]:
    header = _header(first)
    if header is None:
      raise self._damaged("header", 1)
    _, self.place = started(header)
    _, lines, size, checksum = self.place
    self.state_size = size
    last_of_state = 1 + header.state
    lines_of_file, before, crc32 = iter(file), first, zlib.crc32
    try:
      if size in self._watched:
        self.checksums[size] = checksum
      for line in lines_of_file:
        found = crc32(line[9:-1], checksum)
        start = b"%08x %d " % (found, lines)
        if not (line.startswith(start) and line.endswith(b"\n")):
          if not line.endswith(b"\n"):
            self.place = Place(header, lines, size, checksum)
            whole = self._unended(line)
            if whole is None:
              return
            _, lines, size, checksum = self.place
            yield whole
            return
          raise self._damaged(
            _kind(line, lines, checksum, before, lines_of_file), lines + 1
          )
        before, checksum = line, found
        lines += 1
        size += len(line)
        if lines == last_of_state:
          self.state_size = size
        if size in self._watched:
          self.checksums[size] = checksum
        yield json.loads(line[len(start) : -1])
    finally:
      self.place = Place(header, lines, size, checksum)

  def _unended(self, line: bytes) -> dict[str, Any] | None:
    """Reads a last line without an end; None where it is not whole."""
    # Its end is missing, or is another byte.
    for end in (len(line), len(line) - 1):
      text = line[9:end].partition(b" ")[2]
      whole, place = self.place.after([text])
      if whole[:-1] == line[:end]:
        self.place, self.unended = place, True
        if place.size in self._watched:
          self.checksums[place.size] = place.checksum
        return json.loads(text)
    self.tail = line
    return None

  def _old(
    self, first: bytes, file: Iterable[bytes]
  ) -> Iterator[dict[str, Any]]:
    size = 0
    for lines, line in enumerate(itertools.chain([first], file), 1):
      if not line.endswith(b"\n"):
        if not _matches(line + b"\n"):
          self.tail = line
          return
        line += b"\n"
        self.unended = True
      elif not _matches(line):
        raise self._damaged("old", lines)
      size += len(line)
      self.place = Place(None, lines, size)
      yield _with_unknown_prices(json.loads(line[9:-1]))

  def _damaged(self, kind: str, line: int) -> Damaged:
    text = f"line {line} of {self.path} {_KINDS[kind]}"
    return Damaged(self.path, text, kind, line)


def _matches(line: bytes) -> bool:
  """Whether a line of a log of before is whole."""
  return line[:9] == b"%08x " % zlib.crc32(line[9:-1])


def _with_unknown_prices(record: dict[str, Any]) -> dict[str, Any]:
  """A record of a log of before, where a price of 0 was an unknown one."""
  for item in record.get("add", ()):
    if item.get("price") == 0:
      del item["price"]
  prices = record.get("prices", {})
  prices.update((item_id, None) for item_id in prices if not prices[item_id])
  return record


def _is_old(first: bytes) -> bool:
  return first[9:10] == b"{"


def _header(line: bytes) -> Header | None:
  text = line[9:-1].removeprefix(b"0 ")
  if line != Place().after([text])[0]:
    return None
  found = json.loads(text)
  if found.pop("log") != _FORMAT:
    raise ValueError(
      f"the log's format is {line[:80]!r}; this version writes {_FORMAT!r}: "
      "start the version of gr_jax that wrote it."
    )
  return Header(**found)


def _number(line: bytes) -> int:
  """The number that a line says it has, -1 where it says none."""
  text = line[9:].partition(b" ")[0]
  return int(text) if text.isdigit() and len(text) < 16 else -1


def _kind(
  line: bytes,
  expected: int,
  checksum: int,
  before: bytes,
  rest: Iterable[bytes],
) -> str:
  """What was done to a line that does not follow the one before it."""
  if line == before:
    return "twice"
  number, text = _number(line), line[9:-1].partition(b" ")[2]
  right, _ = Place(None, expected, 0, checksum).after([text])
  if number in (expected, -1) or right[:8] == line[:8]:
    return "edited"
  if number < expected:
    return "twice"  # Where it belongs it was read.
  following = [_number(each) for each in rest]
  if expected in following:
    return "moved"
  after = following[0] if following else number + 1
  return "missing" if after == number + 1 else "edited"
