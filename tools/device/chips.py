"""The peaks of chips, from their vendors' pages.

Dense bfloat16 products with float32 sums, and bytes a second of the memory.
`device_kind` is what JAX calls the chip.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Chip(NamedTuple):
  """FLOPs and bytes a second."""

  flops: float
  bandwidth: float


# The first that a device's kind contains.
CHIPS = {
  "B200": Chip(2250e12, 8.0e12),
  "H200": Chip(989e12, 4.8e12),
  "H100 PCIe": Chip(756e12, 2.0e12),
  "H100": Chip(989e12, 3.35e12),
  "A100": Chip(312e12, 2.0e12),
  "L40S": Chip(362e12, 0.864e12),
  "L40": Chip(181e12, 0.864e12),
  "L4": Chip(121e12, 0.3e12),
  "RTX 5090": Chip(209.5e12, 1.792e12),
  "RTX 4090": Chip(165.2e12, 1.008e12),
  "TPU v6 lite": Chip(918e12, 1.64e12),
  "TPU v5 lite": Chip(197e12, 0.819e12),
  "TPU v5": Chip(459e12, 2.765e12),
  "TPU v4": Chip(275e12, 1.228e12),
}


def chip_of(kind: str) -> Chip | None:
  """The peaks of a device's kind; None for one that the table lacks."""
  return next((chip for name, chip in CHIPS.items() if name in kind), None)


def least_seconds(passes: Iterable[tuple[float, float]], chip: Chip) -> float:
  """The roofline: `Σ max(FLOPs / peak, bytes / bandwidth)` of passes.

  No run is faster. A pass reads what it needs once.

  Args:
    passes: FLOPs and bytes of each, one after the other.
    chip: the peaks.
  """
  return sum(
    max(flops / chip.flops, moved / chip.bandwidth) for flops, moved in passes
  )
