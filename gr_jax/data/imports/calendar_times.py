"""Dates and clock times in text, in unix seconds and nanoseconds.

A form is a regular expression with named parts; the moment is integer
arithmetic over them, the same for every form:

  seconds = 86400 days(date) + 3600 H + 60 M + S + fraction - zone
"""

import re

import polars as pl

SECOND = 10**9  # In nanoseconds.
_DAY = 86_400
_READ = pl.col("seconds").is_not_null()
_CLOCK = (
  r"(?:[Tt_ ]\s*(?<H>\d\d?)(?::?(?<M>\d\d)(?::?(?<S>\d\d))?)?"
  r"(?:[.,](?<f>\d+))?)?"
  r"(?: ?(?<half>[AaPp])\.?[Mm]\.?)?"
  r"(?:\s*(?:[Zz]|UTC|GMT|(?<sign>[-+\x{2212}])(?<zH>\d\d)(?::?(?<zM>\d\d)"
  # Go writes the zone twice, Java its name behind it.
  r"(?::?(?<zS>\d\d))?)?(?: UTC| GMT)?(?:\[[\w/+-]+\])?))?$"
)
_ISO_DAY = (
  r"^(?<y>\d{4})(?:[-/](?<m>\d\d?)[-/](?<d>\d\d?)|(?<bm>\d\d)(?<bd>\d\d)|"
  r"-?W(?<w>\d\d)(?:-?(?<wd>[1-7]))?|-?(?<o>\d{3})|-(?<only>\d\d))"
)
_MONTH_FIRST = r"^(?<m>\d\d?)[-/.](?<d>\d\d?)[-/.](?<y>\d{4}|\d\d)"
_DAY_FIRST = r"^(?<d>\d\d?)[-/.](?<m>\d\d?)[-/.](?<y>\d{4}|\d\d)"

ISO = _ISO_DAY + _CLOCK
"""ISO 8601: calendar, week and ordinal dates, basic and extended."""

STATED = {"mdy": _MONTH_FIRST + _CLOCK, "dmy": _DAY_FIRST + _CLOCK}
"""Forms that have to be named, as one is as good as another."""

_PARTS = tuple(re.findall(r"\?<(\w+)>", _ISO_DAY + _CLOCK))


def by_parts(times: pl.Series, form: str) -> pl.DataFrame:
  """Reads texts `[n]` of one form.

  Args:
    times: Texts, null where there is none.
    form: A regular expression such as `ISO`.

  Returns:
    columns seconds (unix, rounded down) and rest (nanoseconds), null where a
    text is not of the form or no such day or time exists.
  """
  parts = times.str.extract_groups(form).struct.unnest()
  parts = parts.with_columns(
    pl.lit(None, pl.String).alias(name)
    for name in _PARTS
    if name not in parts.columns
  )
  numbers = [n for n in _PARTS if n not in ("f", "half", "sign")]
  short_year = pl.col("y").str.len_chars() == 2
  parts = parts.with_columns(
    pl.col(numbers).cast(pl.Int64), short_year=short_year
  ).with_columns(
    # POSIX: 69 to 99 are of the twentieth century.
    y=pl.when("short_year")
    .then(pl.col("y") + pl.when(pl.col("y") < 69).then(2000).otherwise(1900))
    .otherwise("y"),
    m=pl.coalesce("m", "bm", "only"),
    d=pl.coalesce("d", "bd", pl.when(pl.col("only").is_not_null()).then(1)),
  )
  seconds, rest = _clock()
  found = parts.select(seconds=_days() * _DAY + seconds - _zone(), rest=rest)
  return found.with_columns(rest=pl.when(_READ).then("rest"))


