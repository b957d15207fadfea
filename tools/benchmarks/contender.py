"""Who is measured, on what, and which ratios a section must show."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

Run = Callable[[], dict[str, float]]
"""Does `units` units of work and returns figures beside the time, if any."""

# What every process of the library does before its first JAX call.
LIBRARY_START = "gr_jax.parallel.start:start"


@dataclasses.dataclass(frozen=True)
class Contender:
  """One program in one process.

  Attributes:
    name: as printed.
    make: `module:function`; called as `make(units=..., **options)` in the
      worker, it returns a `Run`. A name, so that the parent never imports a
      peer.
    options: JSON values for `make`.
    dtype: of the products.
    batch: rows, where it has a batch.
    units: units of work (steps, fits, searches) that one run does.
    items: what a unit works off (rows, tokens), for the throughput.
    needs: packages it cannot do without.
    setup: `module:function` that the worker calls before anything else.
  """

  name: str
  make: str
  options: Mapping[str, Any]
  dtype: str = ""
  batch: int | None = None
  units: int = 1
  items: int = 1
  needs: tuple[str, ...] = ()
  setup: str | None = None

  @property
  def label(self) -> str:
    """Name, type and batch: unique in a section."""
    batch = "" if self.batch is None else str(self.batch)
    return " ".join(filter(None, (self.name, self.dtype, batch)))


@dataclasses.dataclass(frozen=True)
class Bar:
  """`seconds(peer) / seconds(ours)` must reach `minimum`.

  With `error`, the figure `error` of ours must not exceed this many times the
  peer's: otherwise faster is not better.
  """

  ours: str
  peer: str
  minimum: float
  error: float | None = None


@dataclasses.dataclass(frozen=True)
class Limit:
  """A figure of one contender must not exceed `maximum`."""

  ours: str
  metric: str
  maximum: float


@dataclasses.dataclass(frozen=True)
class Section:
  """Contenders that do the same work.

  Attributes:
    name: as on the command line.
    title: what is measured.
    unit: what `seconds` are of.
    item: what throughput counts.
    contenders: ours first; ratios of a batch are to the first one of it.
    bars: ratios to reach.
    limits: figures to keep below.
  """

  name: str
  title: str
  unit: str
  item: str
  contenders: tuple[Contender, ...]
  bars: tuple[Bar, ...] = ()
  limits: tuple[Limit, ...] = ()
