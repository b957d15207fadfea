"""However a moment is written, it is the same unix second."""

import datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports.times import (
  date_numbers,
  likely_formats,
  unit_counts,
  unix_times,
)


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
    "202405311345",
    "2024-W22-5T13:45",
    "2024W225T134500",
    "2024-152T13:45:00Z",
    "2024152T1345",
    "2024-05-31T13,75",
    "2024-05-31T13:45,0Z",
    "2024-05-31 15:45:00+02",
    "2024-05-31T19:30+05:45",
    "2024-05-31T13:45:00\u22120000",
    "2024-05-31 1:45:00 PM",
    "2024-5-31 13:45",
    "2024-05-31 15:45:00 +0200 UTC",
    "2024-05-31T15:45+02:00[Europe/Berlin]",
    "20240531T13.75Z",
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


def test_numbers_that_are_mostly_dates_are_days():
  days = unix_seconds(pl.Series(["20141201", "20141203", None, "20150101"]))
  assert days.to_list() == [
    1_417_392_000,
    1_417_392_000 + 2 * 86_400,
    None,
    1_420_070_400,
  ]
  # Half of the numbers of eight digits are none: all are seconds.
  for other in ("20141301", "20140132"):
    read = unix_seconds(pl.Series(["20141201", other]))
    assert read[0] == 20_141_201
  # The 31st of February passes as a form, and is none.
  assert unix_seconds(pl.Series(["20140231"])).to_list() == [None]
  forms = ["20141201", "2014-12-01", "1417392000", "20141201000000", "2014335"]
  assert unix_seconds(pl.Series(forms)).to_list() == [1_417_392_000] * 5


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


ZONES = st.integers(-23 * 60, 23 * 60).map(
  lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
)


@given(
  st.lists(
    st.datetimes(
      datetime.datetime(2, 1, 1),
      datetime.datetime(9998, 12, 31),
      timezones=ZONES,
    ),
    min_size=1,
    max_size=8,
  ),
  st.sampled_from("T "),
  st.sampled_from(["auto", "minutes", "seconds", "milliseconds"]),
)
def test_what_python_writes_is_read_as_python_reads_it(moments, between, spec):
  texts = [moment.isoformat(between, spec) for moment in moments]
  epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
  micro = datetime.timedelta(microseconds=1)
  expected = [
    divmod((datetime.datetime.fromisoformat(t) - epoch) // micro, 10**6)
    for t in texts
  ]
  seconds, nanoseconds = unix_times(pl.Series(texts))
  assert list(zip(seconds, nanoseconds // 1000)) == expected


@given(st.dates())
def test_a_day_is_one_day_in_every_calendar(day):
  year, week, weekday = day.isocalendar()
  forms = [
    f"{day:%Y-%m-%d}".zfill(10),
    f"{year:04d}-W{week:02d}-{weekday}",
    f"{year:04d}W{week:02d}{weekday}",
    f"{day.year:04d}-{day.timetuple().tm_yday:03d}",
  ]
  expected = (day - datetime.date(1970, 1, 1)).days * 86_400
  assert set(unix_seconds(pl.Series(forms))) == {expected}


def test_the_end_of_a_day_is_the_next_one_and_nothing_else_is_at_24():
  times = ["2024-05-31T24:00", "2024-06-01", "2024-05-31T24:00:01", "2021-366"]
  ends, begins, *none = unix_seconds(pl.Series([*times, "2021-W53-1"]))
  assert (ends, none) == (begins, [None] * 3)


@pytest.mark.parametrize(
  ("form", "text"),
  [
    ("mdy", "5/31/2024 1:45:00 PM"),
    ("mdy", "05-31-24 13:45"),
    ("dmy", "31.5.2024 13:45"),
    ("dmy", "31/05/2024 15:45:00 +0200"),
    ("%a %b %d %H:%M:%S %Y", "Fri May 31 13:45:00 2024"),
    ("%d/%b/%Y:%H:%M:%S %z", "31/May/2024:15:45:00 +0200"),
    ("%d.%m.%Y %H:%M:%S.%f", "31.05.2024 13:45:00.250000"),
  ],
)
def test_a_stated_form_is_the_only_one_that_is_read(form, text):
  read = unix_times(pl.Series([text, "2024-05-31", None]), form)[0]
  assert read.to_list() == [SECOND, None, None]


@given(
  st.datetimes(
    datetime.datetime(1000, 1, 1), datetime.datetime(9998, 12, 31)
  ).map(lambda moment: moment.replace(microsecond=0)),
  st.sampled_from(["%d.%m.%Y %H:%M:%S", "%Y%m%d %I:%M:%S %p", "%b %d %Y %T"]),
)
def test_a_pattern_reads_what_strftime_writes(moment, pattern):
  (seconds,) = unix_times(pl.Series([moment.strftime(pattern)]), pattern)[0]
  utc = moment.replace(tzinfo=datetime.UTC)
  epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
  assert seconds == (utc - epoch) // datetime.timedelta(seconds=1)


def test_a_form_that_is_none_is_refused():
  for form in ("ymd", "%d.%m.%Y %H"):
    with pytest.raises(ValueError, match=f"--time_format={form} is n"):
      unix_times(pl.Series(["31.05.2024 13"]), form)


@pytest.mark.parametrize(
  ("texts", "likely"),
  [
    (["1/31/2024", "1/2/2024", "unknown"], ["mdy"]),
    (["31.1.2024 8:26", "1.2.2024 8:26"], ["dmy"]),
    (["1/2/2024"], ["mdy", "dmy"]),
    (["1/31/2024", "31/1/2024"], []),
    (["Fri, 31 May 2024 13:45:00 GMT"], ["'%a, %d %b %Y %H:%M:%S GMT'"]),
    (["Fri May 31 13:45:00 2024"], ["'%a %b %d %H:%M:%S %Y'"]),
    (["yesterday"], []),
    ([None], []),
  ],
)
def test_a_form_is_likely_where_nothing_speaks_against_it(texts, likely):
  assert likely_formats(pl.Series(texts, dtype=pl.String)) == likely


def test_units_that_differ_are_read_by_their_size_where_that_is_likely():
  times = pl.Series(["1717163100", "1717163100000", "1717163100000000", "5"])
  assert unix_seconds(times).to_list()[:3] == [SECOND] * 3
  assert unit_counts(pl.Series(["1717163100"] * 3 + ["1717163100000"])) == {
    "seconds": 3,
    "milliseconds": 1,
  }
  # Near 1970 in milliseconds: nothing says seconds.
  early = ["200000000000", "300000000000", "50000000000"]
  assert unix_seconds(pl.Series(early)).to_list() == [2e8, 3e8, 5e7]


@given(st.lists(st.text("0123456789-:/.,TWZ+e ", max_size=24), max_size=8))
def test_no_text_breaks_it(texts):
  seconds, nanoseconds = unix_times(pl.Series(texts, dtype=pl.String))
  assert (seconds.is_null() == nanoseconds.is_null()).all()
  assert nanoseconds.drop_nulls().is_between(0, 10**9 - 1).all()


def test_a_number_like_dates_that_is_no_day_is_no_unix_time_either():
  times = pl.Series(["20200102", "20210304", "19999999"])
  assert date_numbers(times).to_list() == [True] * 3
  seconds, _ = unix_times(times)
  assert seconds.is_null().to_list() == [False, False, True]
