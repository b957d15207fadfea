"""Where a host is in its work, as it says so to the others."""

import dataclasses
import json
import math
import sys
from collections.abc import Iterable
from typing import NamedTuple, Self

from gr_jax.parallel import private_jax

BETWEEN, STARTS, STEP, WRITES, COMPILES, LEFT = (
  "between loops",
  "in its first step",
  "in a step",
  "between steps",
  "compiles",
  "left",
)
"""What a host does: see `Beat.state`."""


class Position(NamedTuple):
  """The place in a run, which all hosts pass in the same order.

  Attributes:
    loop: the number of loops that were begun.
    done: the number of steps that are done; infinite after the loop.
    part: the parts of the next step that are behind it.
  """

  loop: int
  done: float
  part: int


_NOWHERE = Position(0, math.inf, 0)


@dataclasses.dataclass(frozen=True)
class Beat:
  """What a host says of itself, many times within the limit.

  Attributes:
    host: its number.
    number: rises with every beat: the process lives, whatever its work does.
    position: rises with its work.
    state: `STEP` while it makes one, `STARTS` while that is the first of a
      loop; `WRITES` from the end of a step to the begin of the next (rows,
      validation, checkpoints); `COMPILES`; `BETWEEN` the loops; `LEFT` at its
      end.
    loop: the name of the loop that it is in or was in last.
    code: the line of the program that it is at.
    preempted: whether SIGTERM came to it.
  """

  host: int
  number: int = 0
  position: Position = _NOWHERE
  state: str = BETWEEN
  loop: str = ""
  code: str = ""
  preempted: bool = False

  @property
  def inside(self) -> bool:
    """Whether it is in a loop of steps."""
    return self.state in (STARTS, STEP, WRITES, COMPILES)

  @property
  def where(self) -> str:
    """The place in words; that of a step is the step that it makes."""
    if not self.inside:
      return f"after its {self.loop}" if self.loop else "before any step"
    made = int(self.position.done)
    if self.state == WRITES and made:
      return f"at step {made} of its {self.loop}, which is done"
    return f"at step {made + 1} of its {self.loop}"

  def text(self) -> str:
    return json.dumps(dataclasses.asdict(self))

  @classmethod
  def read(cls, text: str) -> Self:
    fields = json.loads(text)
    return cls(**fields | {"position": Position(*fields["position"])})


class Verdict(NamedTuple):
  """Why a run of several hosts ends on all of them.

  Attributes:
    host: the one that it is about.
    line: what is printed.
    code: the exit code of all.
  """

  host: int
  line: str
  code: int

  def text(self) -> str:
    return json.dumps(self)

  @classmethod
  def read(cls, text: str) -> Self:
    return cls(*json.loads(text))


class Seat(NamedTuple):
  """What the stack of a thread says of its work."""

  code: str
  compiles: bool


_OURS = ("gr_jax.", "experiments.", "configs.", "__main__")


def seat(thread: int) -> Seat:
  """Looks at a thread from outside, without a word of its own.

  Args:
    thread: its identifier.

  Returns:
    The innermost line of this project, of the whole program where there is
    none, and whether JAX compiles above it.
  """
  frames = list(_frames(thread))
  if not frames:
    return Seat("", False)
  names = [str(frame.f_globals.get("__name__")) for frame in frames]
  at = next((i for i, n in enumerate(names) if n.startswith(_OURS)), 0)
  return Seat(
    f"{names[at]}:{frames[at].f_lineno}", any(map(private_jax.compiles, names))
  )


def _frames(thread: int) -> Iterable:
  """The frames of a thread, the innermost first."""
  frame = sys._current_frames().get(thread)
  while frame is not None:
    yield frame
    frame = frame.f_back
