"""Contenders, and the ratios and limits that a section must show."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

Run = Callable[[], dict[str, float]]
"""Does `units` units of work and returns figures beside the time, if any."""

DTYPES = ("bfloat16", "float32")


@dataclasses.dataclass(frozen=True)
class Contender:
  """One program in one process.

  Attributes:
    name: The name in the table.
    make: A `module:function` of this folder; called in a process of its own as
      `make(units=..., **options)`, it returns a `Run`. A name, so that the
      parent never imports a peer.
    options: The values for `make`; "dtype" and "batch" are shown.
    units: The units of work (steps, fits, searches) of one run.
    items: The items (rows, tokens) of a unit, for the throughput.
    needs: The packages it cannot do without.
  """

  name: str
  make: str
  options: Mapping[str, Any]
  units: int = 1
  items: int = 1
  needs: tuple[str, ...] = ()

  @property
  def dtype(self) -> str:
    """The type of the products, where it has one."""
    return self.options.get("dtype", "")

  @property
  def batch(self) -> int | None:
    """The number of rows, where it varies."""
    return self.options.get("batch")

  @property
  def label(self) -> str:
    """Name, type and batch: unique in a section."""
    return " ".join(
      filter(None, (self.name, self.dtype, str(self.batch or "")))
    )


@dataclasses.dataclass(frozen=True)
class Bar:
  """The least `seconds(peer) / seconds(ours)` that is good enough.

  The ratio must reach `minimum`. With `error`, the figure `error` of ours must
  not exceed this many times the peer's: otherwise faster is not better.
  """

  ours: str
  peer: str
  minimum: float
  error: float | None = None


@dataclasses.dataclass(frozen=True)
class Limit:
  """The largest value that a figure of one contender may have."""

  ours: str
  metric: str
  maximum: float


@dataclasses.dataclass(frozen=True)
class Section:
  """Contenders that do the same work.

  Attributes:
    name: The name on the command line.
    title: The work that is measured.
    unit: The unit of work that `seconds` stand for.
    items: The things that throughput counts, in the plural.
    contenders: The programs, ours first; ratios of a batch are to its first.
    bars: The ratios to reach.
    limits: The figures to keep below.
  """

  name: str
  title: str
  unit: str
  items: str
  contenders: tuple[Contender, ...]
  bars: tuple[Bar, ...] = ()
  limits: tuple[Limit, ...] = ()
