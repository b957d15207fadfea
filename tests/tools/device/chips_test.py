"""Chips by name, and the least time on one."""

from tools.device import chips


def test_the_roofline_adds_up_the_slower_of_both_in_every_pass():
  chip = chips.Chip(flops=10.0, bandwidth=2.0)
  assert chips.least_seconds([(20, 2), (10, 8)], chip) == 2 + 4


def test_chips_are_found_by_their_whole_names():
  for kind, flops in (
    ("NVIDIA H200", 989e12),
    ("NVIDIA H100 80GB HBM3", 989e12),
    ("NVIDIA H100 PCIe", 756e12),
    ("NVIDIA L40S", 362e12),
    ("TPU v5 lite", 197e12),
    ("TPU v5p", 459e12),
  ):
    assert chips.chip_of(kind).flops == flops
  assert chips.chip_of("cpu") is None
