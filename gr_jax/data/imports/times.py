"""Times as people write them, in unix seconds and nanoseconds."""

from typing import NamedTuple

import polars as pl

from gr_jax.data.imports.calendar_times import (
  ISO,
  SECOND,
  STATED,
  by_parts,
  by_pattern,
  digits_after,
)
from gr_jax.data.imports.words import map_words

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


class _Forms(NamedTuple):
  """The form of numbers that are dates, "" for none; the divisor of most."""

  dates: str
  unit: int


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
    none = times.cast(pl.String).cast(pl.Int64)
    return _named(pl.DataFrame({"seconds": none, "rest": none}), times.name)
  check_time_format(time_format)
  forms = None if time_format else _forms(times)
  known = pl.col("seconds").is_between(*_YEARS)

  def read(part: pl.Series) -> pl.Series:
    if forms:
      found = _unstated(part, _divisors(part, forms))
    elif time_format in STATED:
      found = by_parts(part, STATED[time_format])
    else:
      found = by_pattern(part, time_format)
    found = found.with_columns(pl.when(known).then(pl.all()))
    return found.cast(pl.Int64).to_struct("times")

  return _named(map_words(times, read).struct.unnest(), times.name)


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
  dates = _date_form(times)
  return map_words(times, lambda part: _is_date(part, dates))


def unit_counts(times: pl.Series) -> dict[str, int]:
  """Counts the numbers that are no dates by the unit that they are read in."""
  forms = _forms(times)
  divisors = map_words(times, lambda part: _divisors(part, forms))
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
  sample = unread.drop_nulls().head(_SAMPLE).cast(pl.String)
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


def _forms(times: pl.Series) -> _Forms:
  """What a column of times decides: which numbers are dates, and the unit."""
  dates = _date_form(times)

  def size(part: pl.Series) -> pl.Series:
    return _plain_numbers(part, dates).abs()

  median = map_words(times, size).median()
  unit = pl.select(_unit_of(pl.lit(median, pl.Float64).fill_null(0.0)))
  return _Forms(dates, unit.item())


def _date_form(times: pl.Series) -> str:
  """The form of numbers that are dates, "" where no number is."""

  def digits(part: pl.Series) -> pl.Series:
    text = pl.col("t")
    n = pl.when(text.str.contains(r"^\d+$")).then(text.str.len_chars())
    is_date = text.str.contains("|".join(_DATE_NUMBERS.values()))
    signed = n.cast(pl.Int64) * pl.when(is_date).then(1).otherwise(-1)
    return part.to_frame("t").select(signed.alias("n"))["n"]

  counts = dict(map_words(times, digits).alias("n").value_counts().rows())
  return "|".join(
    rf"^\d{{{length}}}$"
    for length in _DATE_NUMBERS
    if counts.get(length, 0) > counts.get(-length, 0)
  )


def _is_date(times: pl.Series, dates: str) -> pl.Series:
  if not dates:
    return pl.repeat(False, times.len(), eager=True)
  return times.str.contains(dates).fill_null(False)


def _plain_numbers(times: pl.Series, dates: str) -> pl.Series:
  """The numbers `[n]` that are no dates, as floats; null for other text."""
  numeric = times.str.contains(_NUMBER).fill_null(False)
  numeric = numeric & ~_is_date(times, dates)
  return times.set(~numeric, None).cast(pl.Float64, strict=False)


def _unit_of(size: pl.Expr) -> pl.Expr:
  found = pl.lit(1)
  for least, divisor in reversed(_UNITS.values()):
    found = pl.when(size >= least).then(divisor).otherwise(found)
  return found


def _divisors(times: pl.Series, forms: _Forms) -> pl.Series:
  """How many `[n]` of its unit are a second; null where there is no number."""
  numeric = times.str.contains(_NUMBER).fill_null(False)
  numeric = numeric & ~_is_date(times, forms.dates)
  frame = _plain_numbers(times, forms.dates).to_frame("x")
  own = _unit_of(pl.col("x").abs())
  alone = (pl.col("x") / own).is_between(*_LIKELY)
  alone &= ~(pl.col("x") / forms.unit).is_between(*_LIKELY)
  unit = pl.when(alone).then(own).otherwise(forms.unit).cast(pl.Int64)
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
