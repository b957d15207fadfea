"""Progress on stderr: a bar that moves on a terminal, lines in a log file.

A bar draws its frames over each other with carriage returns, which a file keeps
one after the other. There, and in a notebook, lines say how far the work is.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, Self, TextIO, TypeVar

from tqdm import tqdm

T = TypeVar("T")

# Seconds between two lines: at most, and at least where a tenth is done.
_MOST, _LEAST = 30.0, 5.0


class Progress(Protocol):
  """What moves while a work is done.

  Attributes:
    n: the steps that are done.
    total: the steps in all, None where nobody knows.
  """

  n: float
  total: float | None

  def update(self, n: float = 1) -> object: ...

  def set_postfix_str(self, s: str = "", refresh: bool = True) -> None: ...

  def close(self) -> None: ...

  def __enter__(self) -> Self: ...

  def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None: ...


def make_bar(
  name: str,
  *,
  total: int | None = None,
  done: int = 0,
  unit: str = "step",
  shown: bool = True,
) -> Progress:
  """A bar on a terminal, lines elsewhere.

  Args:
    name: the work, the first word.
    total: the number of steps; None where it is not known yet.
    done: the number of steps that were done before.
    unit: one step.
    shown: False on hosts that say nothing.
  """
  if sys.stderr.isatty() or not shown:
    return tqdm(
      desc=name, total=total, initial=done, unit=unit, file=sys.stderr,
      mininterval=1.0, disable=not shown,
    )  # fmt: skip
  return ProgressLines(sys.stderr, name, total=total, done=done, unit=unit)


def tracked(values: Sequence[T], name: str, *, unit: str) -> Iterator[T]:
  """The values, with a bar that moves when each is done with."""
  with make_bar(name, total=len(values), unit=unit) as bar:
    for value in values:
      yield value
      bar.update()


def say(line: str) -> None:
  """Prints a line on stderr, above a bar that is there."""
  tqdm.write(line, file=sys.stderr)


class ProgressLines:
  """Lines of how far a work is: one for each tenth, or each half minute.

  A line is at least five seconds after the one before; the last one, when it
  is closed, says how long it took.

  Args:
    file: where they are written.
    name: the work.
    total: the number of steps; None where it is not known yet.
    done: the number of steps that were done before.
    unit: one step.
  """

  def __init__(
    self, file: TextIO, name: str, *, total: int | None, done: int, unit: str
  ):
    self._file, self._name, self._unit = file, name, unit
    self.total: float | None = total
    self.n: float = done
    self.postfix = ""
    self._first = done
    self._start = self._last = time.monotonic()
    self._tenths, self._closed = self._tenth(), False

  def update(self, n: float = 1) -> None:
    """Counts steps, and writes a line where one is due."""
    self.n += n
    now = time.monotonic()
    passed = now - self._last
    if self.n == self.total:
      return  # The last line is written at the end.
    if passed < _LEAST or (passed < _MOST and self._tenth() == self._tenths):
      return
    self._last, self._tenths = now, self._tenth()
    self._write(self._pace(now - self._start))

  def set_postfix_str(self, s: str = "", refresh: bool = True) -> None:
    """What the next line ends with."""
    del refresh  # Lines have their own time.
    self.postfix = s

  def close(self) -> None:
    """Writes the last line, once."""
    if not self._closed:
      self._closed = True
      self._write(f"in {spoken_time(time.monotonic() - self._start)}")

  def __enter__(self) -> Self:
    return self

  def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
    self.close()

  def _tenth(self) -> int:
    return int(10 * self.n / self.total) if self.total else 0

  def _pace(self, seconds: float) -> str:
    """The steps a second, and the time that is left."""
    speed = (self.n - self._first) / seconds
    if not speed:
      return f"after {spoken_time(seconds)}"
    pace = f"{speed:.3g} {self._unit}s/s"
    if not self.total:
      return pace
    return f"{pace}, {spoken_time((self.total - self.n) / speed)} left"

  def _write(self, pace: str) -> None:
    done = f"{self.n:,}"
    if self.total:
      done += f" of {self.total:,} {self._unit}s ({self.n / self.total:.0%})"
    else:
      done += f" {self._unit}s"
    line = ", ".join(part for part in (done, pace, self.postfix) if part)
    print(f"{self._name}: {line}", file=self._file, flush=True)


def spoken_time(seconds: float) -> str:
  """Seconds as a person would say them: "4.2 s", "90 s", "6 min 20 s"."""
  if seconds < 10:
    return f"{seconds:.1f} s"
  if seconds < 120:
    return f"{seconds:.0f} s"
  if seconds < 7200:
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"
  return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"
