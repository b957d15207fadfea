import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from gr_jax.evaluation.report.numbers import plain_bytes, plain_number, share


@pytest.mark.parametrize(
  ("value", "text"),
  [
    (68509.0, "68,509"),
    (6.851e4, "68,510"),
    (3.528e-05, "0.00003528"),
    (12.5, "12.5"),
    (0.0, "0"),
    (-1234.56, "-1,235"),
    (2e-3, "0.002"),
    (1e-12, "1e-12"),
    (1_000_000, "1,000,000"),
    (math.inf, "inf"),
    (0.99999, "1"),
  ],
)
def test_a_number_is_written_out(value, text):
  assert plain_number(value) == text


@given(st.floats(1e-5, 1e15))
def test_what_is_written_is_the_number_to_four_digits(value):
  text = plain_number(value)
  assert "e" not in text
  assert float(text.replace(",", "")) == pytest.approx(value, rel=6e-4)


def test_sizes_have_a_unit_that_fits():
  assert [plain_bytes(n) for n in (812, 4_213_000, 3.1e9, 250_400_000)] == [
    "812 bytes", "4.2 MB", "3.1 GB", "250 MB"
  ]  # fmt: skip


def test_shares_are_in_per_cent():
  assert share(0.1249) == "12.5 %"
