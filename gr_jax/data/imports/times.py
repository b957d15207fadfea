"""Times as people write them, in unix seconds."""

import polars as pl

_NUMBER = r"^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?$"
_ZONE = r"[+-]\d\d:?\d\d$"


def unix_seconds(times: pl.Series) -> pl.Series:
  """Reads texts `[n]` as unix seconds `[n]`, rounded down; null if unreadable.

  Numbers are seconds unless their median magnitude is that of milli-, micro-
  or nanoseconds (1e11, 1e14, 1e17: seconds reach 1e11 in the year 5138). ISO
  8601 without a zone is UTC.
  """
  numeric = times.str.contains(_NUMBER).fill_null(False)
  numbers = times.set(~numeric, None).cast(pl.Float64, strict=False)
  whole = times.set(~numeric, None).cast(pl.Int64, strict=False)
  # Nanoseconds do not fit the 53 bits of a float; integers stay integers.
  divisor = _divisor(numbers)
  seconds = (numbers / divisor).floor().cast(pl.Int64, strict=False)
  exact = whole.to_frame("t").select(pl.col("t") // divisor).to_series()
  seconds = exact.zip_with(exact.is_not_null(), seconds)
  if numeric.all():
    return seconds.alias(times.name)
  return seconds.zip_with(numeric, _iso_seconds(times)).alias(times.name)


def _divisor(numbers: pl.Series) -> int:
  size = numbers.abs().to_frame().median().item() or 0.0
  for limit, divisor in ((1e17, 10**9), (1e14, 10**6), (1e11, 10**3)):
    if size >= limit:
      return divisor
  return 1


def _iso_seconds(times: pl.Series) -> pl.Series:
  text = (
    pl.col("t")
    .str.replace(r"\s*([Zz]|UTC|GMT)$", "+00:00")
    .str.replace(r"^(\d{4})/(\d\d)/(\d\d)", "${1}-${2}-${3}")
    .str.replace(r"(\d)[Tt](\d)", "${1} ${2}")
  )
  zoned = text.str.contains(r":\d\d.*" + _ZONE)
  with_zone = text.str.to_datetime(
    "%Y-%m-%d %H:%M:%S%.f%z", time_unit="us", time_zone="UTC", strict=False
  ).dt.replace_time_zone(None)
  readings = [
    text.str.to_datetime(form, time_unit="us", strict=False)
    for form in ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
  ]
  reading = pl.when(zoned).then(with_zone).otherwise(pl.coalesce(readings))
  epoch = reading.dt.epoch("us") // 10**6
  return times.to_frame("t").select(epoch).to_series()
