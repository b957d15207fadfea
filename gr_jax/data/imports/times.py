"""Times as people write them, in unix seconds and nanoseconds."""

import polars as pl

from gr_jax.data.imports.calendar_times import (
  ISO,
  SECOND,
  STATED,
  by_parts,
  by_pattern,
  digits_after,
)

_NUMBER = r"^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?$"
_YEAR, _DAY = r"(?:19|20)\d\d", r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_HOUR, _SIXTY = r"(?:[01]\d|2[0-3])", r"[0-5]\d"
# Digits of a number -> the form that makes it a date.
_DATE_NUMBERS = {
  7: rf"^{_YEAR}(?:[0-2]\d\d|3[0-6]\d)$",
  8: rf"^{_YEAR}{_DAY}$",
  12: rf"^{_YEAR}{_DAY}{_HOUR}{_SIXTY}$",
  14: rf"^{_YEAR}{_DAY}{_HOUR}{_SIXTY}{_SIXTY}$",
}
# The least size of a number of a unit (seconds reach 1e11 in the year 5138),
# and how many of it are a second.
_UNITS = {
  "nanoseconds": (1e17, 10**9),
  "microseconds": (1e14, 10**6),
  "milliseconds": (1e11, 10**3),
  "seconds": (0.0, 1),
}
# From 1990 to 2100, where a shop's log may be.
_LIKELY = (631_152_000, 4_102_444_800)
# The years 1 to 9999, in seconds.
_YEARS = (-62_135_596_800, 253_402_300_799)
_SLICE = 1 << 20
_SAMPLE = 1000
_GUESSES = (
  "%a %b %d %H:%M:%S %Y",
  "%a %b %d %H:%M:%S %z %Y",
  "%a, %d %b %Y %H:%M:%S %z",
  "%a, %d %b %Y %H:%M:%S GMT",
  "%d/%b/%Y:%H:%M:%S %z",
  "%d %b %Y %H:%M:%S",
  "%d %b %Y",
  "%b %d, %Y",
)


def unix_times(
  times: pl.Series, time_format: str = ""
) -> tuple[pl.Series, pl.Series]:
  """Reads texts `[n]` as unix seconds and the nanoseconds after them.

  Text is ISO 8601 in any of its forms; without a zone it is UTC. Numbers are
  dates, 20141201 or 20141201133000, where most of as many digits are. Others
  are in the `unit` of most, or in their own where only that is a time between
  1990 and 2100.

  Args:
    times: The texts, null where there is none.
    time_format: "mdy", "dmy" or a pattern of strptime; then nothing else is
      read. "" reads numbers and ISO 8601.

  Returns:
    (seconds `[n]` Int64, rounded down, null where a text is unreadable or its
    year is not of 1 to 9999; nanoseconds `[n]` Int64, from 0 to just under a
    second).

  Raises:
    ValueError: `time_format` is no form.
  """
  if not times.len():
    return _named(pl.DataFrame({"seconds": times, "rest": times}), times.name)
  check_time_format(time_format)
  divisors = times if time_format else _divisors(times)
  slices = []
  for begin in range(0, times.len(), _SLICE):
    part = times.slice(begin, _SLICE)
    if time_format in STATED:
      slices.append(by_parts(part, STATED[time_format]))
    elif time_format:
      slices.append(by_pattern(part, time_format))
    else:
      slices.append(_unstated(part, divisors.slice(begin, _SLICE)))
  read = pl.concat(slices)
  known = pl.col("seconds").is_between(*_YEARS)
  return _named(read.with_columns(pl.when(known).then(pl.all())), times.name)


def check_time_format(time_format: str) -> None:
  """Raises ValueError for a form that is neither a name nor a pattern."""
  if time_format and time_format not in STATED:
    if "%" not in time_format:
      raise ValueError(
        f"--time_format={time_format} is neither {' nor '.join(STATED)} nor a "
        "pattern of strptime; write one such as '%d.%m.%Y %H:%M'."
      )
    by_pattern(pl.Series([""]), time_format)


def date_numbers(times: pl.Series) -> pl.Series:
  """True `[n]` for numbers that are dates: most of as many digits are."""
  digits = pl.when(pl.col("t").str.contains(r"^\d+$")).then(
    pl.col("t").str.len_chars()
  )
  found = pl.lit(False)
  for length, form in _DATE_NUMBERS.items():
    same, date = digits == length, pl.col("t").str.contains(form)
    most = date.sum() * 2 > same.sum()
    found = found | (same & most)
  return times.to_frame("t").select(t=found.fill_null(False))["t"]


