import io
import itertools
import sys

import pytest

from gr_jax import progress_bar
from gr_jax.progress_bar import ProgressLines, make_bar, spoken_time, tracked


@pytest.fixture
def clock(monkeypatch):
  """A clock that moves by a second a reading."""
  now = itertools.count(0.0)
  monkeypatch.setattr(progress_bar.time, "monotonic", lambda: next(now))


def lines_of(total, steps, *, done=0, postfix=""):
  file = io.StringIO()
  bar = ProgressLines(file, "train", total=total, done=done, unit="step")
  with bar:
    bar.set_postfix_str(postfix)
    for _ in range(steps):
      bar.update()
  return file.getvalue().splitlines()


def test_a_log_has_a_line_for_every_tenth_and_one_at_the_end(clock):
  lines = lines_of(100, 100, postfix="loss 2.500")
  assert lines[0] == (
    "train: 10 of 100 steps (10%), 1 steps/s, 90 s left, loss 2.500"
  )
  assert len(lines) == 10
  assert lines[-1] == "train: 100 of 100 steps (100%), in 101 s, loss 2.500"


def test_slow_steps_have_a_line_each_half_minute(clock):
  lines = lines_of(10_000, 95)
  assert [line.split()[1] for line in lines] == ["30", "60", "90", "95"]


def test_fast_work_has_its_last_line_alone():
  assert len(lines_of(1000, 1000)) == 1


def test_steps_of_an_earlier_run_are_no_part_of_the_pace(clock):
  assert "1 steps/s" in lines_of(100, 30, done=60)[0]


def test_a_total_that_nobody_knows_is_left_out(clock):
  assert lines_of(None, 31)[0] == "train: 30 steps, 1 steps/s"


def test_a_log_file_has_no_carriage_returns(capsys):
  for shown in (True, False):
    with make_bar("embed", total=3, shown=shown) as bar:
      bar.update(3)
  found = capsys.readouterr().err
  assert found.startswith("embed: 3 of 3 steps (100%)")
  assert found.count("\n") == 1
  assert "\r" not in found


def test_a_terminal_has_a_bar(monkeypatch):
  file = io.StringIO()
  monkeypatch.setattr(file, "isatty", lambda: True)
  monkeypatch.setattr(sys, "stderr", file)
  assert list(tracked([1, 2], "rows", unit="row")) == [1, 2]
  assert "\r" in file.getvalue()


def test_times_are_spoken_in_fitting_units():
  spoken = [spoken_time(s) for s in (0, 9.94, 75.2, 3599, 7260)]
  assert spoken == ["0.0 s", "9.9 s", "75 s", "59 min 59 s", "2 h 1 min"]
