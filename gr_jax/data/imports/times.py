"""Times as people write them, in unix seconds and nanoseconds."""

import polars as pl

_NUMBER = r"^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?$"
_DAY = r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
_DATE_NUMBER = rf"^{_DAY}(([01]\d|2[0-3])[0-5]\d[0-5]\d)?$"
_ZONE = r"[+-]\d\d:?\d\d$"
# Forms of ISO 8601 -> "YYYY-MM-DD hh:mm:ss.f+zz:zz", as far as they say it.
_ISO_FORMS = (
  (r"\s*([Zz]|UTC|GMT)$", "+00:00"),
  (r"^(\d{4})/?(\d\d)/?(\d\d)", "${1}-${2}-${3}"),
  (r"(\d)[Tt](\d)", "${1} ${2}"),
  (r"^(\S{10}) ?(\d\d)(\d\d)(\d\d)\b", "${1} ${2}:${3}:${4}"),
  (r"^(\S{10}) (\d\d)(\d\d)\b", "${1} ${2}:${3}"),
  (r"(:\d\d),(\d)", "${1}.${2}"),
  (r"( \d?\d:\d\d)([+-]\d\d)", "${1}:00${2}"),
  (r"(:\d\d(?:\.\d+)?)\s*([+-]\d\d)$", "${1}${2}:00"),
)
_SECOND = 10**9  # In nanoseconds.


def unix_times(times: pl.Series) -> tuple[pl.Series, pl.Series]:
  """Reads texts `[n]` as unix seconds and the nanoseconds after them.

  Numbers are seconds unless their median magnitude is that of milli-, micro-
  or nanoseconds (1e11, 1e14, 1e17: seconds reach 1e11 in the year 5138). Where
  all numbers are dates, 20141201 or 20141201133000, they are these: as seconds
  they would all be of 1970. ISO 8601, basic or extended, without a zone is UTC.

  Returns:
    (seconds `[n]` Int64, rounded down, null where a text is unreadable;
    nanoseconds `[n]` Int64, from 0 to just under a second).
  """
  numeric = times.str.contains(_NUMBER).fill_null(False)
  if times.filter(numeric).str.contains(_DATE_NUMBER).all():
    numeric = numeric & False
  read = _numbers(times.set(~numeric, None))
  if not numeric.all():
    read = [a.zip_with(numeric, b) for a, b in zip(read, _iso(times))]
  seconds, rest = read
  return seconds.alias(times.name), rest.alias("nanoseconds")


def _numbers(times: pl.Series) -> tuple[pl.Series, pl.Series]:
  numbers = times.cast(pl.Float64, strict=False)
  divisor = _divisor(numbers)
  # Nanoseconds do not fit the 53 bits of a float; integers stay integers.
  text = pl.col("t")
  whole = text.str.extract(r"^([+-]?\d+)(?:\.\d*)?$").cast(
    pl.Int64, strict=False
  )
  part = _nanoseconds(text.str.extract(r"\.(\d*)$"))
  # Of -1.5 the whole is -2, and a half is left.
  below = (text.str.starts_with("-") & (part > 0)).fill_null(False)
  whole = pl.when(below).then(whole - 1).otherwise(whole)
  part = pl.when(below).then(_SECOND - part).otherwise(part)
  number = pl.col("number") / divisor
  rough = ((number - number.floor()) * _SECOND).cast(pl.Int64, strict=False)
  seconds = number.floor().cast(pl.Int64, strict=False)
  rest = whole % divisor * (_SECOND // divisor) + part // divisor
  found = pl.DataFrame({"t": times, "number": numbers}).select(
    seconds=pl.coalesce(whole // divisor, seconds),
    rest=pl.coalesce(rest, rough),
  )
  return found["seconds"], found["rest"]


def _nanoseconds(digits: pl.Expr) -> pl.Expr:
  """Reads the digits after a decimal point; 0 where there is none."""
  cut = digits.str.slice(0, 9).str.pad_end(9, "0")
  return cut.cast(pl.Int64, strict=False).fill_null(0)


def _divisor(numbers: pl.Series) -> int:
  size = numbers.abs().to_frame().median().item() or 0.0
  for limit, divisor in ((1e17, 10**9), (1e14, 10**6), (1e11, 10**3)):
    if size >= limit:
      return divisor
  return 1


def _iso(times: pl.Series) -> tuple[pl.Series, pl.Series]:
  text = pl.col("t")
  for form, plain in _ISO_FORMS:
    text = text.str.replace(form, plain)
  zoned = text.str.contains(r":\d\d.*" + _ZONE)
  with_zone = text.str.to_datetime(
    "%Y-%m-%d %H:%M:%S%.f%z", time_unit="us", time_zone="UTC", strict=False
  ).dt.replace_time_zone(None)
  readings = [
    text.str.to_datetime(form, time_unit="us", strict=False)
    for form in ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
  ]
  reading = pl.when(zoned).then(with_zone).otherwise(pl.coalesce(readings))
  found = times.to_frame("t").select(
    seconds=reading.dt.epoch("us") // 10**6,
    rest=_nanoseconds(text.str.extract(r":\d\d\.(\d+)")),
  )
  return found["seconds"], found["rest"]
