"""The least time that a program can take, by the vendor's peaks.

  seconds >= max(sum over types of products / peak of the type,
                 bytes beyond the chip / bandwidth of the memory,
                 bytes on the wire / bandwidth of the links)

all of one device. Compute, memory and links are taken to be busy at once, and
at their peaks: no run is faster.
"""

import dataclasses
from collections.abc import Mapping

from tools.ahead.data_sheets import DataSheet


@dataclasses.dataclass(frozen=True)
class Bound:
  """The three times, in seconds."""

  compute: float
  memory: float
  link: float

  @property
  def seconds(self) -> float:
    return max(self.compute, self.memory, self.link)

  @property
  def by(self) -> str:
    """Which of them is the longest."""
    times = dataclasses.asdict(self)
    return max(times, key=lambda name: times[name])


def bound(
  sheet: DataSheet,
  *,
  flops: Mapping[str, float],
  memory: float,
  wire: float = 0.0,
) -> Bound:
  """The times of one device.

  Args:
    sheet: the device.
    flops: the FLOPs of products, by the type of their operands.
    memory: bytes that pass between memory and chip.
    wire: bytes that it sends.

  Raises:
    ValueError: bytes on the wire of a device that stands alone.
  """
  if wire and not sheet.link:
    raise ValueError(f"{wire:.0f} bytes are sent, and there is no link.")
  return Bound(
    sum(count / sheet.flops[kind] for kind, count in flops.items()),
    memory / sheet.bandwidth,
    wire / sheet.link if wire else 0.0,
  )
