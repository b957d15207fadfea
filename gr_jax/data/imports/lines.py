"""The lines of a text by their number, of which a few are in memory."""

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np

from gr_jax.data.imports.decode import Text

_LINE_END = ord("\n")


@dataclasses.dataclass
class _Block:
  """Whole lines: the number of the first, their bytes, decoded or not yet."""

  begin: int
  raw: bytes
  end: int
  lines: list[str] = dataclasses.field(default_factory=list)


class Lines:
  """Lines as a sequence, read as far as a line is looked up.

  `lines[i]` raises IndexError past the last line; `bad` holds the reason for
  each line seen that cannot be used. What `forget` gave up is not there again.
  """

  def __init__(self, text: Text):
    self.bad: dict[int, str] = {}
    self._text = text
    self._blocks: list[_Block] = []
    self._rest: Iterator[bytes] = text.blocks()
    self._block = _Block(0, b"", 0)
    self._end = 0

  def __getitem__(self, i: int) -> str:
    block = self._block
    if not block.begin <= i < block.end:
      block = self._block = self._decoded(i)
    return block.lines[i - block.begin]

  def __iter__(self) -> Iterator[str]:
    for i in itertools.count():
      if not self.has(i):
        return
      yield self[i]

  def between(self, begin: int, end: int) -> list[str]:
    """Returns the lines from `begin` to `end`, which may be past the last."""
    return [self[i] for i in range(begin, end) if self.has(i)]

  def has(self, i: int) -> bool:
    """Whether there is a line of this number."""
    return self._find(i) is not None

  def block(self, i: int) -> tuple[bytes, int]:
    """Returns the lines from i to the end of its block, as bytes in UTF-8.

    Returns:
      (the bytes, b"" past the last line; the number of the line after them).
    """
    block = self._find(i)
    if block is None:
      return b"", i
    raw, skipped = block.raw, i - block.begin
    if skipped:
      ends = np.flatnonzero(np.frombuffer(raw, np.uint8) == _LINE_END)
      raw = raw[ends[skipped - 1] + 1 :]
    return raw, block.end

  def forget(self, before: int) -> None:
    """Gives up the blocks that end before a line."""
    self._blocks = [block for block in self._blocks if block.end > before]
    self._block = _Block(0, b"", 0)
    self.bad = {i: why for i, why in self.bad.items() if i >= before}

  def _find(self, i: int) -> _Block | None:
    for block in self._blocks:
      if block.begin <= i < block.end:
        return block
    while raw := next(self._rest, b""):
      begin = self._end
      self._end += raw.count(b"\n") + (not raw.endswith(b"\n"))
      self._blocks.append(_Block(begin, raw, self._end))
      if i < self._end:
        return self._blocks[-1]
    return None

  def _decoded(self, i: int) -> _Block:
    block = self._find(i)
    if block is None:
      raise IndexError(i)
    if not block.lines:
      block.lines, bad = self._text.decoded(block.raw)
      self.bad |= {block.begin + k: reason for k, reason in bad.items()}
    return block
