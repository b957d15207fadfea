"""However a moment is written, it is the same unix second."""

import datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports.times import unix_times


def unix_seconds(times):
  return unix_times(times)[0]


SECOND = 1_717_163_100  # 2024-05-31 13:45:00 UTC.


@pytest.mark.parametrize(
  "text",
  [
    "1717163100",
    "1717163100.9",
    "1.7171631e9",
    "1717163100999",
    "1717163100999999",
    "1717163100999999999",
    "2024-05-31 13:45:00",
    "2024-05-31 13:45",
    "2024/05/31 13:45",
    "2024-05-31T13:45:00.999",
    "2024-05-31T13:45:00Z",
    "2024-05-31 13:45:00 UTC",
    "2024-05-31T15:45:00+02:00",
    "2024-05-31T08:15:00.5-0530",
    "2024-05-31T13:45Z",
    "2024-05-31T15:45+02:00",
    "2024-05-31 15:45+02",
    "2024-05-31T15:45:00+02",
    "2024-05-31 13:45:00,123",
    "20240531T134500Z",
    "20240531T1345Z",
    "20240531T154500.5+0200",
    "20240531134500",
  ],
)
def test_a_moment_is_the_same_second_in_every_form(text):
  assert unix_seconds(pl.Series([text, None])).to_list() == [SECOND, None]


def test_forms_may_be_mixed_and_a_date_is_its_midnight():
  times = pl.Series(["2024-05-31", "1717163100", "yesterday", "31.5.2024"])
  assert unix_seconds(times).to_list() == [
    SECOND - 13 * 3600 - 45 * 60,
    SECOND,
    None,
    None,
  ]


def test_numbers_that_are_all_dates_are_days():
  days = unix_seconds(pl.Series(["20141201", "20141203", None, "20150101"]))
  assert days.to_list() == [
    1_417_392_000,
    1_417_392_000 + 2 * 86_400,
    None,
    1_420_070_400,
  ]
  # One is no date: all are seconds.
  for other in ("20141301", "20140132", "19", "20141201.5"):
    read = unix_seconds(pl.Series(["20141201", other]))
    assert read[0] == 20_141_201
  # The 31st of February passes as a form, and is none.
  assert unix_seconds(pl.Series(["20140231"])).to_list() == [None]


def test_no_times_at_all():
  assert unix_seconds(pl.Series([], dtype=pl.String)).to_list() == []
  nothing = pl.Series([None], dtype=pl.String)
  assert unix_seconds(nothing).to_list() == [None]


@given(
  st.datetimes(datetime.datetime(1971, 1, 1), datetime.datetime(2100, 1, 1))
)
def test_iso_text_is_floored_to_its_second(moment):
  utc = moment.replace(tzinfo=datetime.UTC)
  expected = int(utc.timestamp() // 1)
  times = pl.Series([moment.isoformat(), utc.isoformat()])
  assert unix_seconds(times).to_list() == [expected] * 2


@pytest.mark.parametrize(
  "texts",
  [
    ["1717163100.000000001", "1717163100.000000002", "1717163100.1"],
    ["1717163100000", "1717163100000.5", "1717163100001"],
    ["1717163100000000", "1717163100000001", "1717163100999999"],
    ["1717163100000000001", "1717163100000000002", "1717163100999999999"],
    ["-1.5", "-1.25", "-1", "-0.5", "0"],
    ["1.7171631000e9", "1.7171631001e9", "1.7171631005e9"],
    [
      "2024-05-31 13:45:00",
      "2024-05-31 13:45:00.000000001Z",
      "2024-05-31T15:45:00.5+02:00",
    ],
    ["1969-12-31T23:59:59.25", "1969-12-31T23:59:59.5", "0"],
    ["20240531T134500,1Z", "20240531T134500.2Z", "2024-05-31 13:45:00,3"],
  ],
)
def test_moments_inside_a_second_keep_their_order(texts):
  seconds, nanoseconds = unix_times(pl.Series(texts))
  keys = list(zip(seconds.to_list(), nanoseconds.to_list()))
  assert keys == sorted(set(keys))
  assert all(0 <= part < 10**9 for _, part in keys)


def test_nanoseconds_are_what_is_left_of_the_second():
  texts = ["1717163100123", "1717163100000.5", "1717163101999"]
  seconds, nanoseconds = unix_times(pl.Series(texts))
  assert seconds.to_list() == [SECOND, SECOND, SECOND + 1]
  assert nanoseconds.to_list() == [123_000_000, 500_000, 999_000_000]
