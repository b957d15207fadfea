"""Numbers as people write them."""

import math

# What is smaller has an exponent: nobody counts that many zeros.
_SMALLEST = 1e-6


def plain_number(value: float, digits: int = 4) -> str:
  """A number without an exponent: "68,509", "12.5", "0.0000353".

  Args:
    value: the number; whole ones keep all their digits.
    digits: the digits that others are rounded to.
  """
  if not math.isfinite(value):
    return str(value)
  if float(value).is_integer():
    return f"{value:,.0f}"
  if abs(value) < _SMALLEST:
    return f"{value:.{digits}g}"
  places = digits - 1 - math.floor(math.log10(abs(value)))
  if places <= 0:
    return f"{value:,.0f}"
  return f"{value:,.{places}f}".rstrip("0").rstrip(".")


def plain_bytes(count: float) -> str:
  """A size in the unit that fits: "812 bytes", "4.2 MB"."""
  units = ("bytes", "kB", "MB", "GB")
  at = min(int(math.log10(max(count, 1)) // 3), len(units) - 1)
  size = count / 1000**at
  return f"{plain_number(round(size, 1 if size < 100 else None))} {units[at]}"


def share(value: float) -> str:
  """A share in per cent, "12.5 %"."""
  return f"{value:.1%}".replace("%", " %")