def by_pattern(times: pl.Series, pattern: str) -> pl.DataFrame:
  """Reads texts `[n]` by a strptime pattern, as `by_parts` does.

  Raises:
    ValueError: no pattern of strptime.
  """
  # Where Python's %f are digits after a point, polars' are nanoseconds.
  form = pattern.replace(".%f", "%.f").replace("%f", "%6f")
  zone = "UTC" if "%z" in form else None
  try:
    read = times.str.to_datetime(
      form, time_unit="us", time_zone=zone, strict=False
    )
  except pl.exceptions.PolarsError as error:
    reason = str(error).splitlines()[0]
    raise ValueError(
      f"--time_format={pattern} is no pattern of strptime ({reason}); write "
      "mdy, dmy, or one such as '%d %b %Y %H:%M'."
    ) from error
  micro = pl.col("micro")
  return pl.DataFrame({"micro": read.dt.epoch("us")}).select(
    seconds=micro // 10**6, rest=micro % 10**6 * 1000
  )


def digits_after(point: pl.Expr) -> pl.Expr:
  """Reads the digits after a decimal point as nanoseconds; 0 without any."""
  cut = point.str.slice(0, 9).str.pad_end(9, "0")
  return cut.cast(pl.Int64, strict=False).fill_null(0)


def _first_of_year(year: pl.Expr) -> pl.Expr:
  """Days from 1970-01-01 to the first of January."""
  last = year - 1
  return 365 * (year - 1970) + last // 4 - last // 100 + last // 400 - 477


def _days() -> pl.Expr:
  year, month, day = pl.col("y"), pl.col("m"), pl.col("d")
  leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
  leap = leap.cast(pl.Int64)
  first = _first_of_year(year)
  # Of months from March on, (153 m + 2) / 5 days come before the m-th.
  before = pl.when(month < 3).then((month - 1) * 31)
  before = before.otherwise((153 * (month - 3) + 2) // 5 + 59 + leap)
  length = pl.when(month == 2).then(28 + leap)
  length = length.otherwise(30 + (month + (month > 7).cast(pl.Int64)) % 2)
  calendar = first + before + day - 1
  exists = month.is_between(1, 12) & (day >= 1) & (day <= length)
  ordinal = first + pl.col("o") - 1
  in_year = pl.col("o").is_between(1, 365 + leap)
  # The first week is that of the fourth of January; day 0 was a Thursday.
  fourth = first + 3
  monday = fourth - (fourth + 3) % 7
  next_first = _first_of_year(year + 1) + 3
  weeks = (next_first - (next_first + 3) % 7 - monday) // 7
  week = monday + (pl.col("w") - 1) * 7 + pl.col("wd").fill_null(1) - 1
  in_weeks = pl.col("w").is_between(1, weeks)
  return pl.when(year >= 1).then(
    pl.coalesce(
      pl.when(exists).then(calendar),
      pl.when(in_year).then(ordinal),
      pl.when(in_weeks).then(week),
    )
  )


def _clock() -> tuple[pl.Expr, pl.Expr]:
  """Seconds of the day and nanoseconds; null for a time that is none."""
  half = pl.col("half").str.to_lowercase()
  twelve = pl.col("H") % 12 + 12 * (half == "p").cast(pl.Int64)
  hour = pl.when(half.is_null()).then(pl.col("H").fill_null(0))
  hour = hour.otherwise(pl.when(pl.col("H").is_between(1, 12)).then(twelve))
  minute, second = pl.col("M").fill_null(0), pl.col("S").fill_null(0)
  fraction = digits_after(pl.col("f"))
  # A fraction is of the last part that is written.
  unit = pl.when(pl.col("S").is_not_null()).then(1)
  unit = unit.when(pl.col("M").is_not_null()).then(60).otherwise(3600)
  fraction = fraction * unit
  total = hour * 3600 + minute * 60 + second + fraction // SECOND
  # 24:00 ends a day; :60 is a leap second.
  valid = (
    (minute < 60)
    & (second <= 60)
    & ((hour < 24) | ((hour == 24) & (minute + second + fraction == 0)))
  )
  return pl.when(valid).then(total), fraction % SECOND


def _zone() -> pl.Expr:
  """Seconds east of UTC; null for a zone that is none."""
  hour, minute = pl.col("zH").fill_null(0), pl.col("zM").fill_null(0)
  east = hour * 3600 + minute * 60 + pl.col("zS").fill_null(0)
  east = pl.when(pl.col("sign") == "+").then(east).otherwise(-east)
  return pl.when((hour < 24) & (minute < 60)).then(east)