def unit_counts(times: pl.Series) -> dict[str, int]:
  """Counts the numbers that are no dates by the unit that they are read in."""
  divisors = _divisors(times).drop_nulls()
  return {
    unit: n
    for unit, (_, divisor) in reversed(_UNITS.items())
    if (n := int((divisors == divisor).sum()))
  }


def likely_formats(unread: pl.Series) -> list[str]:
  """Returns the values of `time_format` that read most of some texts.

  Of "mdy" and "dmy" only one is there where a text is of that one alone, and
  none where texts are of different ones.
  """
  sample = unread.drop_nulls().head(_SAMPLE)
  read = [
    by_parts(sample, form)["seconds"].is_not_null() for form in STATED.values()
  ]
  most = int((read[0] | read[1]).sum())
  if most * 2 > sample.len():
    return [name for name, ok in zip(STATED, read) if ok.sum() == most]
  for pattern in _GUESSES:
    ok = by_pattern(sample, pattern)["seconds"].is_not_null()
    if int(ok.sum()) * 2 > sample.len():
      return [f"'{pattern}'"]
  return []


def _named(read: pl.DataFrame, name: str) -> tuple[pl.Series, pl.Series]:
  read = read.cast(pl.Int64)
  return read["seconds"].alias(name), read["rest"].alias("nanoseconds")


def _unstated(times: pl.Series, divisors: pl.Series) -> pl.DataFrame:
  numeric = divisors.is_not_null()
  read = _numbers(times.set(~numeric, None), divisors)
  if numeric.all():
    return read
  # 20141201133000 is ISO 8601 but for the T.
  texts = times.set(numeric, None).str.replace(r"^(\d{8})(\d+)$", "${1}T${2}")
  text = by_parts(texts, ISO)
  return pl.DataFrame(
    [read[name].zip_with(numeric, text[name]) for name in text.columns]
  )


def _divisors(times: pl.Series) -> pl.Series:
  """How many `[n]` of its unit are a second; null where there is no number."""
  numeric = times.str.contains(_NUMBER).fill_null(False)
  numeric = numeric & ~date_numbers(times)
  numbers = times.set(~numeric, None).cast(pl.Float64, strict=False)
  frame = numbers.to_frame("x")

  def unit_of(size: pl.Expr) -> pl.Expr:
    found = pl.lit(1)
    for least, divisor in reversed(_UNITS.values()):
      found = pl.when(size >= least).then(divisor).otherwise(found)
    return found

  size = pl.col("x").abs()
  mostly, own = unit_of(size.median().fill_null(0.0)), unit_of(size)
  alone = (pl.col("x") / own).is_between(*_LIKELY)
  alone &= ~(pl.col("x") / mostly).is_between(*_LIKELY)
  unit = pl.when(alone).then(own).otherwise(mostly).cast(pl.Int64)
  return frame.select(pl.when(pl.lit(numeric)).then(unit).alias("x"))["x"]


def _numbers(times: pl.Series, divisors: pl.Series) -> pl.DataFrame:
  numbers = times.cast(pl.Float64, strict=False)
  # Nanoseconds do not fit the 53 bits of a float; integers stay integers.
  text, divisor = pl.col("t"), pl.col("divisor")
  whole = text.str.extract(r"^([+-]?\d+)(?:\.\d*)?$").cast(
    pl.Int64, strict=False
  )
  part = digits_after(text.str.extract(r"\.(\d*)$"))
  # Of -1.5 the whole is -2, and a half is left.
  below = (text.str.starts_with("-") & (part > 0)).fill_null(False)
  whole = pl.when(below).then(whole - 1).otherwise(whole)
  part = pl.when(below).then(SECOND - part).otherwise(part)
  number = pl.col("number") / divisor
  rough = ((number - number.floor()) * SECOND).cast(pl.Int64, strict=False)
  seconds = number.floor().cast(pl.Int64, strict=False)
  rest = whole % divisor * (SECOND // divisor) + part // divisor
  return pl.DataFrame(
    {"t": times, "number": numbers, "divisor": divisors}
  ).select(
    seconds=pl.coalesce(whole // divisor, seconds),
    rest=pl.coalesce(rest, rough),
  )
