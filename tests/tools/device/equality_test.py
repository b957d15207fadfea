"""What equal figures are."""

import math

import numpy as np

from tools.device import equality


def test_a_gap_is_relative_and_nan_is_no_equal():
  expected = np.array([1.0, -4.0])
  assert equality.relative_gap(np.array([1.0, -3.0]), expected) == 0.25
  assert equality.relative_gap(expected, expected) == 0
  assert equality.relative_gap(np.array([1.0, np.nan]), expected) == math.inf
